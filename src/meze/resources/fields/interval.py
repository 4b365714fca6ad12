"""Spans of time: ISO 8601 durations of weeks, days, hours, minutes and seconds.

Years and months are refused, since their length depends on where they begin. A minus before the P is read and written.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import Interval, String
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import ORDER, FieldKind, FieldType, Place, Unservable
from meze.resources.fields.moment import refuse_finer
from meze.resources.fields.refusal import refuse

_CLOCK = r"(?:T(?=[0-9])(?:[0-9]{1,5}H)?(?:[0-9]{1,6}M)?(?:[0-9]{1,8}(?:\.[0-9]{1,6})?S)?)?"
_WRITTEN = rf"-?P(?:[0-9]{{1,5}}W|(?=T?[0-9])(?:[0-9]{{1,6}}D)?{_CLOCK})"
_SAFELY_IN_RANGE = _WRITTEN.replace("[0-9]{1,6}D", "[0-6]?[0-9]{1,5}D")

_GREATEST = timedelta(days=719_000)
"""SQLAlchemy stores a span on SQLite as a moment counted from 1970, which is 719,162 days after the year 1 began.
PostgreSQL gets the same bound."""

_DURATION = re.compile(_WRITTEN)
_PARTS = re.compile(r"([0-9]+)(?:\.([0-9]+))?([WDHMS])")
_UNITS = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


def _parse(text: str) -> timedelta:
    if _DURATION.fullmatch(text) is None:
        raise refuse("bad_format")
    span = timedelta()
    for whole, fraction, unit in _PARTS.findall(text):
        span += timedelta(**{_UNITS[unit]: int(whole)}) + timedelta(microseconds=int(fraction.ljust(6, "0")))
    if span > _GREATEST:
        limit = write(_GREATEST)
        raise refuse("too_small", min=f"-{limit}") if text.startswith("-") else refuse("too_big", max=limit)
    return -span if text.startswith("-") else span


def write(span: timedelta) -> str:
    """Return the duration in its shortest spelling, such as `P1DT2H30M` or `-PT0.5S`."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    day = f"{span.days}D" if span.days else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if span.microseconds:
        clock += f"{seconds}.{span.microseconds:06d}".rstrip("0") + "S"
    elif seconds:
        clock += f"{seconds}S"
    if not day and not clock:
        return "PT0S"
    return f"{sign}P{day}" + (f"T{clock}" if clock else "")


def _freeze(span: timedelta) -> list[int]:
    return [span.days, span.seconds, span.microseconds]


def _thaw(parts: list[int]) -> timedelta:
    return timedelta(*parts)


def _interval(sqltype: Any, place: Place) -> FieldType:
    if getattr(sqltype, "fields", None):
        raise Unservable(
            f"is {sqltype!r}, which keeps only a part of a span",
            "Use Interval() without fields.",
        )
    as_text = place.database == "sqlite"
    named = sqltype.second_precision if isinstance(sqltype, Interval) else sqltype.precision
    digits = None if as_text else named

    def parse(text: str) -> timedelta:
        span = _parse(text)
        refuse_finer(span.microseconds, digits)
        return span

    def read(value: Any) -> timedelta:
        if not isinstance(value, str):
            raise refuse("wrong_type")
        return parse(value)

    return FieldType(
        name="interval",
        phrase=Text("a duration (P1DT2H30M)", "时长（P1DT2H30M）"),
        # JSON Schema's format "duration" has no fractions of seconds.
        schema={"type": "string", "pattern": f"^{_WRITTEN}$"},
        body_schema={"type": "string", "pattern": f"^{_SAFELY_IN_RANGE}$"},
        example="P1DT2H30M",
        annotation=Annotated[timedelta, PlainValidator(read)],
        parse=parse,
        struct=str,
        operators=ORDER,
        wire=write,
        cursor_type=String() if as_text else None,
        freeze=str if as_text else _freeze,
        thaw=str if as_text else _thaw,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    # PostgreSQL's own INTERVAL by its name: importing its dialects takes a tenth of a second that SQLite does not need.
    return isinstance(sqltype, Interval) or sqltype.__visit_name__ == "INTERVAL"


INTERVAL = FieldKind("interval", _matches, _interval)
