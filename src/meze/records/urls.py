"""The addresses that answers carry: of a row, and of the rest of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from meze.query.ask import Selection
from meze.query.select import EMBEDDED_ROWS
from meze.resources.resource import Field, Resource

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What stands for itself in a query string."""
_ESCAPES = (("~", "~0"), ("/", "~1"), (",", "~2"))


def key_text(key: Sequence[Field], values: Sequence[Any]) -> str:
    """Return a row's key as it stands in its address, percent-encoded."""
    if len(values) == 1 and type(values[0]) is int:
        return str(values[0])
    parts = []
    for part, value in zip(key, values, strict=True):
        plain = msgspec.to_builtins(part.type.wire(value) if part.type.wire else value)
        written = plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
        for letter, escaped in _ESCAPES:
            written = written.replace(letter, escaped)
        parts.append(quote(written, safe=""))
    return ",".join(parts)


def key_values(key: Sequence[Field], text: str) -> list[Any] | None:
    """Return the values that a key in an address stands for, or None where it is no key of this shape."""
    pieces = text.split(",")
    if len(pieces) != len(key):
        return None
    escapes = "~" in text
    values = []
    for part, piece in zip(key, pieces, strict=True):
        if escapes:
            for letter, escaped in reversed(_ESCAPES):
                piece = piece.replace(escaped, letter)
        try:
            value = part.type.parse(piece)
        except ValueError:
            return None
        values.append(value if part.type.store is None else part.type.store(value))
    return values


def row_url(prefix: str, resource: Resource, key: str) -> str:
    return f"{prefix}/{resource.name}/{key}"


def list_url(prefix: str, resource: Resource, arguments: Sequence[tuple[str, str]]) -> str:
    if _PLAIN.fullmatch("".join([name + text for name, text in arguments])):
        written = "&".join([f"{name}={text}" for name, text in arguments])
    else:
        written = urlencode(arguments)
    return f"{prefix}/{resource.name}?{written}"


def embedded_url(prefix: str, resource: Resource, selection: Selection, cursor: str) -> str:
    """Return the address of the rest of an embedded list, showing the same of each row."""
    arguments = [("limit", str(EMBEDDED_ROWS)), *selection_arguments(selection), ("cursor", cursor)]
    return list_url(prefix, resource, arguments)


def selection_arguments(selection: Selection) -> list[tuple[str, str]]:
    """Return a selection as the `fields` and `expand` that ask for it."""
    fields: list[str] = []
    expand: list[str] = []

    def visit(at: Selection, path: str) -> None:
        if at.fields is not None:
            fields.extend(path + name for name in at.fields)
        for name, inner in at.related:
            expand.append(path + name)
            visit(inner, f"{path}{name}__")

    visit(selection, "")
    named = (("fields", fields), ("expand", expand))
    return [(name, ",".join(values)) for name, values in named if values]
