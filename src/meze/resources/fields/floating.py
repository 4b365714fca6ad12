"""Binary floating point: JSON numbers, finite. What the database holds beyond that is answered as null."""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import REAL, Float
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import ORDER, Adding, FieldKind, FieldType, Place, Sums, Unservable
from meze.resources.fields.refusal import refuse

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST = 1100
_GREATEST = 1.7976931348623157e308
# As PostgreSQL writes it: what is answered may be sent back.
_GREATEST_SINGLE = 3.4028235e38
_SINGLE_BITS = 24


def _read(value: Any) -> float:
    if type(value) is Decimal:
        number = float(value)
    elif type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            number = -math.inf if value < 0 else math.inf
    elif type(value) is float:
        number = value
    else:
        raise refuse("wrong_type")
    if math.isnan(number):
        raise refuse("bad_format")
    if math.isinf(number):
        raise _out_of_range(number, _GREATEST)
    return number


def _parse(text: str) -> float:
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        raise refuse("bad_format")
    return _read(float(text))


def _out_of_range(number: float, greatest: float) -> Exception:
    return refuse("too_small", min=-greatest) if number < 0 else refuse("too_big", max=greatest)


def _to_single(number: float) -> float:
    """Return the nearest number that 4 bytes hold, which is what PostgreSQL's REAL would make of it."""
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        raise _out_of_range(number, _GREATEST_SINGLE) from None
    return float(rounded)


def _read_single(value: Any) -> float:
    return _to_single(_read(value))


def _parse_single(text: str) -> float:
    return _to_single(_parse(text))


def _shortest(value: float) -> float:
    """Return the number with the fewest digits that REAL holds as `value`: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return value
    exact = _to_single(value)
    return next((short for digits in range(6, 9) if _to_single(short := float(f"{exact:.{digits}g}")) == exact), exact)


def _freeze(value: float) -> str:
    return float(value).hex()


def _freeze_single(value: float) -> str:
    return _to_single(value).hex()


def _float(sqltype: Any, place: Place) -> FieldType:
    if sqltype.asdecimal:
        raise Unservable(
            f"is {sqltype!r}, whose digits are cut when it is read as Decimal",
            "Use Float() for binary floating point, or Numeric(12, 2) for exact decimals.",
        )
    single = place.database == "postgresql" and _single(sqltype)
    limits = {"minimum": -_GREATEST_SINGLE, "maximum": _GREATEST_SINGLE} if single else {}
    return FieldType(
        name="float",
        phrase=Text("a number", "数字"),
        schema={"type": "number", "format": "float" if single else "double", **limits},
        example=1.5,
        annotation=Annotated[float, PlainValidator(_read_single if single else _read)],
        parse=_parse_single if single else _parse,
        struct=float | None,
        operators=ORDER,
        wire=_shortest if single else None,
        freeze=_freeze_single if single else _freeze,
        thaw=float.fromhex,
        sums=Sums(Adding.FLOAT),
    )


def _single(sqltype: Any) -> bool:
    return isinstance(sqltype, REAL) or (sqltype.precision is not None and sqltype.precision <= _SINGLE_BITS)


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Float)


FLOAT = FieldKind("float", _matches, _float)
