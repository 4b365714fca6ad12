"""The cells of CSV: how a row's values are written into them, and how a cell is read back.

A text that a spreadsheet would run as a formula is written behind an apostrophe (OWASP, "CSV Injection"), and such an
apostrophe is taken off again when the cell is read: what was exported is imported as it was.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from meze.databases.statement import Row
from meze.query.ask import Selection
from meze.query.view import View
from meze.records.shape import Node, One
from meze.resources.fields import FieldType
from meze.resources.resource import Field

# Spaces and quotes before the sign do not keep a spreadsheet from running it. The apostrophes in front are those that
# were put there before: whatever stands behind one must get another, or reading would take off one too many.
_RUN = re.compile("'*(?:[\t\r\n]|[\\s\"']*[=+\\-@＝＋－＠])")
_GUARDED = frozenset({"text", "enum", "json", "binary"})
"""The kinds whose cells hold what somebody chose to write. Numbers stay as they are, the negative ones too."""

_BY_TEXT = frozenset({"integer", "boolean", "float"})
"""The kinds whose text is read as in a URL; JSON has a value of its own for them."""

_BY_JSON = frozenset({"json", "array"})

Cell = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column of an export: its name in the header, the position of its value in a row, and how it is written."""

    name: str
    position: int
    write: Cell | None


def columns_of(view: View, selection: Selection, node: Node, before: str = "") -> list[CsvColumn]:
    """Return the columns for what `node` shows of a row: its fields, then those of the related rows by their paths."""
    names = view.fields if selection.fields is None else selection.fields
    columns = [
        CsvColumn(before + name, member.position, _writer(view.resource.fields[name].type))
        for name, member in zip(names, node.members, strict=True)
    ]
    for (name, inner), related in zip(selection.related, node.related, strict=True):
        assert isinstance(related, One), "an export leads to one related row at most"
        columns += columns_of(view.related(name), inner, related.node, f"{before}{name}__")
    return columns


def csv_bytes(columns: Sequence[CsvColumn], rows: Iterable[Row]) -> bytes:
    """Return rows as CSV (RFC 4180). A missing value is an empty cell."""
    places = [(column.position, column.write) for column in columns]
    return _written(
        [row[place] if write is None or row[place] is None else write(row[place]) for place, write in places]
        for row in rows
    )


def header_bytes(columns: Sequence[CsvColumn]) -> bytes:
    return _written([[guarded(column.name) for column in columns]])


def guarded(text: str) -> str:
    """Return the text, behind an apostrophe if a spreadsheet would run it."""
    return "'" + text if _RUN.match(text) else text


def unguarded(cell: str) -> str:
    """Undo `guarded`."""
    return cell[1:] if cell.startswith("'") and _RUN.match(cell, 1) else cell


def cell_value(cell: str, each: Field, read_json: Callable[[str], Any]) -> Any:
    """Return what a cell says, as the body of a write would hold it: an empty one is null, or "" in a required text.

    `read_json` reads the cells that hold JSON.

    Raises:
        ValueError: it is no value of the field's type, one that `parameter_entry` can read.
    """
    kind = each.type.name
    if not cell:
        return "" if kind == "text" and not each.nullable else None
    if kind in _BY_TEXT:
        return each.type.parse(cell)
    if kind in _GUARDED:
        cell = unguarded(cell)
    if kind == "enum":
        return _enum_value(cell, each.type)
    return read_json(cell) if kind in _BY_JSON else cell


def _enum_value(cell: str, type_: FieldType) -> Any:
    """Return the value of the member that the cell names: a text or a whole number."""
    member = type_.parse(cell)
    return member if type_.wire is None else type_.wire(member)


def _writer(type_: FieldType) -> Cell | None:
    """Return what writes a value of the driver's into a cell, None where csv does so by itself."""
    wire = type_.wire
    if type_.name == "integer" and wire is None:
        return None
    if type_.name not in _GUARDED:
        return lambda value: _plain(value if wire is None else wire(value))
    if wire is None:
        return guarded if type_.name == "text" else lambda value: guarded(str(_plain(value)))
    return lambda value: guarded(str(_plain(wire(value))))


def _plain(value: Any) -> Any:
    """Return a value's text: of what JSON writes as a text that text, of anything else its JSON."""
    if value is None or isinstance(value, str) or type(value) is int:
        return value
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    plain = msgspec.to_builtins(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _written(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
