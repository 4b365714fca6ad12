"""How the values of columns are written in JSON, in URLs and in cursors: one file for each kind, one row for each."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Interval,
    LargeBinary,
    Numeric,
    PickleType,
    Text,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.types import NullType, TypeEngine

from meze.errors import Mistake
from meze.resources.fields.array import ARRAY_KIND
from meze.resources.fields.binary import BINARY_KIND
from meze.resources.fields.boolean import BOOLEAN
from meze.resources.fields.date import DATE
from meze.resources.fields.decimal import DECIMAL
from meze.resources.fields.enum import ENUM
from meze.resources.fields.exact import Exact
from meze.resources.fields.field_type import FieldKind, FieldType, Place, Unservable
from meze.resources.fields.floating import FLOAT
from meze.resources.fields.integer import INTEGER
from meze.resources.fields.interval import INTERVAL
from meze.resources.fields.json import JSON_KIND
from meze.resources.fields.moment import DATETIME
from meze.resources.fields.refusal import entry_for, parameter_entry
from meze.resources.fields.text import TEXT
from meze.resources.fields.time import TIME
from meze.resources.fields.uuid import UUID_KIND

__all__ = ["FIELD_TYPES", "Exact", "FieldKind", "FieldType", "entry_for", "field_type", "parameter_entry"]

FIELD_TYPES: tuple[FieldKind, ...] = (
    INTEGER,
    BOOLEAN,
    ENUM,
    TEXT,
    FLOAT,
    DECIMAL,
    DATE,
    DATETIME,
    TIME,
    INTERVAL,
    UUID_KIND,
    JSON_KIND,
    BINARY_KIND,
    ARRAY_KIND,
)
"""Every kind of value; the first that matches a column's type is its kind."""

_BY_PYTHON_TYPE: dict[type, TypeEngine[Any]] = {
    bool: Boolean(),
    int: BigInteger(),
    str: Text(),
    bytes: LargeBinary(),
    float: Float(),
    decimal.Decimal: Numeric(),
    datetime.datetime: DateTime(timezone=True),
    datetime.date: Date(),
    datetime.time: Time(),
    datetime.timedelta: Interval(),
    uuid.UUID: Uuid(),
    dict: JSON(),
    list: JSON(),
}
"""The plain type that stands for a TypeDecorator which says its `python_type`."""


def field_type(column: Column[Any], integer_bits: Callable[[TypeEngine[Any]], int], database: str) -> FieldType:
    """Return how the values of `column` are written; `database` is the name of the database that it is in.

    Raises:
        Mistake: no kind fits the column's type.
    """
    try:
        return _make(column.type, Place(database, integer_bits, _make))
    except Unservable as reason:
        raise Mistake(f"The column {column.table.name}.{column.name} {reason.cause}.", reason.remedy) from None


def _make(sqltype: TypeEngine[Any], place: Place) -> FieldType:
    sqltype = sqltype._variant_mapping.get(place.database, sqltype)
    for kind in FIELD_TYPES:
        if kind.matches(sqltype):
            return kind.make(sqltype, place)
    if isinstance(sqltype, PickleType):
        raise Unservable("holds pickles, which run code when they are read and are Python's alone", "Use JSON.")
    if isinstance(sqltype, TypeDecorator):
        return _decorated(sqltype, place)
    data_type = getattr(sqltype, "data_type", None)
    if isinstance(data_type, TypeEngine):
        return _make(data_type, place)  # a DOMAIN of PostgreSQL
    raise Unservable(
        f"is {sqltype!r}, and Meze does not know how to write that in JSON",
        "Use one of SQLAlchemy's plain types (Integer, String, Numeric, Date, DateTime, Uuid, JSON, …), or a "
        "TypeDecorator whose impl is one of them.",
    )


def _decorated(sqltype: TypeDecorator[Any], place: Place) -> FieldType:
    """Serve a TypeDecorator as what it stores, or as its `python_type` where its class says one.

    The cursor reads what is stored: that is what the order depends on.
    """
    stored = sqltype.impl_instance
    shown = stored
    if type(sqltype).python_type is not TypeDecorator.python_type:
        shown = _BY_PYTHON_TYPE.get(sqltype.python_type, NullType())
    inner = replace(place, decorated=True)
    under = _make(stored, inner)
    made = under if shown is stored else _make(shown, inner)
    return replace(
        made,
        shortcut=None,
        cursor_type=under.cursor_type or stored,
        freeze=under.freeze,
        thaw=under.thaw,
        # What the database adds up is what is stored, and only the decorator knows what that means.
        sums=None,
        parts=made.parts if under.parts else (),
    )
