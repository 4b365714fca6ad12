"""What a rule is, what is left of it for one kind of caller, and its SQL.

    read.py: SQLAlchemy expression → Rule      once, at start
    fold:    Rule + Standing → Rule            what the caller alone decides is gone
    lower:   Rule + tables → SQL expression    the rest, over whichever alias or derived table stands for the row

A rule lets a row through when it is TRUE. SQL's third value is kept where it matters: `fold` knows the polarity of
each part, so a comparison with a null `me` counts as not true under any number of negations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress, product
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, String, and_, bindparam, exists, false, not_, or_, select, true
from sqlalchemy.sql.expression import ColumnClause, FromClause

from meze.access.caller import ADMIN, Standing
from meze.access.terms import MeValue
from meze.resources.rewrite import plain, rebuilt

ME_BINDS = {"id": "meze_me_id", "email": "meze_me_email"}
"""The bind parameters that carry the caller into a statement."""


@dataclass(frozen=True, slots=True)
class Always:
    """Decided: everybody, or nobody."""

    value: bool


@dataclass(frozen=True, slots=True)
class IfSignedIn:
    pass


@dataclass(frozen=True, slots=True)
class IfRole:
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A condition over the row, in SQL. `uses` names the attributes of `me` that it is compared with."""

    expression: ColumnElement[Any]
    uses: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Related:
    """There is a row in `tables` (the related table, and the one between where there is one) that fulfils `where`.

    `said` are the words for all of it, where it was not written with a relationship.
    """

    tables: tuple[FromClause, ...]
    where: Rule
    said: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Every:
    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Negated:
    part: Rule


Rule: TypeAlias = Always | IfSignedIn | IfRole | Compared | Related | Every | Either | Negated

EVERYBODY = Always(True)
NOBODY_AT_ALL = Always(False)


def parts_of(rule: Rule) -> Iterator[Rule]:
    """Yield the rule and everything inside it."""
    yield rule
    if isinstance(rule, Every | Either):
        for part in rule.parts:
            yield from parts_of(part)
    elif isinstance(rule, Negated):
        yield from parts_of(rule.part)
    elif isinstance(rule, Related):
        yield from parts_of(rule.where)


def roles_in(rule: Rule) -> frozenset[str]:
    return frozenset(part.name for part in parts_of(rule) if isinstance(part, IfRole))


def crosses(rule: Rule) -> bool:
    """Say whether the rule asks other rows than the one it is about."""
    return any(isinstance(part, Related) for part in parts_of(rule))


def fold(rule: Rule, standing: Standing, *, positive: bool = True) -> Rule:
    """Decide what depends on the caller alone, and simplify.

    `positive` is False under an odd number of negations. A comparison with a null `me` is unknown, and unknown is
    never true: so it becomes False where it counts for the rule, and True where its negation does.
    """
    if isinstance(rule, IfSignedIn):
        return Always(standing.signed_in)
    if isinstance(rule, IfRole):
        return Always(rule.name in standing.roles)
    if isinstance(rule, Compared):
        null = ("id" in rule.uses and not standing.signed_in) or ("email" in rule.uses and not standing.email_known)
        return Always(not positive) if null else rule
    if isinstance(rule, Related):
        where = fold(rule.where, standing)
        return NOBODY_AT_ALL if where == NOBODY_AT_ALL else Related(rule.tables, where, rule.said)
    if isinstance(rule, Negated):
        return negated(fold(rule.part, standing, positive=not positive))
    if isinstance(rule, Every):
        return every(*(fold(part, standing, positive=positive) for part in rule.parts))
    if isinstance(rule, Either):
        return either(*(fold(part, standing, positive=positive) for part in rule.parts))
    return rule


def holds_for_some(rule: Rule) -> bool:
    """Say whether a rule may hold for anyone at all: for a caller as such, or where the row is as it asks."""
    return len(roles_in(rule)) > _ROLES_TRIED or any(left != NOBODY_AT_ALL for left in _foldings(rule))


def open_for_some(rule: Rule) -> bool:
    """Say whether a rule may hold for some caller whatever the row."""
    return len(roles_in(rule)) > _ROLES_TRIED or any(left == EVERYBODY for left in _foldings(rule))


_ROLES_TRIED = 10
"""With more roles in a rule than this, not every set of them is tried."""


def _foldings(rule: Rule) -> Iterator[Rule]:
    """Yield what is left of a rule for every kind of caller that it tells apart."""
    roles = sorted(roles_in(rule))
    for chosen in product((False, True), repeat=len(roles)):
        for known in (False, True):
            yield fold(rule, Standing(known, known, frozenset(compress(roles, chosen))))


def every(*parts: Rule) -> Rule:
    """Return the rule that holds where all of `parts` do."""
    left = tuple(part for part in parts if part != EVERYBODY)
    if NOBODY_AT_ALL in left:
        return NOBODY_AT_ALL
    return EVERYBODY if not left else left[0] if len(left) == 1 else Every(left)


def either(*parts: Rule) -> Rule:
    """Return the rule that holds where one of `parts` does."""
    left = tuple(part for part in parts if part != NOBODY_AT_ALL)
    if EVERYBODY in left:
        return EVERYBODY
    return NOBODY_AT_ALL if not left else left[0] if len(left) == 1 else Either(left)


def negated(part: Rule) -> Rule:
    return Always(not part.value) if isinstance(part, Always) else Negated(part)


def or_admin(rule: Rule) -> Rule:
    """Return the rule with the role `admin` let through."""
    return either(IfRole(ADMIN), rule)


Tables: TypeAlias = Mapping[FromClause, FromClause]
"""Which selectable stands for which table: an alias of it, or a derived table with its columns."""


def lower(rule: Rule, tables: Tables) -> ColumnElement[Any]:
    """Return the rule as SQL over `tables`. Inside a related row a table's name keeps its meaning there."""
    if isinstance(rule, Always):
        return true() if rule.value else false()
    if isinstance(rule, Compared):
        lowered: ColumnElement[Any] = rebuilt(rule.expression, lambda element: _substitute(element, tables))
        return lowered
    if isinstance(rule, Related):
        inner = {table: stand_in for table, stand_in in tables.items() if table not in rule.tables}
        found = select(1).select_from(*rule.tables).where(lower(rule.where, inner))
        return exists(found.correlate_except(*rule.tables))
    if isinstance(rule, Every):
        return and_(*(lower(part, tables) for part in rule.parts))
    if isinstance(rule, Either):
        return or_(*(lower(part, tables) for part in rule.parts))
    if isinstance(rule, Negated):
        return not_(lower(rule.part, tables))
    raise AssertionError(f"{rule!r} depends on the caller: fold the rule first")


def _substitute(element: Any, tables: Tables) -> Any:
    if isinstance(plain(element), MeValue):
        return me_bind(element.attribute)
    if isinstance(element, ColumnClause) and element.table is not None:
        stand_in = tables.get(plain(element.table))
        if stand_in is not None:
            return stand_in.c[element.key]
    return None


def me_bind(attribute: str) -> ColumnElement[Any]:
    type_ = BigInteger() if attribute == "id" else String()
    return bindparam(ME_BINDS[attribute], type_=type_)
