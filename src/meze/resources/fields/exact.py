"""The column type `meze.Exact`: decimals that are exact on every database.

SQLite has no decimal type, and its NUMERIC is binary floating point. `Exact` stores the number of smallest units there
(12.50 at scale 2 as 1250), so equality, order, sums and differences are exact. PostgreSQL gets plain NUMERIC.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Numeric, TypeDecorator
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeEngine

_WIDEST = 18
"""Every number of so many digits fits 64 bits."""
_UNITS = Context(prec=40, traps=[Inexact])
_KEEPS_UNIT = frozenset(
    {operators.add, operators.sub, operators.mul, operators.truediv, operators.floordiv, operators.mod}
)


class Exact(TypeDecorator[Decimal]):
    """A decimal of at most `precision` digits (up to 18), `scale` of them after the point: `Exact(12, 2)`.

    In expressions it may be compared with, added to and subtracted from decimals, whole numbers and columns of the
    same scale, and multiplied by whole numbers. Division, and multiplication by fractions, would mean something else
    on SQLite, and are refused. SQL written by hand (`server_default`, `text()`) meets the stored units on SQLite.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        if not 0 <= scale <= precision <= _WIDEST or precision < 1:
            raise ValueError(
                f"Exact({precision}, {scale}): need 0 <= scale <= precision, and precision from 1 to {_WIDEST}."
            )
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale
        self.asdecimal = True

    def __repr__(self) -> str:
        return f"Exact({self.precision}, {self.scale})"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(
            BigInteger() if dialect.name == "sqlite" else Numeric(self.precision, self.scale)
        )

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        units = self._units(value)
        return units if dialect.name == "sqlite" else Decimal(units).scaleb(-self.scale, _UNITS)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value).scaleb(-self.scale, _UNITS) if dialect.name == "sqlite" else Decimal(value)

    def process_literal_param(self, value: Any, dialect: Dialect) -> str:
        return str(self.process_bind_param(value, dialect))

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Bind the other operand in the same units, save the whole number that multiplies them."""
        if op in (operators.add, operators.sub) or op not in _KEEPS_UNIT:
            return self
        if op is operators.mul and type(value) is int:
            return Integer()
        raise TypeError(
            f"An {self!r} column can only be multiplied by whole numbers, and not divided, in SQL; do that in Python."
        )

    def _units(self, value: Any) -> int:
        """Return the number of smallest units, for which `value` must be finite, fine enough and in range.

        Raises:
            ValueError: it is not.
        """
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            raise ValueError(f"{self!r} takes Decimal and int, not {type(value).__name__}.")
        number = Decimal(value)
        if number.is_finite() and number.adjusted() < self.precision:
            units = number.scaleb(self.scale, Context(prec=_UNITS.prec))
            if units == units.to_integral_value() and abs(units) < 10**self.precision:
                return int(units)
        raise ValueError(f"{value} does not fit {self!r}.")
