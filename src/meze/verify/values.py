"""Comparisons and the values in them, worked out in Python as the database would.

Both sides are taken in the form in which SQLAlchemy hands them to the database: on SQLite a date is text there, and it
is as text that SQLite compares it. What would be a guess (an order that a collation decides, a function of the
database) raises Beyond, and is asked of the database instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    CHAR,
    NCHAR,
    REAL,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Table,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    AsBoolean,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Case,
    ClauseList,
    False_,
    Grouping,
    Null,
    True_,
    TypeCoerce,
    UnaryExpression,
)
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import AliasedReturnsRows
from sqlalchemy.types import NullType, TypeEngine

from meze.access.caller import Caller
from meze.access.terms import MeValue
from meze.resources.rewrite import plain as bare
from meze.verify.patterns import PATTERNS, Beyond, matches
from meze.verify.reckoning import FUNCTIONS, alike, compare, concatenated, distinct, number, truth
from meze.verify.world import Row

Frames: TypeAlias = Mapping[FromClause, Row]
"""The rows that a rule speaks of, by the table or alias that it names them with."""

Gives: TypeAlias = Callable[[Frames, Caller], Any]

COMPARISONS: Mapping[Any, Callable[[Any, Any], bool]] = {
    operators.eq: operator.eq,
    operators.ne: operator.ne,
    operators.lt: operator.lt,
    operators.le: operator.le,
    operators.gt: operator.gt,
    operators.ge: operator.ge,
}
ORDERED = (operators.lt, operators.le, operators.gt, operators.ge, operators.between_op, operators.not_between_op)
SUMS: Mapping[Any, Callable[[Any, Any], Any]] = {
    operators.add: operator.add,
    operators.sub: operator.sub,
    operators.mul: operator.mul,
}
KNOWN_TYPES = (
    Integer,
    Boolean,
    String,
    Enum,
    Uuid,
    Date,
    DateTime,
    Time,
    Interval,
    Numeric,
    Float,
    LargeBinary,
    NullType,
)


class Values:
    """Reads conditions and values for one kind of database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._sqlite = dialect.name == "sqlite"

    def condition(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        """Return what works out a comparison, or a value that is true or false by itself.

        Raises:
            Beyond: Python cannot, whatever the row.
        """
        element = bare(element)
        match element:
            case Grouping():
                return self.condition(element.element)
            case True_() | False_():
                return lambda *_: isinstance(element, True_)
            case AsBoolean():
                return self._as_boolean(element)
            case BooleanClauseList():
                return self._joined(element)
            case UnaryExpression() if element.operator is operators.inv:
                inner = self.condition(element.element)
                return lambda *at: None if (said := inner(*at)) is None else not said
            case BinaryExpression():
                return self._compared(element)
        if not isinstance(element.type, Boolean | NullType):
            raise Beyond
        value = self.value(element)
        return lambda *at: truth(value(*at))

    def _as_boolean(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        inner, is_false = self.condition(element.element), element.operator is operators.is_false
        return lambda *at: None if (said := inner(*at)) is None else said is not is_false

    def _joined(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        parts = [self.condition(part) for part in element.clauses]
        deciding = element.operator is not operators.and_

        def says(frames: Frames, caller: Caller) -> bool | None:
            known = [part(frames, caller) for part in parts]
            return deciding if deciding in known else None if None in known else not deciding

        return says

    def _compared(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        sign = element.operator
        if sign in PATTERNS:
            return self._matched(element)
        if sign in (operators.in_op, operators.not_in_op):
            return self._listed(element)
        if sign in (operators.between_op, operators.not_between_op):
            return self._between(element)
        left, right = self.value(element.left), self.value(element.right)
        if sign in (operators.is_, operators.is_not):
            wanted = sign is operators.is_
            return lambda *at: distinct(left(*at), right(*at)) is not wanted
        if sign in (operators.is_distinct_from, operators.is_not_distinct_from):
            wanted = sign is operators.is_distinct_from
            return lambda *at: distinct(left(*at), right(*at)) is wanted
        if sign not in COMPARISONS:
            raise Beyond
        self._refuse_unordered(sign, element.left, element.right)
        compares = COMPARISONS[sign]
        return lambda *at: compare(compares, left(*at), right(*at))

    def _refuse_unordered(self, sign: Any, *sides: Any) -> None:
        """Refuse an order that is not that of the values in Python: text by a collation, members of an enum."""
        types = [side.type for side in sides]
        if sign in ORDERED and any(isinstance(each, String | Enum) for each in types):
            bent = any(
                isinstance(each, Enum) or each.collation is not None for each in types if isinstance(each, String)
            )
            if bent or not self._sqlite:
                raise Beyond

    def _between(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        if element.modifiers.get("symmetric"):
            raise Beyond
        value, (low, high) = self.value(element.left), map(self.value, element.right.clauses)
        self._refuse_unordered(operators.between_op, element.left, *element.right.clauses)
        negated = element.operator is operators.not_between_op

        def says(frames: Frames, caller: Caller) -> bool | None:
            found = value(frames, caller)
            over = compare(operator.ge, found, low(frames, caller))
            under = compare(operator.le, found, high(frames, caller))
            inside = False if False in (over, under) else None if None in (over, under) else True
            return None if inside is None else inside is not negated

        return says

    def _listed(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        value, among = self.value(element.left), bare(element.right)
        while isinstance(among, Grouping):
            among = bare(among.element)
        if isinstance(among, BindParameter):
            given = among.value if among.callable is None else among.callable()
            if not isinstance(given, list | tuple | set | frozenset):
                raise Beyond
            listed = [self._constant(each, among.type) for each in given]
            wanted: Callable[[Frames, Caller], list[Any]] = lambda *_: listed  # noqa: E731 - the other branch is one too
        elif isinstance(among, ClauseList):
            each_of = [self.value(each) for each in among.clauses]
            wanted = lambda *at: [each(*at) for each in each_of]  # noqa: E731 - as above
        else:
            raise Beyond
        negated = element.operator is operators.not_in_op

        def says(frames: Frames, caller: Caller) -> bool | None:
            found, options = value(frames, caller), wanted(frames, caller)
            if not options:
                return negated
            said = [compare(operator.eq, found, option) for option in options]
            return not negated if True in said else None if None in said else negated

        return says

    def _matched(self, element: Any) -> Callable[[Frames, Caller], bool | None]:
        before, after, folded, negated = PATTERNS[element.operator]
        value, pattern = self.value(element.left), self.value(element.right)
        if any(_is_bent(each.type) for each in (element.left, element.right)):
            raise Beyond
        escape = element.modifiers.get("escape") or ("" if self._sqlite else "\\")

        def says(frames: Frames, caller: Caller) -> bool | None:
            text, written = value(frames, caller), pattern(frames, caller)
            whole = None if written is None else concatenated(concatenated(before, written), after)
            said = matches(text, whole, escape, folded=folded, sqlite=self._sqlite)
            return None if said is None else said is not negated

        return says

    # Values ----------------------------------------------------------------------------------------------------

    def value(self, element: Any) -> Gives:
        """Return what works out a value, in the form in which the database is given it. Raises Beyond as above."""
        element = bare(element)
        match element:
            case Grouping():
                return self.value(element.element)
            case MeValue():
                attribute = element.attribute
                return lambda _, caller: getattr(caller, attribute)
            case Column():
                return self._column(element)
            case BindParameter():
                constant = self._constant(
                    element.value if element.callable is None else element.callable(), element.type
                )
                return lambda *_: constant
            case Null():
                return lambda *_: None
            case True_() | False_():
                return lambda *_: isinstance(element, True_)
            case TypeCoerce():
                return self.value(element.clause)
            case Case():
                return self._case(element)
            case FunctionElement():
                return self._function(element)
            case UnaryExpression() if element.operator is operators.neg:
                inner = self.value(element.element)
                return lambda *at: None if (found := inner(*at)) is None else number(-1) * number(found)
            case BinaryExpression() if element.operator in SUMS:
                return self._sum(element)
            case BinaryExpression() if element.operator is operators.concat_op:
                left, right = self.value(element.left), self.value(element.right)
                return lambda *at: concatenated(left(*at), right(*at))
        if isinstance(element, BinaryExpression | AsBoolean | BooleanClauseList):
            return self.condition(element)
        raise Beyond

    def _column(self, element: Any) -> Gives:
        table, key, process = bare(element.table), element.key, self._process(element.type)
        if _is_bent(element.type) or _is_padded(element.type, self._sqlite):
            raise Beyond

        def gives(frames: Frames, _: Caller) -> Any:
            value = frames[table][key]
            return value if value is None or process is None else process(value)

        return gives

    def _constant(self, value: Any, type_: TypeEngine[Any]) -> Any:
        process = self._process(type_)
        return value if value is None or process is None else process(value)

    def _process(self, type_: TypeEngine[Any]) -> Callable[[Any], Any] | None:
        """Return what makes a value of a type what the database is given."""
        stored = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
        if not isinstance(stored, KNOWN_TYPES) or isinstance(stored, REAL):
            raise Beyond
        if isinstance(stored, Float) and stored.precision is not None and stored.precision < 25 and not self._sqlite:
            raise Beyond  # single precision
        bind = type_.dialect_impl(self._dialect).bind_processor(self._dialect)
        if isinstance(stored, Uuid) and not stored.as_uuid:
            return lambda value: UUID(value).hex
        return bind

    def _sum(self, element: Any) -> Gives:
        left, right, apply = self.value(element.left), self.value(element.right), SUMS[element.operator]

        def gives(frames: Frames, caller: Caller) -> Any:
            one, other = left(frames, caller), right(frames, caller)
            return None if one is None or other is None else apply(*alike(number(one), number(other)))

        return gives

    def _case(self, element: Any) -> Gives:
        subject = None if element.value is None else self.value(element.value)
        whens = []
        for when, then in element.whens:
            asked = self.condition(when) if subject is None else self._equals(subject, self.value(when))
            whens.append((asked, self.value(then)))
        otherwise: Gives = (lambda *_: None) if element.else_ is None else self.value(element.else_)
        return lambda *at: next((then for when, then in whens if when(*at) is True), otherwise)(*at)

    @staticmethod
    def _equals(subject: Gives, value: Gives) -> Callable[[Frames, Caller], bool | None]:
        return lambda *at: compare(operator.eq, subject(*at), value(*at))

    def _function(self, element: Any) -> Gives:
        name = str(getattr(element, "name", "")).lower()
        if getattr(element, "packagenames", ()) or name not in FUNCTIONS:
            raise Beyond
        given = [self.value(each) for each in element.clauses]
        apply = FUNCTIONS[name]
        return lambda *at: apply([each(*at) for each in given])


def table_of(table: Any) -> Table:
    """Return the table that an alias stands for, or the table itself."""
    while isinstance(table, AliasedReturnsRows):
        table = bare(table.element)
    assert isinstance(table, Table)
    return table


def _is_bent(type_: TypeEngine[Any]) -> bool:
    """Say whether a collation decides which texts are equal."""
    return isinstance(type_, String) and not isinstance(type_, Enum) and type_.collation is not None


def _is_padded(type_: TypeEngine[Any], sqlite: bool) -> bool:
    return not sqlite and isinstance(type_, CHAR | NCHAR)
