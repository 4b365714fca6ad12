"""How values are written in JSON, in addresses and in cells, worked out from what the rows hold in memory."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import msgspec

from meze.resources.resource import Field, Resource
from meze.verify.world import Row

_ESCAPES = (("~", "~0"), ("/", "~1"), (",", "~2"))


def shown(field: Field, value: Any) -> Any:
    """Return a value as JSON has it, in plain Python."""
    if value is None:
        return None
    wire = field.type.wire
    written = value if wire is None else wire(value)
    if isinstance(written, msgspec.Raw):
        return json.loads(bytes(written))
    return json.loads(msgspec.json.encode(written))


def text(written: Any) -> str:
    """Return a JSON value as it stands in an address."""
    return written if isinstance(written, str) else json.dumps(written)


def key_of(resource: Resource, row: Row) -> str:
    """Return a row's key as it stands in its address."""
    return ",".join(_escaped(text(shown(part, row.of(part)))) for part in resource.key)


def _escaped(piece: str) -> str:
    for letter, escaped in _ESCAPES:
        piece = piece.replace(letter, escaped)
    return quote(piece, safe="~")


def body(value: Any) -> bytes:
    """Return JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False).encode()
