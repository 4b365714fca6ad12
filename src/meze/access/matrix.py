"""Who may do what: every resource, each action on it, and each kind of caller. Pure; the command shows it.

What is told is what a request meets: a row that may not be read can be neither changed nor deleted, and the column that
`owner=` fills is the caller's own in every row that they make.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression

from meze.access.caller import ADMIN, Standing
from meze.access.policy import Policy
from meze.access.rule import (
    EVERYBODY,
    NOBODY_AT_ALL,
    Compared,
    Either,
    Every,
    Negated,
    Related,
    Rule,
    either,
    every,
    negated,
)
from meze.access.terms import MeValue
from meze.access.words import COMPUTED, words
from meze.resources.registry import Registry
from meze.resources.resource import ACTIONS, Field, Resource
from meze.resources.rewrite import plain

API_KEY = "API key"
FIELD_ACTIONS = ("read", "write")


class Verdict(Enum):
    """What a kind of caller may do: it on every row, on no row, or on rows of which something is true."""

    ALLOW = "allow"
    DENY = "deny"
    IF = "if"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of caller. `owner`: on the rows whose `owner=` they are, so only of resources that have one."""

    name: str
    standing: Standing
    owner: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What one kind of caller may do. `field` is None for whole rows; `words` are the condition, empty where there is
    none; `line` is the `file:line` that says so, None for what Meze itself declares."""

    resource: str
    field: str | None
    action: str
    kind: str
    verdict: Verdict
    words: str
    line: str | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """All the cells: by resource, whole rows before fields, then by action and by kind of caller."""

    cells: tuple[Cell, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.resource for cell in self.cells))

    def of(self, resource: str) -> dict[str | None, tuple[Cell, ...]]:
        """Return the cells of a resource: under None those of whole rows, then those of each field with a rule."""
        own = [cell for cell in self.cells if cell.resource == resource]
        fields = dict.fromkeys(cell.field for cell in own)
        return {field: tuple(cell for cell in own if cell.field == field) for field in fields}


def every_kind(policy: Policy) -> tuple[Kind, ...]:
    """Return the kinds of caller that there are for these rules."""
    known = Standing(True, True, frozenset())
    return (
        Kind("nobody", Standing(False, False, frozenset())),
        Kind("signed in", known),
        Kind("owner", known, owner=True),
        *(Kind(name, known._replace(roles=frozenset({name}))) for name in sorted(policy.roles - {ADMIN})),
        Kind(ADMIN, known._replace(roles=frozenset({ADMIN}))),
    )


def just(name: str, standing: Standing) -> tuple[Kind, ...]:
    """Return one caller, and the same one on rows of their own."""
    return (Kind(name, standing), Kind(f"{name}, owner", standing, owner=True))


def matrix(resources: Registry, policy: Policy, kinds: Sequence[Kind], *, keys: bool = True) -> Matrix:
    """Return what `kinds` of callers may do with what is served, and with what relations lead to beyond that.

    With `keys` there is one more, the API key, with the scope that it needs beside what its owner may.
    """
    return Matrix(tuple(cell for each in _shown(resources) for cell in _Cells(each, policy, kinds, keys=keys).all()))


def _shown(resources: Registry) -> list[Resource]:
    """Return the served resources, and then those that are read only through relations of these."""
    served = list(resources.served)
    targets = (resources.of(each.model) for resource in served for each in resource.relations.values())
    return [*served, *dict.fromkeys(each for each in targets if each is not None and not each.served)]


class _Cells:
    def __init__(self, resource: Resource, policy: Policy, kinds: Sequence[Kind], *, keys: bool) -> None:
        self.resource = resource
        self.policy = policy
        self.kinds = [kind for kind in kinds if not kind.owner or resource.owner is not None]
        self.keys = keys and resource.served

    def all(self) -> Iterator[Cell]:
        for action in ACTIONS if self.resource.served else ("read",):
            for kind in self.kinds:
                yield self._cell(None, action, kind, self._rule(action, kind))
            if self.keys:
                possible = self.policy.possible(self.resource, action)
                scope = f"scope {self.resource.name}:{action}"
                verdict, said = (Verdict.IF, scope) if possible else (Verdict.DENY, "")
                line = self.resource.line_of(action)
                yield Cell(self.resource.name, None, action, API_KEY, verdict, said, line)
        for name, rules in self.resource.field_rules.items():
            for action in FIELD_ACTIONS if self.resource.served else ("read",):
                for kind in self.kinds:
                    rule = self._field_rule(name, action, kind)
                    once = action == "write" and rules.create_only and rule != NOBODY_AT_ALL
                    yield self._cell(name, action, kind, rule, once=once)

    def _cell(self, field: str | None, action: str, kind: Kind, rule: Rule, *, once: bool = False) -> Cell:
        verdict = Verdict.ALLOW if rule == EVERYBODY else Verdict.DENY if rule == NOBODY_AT_ALL else Verdict.IF
        said = words(rule) if verdict is Verdict.IF else ""
        if once:
            verdict, said = Verdict.IF, f"{said}, when the row is made" if said else "when the row is made"
        line = self.resource.line_of(action if field is None else f"fields.{field}")
        return Cell(self.resource.name, field, action, kind.name, verdict, said, line)

    def _rule(self, action: str, kind: Kind) -> Rule:
        own = self._one(action, kind)
        if action in ("read", "create"):
            return own
        read = self._one("read", kind)
        return own if _implies(own, read) else read if _implies(read, own) else every(own, read)

    def _one(self, action: str, kind: Kind) -> Rule:
        rule = self.policy.rule(self.resource, action, kind.standing)
        restriction = self.resource.restriction
        if restriction is not None and isinstance(rule, Every):
            # What makes a row one of the resource at all is no condition on the caller.
            rule = every(*(p for p in rule.parts if not (isinstance(p, Compared) and p.expression is restriction)))
        elif isinstance(rule, Compared) and rule.expression is restriction:
            rule = EVERYBODY
        return self._as(kind, rule, made=action == "create")

    def _field_rule(self, name: str, action: str, kind: Kind) -> Rule:
        field = self.resource.fields[name]
        if action == "write" and (field.generated or field is self.resource.owner):
            return NOBODY_AT_ALL
        return self._as(kind, self.policy.field_rule(self.resource, name, action, kind.standing))

    def _as(self, kind: Kind, rule: Rule, *, made: bool = False) -> Rule:
        """Return what is left of a rule on rows of the caller's own, as those are that somebody known has `made`."""
        owner = self.resource.owner
        if owner is None or not (kind.owner or (made and kind.standing.signed_in)):
            return rule
        return _owned(rule, owner)


def _owned(rule: Rule, owner: Field) -> Rule:
    if isinstance(rule, Compared):
        return EVERYBODY if _is_owner(rule.expression, owner) else rule
    if isinstance(rule, Negated):
        return negated(_owned(rule.part, owner))
    if isinstance(rule, Every | Either):
        return (every if isinstance(rule, Every) else either)(*(_owned(part, owner) for part in rule.parts))
    return rule


def _is_owner(expression: Any, owner: Field) -> bool:
    """Say whether this is `owner_id == me.id`, from either side."""
    element = plain(expression)
    if not isinstance(element, BinaryExpression) or element.operator is not operators.eq:
        return False
    sides = [plain(element.left), plain(element.right)]
    me = [side for side in sides if isinstance(side, MeValue) and side.attribute == "id"]
    return len(me) == 1 and any(side is plain(owner.column) for side in sides)


def _implies(rule: Rule, other: Rule) -> bool:
    """Say whether `other` certainly holds where `rule` does, which is what spares a reader to see it said twice."""
    if rule == NOBODY_AT_ALL or other == EVERYBODY:
        return True
    if isinstance(rule, Either):
        return all(_implies(part, other) for part in rule.parts)
    if isinstance(other, Every):
        return all(_implies(rule, part) for part in other.parts)
    if isinstance(rule, Related) and isinstance(other, Related) and rule.tables == other.tables:
        return _implies(rule.where, other.where)
    said = words(rule)
    if said == words(other) and COMPUTED not in said:
        return True
    if isinstance(other, Either) and any(_implies(rule, part) for part in other.parts):
        return True
    return isinstance(rule, Every) and any(_implies(part, other) for part in rule.parts)
