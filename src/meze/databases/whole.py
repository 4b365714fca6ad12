"""Whole numbers beyond 64 bits: what sums and averages of 64-bit numbers come to, exactly, on every database.

PostgreSQL has NUMERIC. SQLite has nothing so wide, so there such a number is sixteen bytes whose order is that of the
numbers; two functions of ours make them, called once for each group and never for each row.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, LargeBinary, Numeric, TypeDecorator
from sqlalchemy.types import TypeEngine

BYTES = 16
_ZERO = 1 << (8 * BYTES - 1)
"""What is added to a number, so that negative ones stand before the others."""
HALF_BITS = 32
"""SQLite adds up the upper and the lower half of each number apart, so neither sum overflows in 2³¹ rows."""


class Whole(TypeDecorator[int]):
    """The type of such a number in SQL. NaN and infinity, which PostgreSQL's NUMERIC can hold, are read as None."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return _packed(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return int.from_bytes(value, "big") - _ZERO
        return int(value) if Decimal(value).is_finite() else None


def total(upper: int | None, lower: int | None) -> bytes | None:
    """Return the sum whose halves were added up apart; None where there was nothing to add."""
    return None if upper is None or lower is None else _packed((upper << HALF_BITS) + lower)


def mean(upper: int | None, lower: int | None, count: int, factor: int) -> bytes | None:
    """Return the average times `factor` as the nearest whole number; of two alike, the one farther from zero."""
    if upper is None or lower is None:
        return None
    number = ((upper << HALF_BITS) + lower) * factor
    nearest = (2 * abs(number) + count) // (2 * count)
    return _packed(-nearest if number < 0 else nearest)


def _packed(number: int) -> bytes:
    return (number + _ZERO).to_bytes(BYTES, "big")
