"""Complete what a client sent to what is written: owner, defaults, discriminator, version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from meze.access.caller import Caller
from meze.databases import Database
from meze.records.defaults import Context, in_python
from meze.resources.resource import Beyond, Default, DefaultKind, Field, Resource

FIRST_VERSION = 1


class Changes:
    """Values are by field name, ready to be bound. A field that is left out is made by the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._on_update: dict[Resource, tuple[Field | Beyond, ...]] = {}

    def created(self, resource: Resource, sent: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Return every value of a new row that does not come from SQL."""
        values = dict(sent)
        if resource.owner is not None:
            values[resource.owner.name] = caller.id
        if resource.identity is not None:
            field, identity = resource.identity
            values[field.name] = identity
        if resource.version is not None:
            values[resource.version.name] = FIRST_VERSION
        for field in resource.fields.values():
            if field.name not in values:
                self._fill(values, field, field.default, absent=True)
        for column in resource.beyond:
            self._fill(values, column, column.default, absent=False)
        return values

    def updated(self, resource: Resource, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return every value that a change of a row sets; what `onupdate` says is added if anything changes."""
        values = dict(sent)
        if not values:
            return values
        filled = self._on_update.get(resource)
        if filled is None:
            fields: tuple[Field | Beyond, ...] = (*resource.fields.values(), *resource.beyond)
            self._on_update[resource] = filled = tuple(field for field in fields if field.onupdate)
        for field in filled:
            if field.name not in values:
                self._fill(values, field, field.onupdate, absent=False)
        return values

    def reset(self, absent: Iterable[Field], sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that a replacement gives to the fields it left out."""
        values = dict(sent)
        for field in absent:
            self._fill(values, field, field.default, absent=True)
        return {name: value for name, value in values.items() if name not in sent}

    def _fill(self, values: dict[str, Any], field: Field | Beyond, default: Default, *, absent: bool) -> None:
        make: Callable[[Context], Any] | None = in_python(default, field, self._database.name)
        if make is not None:
            values[field.name] = make(Context(values))
        elif absent and default.kind is DefaultKind.NONE:
            values[field.name] = None
