"""Paths across relations (`country__name__startswith`) as regular expressions, built from the names that exist.

Naming every path to four steps as a parameter of its own would make megabytes of a document. A pattern holds them as a
tree, in which each relation is written once at each place: `country__(?:code|name|continent__(?:code|name))`. Where a
model is so tangled that even the trees grow large, they are exact to as many steps as fit, and open behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.values import BOOLEAN, operand_text
from meze.query.operators import OPERATORS
from meze.query.view import STEPS
from meze.resources.registry import Registry
from meze.resources.resource import Relation

_LARGEST_TREE = 60
"""How many relations, counted at each place where they are written, the tree of one resource may hold."""

Leaves = Callable[[Seen], list[str]]
"""Gives the patterns that may end a path at a resource."""


@dataclass(frozen=True, slots=True)
class RelationPaths:
    """The paths that lead from resources over their relations, to rows that somebody may read."""

    resources: Registry
    seen: Mapping[str, Seen]

    def target(self, relation: Relation) -> Seen:
        resource = self.resources.of(relation.model)
        assert resource is not None  # a relation is seen only where its other side is served or known
        return self.seen[resource.name]

    def pattern(self, seen: Seen, leaves: Leaves, *, over_many: bool = True, at_relations: bool = False) -> str | None:
        """Return the alternatives of all paths from `seen` that end as `leaves` says, or None where there is none.

        `over_many` lets them cross to-many relations; `at_relations` lets them end at a relation too.
        """
        found = self._branches(seen, leaves, self.exact_steps(seen), over_many=over_many, at_relations=at_relations)
        return "|".join(found) or None

    def beyond(self, seen: Seen, tail: str = "__.+") -> str | None:
        """Return the alternatives of the paths that are too long for the exact patterns, or None where none is."""
        steps = self.exact_steps(seen)
        return None if steps == STEPS else "|".join(self._open_ends(seen, steps, tail)) or None

    def exact_steps(self, seen: Seen) -> int:
        """Return how many steps the patterns of a resource are exact for: at least one, at most all four."""
        nodes, level = 0, [seen]
        for steps in range(1, STEPS + 1):
            level = [self.target(relation) for each in level for relation in each.relations.values()]
            nodes += len(level)
            if nodes > _LARGEST_TREE:
                return max(1, steps - 1)
        return STEPS

    def filters(self, seen: Seen) -> Json:
        """Return `patternProperties`: for each kind of operand, the paths with their operators that take it."""
        operands: dict[str, Json] = {json.dumps(BOOLEAN): BOOLEAN}
        for each in self._reachable(seen):
            for field in each.fields.values():
                for name in OPERATORS:
                    if name in field.type.operators:
                        schema = operand_text(OPERATORS[name], field.type)
                        operands.setdefault(json.dumps(schema), schema)
        patterns = {}
        for schema in operands.values():
            pattern = self.pattern(seen, _taking(schema))
            if pattern is not None:
                patterns[f"^(?:{pattern})$"] = schema
        beyond = self.beyond(seen)
        return patterns if beyond is None else {**patterns, f"^(?:{beyond})$": {"type": "string"}}

    def _branches(self, seen: Seen, leaves: Leaves, steps: int, *, over_many: bool, at_relations: bool) -> list[str]:
        found = []
        for name, relation in seen.relations.items():
            if relation.to_many and not over_many:
                continue
            target = self.target(relation)
            inner = leaves(target)
            if steps > 1:
                inner += self._branches(target, leaves, steps - 1, over_many=over_many, at_relations=at_relations)
            if at_relations:
                found.append(f"{name}(?:__{_any_of(inner)})?" if inner else name)
            elif inner:
                found.append(f"{name}__{_any_of(inner)}")
        return found

    def _open_ends(self, seen: Seen, steps: int, tail: str) -> list[str]:
        if steps == 0:
            return [f"{_any_of(list(seen.relations))}{tail}"] if seen.relations else []
        inner = {name: self._open_ends(self.target(each), steps - 1, tail) for name, each in seen.relations.items()}
        return [f"{name}__{_any_of(ends)}" for name, ends in inner.items() if ends]

    def _reachable(self, seen: Seen) -> list[Seen]:
        """Return the resources that paths from `seen` lead to, each once."""
        found: dict[str, Seen] = {}
        level: Iterable[Seen] = [seen]
        for _ in range(STEPS):
            level = {
                target.resource.name: target
                for each in level
                for target in (self.target(relation) for relation in each.relations.values())
            }.values()
            found |= {each.resource.name: each for each in level}
        return list(found.values())


def _taking(schema: Json) -> Leaves:
    """Return what gives the fields and operators whose operand has this schema; of relations, `isnull` has one too."""

    def leaves(seen: Seen) -> list[str]:
        by_operators: dict[tuple[str, ...], list[str]] = {}
        for name, field in seen.fields.items():
            fitting = tuple(
                operator
                for operator in OPERATORS
                if operator in field.type.operators and operand_text(OPERATORS[operator], field.type) == schema
            )
            by_operators.setdefault(fitting, []).append(name)
        found = [
            f"{_any_of(names)}(?:__{_any_of(list(operators))})" + ("?" if "eq" in operators else "")
            for operators, names in by_operators.items()
            if operators
        ]
        return [*found, "isnull"] if schema == BOOLEAN and "isnull" not in seen.resource.fields else found

    return leaves


def _any_of(alternatives: list[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
