"""The operators of filters: each a row of OPERATORS.

An operator turns a column and its operands into SQL. `prepare` is what happens to a value in Python before it is bound
(folding and escaping, for the three that look inside a text).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, not_, or_

from meze.errors import Text

Fold = Callable[[ColumnElement[Any]], ColumnElement[Any]]
FoldValue = Callable[[str], str]
Bind = BindParameter[Any]

GROUP = 50


@dataclass(frozen=True, slots=True)
class Bound:
    """One operand: the least and the greatest form that means its value, the same where a value has one form only."""

    low: Bind
    high: Bind


Lower = Callable[[ColumnElement[Any], Sequence[Bound], Fold], ColumnElement[bool]]


class Operand(Enum):
    """What an operator is given: one value, a list of them, or `true`/`false`."""

    ONE = "one"
    MANY = "many"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Operator:
    """`includes_null` operators hold for a NULL too: they are the opposite of one that does not."""

    name: str
    phrase: Text
    operand: Operand
    lower: Lower
    prepare: Callable[[str, FoldValue], str] | None = None
    includes_null: bool = False


def _or_null(condition: ColumnElement[bool], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(condition, column.is_(None))


def _equal(column: ColumnElement[Any], bound: Bound) -> ColumnElement[bool]:
    return column == bound.low if bound.low is bound.high else column.between(bound.low, bound.high)


def _among(column: ColumnElement[Any], bounds: Sequence[Bound]) -> ColumnElement[bool]:
    if all(bound.low is bound.high for bound in bounds):
        return column.in_([bound.low for bound in bounds])
    parts = [_equal(column, bound) for bound in bounds]
    # A plain OR of many is a chain, and a database may limit how deep an expression is. An OR of ORs would be made one
    # again by SQLAlchemy; NOT (NOT (a OR b) AND NOT (c OR d)) says the same, of NULL too.
    groups = (or_(*parts[at : at + GROUP]) for at in range(0, len(parts), GROUP))
    return not_(and_(*(not_(group) for group in groups)))


def _matches(column: ColumnElement[Any], pattern: Sequence[Bound], fold: Fold) -> ColumnElement[bool]:
    return fold(column).like(pattern[0].low, escape="\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _contains(text: str, fold: FoldValue) -> str:
    return f"%{_escaped(fold(text))}%"


def _startswith(text: str, fold: FoldValue) -> str:
    return f"{_escaped(fold(text))}%"


def _endswith(text: str, fold: FoldValue) -> str:
    return f"%{_escaped(fold(text))}"


_ROWS = (
    Operator("eq", Text("is", "等于"), Operand.ONE, lambda c, v, _: _equal(c, v[0])),
    Operator(
        "ne",
        Text("is not", "不等于"),
        Operand.ONE,
        lambda c, v, _: _or_null(not_(_equal(c, v[0])), c),
        includes_null=True,
    ),
    Operator("lt", Text("is less than", "小于"), Operand.ONE, lambda c, v, _: c < v[0].low),
    Operator("lte", Text("is at most", "不大于"), Operand.ONE, lambda c, v, _: c <= v[0].high),
    Operator("gt", Text("is greater than", "大于"), Operand.ONE, lambda c, v, _: c > v[0].high),
    Operator("gte", Text("is at least", "不小于"), Operand.ONE, lambda c, v, _: c >= v[0].low),
    Operator("in", Text("is one of", "属于"), Operand.MANY, lambda c, v, _: _among(c, v)),
    Operator(
        "not_in",
        Text("is none of", "不属于"),
        Operand.MANY,
        lambda c, v, _: _or_null(not_(_among(c, v)), c),
        includes_null=True,
    ),
    Operator("isnull", Text("has no value", "为空"), Operand.FLAG, lambda c, _v, _: c.is_(None), includes_null=True),
    Operator("contains", Text("holds, in any letter case", "包含（不分大小写）"), Operand.ONE, _matches, _contains),
    Operator(
        "startswith",
        Text("starts with, in any letter case", "开头为（不分大小写）"),
        Operand.ONE,
        _matches,
        _startswith,
    ),
    Operator(
        "endswith", Text("ends with, in any letter case", "结尾为（不分大小写）"), Operand.ONE, _matches, _endswith
    ),
)

OPERATORS: Mapping[str, Operator] = {row.name: row for row in _ROWS}
"""Every operator by its name in a URL."""
