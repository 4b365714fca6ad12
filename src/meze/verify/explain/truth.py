"""Ask the database which clauses of a rule are true of which rows: each clause is a column beside the row's key.

What the caller alone decides is known without asking. A comparison with a `me` that is null is unknown, as in `fold`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Label, type_coerce
from sqlalchemy.sql.expression import FromClause, TableClause
from sqlalchemy.sql.visitors import iterate

from meze.access.caller import Standing
from meze.access.decide import Clause, Decision, Path, clauses_of, decide, part_at
from meze.access.policy import Policy
from meze.access.rule import (
    Always,
    Compared,
    IfRole,
    IfSignedIn,
    Negated,
    Related,
    Rule,
    every,
    fold,
    lower,
    parts_of,
)
from meze.resources.resource import Resource
from meze.resources.rewrite import plain

Truth = Mapping[Path, bool | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule of one resource as a question to rows: `clauses` are its atoms, `known` those that no row decides."""

    resource: Resource
    rule: Rule
    clauses: tuple[Clause, ...]
    known: Truth
    open: tuple[tuple[Path, Rule], ...]

    def columns(self, table: FromClause) -> list[Label[Any]]:
        """Return a column for each clause that rows decide, over `table`, which stands for the resource's own."""
        lowered = (lower(rule, {self.resource.table: table}) for _, rule in self.open)
        return [type_coerce(each, Boolean()).label(f"a{place}") for place, each in enumerate(lowered)]

    def truth(self, values: Sequence[bool | None]) -> Truth:
        """Return the truth of every clause, `values` being those of `columns`."""
        return {**self.known, **{path: value for (path, _), value in zip(self.open, values, strict=True)}}

    def said(self, clause: Clause, truth: Truth) -> bool | None:
        """Return the truth of a clause as its words have it: under a `not` they say the opposite."""
        value = truth[clause.path]
        return value if value is None or _positive(self.rule, clause.path) else not value

    def decide(self, values: Sequence[bool | None]) -> Decision:
        """Return the decision, the reasons being some of `clauses`."""
        decision = decide(self.rule, self.truth(values))
        of = {each.path: each for each in self.clauses}
        return Decision(decision.allowed, tuple(of[each.path] for each in decision.reasons))

    def uses(self, path: Path) -> frozenset[str]:
        """Return the attributes of `me` that the clause at `path` is compared with."""
        parts = parts_of(part_at(self.rule, path))
        return frozenset[str]().union(*(part.uses for part in parts if isinstance(part, Compared)))

    def columns_looked_at(self, path: Path) -> list[Any]:
        """Return the row's own columns that the clause at `path` looks at, each once."""
        found: dict[str, Any] = {}
        for part in parts_of(part_at(self.rule, path)):
            if isinstance(part, Compared):
                for each in iterate(part.expression):
                    if isinstance(each, Column) and plain(each.table) is self.resource.table:
                        found.setdefault(each.key, self.resource.table.c[each.key])
        return list(found.values())


def whole_rule(policy: Policy, resource: Resource, action: str) -> Rule:
    """Return the rule as it was declared, the admin's passage and the classes of the resource's table included."""
    declared = policy.declared(resource, action)
    return declared if resource.restriction is None else every(Compared(resource.restriction, frozenset()), declared)


def tables_asked(rule: Rule) -> set[str]:
    """Return the names of the tables that a rule asks anything of."""
    elements: list[Any] = []
    for part in parts_of(rule):
        if isinstance(part, Related):
            elements += part.tables
        elif isinstance(part, Compared):
            elements.append(part.expression)
    found = (inner for each in elements for inner in iterate(each))
    named = (each.table if isinstance(each, Column) else each for each in found)
    return {table.name for each in named if isinstance(table := plain(each), TableClause) and table.name}


def asked(resource: Resource, rule: Rule, standing: Standing, line: str | None, told: Rule | None = None) -> Asked:
    """Return a rule as a question, as it is put for such a caller. `told` is the same rule as its clauses may be put
    in words, where that is another."""
    clauses = clauses_of(rule if told is None else told, line)
    known: dict[Path, bool | None] = {}
    open_: list[tuple[Path, Rule]] = []
    for clause in clauses:
        part = part_at(rule, clause.path)
        match part:
            case Always():
                known[clause.path] = part.value
            case IfSignedIn() | IfRole():
                known[clause.path] = fold(part, standing) == Always(True)
            case Compared() if _compares_nothing(part, standing):
                known[clause.path] = None
            case _:
                folded = fold(part, standing) if isinstance(part, Related) else part
                if isinstance(folded, Always):
                    known[clause.path] = folded.value
                else:
                    open_.append((clause.path, folded))
    return Asked(resource, rule, clauses, known, tuple(open_))


def favourable(question: Asked) -> list[bool | None]:
    """Return the values of `columns` of a row that would please the rule: the rest, the caller alone decides."""
    return [_positive(question.rule, path) for path, _ in question.open]


def _positive(rule: Rule, path: Path) -> bool:
    """Say whether the part at `path` stands under an even number of negations."""
    outer = (part_at(rule, path[:length]) for length in range(len(path)))
    return sum(isinstance(each, Negated) for each in outer) % 2 == 0


def _compares_nothing(part: Compared, standing: Standing) -> bool:
    """Say whether the part compares with something of the caller that is null."""
    return ("id" in part.uses and not standing.signed_in) or ("email" in part.uses and not standing.email_known)
