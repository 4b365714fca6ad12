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
from meze.query.operators import OPERATORS, Operator
from meze.query.view import STEPS
from meze.resources.fields import FieldType
from meze.resources.registry import Registry
from meze.resources.resource import Relation

_ALL_TREES = 400
"""How many relations, counted at each place where they are written, the trees of all resources may hold together."""
_LEAST_TREE = 12
"""How many the tree of one resource may hold even where there are very many resources."""

Leaves = Callable[[Seen], list[str]]
"""Gives the patterns that may end a path at a resource."""
Operands = Callable[[Operator, FieldType], Json]
"""Gives the schema of an operand."""


@dataclass(frozen=True, slots=True)
class RelationPaths:
    """The paths that lead from resources over their relations, to rows that somebody may read."""

    resources: Registry
    seen: Mapping[str, Seen]

    def target(self, relation: Relation) -> Seen:
        resource = self.resources.of(relation.model)
        assert resource is not None  # a relation is seen only where its other side is served or known
        return self.seen[resource.name]

    def pattern(self, seen: Seen, leaves: Leaves, *, many: int = STEPS, at_relations: bool = False) -> str | None:
        """Return the alternatives of all paths from `seen` that end as `leaves` says, or None where there is none.

        `many` is how many to-many relations a path may cross; `at_relations` lets it end at a relation too.
        """
        return "|".join(self._branches(seen, leaves, self.exact_steps(seen), many, at_relations=at_relations)) or None

    def beyond(self, seen: Seen, tail: str = "__.+") -> str | None:
        """Return the alternatives of the paths that are too long for the exact patterns, or None where none is."""
        steps = self.exact_steps(seen)
        return None if steps == STEPS else "|".join(self._open_ends(seen, steps, tail)) or None

    def exact_steps(self, seen: Seen) -> int:
        """Return how many steps the patterns of a resource are exact for: at least one, at most all four."""
        largest = max(_LEAST_TREE, _ALL_TREES // len(self.seen))
        nodes, level = 0, [seen]
        for steps in range(1, STEPS + 1):
            level = [self.target(relation) for each in level for relation in each.relations.values()]
            nodes += len(level)
            if nodes > largest:
                return max(1, steps - 1)
        return STEPS

    def filters(self, seen: Seen, described: Operands = operand_text, *, beyond: Json | None = None) -> Json:
        """Return `patternProperties`: for each kind of operand, the paths with their operators that take it.

        `described` gives the schema of an operand, `beyond` is that of any at the paths that are not exact.
        """
        ends = {each.resource.name: _ends(each, described) for each in self._reachable(seen, self.exact_steps(seen))}

        def taking(operand: str) -> Leaves:
            return lambda at: ends[at.resource.name].get(operand, [])

        operands = dict.fromkeys(operand for each in ends.values() for operand in each)
        patterns = {f"^(?:{self.pattern(seen, taking(each))})$": json.loads(each) for each in operands}
        open_ends = self.beyond(seen)
        if open_ends is None:
            return patterns
        return {**patterns, f"^(?:{open_ends})$": {"type": "string"} if beyond is None else beyond}

    def _branches(self, seen: Seen, leaves: Leaves, steps: int, many: int, *, at_relations: bool) -> list[str]:
        found = []
        for name, relation in seen.relations.items():
            left = many - relation.to_many
            if left < 0:
                continue
            target = self.target(relation)
            inner = [*leaves(target)]
            if steps > 1:
                inner += self._branches(target, leaves, steps - 1, left, at_relations=at_relations)
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

    def _reachable(self, seen: Seen, steps: int) -> list[Seen]:
        """Return the resources that paths of at most `steps` steps lead to from `seen`, each once."""
        found: dict[str, Seen] = {}
        level: Iterable[Seen] = [seen]
        for _ in range(steps):
            level = {
                target.resource.name: target
                for each in level
                for target in (self.target(relation) for relation in each.relations.values())
            }.values()
            found |= {each.resource.name: each for each in level}
        return list(found.values())


def _ends(seen: Seen, described: Operands) -> dict[str, list[str]]:
    """Return, by the schema of an operand as JSON, the patterns of the fields and operators that take it."""
    operators: dict[str, dict[str, list[str]]] = {}
    for name, field in seen.askable.items():
        for operator in OPERATORS.values():
            if operator.name in field.type.operators:
                operand = json.dumps(described(operator, field.type))
                operators.setdefault(operand, {}).setdefault(name, []).append(operator.name)
    ends = {operand: _together(taking) for operand, taking in operators.items()}
    if "isnull" not in seen.resource.fields:
        # A relation has one operator: whether there is a related row.
        ends.setdefault(json.dumps(BOOLEAN), []).append("isnull")
    return ends


def _together(operators: Mapping[str, list[str]]) -> list[str]:
    """Return the patterns of fields with their operators, writing those with the same operators as one."""
    fields: dict[tuple[str, ...], list[str]] = {}
    for name, fitting in operators.items():
        fields.setdefault(tuple(fitting), []).append(name)
    return [
        f"{_any_of(names)}(?:__{_any_of(list(fitting))})" + ("?" if "eq" in fitting else "")
        for fitting, names in fields.items()
    ]


def _any_of(alternatives: list[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
