"""Schemas of rows, pages and bodies, under `components/schemas`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from meze.openapi import aggregates
from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.names import Names
from meze.openapi.relation_paths import RelationPaths
from meze.openapi.values import answered, nullable, sent
from meze.records.bulk import ROWS
from meze.records.shape import ETAG
from meze.resources.resource import DefaultKind, Field, Resource

_TAG = "3f2a9c0d1e4b5a697887a6b5c4d3e2f1"
_MASKED = "Null where the caller may not read it."
_SHOWN_DEFAULTS = {"boolean": bool, "integer": int, "text": str}


def reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(slots=True)
class Schemas:
    """Makes the schemas of resources and collects them."""

    paths: RelationPaths
    names: Mapping[str, Names]
    components: Json = field(default_factory=dict)

    def row(self, seen: Seen) -> Json:
        """Add the schema of a row in answers, and those of the rows that it may embed.

        Nothing is required: `fields` may leave out whatever is there.
        """
        name = self.names[seen.resource.name].singular
        if name in self.components:
            return reference(name)
        self.components[name] = {}  # what embeds itself, by whatever detour, is made once
        properties: Json = {name: _described(each, _shown(seen, each)) for name, each in seen.fields.items()}
        for relation in seen.relations.values():
            target = self.paths.target(relation)
            related = self.page(target) if relation.to_many else {"anyOf": [self.row(target), {"type": "null"}]}
            properties[relation.name] = related | {"description": f"Only with `expand={relation.name}`."}
        properties[ETAG] = {"type": "string", "description": "Only in lists with `etag=true`: the `ETag`, unquoted."}
        examples = {name: each.type.example for name, each in seen.fields.items()}
        return self._add(seen, "", _object(properties, examples))

    def page(self, seen: Seen) -> Json:
        """Add the schema of a list, alone or embedded in a row."""
        properties: Json = {
            "items": {"type": "array", "items": self.row(seen)},
            "next": {
                "type": ["string", "null"],
                "format": "uri-reference",
                "description": "The address of the next page; null on the last.",
            },
            "total": {"type": "integer", "minimum": 0, "description": "Only with `count=true`."},
        }
        examples = {"items": [{name: each.type.example for name, each in seen.fields.items()}], "next": None}
        return self._add(seen, "Page", _object(properties, examples, required=["items", "next"]))

    def groups(self, seen: Seen) -> Json:
        """Add the schema of a page of aggregates."""
        return self._add(seen, "Groups", aggregates.page(seen))

    def several(self, seen: Seen) -> Json:
        """Add the schema of several rows that were written."""
        properties: Json = {"items": {"type": "array", "items": self.row(seen), "minItems": 1, "maxItems": ROWS}}
        examples = {"items": [{name: each.type.example for name, each in seen.fields.items()}]}
        return self._add(seen, "Several", _object(properties, examples, required=["items"]))

    def change(self, seen: Seen) -> Json:
        """Add the schema of a merge patch in an array, which carries the key of its row and may carry its tag."""
        opened = settable(seen, "update")
        keys = seen.resource.key
        schema = _body(seen, opened, closed=[each for each in _closed(seen, opened) if not each.key])
        schema["properties"] |= {each.name: _described(each, sent(each)) for each in keys}
        schema["properties"][ETAG] = {"type": "string", "description": "Change the row only if it still has this tag."}
        schema["required"] = [each.name for each in keys] + ([ETAG] if seen.resource.require_match else [])
        keyed = {each.name: each.type.example for each in keys}
        schema["examples"] = [keyed | schema["examples"][0] | ({ETAG: _TAG} if seen.resource.require_match else {})]
        return self._add(seen, "Change", schema)

    def create(self, seen: Seen) -> Json:
        """Add the schema of the body that makes a row."""
        opened = settable(seen, "create")
        required = [each.name for each in opened if each.required and each.name in seen.always_open["create"]]
        return self._add(seen, "Create", _body(seen, opened, changed=False, required=required, defaults=True))

    def replace(self, seen: Seen) -> Json:
        """Add the schema of the body that replaces a row."""
        opened = settable(seen, "update")
        required = [each.name for each in opened if each.required and each.name in seen.always_open["update"]]
        schema = _body(seen, opened, closed=_closed(seen, opened), required=required, defaults=True)
        return self._add(seen, "Replace", schema)

    def update(self, seen: Seen) -> Json:
        """Add the schema of a merge patch: what is left out stays."""
        opened = settable(seen, "update")
        return self._add(seen, "Update", _body(seen, opened, closed=_closed(seen, opened)))

    def _add(self, seen: Seen, suffix: str, schema: Json) -> Json:
        name = self.names[seen.resource.name].singular + suffix
        self.components[name] = schema
        return reference(name)


def settable(seen: Seen, action: str) -> list[Field]:
    """Return the fields that some caller may set. What nobody may read is not named, though it may be written."""
    return [
        each
        for each in seen.fields.values()
        if each.name in seen.open[action] and _settable(seen.resource, each, action)
    ]


def _settable(resource: Resource, each: Field, action: str) -> bool:
    if each.generated or each is resource.owner:
        return False
    if action == "create":
        return not each.key or resource.chosen_key
    return not each.key and each.name not in resource.create_only


def _closed(seen: Seen, opened: Iterable[Field]) -> list[Field]:
    names = {each.name for each in opened}
    return [each for each in seen.fields.values() if each.name not in names]


def _body(
    seen: Seen,
    opened: list[Field],
    *,
    changed: bool = True,
    closed: Iterable[Field] = (),
    required: Iterable[str] = (),
    defaults: bool = False,
) -> Json:
    """Return the schema of a body. Closed fields are read-only: they may be sent back with the row's own value."""
    properties: Json = {
        each.name: _described(each, _sent(seen, each, changed=changed), default=_default(each) if defaults else None)
        for each in opened
    }
    properties |= {each.name: {**_shown(seen, each), "readOnly": True} for each in closed}
    return _object(properties, {each.name: each.type.example for each in opened}, required=list(required))


def _object(properties: Json, example: Json, *, required: Iterable[str] = ()) -> Json:
    schema: Json = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {**schema, "additionalProperties": False, "examples": [example]}


def _shown(seen: Seen, each: Field) -> Json:
    """Return the schema of a field's value in an answer."""
    if each.name not in seen.masked:
        return answered(each)
    return {**nullable(each.type.schema), "description": _MASKED}


def _sent(seen: Seen, each: Field, *, changed: bool) -> Json:
    """Return the schema of a field's value in a body; what was null because it may not be read may be sent back."""
    schema = sent(each)
    return nullable(schema) if changed and each.name in seen.masked and not each.nullable else schema


def _described(each: Field, schema: Json, *, default: Any = None) -> Json:
    """Add what `mapped_column(doc=...)` says of the column, and the value that stands in for none."""
    said = [text for text in (each.column.doc, schema.get("description")) if text]
    described = {"description": " ".join(said)} if said else {}
    return {**schema, **described, **({} if default is None else {"default": default})}


def _default(each: Field) -> Any:
    """Return the constant that a field gets when none is sent, where JSON writes it as Python does; else None."""
    if each.default.kind is not DefaultKind.VALUE:
        return None
    value = each.default.argument
    if each.type.name == "enum":
        value = value.value if isinstance(value, Enum) else value
        return value if value in each.type.schema["enum"] else None
    expected = _SHOWN_DEFAULTS.get(each.type.name)
    return value if expected is not None and type(value) is expected else None
