"""One column of every kind, with a strategy for the JSON values that it takes."""

from __future__ import annotations

import base64
import enum
from dataclasses import dataclass
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy.types import TypeEngine

from meze.databases import Database
from meze.resources.fields import Exact, FieldType, field_type


class Genre(enum.Enum):
    """Names and values differ, so a test sees which of the two is written."""

    JAZZ = "jazz"
    BLUES = "the blues"


class Rank(enum.Enum):
    LOW = 1
    HIGH = 10


@dataclass(frozen=True)
class Kind:
    name: str
    sqltype: TypeEngine[Any]
    values: st.SearchStrategy[Any]
    postgresql_only: bool = False

    def __str__(self) -> str:
        return self.name


def plain_decimals(precision: int, scale: int) -> st.SearchStrategy[Any]:
    """Texts in plain notation, whole numbers, and numbers as the reader of bodies gives them."""
    units = st.integers(-(10**precision) + 1, 10**precision - 1).map(lambda number: Decimal(f"{number}E-{scale}"))
    whole = st.integers(-(10 ** (precision - scale)) + 1, 10 ** (precision - scale) - 1)
    return units | units.map(lambda number: f"{number:f}") | whole


def rfc3339(value: Any) -> str:
    return str(value.isoformat())


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=offsets).filter(lambda moment: 1 < moment.year < 9999).map(rfc3339)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
json_numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False).map(repr).map(Decimal)
json_values = st.recursive(
    st.booleans() | json_numbers | texts,
    lambda inner: st.lists(inner | st.none(), max_size=4) | st.dictionaries(texts, inner | st.none(), max_size=4),
    max_leaves=10,
)
durations = st.builds(
    "{}P{}DT{}H{}M{}.{:06d}S".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 699_999),
    st.integers(0, 99_999),
    st.integers(0, 999_999),
    st.integers(0, 99_999_999),
    st.integers(0, 999_999),
)
floats = st.floats(allow_nan=False, allow_infinity=False)
singles = st.floats(allow_nan=False, allow_infinity=False, width=32)

KINDS = [
    Kind("integer", sa.Integer(), st.integers(-(2**31), 2**31 - 1)),
    Kind("big-integer", sa.BigInteger(), st.integers(-(2**63), 2**63 - 1)),
    Kind("small-integer", sa.SmallInteger(), st.integers(-(2**15), 2**15 - 1)),
    Kind("boolean", sa.Boolean(), st.booleans()),
    Kind("text", sa.Text(), texts),
    Kind("bounded-text", sa.String(5), texts.map(lambda text: text[:5])),
    Kind("char", sa.CHAR(5), texts.map(lambda text: text[:5].rstrip(" "))),
    Kind("decimal", sa.Numeric(10, 2), plain_decimals(10, 2)),
    Kind("fifteen-digits", sa.Numeric(15, 6), plain_decimals(15, 6)),
    Kind("decimal-as-float", sa.Numeric(10, 2, asdecimal=False), plain_decimals(10, 2)),
    Kind("wide-decimal", sa.Numeric(40, 20), plain_decimals(40, 20), postgresql_only=True),
    Kind("unbounded-decimal", sa.Numeric(), plain_decimals(60, 30), postgresql_only=True),
    Kind("exact", Exact(18, 4), plain_decimals(18, 4)),
    Kind("float", sa.Float(), floats | floats.map(repr).map(Decimal) | st.integers(-(10**20), 10**20)),
    Kind("single", sa.REAL(), singles),
    Kind("date", sa.Date(), st.dates().map(rfc3339)),
    Kind("naive-moment", sa.DateTime(), moments),
    Kind("moment", sa.DateTime(timezone=True), moments),
    Kind("time", sa.Time(), st.times().map(rfc3339)),
    Kind("interval", sa.Interval(), durations),
    Kind("enum", sa.Enum(Genre), st.sampled_from([each.value for each in Genre])),
    Kind("number-enum", sa.Enum(Rank), st.sampled_from([each.value for each in Rank])),
    Kind("text-enum", sa.Enum("red", "green", name="colour"), st.sampled_from(["red", "green"])),
    Kind("uuid", sa.Uuid(), st.uuids().map(str)),
    Kind("uuid-as-text", sa.Uuid(as_uuid=False), st.uuids().map(lambda each: str(each).upper())),
    Kind("json", sa.JSON(), json_values),
    Kind("binary", sa.LargeBinary(), st.binary().map(lambda data: base64.b64encode(data).decode())),
    Kind("integers", sa.ARRAY(sa.Integer()), st.lists(st.integers(-5, 5) | st.none()), postgresql_only=True),
    Kind("texts", sa.ARRAY(sa.String(3)), st.lists(texts.map(lambda text: text[:3])), postgresql_only=True),
    Kind("moments", sa.ARRAY(sa.DateTime()), st.lists(moments | st.none()), postgresql_only=True),
    Kind("decimals", sa.ARRAY(sa.Numeric(9, 2)), st.lists(plain_decimals(9, 2)), postgresql_only=True),
]


def bits(sqltype: TypeEngine[Any]) -> int:
    """Integers as PostgreSQL has them."""
    return 64 if isinstance(sqltype, sa.BigInteger) else 16 if isinstance(sqltype, sa.SmallInteger) else 32


def table_of(sqltype: TypeEngine[Any]) -> sa.Table:
    return sa.Table("notes", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("value", sqltype))


def type_of(sqltype: TypeEngine[Any], database: Database | str) -> FieldType:
    name = database if isinstance(database, str) else database.name
    return field_type(table_of(sqltype).c.value, bits, name)


def read(kind: FieldType, value: Any) -> Any:
    """Return the Python value of a JSON value."""
    return TypeAdapter(kind.annotation).validate_python(value)
