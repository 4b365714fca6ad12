"""Read a SQLAlchemy expression that the user wrote into a Rule, refusing what Python or SQL would misread.

Only the shapes that a rule may have are let through: boolean combinations of the terms, of comparisons over the row
itself, and of `.has()` and `.any()`. What is left out is refused with the line that declared it and what to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Table
from sqlalchemy.orm.attributes import InstrumentedAttribute
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    AsBoolean,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ClauseElement,
    ColumnClause,
    False_,
    Grouping,
    TextClause,
    True_,
    UnaryExpression,
)
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.sql.selectable import Exists, Select, SelectBase
from sqlalchemy.types import NullType

from meze.access.rule import Always, Compared, Either, Every, IfRole, IfSignedIn, Negated, Related, Rule, negated
from meze.access.tenant import InTenant
from meze.access.terms import Anyone, HasRole, MeValue, SignedIn, Term
from meze.errors import Mistake
from meze.resources.rewrite import is_table, plain

_PARENTHESES = "Put each comparison in parentheses: signed_in & (Trip.owner_id == me.id)."


class RuleReader:
    """Reads the rules of one declaration. `where` is its `file:line`, used where a term does not know its own.

    `membership` makes rules of the terms of tenancy.
    """

    def __init__(
        self, table: FromClause, where: str | None, membership: Callable[[InTenant], Rule] | None = None
    ) -> None:
        self.table = table
        self.where = where
        self._membership = membership

    def read(self, written: object) -> Rule:
        """Return the rule that `written` says.

        Raises:
            Mistake: it is not a rule, or one that would not mean what it says.
        """
        if isinstance(written, bool):
            word = "anyone" if written else "nothing at all (a rule that is left out is closed)"
            raise self._mistake(f"A bare {written} is not a rule.", f"Write {word}.")
        if isinstance(written, InstrumentedAttribute):
            written = written.__clause_element__()
        if hasattr(written, "__clause_element__"):
            written = written.__clause_element__()
        if not isinstance(written, ColumnElement):
            raise self._mistake(
                f"{written!r} is not a rule.",
                "A rule is anyone, signed_in, role(...), or an expression over the model: Trip.owner_id == me.id.",
            )
        return self._rule(written, (self.table,))

    def _rule(self, written: Any, tables: tuple[FromClause, ...]) -> Rule:
        element = plain(written)
        match element:
            case Grouping():
                return self._rule(element.element, tables)
            case Anyone() | True_():
                return Always(True)
            case False_():
                return Always(False)
            case SignedIn():
                return IfSignedIn()
            case HasRole():
                return IfRole(element.role)
            case InTenant():
                return self._member(element, tables)
            case BooleanClauseList() if not element.clauses:
                raise self._mistake(
                    "A rule is made of no parts: and_() and or_() without any.", "Write anyone, or leave it out."
                )
            case BooleanClauseList() if element.operator is operators.and_:
                return Every(tuple(self._rule(part, tables) for part in element.clauses))
            case BooleanClauseList() if element.operator is operators.or_:
                return Either(tuple(self._rule(part, tables) for part in element.clauses))
            case AsBoolean() if _is_rule(element.element):
                inner = self._rule(element.element, tables)
                return negated(inner) if element.operator is operators.is_false else inner
            case Exists():
                return self._related(element, tables)
            case UnaryExpression() if element.operator is operators.inv:
                return Negated(self._rule(element.element, tables))
        return self._compared(written, tables)  # with its annotations: they know the names of attributes

    def _member(self, element: InTenant, tables: tuple[FromClause, ...]) -> Rule:
        if tables != (self.table,):
            raise self._mistake(
                f"`{element!r}` stands inside of .has() or .any(): it asks for the tenant of the resource's own row.",
                f"Put it beside: {element!r} & Task.project.has(...).",
            )
        if self._membership is None:
            raise self._mistake(
                f"`{element!r}` is asked where no tenants are declared.",
                "Use what api.tenant(...) of the same api returned.",
            )
        return self._membership(element)

    def _related(self, element: Exists, tables: tuple[FromClause, ...]) -> Rule:
        inner: Any = element.element
        while not isinstance(inner, Select):
            inner = inner.element
        own = inner._correlate_except
        shaped = inner._group_by_clauses or inner._having_criteria or inner._limit_clause is not None
        if own is None or shaped:
            raise self._mistake(
                "A rule holds a subquery that Meze did not see being made from a relationship.",
                "Cross to other rows with a relationship: Stop.trip.has(Trip.public.is_(True)), Trip.stops.any(...).",
            )
        found = tuple(plain(table) for table in own)
        if any(plain(table) not in (*found, *tables) for table in inner._from_obj):
            raise self._mistake(
                "A rule holds an EXISTS over tables that Meze did not see a relationship lead to.",
                "Cross to other rows with a relationship: Stop.trip.has(Trip.public.is_(True)), Trip.stops.any(...).",
            )
        visible = (*found, *tables)
        return Related(found, Every(tuple(self._rule(part, visible) for part in inner._where_criteria)))

    def _compared(self, element: Any, tables: tuple[FromClause, ...]) -> Rule:
        uses = set()
        if not isinstance(element.type, Boolean | NullType):
            raise self._mistake(f"`{_show(element)}` is a value, not a condition.", _PARENTHESES)
        for part in _inside(element):
            if isinstance(part, Term | Exists) or _compares_a_rule(part):
                raise self._mistake(
                    f"`{_show(element)}` compares a rule with a value: `&` and `|` bind more tightly than `==`.",
                    _PARENTHESES,
                )
            if isinstance(part, SelectBase):
                raise self._mistake(
                    f"`{_show(element)}` holds a subquery.",
                    "Cross to other rows with a relationship: Stop.trip.has(...), Trip.stops.any(...).",
                )
            if isinstance(part, TextClause):
                raise self._mistake(
                    f"`{_show(element)}` holds raw SQL text, of which Meze cannot tell which row it means.",
                    "Write it with the model's columns and sqlalchemy.func.",
                )
            if next(_literals(part), None) is not None:
                raise self._mistake(
                    f"`{_show(element)}` holds a column or `me` inside of a list of values.",
                    "Write each comparison out: (Trip.owner_id == me.id) & (Trip.kind == 1).",
                )
            if isinstance(part, MeValue):
                uses.add(part.attribute)
            elif isinstance(part, ColumnClause):
                self._check_column(part, tables)
        return Compared(element, frozenset(uses))

    def _check_column(self, column: Any, tables: tuple[FromClause, ...]) -> None:
        table = column.table
        if table is None:
            raise self._mistake(
                f"`{column}` in a rule names no table.", "Use the model's own attributes: Trip.owner_id."
            )
        if plain(table) not in tables:
            name = table.name if isinstance(table, Table) else str(table)
            raise self._mistake(
                f"The rule names `{name}.{column.key}`, which is not the row that it is about.",
                "Cross to other rows with a relationship: Stop.trip.has(Trip.owner_id == me.id).",
            )

    def _mistake(self, cause: str, remedy: str) -> Mistake:
        return Mistake(cause, remedy, self.where)


def _compares_a_rule(element: Any) -> bool:
    comparison = isinstance(element, BinaryExpression) and operators.is_comparison(element.operator)
    return comparison and (_is_rule(element.left) or _is_rule(element.right))


def _is_rule(element: Any) -> bool:
    while isinstance(element, Grouping):
        element = element.element
    return isinstance(element, Term | BooleanClauseList | Exists)


def _inside(element: Any) -> Iterator[Any]:
    element = plain(element)
    yield element
    if isinstance(element, SelectBase) or is_table(element):
        return
    for child in (*element.get_children(), *_literals(element)):
        yield from _inside(child)


def _literals(element: Any) -> Iterator[Any]:
    """Yield the SQL elements inside of a literal list, such as `.in_([(me.id, 1)])`."""
    waiting = [element.value] if isinstance(element, BindParameter) else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, ClauseElement):
            yield value


def _show(element: Any) -> str:
    """Return the expression in the words of the user as far as they are known."""
    if isinstance(element, Term | MeValue):
        return repr(element)
    if isinstance(element, Grouping):
        return f"({_show(element.element)})"
    if isinstance(element, AsBoolean):
        sign = "~" if element.operator is operators.is_false else ""
        return sign + _show(element.element)
    if isinstance(element, BooleanClauseList):
        sign = " & " if element.operator is operators.and_ else " | "
        return sign.join(_show(part) for part in element.clauses)
    if isinstance(element, BinaryExpression):
        signs = {operators.eq: "==", operators.ne: "!="}
        sign = signs.get(element.operator, getattr(element.operator, "__name__", "?"))
        return f"{_show(element.left)} {sign} {_show(element.right)}"
    if isinstance(element, ColumnClause) and element.table is not None:
        return f"{getattr(element.table, 'name', element.table)}.{element.key}"
    if isinstance(element, Exists):
        return "has(...)"
    try:
        return str(element)
    except Mistake:  # a term of ours inside, which has no SQL
        return type(element).__name__
