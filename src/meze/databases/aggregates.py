"""What databases do differently when they add up, and when they put moments together by year, month or day."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import ColumnElement, Float, Integer, Numeric, String, cast, func, literal_column, type_coerce

from meze.databases.whole import HALF_BITS, Whole

PART_CHARACTERS = {"year": 4, "month": 7, "day": 10}
"""How much of `2024-05-31` says each part of a date."""
_PART_FORMATS = {"year": "YYYY", "month": "YYYY-MM", "day": "YYYY-MM-DD"}
_MOMENT_CHARACTERS = {"datetime": 26, "time": 15}


class Aggregates(Protocol):
    """Expressions over the rows of a group. What adds up is whole numbers, of the smallest units of a column."""

    def units(self, column: ColumnElement[Any], scale: int, *, doubles: bool) -> ColumnElement[Any]:
        """Return a number of `scale` digits after the point as the number of its smallest units.

        `doubles`: the column is a decimal that the database keeps as binary floating point.
        """
        ...

    def sum(self, units: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the sum, of the type Whole; NULL of nothing."""
        ...

    def mean(self, units: ColumnElement[Any], digits: int) -> ColumnElement[Any]:
        """Return the average in units `digits` digits finer, of the type Whole, rounded half away from zero."""
        ...

    def part(self, column: ColumnElement[Any], part: str) -> ColumnElement[Any]:
        """Return a part of a date or of a moment in UTC: 2024 as a number, `2024-05` or `2024-05-31` as text."""
        ...

    def one_spelling(self, column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        """Return a `datetime` or `time` in one form only, where the database keeps several texts of one moment."""
        ...


def _constant(number: int) -> ColumnElement[Any]:
    """Return a number as it stands in the SQL: as a bind, an expression in GROUP BY would not be the selected one."""
    return literal_column(str(number), type_=Numeric())


class SQLiteAggregates:
    """Over 64-bit integers, doubles and texts."""

    def units(self, column: ColumnElement[Any], scale: int, *, doubles: bool) -> ColumnElement[Any]:
        if not doubles:
            return type_coerce(column, Integer())
        # A double holds at most 15 digits here, so the product is nearer to its whole number than to any other.
        moved = type_coerce(column, Float()) * literal_column(f"{10**scale}.0", type_=Float())
        return cast(func.round(moved), Integer())

    def sum(self, units: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.meze_total(*_halves(units), type_=Whole())

    def mean(self, units: ColumnElement[Any], digits: int) -> ColumnElement[Any]:
        return func.meze_mean(*_halves(units), func.count(units), literal_column(str(10**digits)), type_=Whole())

    def part(self, column: ColumnElement[Any], part: str) -> ColumnElement[Any]:
        text = func.substr(
            type_coerce(column, String()), literal_column("1"), literal_column(str(PART_CHARACTERS[part]))
        )
        return cast(text, Integer()) if part == "year" else type_coerce(text, String())

    def one_spelling(self, column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        text: ColumnElement[Any] = type_coerce(column, String())
        zeros = func.substr(
            literal_column("'.000000'"), func.iif(func.instr(text, literal_column("'.'")) > literal_column("0"), 2, 1)
        )
        filled = func.substr(text.concat(zeros), literal_column("1"), literal_column(str(_MOMENT_CHARACTERS[kind])))
        return type_coerce(filled, column.type)


def _halves(units: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    upper = units.op(">>")(literal_column(str(HALF_BITS)))
    lower = units.op("&")(literal_column(str((1 << HALF_BITS) - 1)))
    return func.sum(upper), func.sum(lower)


class PostgreSQLAggregates:
    """Over NUMERIC, which is as wide as it has to be."""

    def units(self, column: ColumnElement[Any], scale: int, *, doubles: bool) -> ColumnElement[Any]:
        assert not doubles, "PostgreSQL keeps decimals as decimals"
        number = type_coerce(column, Numeric())
        return number * _constant(10**scale) if scale else number

    def sum(self, units: ColumnElement[Any]) -> ColumnElement[Any]:
        return type_coerce(func.sum(units), Whole())

    def mean(self, units: ColumnElement[Any], digits: int) -> ColumnElement[Any]:
        # A quotient of NUMERIC is rounded somewhere; `div` is exact.
        total = cast(func.sum(units), Numeric())
        count = func.count(units)
        doubled = total * _constant(2 * 10**digits) + func.sign(total) * count
        return type_coerce(func.div(doubled, count * _constant(2)), Whole())

    def part(self, column: ColumnElement[Any], part: str) -> ColumnElement[Any]:
        # Every connection is set to UTC.
        text = func.to_char(column, literal_column(f"'{_PART_FORMATS[part]}'"))
        return cast(text, Integer()) if part == "year" else type_coerce(text, String())

    def one_spelling(self, column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:  # noqa: ARG002  (has one only)
        return column
