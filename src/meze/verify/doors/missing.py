"""Keys that no row has."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

from meze.resources.resource import Field, Resource
from meze.verify import wire
from meze.verify.knock import Knock

_FAR = 1000


def missing_values(at: Knock, resource: Resource) -> dict[str, Any] | None:
    """Return the parts of a key that no row of a resource has, as JSON; None where none can be made up."""
    made = {part.name: _missing(at, part) for part in resource.key}
    return None if None in made.values() else made


def missing_key(at: Knock, resource: Resource | None = None) -> str | None:
    """Return such a key as it stands in an address."""
    values = missing_values(at, resource or at.resource)
    return None if values is None else ",".join(quote(wire.text(value), safe="") for value in values.values())


def _missing(at: Knock, part: Field) -> Any:
    if part.foreign is not None and not part.generated:
        # What is no key of the other table either.
        target = at.judge.resources.of_table(part.foreign.table)
        field = None if target is None else target.field_of(part.foreign)
        if field is not None and field is not part:
            return _missing(at, field)
    return fresh(at, part)


def fresh(at: Knock, field: Field) -> Any:
    """Return a value that no row has in a field, as JSON; None where its kind has none that could be made up."""
    taken = {row[field.column.key] for row in at.judge.world.rows(field.column.table)}
    match field.type.name:
        case "integer":
            return max((each for each in taken if isinstance(each, int)), default=0) + at.random.randint(1, _FAR)
        case "uuid":
            return str(uuid.UUID(int=at.random.getrandbits(128), version=4))
        case "text":
            return _fresh_text(at, field, taken)
    return None


def _fresh_text(at: Knock, field: Field, taken: set[Any]) -> str | None:
    length = min(getattr(field.column.type, "length", None) or 12, 12)
    for _ in range(100):
        text = "".join(at.random.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(length))
        if text not in taken:
            return text
    return None
