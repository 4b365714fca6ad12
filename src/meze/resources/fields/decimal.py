"""Decimal numbers, exact at the scale of the column; JSON strings, since most readers of JSON make numbers binary.

On the way in numbers are accepted too, and text in plain notation; an exponent is read in a JSON number only. What does
not fit the column is refused, never rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import Float, Numeric
from sqlalchemy.types import NullType, TypeEngine

from meze.errors import Text
from meze.resources.fields.exact import Exact
from meze.resources.fields.field_type import ORDER, Adding, FieldKind, FieldType, Place, Sums, Unservable
from meze.resources.fields.refusal import refuse

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LONGEST = 1100
_FREE_DIGITS = 500
"""Digits on either side of the point where the column sets no bound."""
_SQLITE_DIGITS = 15
"""Decimal digits that survive SQLite's 8-byte floating point."""


def decimal_reader(precision: int, scale: int) -> Callable[[Any], Decimal]:
    """Return what reads a JSON value as a decimal of at most `precision` digits, `scale` of them after the point."""
    whole = precision - scale
    quantum = Decimal((0, (1,), -scale))
    exactly = Context(prec=precision + 1)
    limit = f"{exactly.subtract(Decimal((0, (1,), whole)), quantum):f}"

    def read(value: Any) -> Decimal:
        number = _number(value)
        if not number.is_finite():
            raise refuse("bad_format")
        if number and number.adjusted() >= whole:
            raise refuse("too_small", min=f"-{limit}") if number.is_signed() else refuse("too_big", max=limit)
        fitted = number.quantize(quantum, context=exactly)
        if fitted != number:
            raise refuse(
                "bad_format",
                expected=f"a decimal number with at most {scale} digits after the point",
                expected_zh=f"小数点后最多 {scale} 位的小数",
            )
        return fitted if fitted else fitted.copy_abs()

    return read


def _number(value: Any) -> Decimal:
    if isinstance(value, str):
        if len(value) > _LONGEST or _PLAIN.fullmatch(value) is None:
            raise refuse("bad_format")
        return Decimal(value)
    if type(value) is int or type(value) is Decimal:
        return Decimal(value)
    raise refuse("wrong_type")


def _unbounded(value: Any) -> Decimal:
    """Read a decimal for a column without precision, which keeps the digits that were written."""
    fitted = _read_free(value)
    number = Decimal(value) if isinstance(value, str) else fitted.normalize(Context(prec=2 * _FREE_DIGITS))
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and exponent <= 0 else number.quantize(Decimal(1), context=_WIDE)


_read_free = decimal_reader(2 * _FREE_DIGITS, _FREE_DIGITS)
_WIDE = Context(prec=2 * _FREE_DIGITS)


def _wire(notation: str) -> Callable[[Any], str | None]:
    """Return what writes a driver's number; NaN and infinity, which PostgreSQL's NUMERIC can hold, become null."""

    def write(value: Any) -> str | None:
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        return format(number if number else number.copy_abs(), notation) if number.is_finite() else None

    return write


def _doubles_written(scale: int) -> Callable[[Sequence[Any]], list[str | None]]:
    """Return what writes doubles of SQLite's as SQLAlchemy reads them: rounded to the scale of the column."""
    form = f"%.{scale}f".__mod__
    nothing = form(-0.0)
    strange = {nothing, "inf", "-inf", "nan"}

    def one(value: Any) -> str | None:
        text = None if value is None else form(value)
        if text in strange:
            return text[1:] if text == nothing else None
        return text

    def write(values: Sequence[Any]) -> list[str | None]:
        try:
            texts: list[str | None] = list(map(form, values))
        except TypeError:  # a NULL is among them
            return list(map(one, values))
        return texts if strange.isdisjoint(texts) else list(map(one, values))

    return write


def _decimal(sqltype: Any, place: Place) -> FieldType:
    stored_as_double = place.database == "sqlite" and not isinstance(sqltype, Exact)
    if stored_as_double and (sqltype.precision is None or sqltype.precision > _SQLITE_DIGITS):
        raise Unservable(
            f"is {sqltype!r}, and SQLite keeps only {_SQLITE_DIGITS} digits of a Numeric",
            "Write Numeric(12, 2) with the digits that you need, or meze.Exact(18, 2), exact on every database.",
        )
    free = sqltype.precision is None
    precision, scale = (2 * _FREE_DIGITS, _FREE_DIGITS) if free else (sqltype.precision, sqltype.scale or 0)
    read = _unbounded if free else decimal_reader(precision, scale)
    text, number = _schemas(precision, scale, free=free)
    return FieldType(
        name="decimal",
        phrase=Text("a decimal number", "小数"),
        schema=text,
        body_schema={"anyOf": [text, number]},
        example=f"{Decimal(1 if precision > scale else 0):.{2 if free else scale}f}",
        annotation=Annotated[Decimal, PlainValidator(read)],
        parse=read,
        struct=str | None,
        operators=ORDER,
        wire=_wire("f" if free else f".{scale}f"),
        shortcut=_doubles_written(scale) if stored_as_double and _is_read_at(sqltype, scale) else None,
        # What SQLite compares is the double, whose further digits are cut from the Decimal that SQLAlchemy makes of it.
        cursor_type=NullType() if stored_as_double else None,
        freeze=_freeze_double if stored_as_double else str,
        thaw=_thaw_double if stored_as_double else Decimal,
        sums=Sums(Adding.FREE) if free else Sums(Adding.DECIMAL, scale, doubles=stored_as_double),
    )


def _is_read_at(sqltype: Any, scale: int) -> bool:
    """Say whether SQLAlchemy reads a column's doubles as decimals of this scale."""
    return bool(sqltype.asdecimal) and sqltype.scale == scale and sqltype.decimal_return_scale in (None, scale)


def _schemas(precision: int, scale: int, *, free: bool) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the schema of the text and that of the number."""
    whole = precision - scale
    before = f"0*[0-9]{{1,{whole}}}" if whole > 0 else "0+"
    after = f"(\\.[0-9]{{1,{scale}}}0*)?" if scale else "(\\.0+)?"
    text = {"type": "string", "format": "decimal", "pattern": f"^-?{before}{after}$", "maxLength": _LONGEST}
    limit = 10.0**whole if whole < 300 else 1e300
    number: dict[str, Any] = {"type": "number", "exclusiveMinimum": -limit, "exclusiveMaximum": limit}
    if not free:
        number["multipleOf"] = float(f"1e-{scale}") if scale else 1
    return text, number


def _freeze_double(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def _thaw_double(value: Any) -> Any:
    return float.fromhex(value) if isinstance(value, str) else value


def _matches(sqltype: TypeEngine[Any]) -> bool:
    # SQLAlchemy 2.0 derives Float from Numeric, 2.1 does not.
    if not isinstance(sqltype, Numeric | Exact) or isinstance(sqltype, Float):
        return False
    return isinstance(sqltype, Exact) or (sqltype.scale or 0) >= 0


DECIMAL = FieldKind("decimal", _matches, _decimal)
