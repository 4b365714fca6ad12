"""Moments: RFC 3339 on the outside, UTC within.

Any offset is accepted and turned to UTC; text without one is refused, since it names no moment. A leap second (`:60`)
is refused: neither database can hold one, and any other second would be a different moment. So are more than six
digits after the point, which would be lost, and moments outside of the years 1 to 9999 in UTC. `-00:00` is UTC.
Letters may be of either case.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import DateTime, String
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import DATE_PARTS, ORDER, FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9])"
)


def moment_of(text: str) -> datetime:
    """Return the moment that `text` names, in UTC. Raises as `refuse` does."""
    if _MOMENT.fullmatch(text) is None:
        raise refuse("bad_format")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refuse("bad_format") from None


def in_utc(value: datetime) -> datetime:
    """Return a moment from the database in UTC; one without a zone is in UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _naive(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None)


def _freeze(value: datetime) -> str:
    return value.isoformat()


def spellings(text: str) -> tuple[str, str]:
    """Return the shortest and the longest text of the moment that `text` spells with six digits after the point.

    Every other way of writing fewer digits lies between the two in SQLite's order of texts.
    """
    return text.rstrip("0").removesuffix("."), text


def _spellings(value: datetime) -> tuple[str, str]:
    return spellings(value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"))


def refuse_finer(microsecond: int, digits: int | None) -> None:
    """Refuse what a column of `digits` digits after the point would round."""
    if digits is not None and digits < 6 and microsecond % 10 ** (6 - digits):
        raise refuse(
            "bad_format",
            expected=f"seconds with at most {digits} digits after the point",
            expected_zh=f"秒的小数部分最多 {digits} 位",
        )


def _moment(sqltype: DateTime, place: Place) -> FieldType:
    # SQLite compares the stored text, where `12:00:00` (CURRENT_TIMESTAMP) and `12:00:00.000000` differ: only the text
    # itself tells where a row stands in the order.
    as_text = place.database == "sqlite"
    digits = None if as_text else getattr(sqltype, "precision", None)

    def parse(text: str) -> datetime:
        value = moment_of(text)
        refuse_finer(value.microsecond, digits)
        return value

    def read(value: Any) -> datetime:
        if not isinstance(value, str):
            raise refuse("wrong_type")
        return parse(value)

    return FieldType(
        name="datetime",
        phrase=Text(
            "a date and time with offset (2026-05-31T12:00:00Z)", "带时区偏移的日期时间（2026-05-31T12:00:00Z）"
        ),
        schema={"type": "string", "format": "date-time"},
        example="2026-05-31T12:00:00Z",
        annotation=Annotated[datetime, PlainValidator(read)],
        parse=parse,
        struct=datetime,
        operators=ORDER,
        wire=in_utc,
        store=None if place.decorated or (sqltype.timezone and not as_text) else _naive,
        cursor_type=String() if as_text else None,
        freeze=str if as_text else _freeze,
        thaw=str if as_text else datetime.fromisoformat,
        spellings=_spellings if as_text and not place.decorated else None,
        parts=DATE_PARTS,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, DateTime)


DATETIME = FieldKind("datetime", _matches, _moment)
