"""What can be said of many rows at once: each function is a row of FUNCTIONS, each part of a date a row of PARTS.

A function turns a column into SQL, and says how what comes of it is written. Sums and averages of whole numbers and
decimals are exact, so both databases answer alike to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, Numeric, cast, distinct, func, type_coerce
from sqlalchemy.types import TypeEngine

from meze.databases.aggregates import Aggregates
from meze.errors import BadValue, Text
from meze.query.values import bad_value
from meze.resources.fields import FieldType
from meze.resources.fields.field_type import Adding, unchanged

FINER = 6
"""How many digits an average has beyond those of the column."""
FREE_DIGITS = 16
"""How many digits after the point an average has where the column sets no scale."""
_GREATEST = 2**63 - 1

Lower = Callable[[ColumnElement[Any], FieldType, Aggregates], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Answered:
    """How values are written in an answer and kept in a cursor: `wire`, `freeze`, `thaw` and `cursor_type` are as those
    of a FieldType. `schema` leaves null out."""

    schema: Mapping[str, Any]
    example: Any
    wire: Callable[[Any], Any] | None = None
    freeze: Callable[[Any], Any] = unchanged
    thaw: Callable[[Any], Any] = unchanged
    cursor_type: TypeEngine[Any] | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` says which fields it is for, `taking` says so in words. `nullable`: of no values it is null."""

    name: str
    phrase: Text
    taking: Text
    takes: Callable[[FieldType], bool]
    lower: Lower
    answered: Callable[[FieldType, str], Answered]
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a date. What it is of a moment is that of the moment in UTC."""

    name: str
    phrase: Text
    answered: Answered


def groupable(type_: FieldType) -> bool:
    """Say whether rows can be put together by such a field: its values have an order."""
    return type_.sortable


def spelt_once(column: ColumnElement[Any], type_: FieldType, aggregates: Aggregates) -> ColumnElement[Any]:
    """Return a column so that values which are shown alike are equal, whatever the database keeps of them."""
    if type_.sums is not None and type_.sums.doubles:
        return aggregates.units(column, type_.sums.scale, doubles=True)
    if type_.spellings is not None:
        return aggregates.one_spelling(column, type_.name)
    return column


def group_answered(type_: FieldType, part: str | None) -> Answered:
    """Return how the value of a group is written, as `spelt_once` or the part of a date selected it."""
    if part is not None:
        return PARTS[part].answered
    if type_.sums is not None and type_.sums.doubles:
        return _decimal(type_.sums.scale)
    return _as_field(type_)


def _as_field(type_: FieldType, _name: str = "") -> Answered:
    return Answered(type_.schema, type_.example, type_.wire, type_.freeze, type_.thaw, type_.cursor_type)


def _count(_type: FieldType | None, _name: str) -> Answered:
    return COUNTED


def _summed(type_: FieldType, name: str) -> Answered:
    assert type_.sums is not None
    match type_.sums.adding:
        case Adding.WHOLE:
            schema = {"type": "integer", "format": "int64"}
            return Answered(schema, 42, lambda number: _within_64_bits(number, name))
        case Adding.DECIMAL:
            return _decimal(type_.sums.scale)
        case Adding.FREE:
            return Answered(_decimal(0).schema, "42.5", type_.wire, type_.freeze, type_.thaw)
        case Adding.FLOAT:
            return _float(name)


def _averaged(type_: FieldType, name: str) -> Answered:
    assert type_.sums is not None
    match type_.sums.adding:
        case Adding.FLOAT:
            return _float(name)
        case Adding.FREE:
            return _decimal(FREE_DIGITS)
        case _:
            return _decimal(type_.sums.scale + FINER)


def _sum(column: ColumnElement[Any], type_: FieldType, aggregates: Aggregates) -> ColumnElement[Any]:
    assert type_.sums is not None
    match type_.sums.adding:
        case Adding.FLOAT:
            return func.sum(cast(column, Double()))
        case Adding.FREE:
            return func.sum(type_coerce(column, Numeric()))
        case _:
            return aggregates.sum(aggregates.units(column, type_.sums.scale, doubles=type_.sums.doubles))


def _avg(column: ColumnElement[Any], type_: FieldType, aggregates: Aggregates) -> ColumnElement[Any]:
    assert type_.sums is not None
    if type_.sums.adding is Adding.FLOAT:
        return func.avg(cast(column, Double()), type_=Double())
    digits = FREE_DIGITS if type_.sums.adding is Adding.FREE else FINER
    return aggregates.mean(aggregates.units(column, type_.sums.scale, doubles=type_.sums.doubles), digits)


def _decimal(scale: int) -> Answered:
    """Return how a number of smallest units is written as a decimal."""
    after = f"\\.[0-9]{{{scale}}}" if scale else ""
    schema = {"type": "string", "format": "decimal", "pattern": f"^-?[0-9]+{after}$"}
    return Answered(schema, _decimal_text(425 * 10**scale // 10, scale), lambda units: _decimal_text(units, scale))


def _decimal_text(units: int, scale: int) -> str:
    whole, after = divmod(abs(units), 10**scale)
    return ("-" if units < 0 else "") + (f"{whole}.{after:0{scale}d}" if scale else str(whole))


def _float(name: str) -> Answered:
    schema = {"type": "number", "format": "double"}
    return Answered(schema, 42.5, lambda number: _finite(number, name), float.hex, float.fromhex)


def _within_64_bits(number: int, name: str) -> int:
    if -_GREATEST - 1 <= number <= _GREATEST:
        return number
    raise too_big(name)


def _finite(number: float, name: str) -> float | None:
    if math.isinf(number):
        raise too_big(name)
    return None if math.isnan(number) else float(number)


def too_big(name: str) -> BadValue:
    """Return the error for a sum that no number of its kind can say."""
    text = Text("'{name}' is greater than its type can hold.", "“{name}”的结果超出了其类型的范围。")
    return bad_value("aggregate", text, "too_big", name=name)


COUNTED = Answered({"type": "integer", "minimum": 0}, 42)
"""How a count is written, also that of the rows themselves."""

_ANY = Text("any field; without one it counts the rows", "任何字段；不写字段时统计行数")
_NUMBERS = Text("numbers and decimals", "数字与小数")
_ORDERED = Text(
    "numbers, decimals, text, dates, moments, times and durations", "数字、小数、文本、日期、日期时间、时间与时长"
)
_SORTED = Text("fields that rows can be sorted by", "可用于排序的字段")


def _has_order(type_: FieldType) -> bool:
    # PostgreSQL has no least UUID before version 18.
    return "lt" in type_.operators and type_.name != "uuid"


_ROWS = (
    Function(
        "count",
        Text("how many have a value", "有值的个数"),
        _ANY,
        lambda _: True,
        lambda column, _type, _aggregates: func.count(column),
        _count,
        nullable=False,
    ),
    Function(
        "count_distinct",
        Text("how many different values there are", "不同值的个数"),
        _SORTED,
        groupable,
        lambda column, type_, aggregates: func.count(distinct(spelt_once(column, type_, aggregates))),
        _count,
        nullable=False,
    ),
    Function("sum", Text("the sum", "总和"), _NUMBERS, lambda type_: type_.sums is not None, _sum, _summed),
    Function("avg", Text("the average", "平均值"), _NUMBERS, lambda type_: type_.sums is not None, _avg, _averaged),
    Function(
        "min",
        Text("the least value", "最小值"),
        _ORDERED,
        _has_order,
        lambda column, _type, _aggregates: func.min(column),
        _as_field,
    ),
    Function(
        "max",
        Text("the greatest value", "最大值"),
        _ORDERED,
        _has_order,
        lambda column, _type, _aggregates: func.max(column),
        _as_field,
    ),
)

FUNCTIONS: Mapping[str, Function] = {row.name: row for row in _ROWS}
"""Every function by its name in a URL."""

_PART_ROWS = (
    Part("year", Text("the year", "年"), Answered({"type": "integer"}, 2024)),
    Part("month", Text("the month", "月"), Answered({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}, "2024-05")),
    Part("day", Text("the day", "日"), Answered({"type": "string", "format": "date"}, "2024-05-31")),
)

PARTS: Mapping[str, Part] = {row.name: row for row in _PART_ROWS}
"""Every part of a date by its name in a URL."""
