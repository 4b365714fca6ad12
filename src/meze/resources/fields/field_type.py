"""What a kind of value is to Meze: how it is written in JSON, in a URL, in the database and in a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy.types import TypeEngine

from meze.errors import Text

EQUALITY = frozenset({"eq", "ne", "in", "not_in", "isnull"})
ORDER = EQUALITY | {"lt", "lte", "gt", "gte"}
PIECES = ORDER | {"contains", "startswith", "endswith"}


DATE_PARTS = ("year", "month", "day")


def unchanged(value: Any) -> Any:
    return value


class Adding(Enum):
    """What values come to when they are added up: whole numbers, decimals of the column's scale, decimals of whatever
    scale the values have, or binary floating point."""

    WHOLE = "whole"
    DECIMAL = "decimal"
    FREE = "free"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Sums:
    """How values add up. `doubles`: the database keeps these decimals as binary floating point."""

    adding: Adding
    scale: int = 0
    doubles: bool = False


@dataclass(frozen=True, slots=True)
class FieldType:
    """How one kind of value is written in JSON, in a URL and in the database.

    Three forms of a value meet here. The *Python value* is what `annotation` and `parse` give, the same for both
    databases. The *bound value* is what the column's SQLAlchemy type takes. The *driver's value* is what its result
    processor gives back, and `wire` turns it into JSON.

    Attributes:
        name: the kind, such as `integer`.
        phrase: names the kind in a sentence: "Must be <phrase>."
        schema: JSON Schema 2020-12 of the value in an answer, null left out.
        example: a JSON value that fits.
        annotation: what pydantic validates a value in a JSON body with; floating-point numbers arrive as Decimal.
        parse: turns the text in a URL into the Python value that `annotation` gives for the same value in JSON.
            Raises ValueError, always one that `parameter_entry` can read.
        struct: the msgspec type of what `wire` gives.
        operators: the filter operators that mean something for it.
        sortable: whether rows may be sorted by it.
        wire: turns the driver's value (never None) into what msgspec encodes; None where it is that already.
        shortcut: turns a column of what the driver gives, before any result processor and with its NULLs, into what
            msgspec encodes, to the same effect as the processor and `wire`; None where these two are as fast.
        store: turns the Python value, None included, into the bound value; None where it is that already.
        body_schema: JSON Schema of the value in a body, where more is accepted than is answered.
        cursor_type: the SQLAlchemy type under which a sort column is selected for a cursor and its value bound again
            (`type_coerce(column, cursor_type)`), where the column's own type would lose what the order depends on;
            None where it would not.
        freeze: turns what was selected for a cursor (never None) into a JSON value, exactly.
        thaw: undoes `freeze`; gives the bound value.
        spellings: gives the least and the greatest text that mean a Python value, where the database compares texts and
            one value has several (both bound under `cursor_type`): equal is between the two, before is less than the
            first, after is greater than the second. None where a value has one form.
        sums: how values add up; None where a sum means nothing.
        parts: by which parts of a date values may be put together.
    """

    name: str
    phrase: Text
    schema: Mapping[str, Any]
    example: Any
    annotation: Any
    parse: Callable[[str], Any]
    struct: Any
    operators: frozenset[str]
    sortable: bool = True
    wire: Callable[[Any], Any] | None = None
    shortcut: Callable[[Sequence[Any]], Iterable[Any]] | None = None
    store: Callable[[Any], Any] | None = None
    body_schema: Mapping[str, Any] | None = None
    cursor_type: TypeEngine[Any] | None = None
    freeze: Callable[[Any], Any] = unchanged
    thaw: Callable[[Any], Any] = unchanged
    spellings: Callable[[Any], tuple[Any, Any]] | None = None
    sums: Sums | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a type is met: the database's name, its integers, and whether a TypeDecorator stands around the type.

    A decorator converts between the Python value and what its `impl` stores, so a kind must not do that again.
    `make` is the table of kinds itself, for a kind that holds others.
    """

    database: str
    integer_bits: Callable[[TypeEngine[Any]], int]
    make: Callable[[TypeEngine[Any], Place], FieldType]
    decorated: bool = False


@dataclass(frozen=True, slots=True)
class FieldKind:
    """One row of FIELD_TYPES: which SQLAlchemy types it is for, and the field type that it makes of one.

    `make` raises Unservable where a type matches but cannot be served as it is.
    """

    name: str
    matches: Callable[[TypeEngine[Any]], bool]
    make: Callable[[Any, Place], FieldType]


class Unservable(Exception):
    """A column's type cannot be served; `field_type` adds the column's name and makes a Mistake of it."""

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause = cause
        self.remedy = remedy
        super().__init__(cause)
