"""Days, without time or zone."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import Date
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import DATE_PARTS, ORDER, FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _parse(text: str) -> date:
    if _DATE.fullmatch(text) is None:
        raise refuse("bad_format")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse("bad_format") from None


def _read(value: Any) -> date:
    if not isinstance(value, str):
        raise refuse("wrong_type")
    return _parse(value)


def _date(_sqltype: Date, _place: Place) -> FieldType:
    return FieldType(
        name="date",
        phrase=Text("a date (YYYY-MM-DD)", "日期（YYYY-MM-DD）"),
        schema={"type": "string", "format": "date"},
        example="2026-05-31",
        annotation=Annotated[date, PlainValidator(_read)],
        parse=_parse,
        struct=date,
        operators=ORDER,
        freeze=date.isoformat,
        thaw=date.fromisoformat,
        parts=DATE_PARTS,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Date)


DATE = FieldKind("date", _matches, _date)
