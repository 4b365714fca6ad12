"""Whole numbers, exact within the bits of the column."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict
from sqlalchemy import Integer
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import ORDER, Adding, FieldKind, FieldType, Place, Sums
from meze.resources.fields.refusal import refuse

# Possessive: many zeros before what is no digit must not be tried over again, each with one zero less.
_DIGITS = re.compile(r"(-?)(?=[0-9])0*+([0-9]*)")
_LONGEST = 19
"""Digits of the greatest 64-bit number. Longer texts are never given to int(), whose time grows with their square."""


def _integer(sqltype: Integer, place: Place) -> FieldType:
    bits = place.integer_bits(sqltype)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def parse(text: str) -> int:
        match = _DIGITS.fullmatch(text)
        if match is None:
            raise refuse("bad_format")
        sign, digits = match.groups()
        number = int(sign + (digits or "0")) if len(digits) <= _LONGEST else None
        if number is not None and low <= number <= high:
            return number
        raise refuse("too_small", min=low) if sign else refuse("too_big", max=high)

    return FieldType(
        name="integer",
        phrase=Text("a whole number", "整数"),
        schema={"type": "integer", "format": f"int{bits}", "minimum": low, "maximum": high},
        example=42,
        annotation=Annotated[int, Strict(), Field(ge=low, le=high), BeforeValidator(_whole)],
        parse=parse,
        struct=int,
        operators=ORDER,
        sums=Sums(Adding.WHOLE),
    )


def _whole(value: Any) -> Any:
    """Let 1.0 and 1e2 be whole numbers, as in JSON Schema; their size is looked at before they are written out."""
    if (
        type(value) is Decimal
        and value.is_finite()
        and value.adjusted() < _LONGEST
        and value == value.to_integral_value()
    ):
        return int(value)
    return value


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Integer)


INTEGER = FieldKind("integer", _matches, _integer)
