"""What a column gets when the client sends nothing: the model's own defaults, evaluated as SQLAlchemy would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Column, Date, DateTime, Time, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.functions import FunctionElement

from meze.resources.resource import Beyond, Default, DefaultKind, Field, Resource

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# The declared types whose columns leave a text as it is, or are dates, which are texts to SQLAlchemy
# (sqlite.org/datatype3.html, 3.1).
_KEPT_AS_TEXT = re.compile("CHAR|CLOB|TEXT|BLOB|DATE|TIME|JSON")
_NOW = {"now", "now()", "current_timestamp", "current_timestamp()", "current_date", "current_time", "localtimestamp"}


@dataclass(frozen=True, slots=True)
class Context:
    """What a callable default may ask of SQLAlchemy's execution context: the values of the other columns."""

    current_parameters: Mapping[str, Any]

    def get_current_parameters(self, isolate_multiinsert_groups: bool = True) -> Mapping[str, Any]:  # noqa: ARG002 - SQLAlchemy's signature
        return self.current_parameters


def makes_values(resource: Resource) -> bool:
    """Say whether code of the user's makes values of the resource's rows, which may ask for Flask's context."""
    filled: tuple[Field | Beyond, ...] = (*resource.fields.values(), *resource.beyond)
    return any(default.kind is DefaultKind.CALL for each in filled for default in (each.default, each.onupdate))


def in_python(default: Default, each: Field | Beyond, database: str) -> Callable[[Context], Any] | None:
    """Return how the default's value is made in Python, or None where SQL makes it.

    `now()` and its kin are made here on SQLite: in SQLite's own text form equality and cursors would miss rows that
    were written in SQLAlchemy's.
    """
    if default.kind is DefaultKind.VALUE:
        return lambda _context: default.argument
    if default.kind is DefaultKind.CALL:
        return lambda context: default.argument(context)
    if default.kind is DefaultKind.SQL and database == "sqlite" and _says_now(default.argument):
        return _clock(each)
    return None


def in_sql(default: Default, column: Column[Any], dialect: Dialect) -> Any:
    """Return the SQL expression of a default that the database evaluates, or None."""
    if default.kind is not DefaultKind.SQL:
        return None
    argument = default.argument
    if isinstance(argument, str):
        return _of_text(argument, column, dialect)
    return literal_column(argument.text) if isinstance(argument, TextClause) else argument


def _of_text(text: str, column: Column[Any], dialect: Dialect) -> Any:
    """Return the value that a text stands for, as the column would hold it.

    PostgreSQL reads a quoted literal by the type it meets. In SQLite only a column does that, and the row as it would
    be has none: so a number stands there as a number.
    """
    declared = column.type.compile(dialect=dialect).upper()
    number = dialect.name == "sqlite" and not _KEPT_AS_TEXT.search(declared) and _NUMBER.fullmatch(text)
    quoted = text if number else "'" + text.replace("'", "''") + "'"
    return literal_column(quoted, column.type)


def _says_now(expression: Any) -> bool:
    if isinstance(expression, FunctionElement):
        return getattr(expression, "name", "").lower() in _NOW
    return isinstance(expression, TextClause) and expression.text.strip("() ").lower() in {
        each.removesuffix("()") for each in _NOW
    }


def _clock(each: Field | Beyond) -> Callable[[Context], Any] | None:
    type_ = each.column.type
    if isinstance(type_, DateTime):
        return lambda _context: _moment(each)
    if isinstance(type_, Date):
        return lambda _context: _today()
    if isinstance(type_, Time):
        return lambda _context: _time()
    return None


def _moment(each: Field | Beyond) -> datetime:
    now = datetime.now(UTC)
    return now if getattr(each.column.type, "timezone", False) else now.replace(tzinfo=None)


def _today() -> date:
    return datetime.now(UTC).date()


def _time() -> time:
    return datetime.now(UTC).time()
