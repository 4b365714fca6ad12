"""Times of day, without day or zone. Seconds may be left out on the way in."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import String, Time
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import ORDER, FieldKind, FieldType, Place, Unservable
from meze.resources.fields.moment import refuse_finer, spellings
from meze.resources.fields.refusal import refuse

_PATTERN = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_TIME = re.compile(_PATTERN)


def _time(sqltype: Time, place: Place) -> FieldType:
    if sqltype.timezone:
        raise Unservable(
            f"is {sqltype!r}, and a time of day with an offset but no day names no moment",
            "Use DateTime(timezone=True) for moments, or Time() for the time on a clock.",
        )
    as_text = place.database == "sqlite"
    digits = None if as_text else getattr(sqltype, "precision", None)

    def parse(text: str) -> time:
        if _TIME.fullmatch(text) is None:
            raise refuse("bad_format")
        value = time.fromisoformat(text)
        refuse_finer(value.microsecond, digits)
        return value

    def read(value: Any) -> time:
        if not isinstance(value, str):
            raise refuse("wrong_type")
        return parse(value)

    return FieldType(
        name="time",
        phrase=Text("a time of day (HH:MM:SS)", "时间（HH:MM:SS）"),
        # JSON Schema's format "time" wants an offset.
        schema={"type": "string", "pattern": f"^{_PATTERN}$"},
        example="12:30:00",
        annotation=Annotated[time, PlainValidator(read)],
        parse=parse,
        struct=time,
        operators=ORDER,
        cursor_type=String() if as_text else None,
        freeze=str if as_text else time.isoformat,
        thaw=str if as_text else time.fromisoformat,
        spellings=_spellings if as_text and not place.decorated else None,
    )


def _spellings(value: time) -> tuple[str, str]:
    return spellings(value.isoformat("microseconds"))


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Time)


TIME = FieldKind("time", _matches, _time)
