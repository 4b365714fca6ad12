"""The OpenAPI document: it names no field that nobody at all may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meze.verify.knock import Knock

_SUFFIXES = ("", "Change", "Create", "Groups", "Page", "Query", "Replace", "Several", "Update", "Where")


def knock(at: Knock) -> None:
    if at.actor is not at.scene.stage.actors[0]:
        return
    reply = at.get("/openapi.json")
    if reply.status != 200:
        return  # MEZE_DOCS keeps it from this caller
    sights = [at.scene.sight(actor) for actor in at.scene.stage.actors]
    closed = {
        name
        for name in at.resource.fields
        if all(sight.states(at.resource)[name] == "closed" for sight in sights)
        and not any(at.judge.may_write_field(sight.actor, at.resource, name) for sight in sights)
    }
    for name in sorted(closed.intersection(_names(reply.json, at))):
        at.note(f"The document names {at.resource.name}.{name}, which nobody may read", "not named", name, reply)


def _names(document: Any, at: Knock) -> Iterator[str]:
    """Yield the names of the fields that the document knows of one resource, as parameters or in bodies."""
    path = f"{at.scene.stage.prefix}/{at.resource.name}"
    for address, item in document["paths"].items():
        if address == path or address.startswith(f"{path}/"):
            for operation in item.values():
                for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                    yield parameter.get("name", "").split("__")[0]
    for suffix in _SUFFIXES:
        schema = document["components"]["schemas"].get(f"{at.resource.model.__name__}{suffix}", {})
        for each in _parts(schema):
            yield from (name.split("__")[0] for name in each.get("properties", {}))


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from _parts(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _parts(each)
