"""A small language of rules, and what a rule means: plain Python over plain rows, in three-valued logic.

Nothing of Meze or SQLAlchemy is used here. None is the third value: it is what a comparison with a NULL gives, and what
one with a `me` gives that is null. A rule lets a row through where it is True.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from contracts.schema import TABLES, Linked, ToMany, ToOne

Truth: TypeAlias = bool | None
Row: TypeAlias = dict[str, Any]
Frame: TypeAlias = tuple[str, Row]
"""A row that a rule is about, with the name of its table."""


@dataclass(frozen=True)
class Person:
    """A caller. `email` is None while it is not verified."""

    id: int | None = None
    email: str | None = None
    roles: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles


@dataclass
class Data:
    """Rows by table and id, and the pairs of places and labels."""

    rows: dict[str, dict[int, Row]] = field(default_factory=lambda: {name: {} for name in TABLES})
    links: set[tuple[int, int]] = field(default_factory=set)

    def related(self, table: str, row: Row, name: str) -> list[Row]:
        """Return the rows that a relation of `row` leads to, whoever may read them, in the order of their ids."""
        relation = TABLES[table].relations[name]
        target = self.rows[relation.target]
        match relation:
            case ToOne():
                found = [row[relation.column]] if row[relation.column] in target else []
            case ToMany():
                found = [id for id, each in target.items() if row["id"] == each[relation.column]]
            case Linked():
                found = [pair[1 - relation.near] for pair in self.links if pair[relation.near] == row["id"]]
        return [target[id] for id in sorted(found) if row["id"] is not None or isinstance(relation, ToOne)]


@dataclass(frozen=True)
class Anyone:
    pass


@dataclass(frozen=True)
class SignedIn:
    pass


@dataclass(frozen=True)
class HasRole:
    role: str


@dataclass(frozen=True)
class Column:
    """A column of the row that is `depth` rows outward: 0 is the innermost."""

    depth: int
    name: str


@dataclass(frozen=True)
class Me:
    attribute: str


@dataclass(frozen=True)
class Constant:
    value: Any


Operand: TypeAlias = Column | Me | Constant


@dataclass(frozen=True)
class Compare:
    left: Column
    sign: str
    right: Operand


@dataclass(frozen=True)
class Distinct:
    """`IS DISTINCT FROM`, or its opposite: two-valued but for a `me` that is null."""

    left: Column
    right: Operand
    opposite: bool


@dataclass(frozen=True)
class IsNull:
    column: Column
    opposite: bool


@dataclass(frozen=True)
class IsTruth:
    """`.is_(True)` or `.is_(False)`: two-valued."""

    column: Column
    value: bool


@dataclass(frozen=True)
class Flag:
    """A column of truth values that is the rule itself."""

    column: Column


@dataclass(frozen=True)
class OneOf:
    column: Column
    values: tuple[Any, ...]
    opposite: bool


@dataclass(frozen=True)
class Related:
    """`.has()` and `.any()`. `apart` crosses to an alias, so that rows of the same table outward can still be named."""

    relation: str
    where: Rule | None
    apart: bool = False


@dataclass(frozen=True)
class Every:
    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    part: Rule


Rule: TypeAlias = (
    Anyone | SignedIn | HasRole | Compare | Distinct | IsNull | IsTruth | Flag | OneOf | Related | Every | Either | Not
)

SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def conjunction(parts: Iterable[Truth]) -> Truth:
    known = list(parts)
    return False if False in known else None if None in known else True


def negation(part: Truth) -> Truth:
    return None if part is None else not part


def disjunction(parts: Iterable[Truth]) -> Truth:
    return negation(conjunction(negation(part) for part in parts))


@dataclass(frozen=True)
class Judge:
    """Says what rules come to for one caller over the rows of `data`."""

    data: Data
    caller: Person

    def truth(self, rule: Rule, frames: tuple[Frame, ...]) -> Truth:
        """Return what `rule` says of the row in `frames[0]`; the rows it was crossed from follow, outward."""
        match rule:
            case Anyone():
                return True
            case SignedIn():
                return self.caller.id is not None
            case HasRole():
                return rule.role in self.caller.roles
            case Every():
                return conjunction(self.truth(part, frames) for part in rule.parts)
            case Either():
                return disjunction(self.truth(part, frames) for part in rule.parts)
            case Not():
                return negation(self.truth(rule.part, frames))
            case Related():
                return any(self._holds(rule.where, found, frames) for found in self._related(rule, frames))
        return self._compared(rule, frames)

    def _compared(self, rule: Rule, frames: tuple[Frame, ...]) -> Truth:
        match rule:
            case Compare():
                left, right = self._value(rule.left, frames), self._value(rule.right, frames)
                return None if left is None or right is None else SIGNS[rule.sign](left, right)
            case Distinct():
                right = self._value(rule.right, frames)
                if right is None and isinstance(rule.right, Me):
                    return None
                return (self._value(rule.left, frames) != right) is not rule.opposite
            case IsNull():
                return (self._value(rule.column, frames) is None) is not rule.opposite
            case IsTruth():
                return self._value(rule.column, frames) is rule.value
            case Flag():
                flag: Truth = self._value(rule.column, frames)
                return flag
            case OneOf():
                value = self._value(rule.column, frames)
                if value is None and rule.values:
                    return None
                return (value in rule.values) is not rule.opposite
        raise AssertionError(f"{rule!r} is no comparison")

    def _related(self, rule: Related, frames: tuple[Frame, ...]) -> Iterator[Frame]:
        table, row = frames[0]
        target = TABLES[table].relations[rule.relation].target
        for found in self.data.related(table, row, rule.relation):
            yield target, found

    def _holds(self, where: Rule | None, found: Frame, frames: tuple[Frame, ...]) -> bool:
        return where is None or self.truth(where, (found, *frames)) is True

    def _value(self, operand: Operand, frames: tuple[Frame, ...]) -> Any:
        match operand:
            case Constant():
                return operand.value
            case Me():
                return getattr(self.caller, operand.attribute)
            case Column():
                return frames[operand.depth][1][operand.name]

    def settled(self, rule: Rule, positive: bool = True) -> Truth:
        """Return what the caller alone decides: True or False for every row, None where the row is to be asked.

        `positive` is False under an odd number of negations: a comparison with a null `me` is never true, so it counts
        as whatever keeps the rule from holding.
        """
        match rule:
            case Anyone() | SignedIn() | HasRole():
                return self.truth(rule, ())
            case Every():
                return conjunction(self.settled(part, positive) for part in rule.parts)
            case Either():
                return disjunction(self.settled(part, positive) for part in rule.parts)
            case Not():
                return negation(self.settled(rule.part, not positive))
            case Related():
                inside = True if rule.where is None else self.settled(rule.where)
                return False if inside is False else None
            case Compare(right=Me()) | Distinct(right=Me()):
                return not positive if self._value(rule.right, ()) is None else None
        return None
