"""The path parameter that names one row, as its key is written in an address."""

from __future__ import annotations

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.values import written
from meze.resources.resource import Field

_ONE_TO_ONE = ("integer", "uuid")
"""Kinds whose values stand in an address as they stand in JSON."""
_ESCAPED = ("text", "enum")


def key_parameter(seen: Seen) -> Json:
    """Return the parameter `key` of a resource's rows."""
    parts = seen.resource.key
    called = " and ".join(_called(seen, part, place) for place, part in enumerate(parts))
    said = f"The row's key: {called}" + (", with a comma between them." if len(parts) > 1 else ".")
    if any(part.type.name in _ESCAPED for part in parts):
        said += " In a text `~`, `/` and `,` are written `~0`, `~1` and `~2`."
    if follows_from_row(seen):
        schema, example = dict(parts[0].type.schema), parts[0].type.example
    else:
        least = "+" if len(parts) == 1 else "*"
        patterns = [f"(?:[^~/,]|~[012]){least}" if part.type.name in _ESCAPED else written(part.type) for part in parts]
        schema = {"type": "string", "pattern": f"^{','.join(patterns)}$"}
        example = ",".join(_text(part.type.example) for part in parts)
    return {"name": "key", "in": "path", "required": True, "description": said, "schema": schema, "example": example}


def follows_from_row(seen: Seen) -> bool:
    """Say whether the key in the address is a value of the row as it stands there."""
    return len(seen.resource.key) == 1 and seen.resource.key[0].type.name in _ONE_TO_ONE


def _called(seen: Seen, part: Field, place: int) -> str:
    """Return what a part of the key is called; where it is hidden from everyone, its name is too."""
    return f"`{part.name}`" if part.name in seen.fields else f"part {place + 1}"


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for plain, escaped in (("~", "~0"), ("/", "~1"), (",", "~2")):
        text = text.replace(plain, escaped)
    return text
