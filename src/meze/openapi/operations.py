"""What can be done with a resource, as path items: the methods of its collection and of one of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.files import IMPORTED, exported, imported
from meze.openapi.keys import follows_from_row, key_parameter
from meze.openapi.names import Names
from meze.openapi.parameters import Parameters
from meze.openapi.querying import QuerySchemas
from meze.openapi.responses import Problems, headers
from meze.openapi.schemas import Schemas, settable
from meze.records.bulk import ROWS

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_ANY = (400, 401, 414, 431, 500, 503)
_READING = (*_ANY, 406)
_WRITING = (*_ANY, 409, 422, 507)
_BODY = (406, 413, 415)


@dataclass(frozen=True, slots=True)
class Operations:
    """Makes the path items of resources, from parts that collect what they refer to."""

    parameters: Parameters
    schemas: Schemas
    problems: Problems

    def collection(self, seen: Seen, names: Names, tag: str) -> Json:
        """Return the path item of a collection, empty where nobody may do anything with it."""
        item: Json = {}
        if "read" in seen.actions:
            item["get"] = self.listing(seen, names, tag)
        if "create" in seen.actions:
            item["post"] = self._create(seen, names, tag)
        if "update" in seen.actions and all(part.name in seen.fields for part in seen.resource.key):
            item["patch"] = self._update_several(seen, names, tag)
        if "delete" in seen.actions and not seen.resource.require_match:
            item["delete"] = self._delete_several(seen, names, tag)
        return {"parameters": self.parameters.everywhere(), **item} if item else {}

    def query(self, seen: Seen, names: Names, tag: str) -> Json:
        """Return the path item of a collection's `query`, empty where nobody may read any row."""
        if "read" not in seen.actions:
            return {}
        schemas = QuerySchemas(self.parameters, self.schemas)
        text = (
            "A list, asked for in a body. It only reads, and is the same as `QUERY` (RFC 10008) to the collection. "
            "`next` is where to send the same body to for the next page."
        )
        asking = {
            **_head(seen, "read", f"query{names.plural}", f"Query {seen.resource.name}", tag, text),
            "parameters": schemas.going_on(seen),
            "requestBody": _body(schemas.body(seen, names), _JSON),
            "responses": {
                "200": _with(_json("A page of rows, or of groups.", self._listed(seen), headers()), exported(seen)),
                **self._problems(seen, "read", (*_READING, *_BODY, 422)),
            },
        }
        return {"parameters": self.parameters.everywhere(), "post": asking}

    def row(self, seen: Seen, names: Names, tag: str) -> Json:
        """Return the path item of one row, empty where nobody may read any."""
        item: Json = {}
        if "read" in seen.actions:
            item["get"] = self.getting(seen, names, tag)
        if "update" in seen.actions:
            item["put"] = self._replace(seen, names, tag)
            item["patch"] = self._update(seen, names, tag)
        if "delete" in seen.actions:
            item["delete"] = self._delete(seen, names, tag)
        shared = [key_parameter(seen), *self.parameters.everywhere()]
        return {"parameters": shared, **item} if item else {}

    def listing(self, seen: Seen, names: Names, tag: str) -> Json:
        """Return the operation that lists rows."""
        return {
            **_head(seen, "read", f"list{names.plural}", f"List {seen.resource.name}", tag),
            "parameters": self.parameters.listing(seen),
            "responses": {
                "200": _with(_json("A page of rows, or of groups.", self._listed(seen), headers()), exported(seen)),
                **self._problems(seen, "read", _READING),
                **self.problems.only("too_expensive"),
            },
        }

    def _listed(self, seen: Seen) -> Json:
        return {"anyOf": [self.schemas.page(seen), self.schemas.groups(seen)]}

    def getting(self, seen: Seen, names: Names, tag: str) -> Json:
        """Return the operation that gets one row."""
        return {
            **_head(seen, "read", f"get{names.singular}", f"Get one of {seen.resource.name}", tag),
            "parameters": [*self.parameters.saving(), *self.parameters.shown(seen)],
            "responses": {
                "200": _json("The row.", self.schemas.row(seen), headers("ETag")),
                "304": {"description": "The row is as `If-None-Match` says.", "headers": headers("ETag")},
                **self._problems(seen, "read", (*_READING, 404)),
                **self.problems.only("too_expensive"),
            },
        }

    def _create(self, seen: Seen, names: Names, tag: str) -> Json:
        created = _json(
            "The new row, as far as the caller may read it.",
            {"anyOf": [self.schemas.row(seen), self.schemas.several(seen), IMPORTED]},
            headers("Location.one", "ETag.readable"),
        )
        links = _links(seen, names)
        one = self.schemas.create(seen)
        body = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": ROWS}]}
        text = (
            f"An array of 1 to {ROWS} makes that many rows, all of them or none; what is wrong points at `/3/title`. "
            "So does a file of CSV or NDJSON, which may have many more."
        )
        return {
            **_head(seen, "create", f"create{names.singular}", f"Create one of {seen.resource.name}", tag, text),
            "parameters": [*self.parameters.shown(seen), self.parameters.on_conflict()],
            "requestBody": _with(_body(body, _JSON), imported(settable(seen, "create"))),
            "responses": {
                "201": {**created, **({"links": links} if links else {})},
                **self._problems(seen, "create", (*_WRITING, *_BODY)),
            },
        }

    def _update_several(self, seen: Seen, names: Names, tag: str) -> Json:
        text = f"Merge patches with the keys of their rows, 1 to {ROWS}: all are done, or none."
        body = {"type": "array", "items": self.schemas.change(seen), "minItems": 1, "maxItems": ROWS}
        summary = f"Change several of {seen.resource.name}"
        return {
            **_head(seen, "update", f"updateSeveral{names.plural}", summary, tag, text),
            "parameters": self.parameters.shown(seen),
            "requestBody": _body(body, _JSON, _MERGE_PATCH),
            "responses": {
                "200": _json("The rows, in the order they were sent.", self.schemas.several(seen), headers()),
                **self._problems(seen, "update", (*_WRITING, *_BODY, 404, *_guarded(seen))),
            },
        }

    def _delete_several(self, seen: Seen, names: Names, tag: str) -> Json:
        text = f"At least one filter is needed. More than {ROWS} rows, or one that may not be deleted, and none is."
        deleted: Json = {
            "type": "object",
            "properties": {"deleted": {"type": "integer", "minimum": 0, "maximum": ROWS}},
            "required": ["deleted"],
            "additionalProperties": False,
            "examples": [{"deleted": 3}],
        }
        summary = f"Delete the {seen.resource.name} that match"
        return {
            **_head(seen, "delete", f"deleteSeveral{names.plural}", summary, tag, text),
            "parameters": self.parameters.filters(seen),
            "responses": {
                "200": _json("How many there were.", deleted, headers()),
                **self._problems(seen, "delete", (*_WRITING, 406)),
            },
        }

    def _replace(self, seen: Seen, names: Names, tag: str) -> Json:
        text = "What may be written takes the body's value, or its default where it is absent; the rest is kept."
        body = self.schemas.replace(seen)
        if only_new := self.parameters.only_new(seen):
            text += " Where there is no row at the key, one is made."
            body = {"anyOf": [body, self.schemas.create(seen)]}
        replacing = self._change(
            _head(seen, "update", f"replace{names.singular}", f"Replace one of {seen.resource.name}", tag, text),
            seen,
            _body(body, _JSON),
        )
        if only_new:
            replacing["parameters"] += only_new
            created = _json("The new row.", self.schemas.row(seen), headers("Location", "ETag.readable"))
            replacing["responses"] = {"201": created, **replacing["responses"]}
        return replacing

    def _update(self, seen: Seen, names: Names, tag: str) -> Json:
        text = "A merge patch (RFC 7396): what is left out stays, null empties."
        return self._change(
            _head(seen, "update", f"update{names.singular}", f"Change one of {seen.resource.name}", tag, text),
            seen,
            _body(self.schemas.update(seen), _JSON, _MERGE_PATCH),
        )

    def _change(self, head: Json, seen: Seen, body: Json) -> Json:
        return {
            **head,
            "parameters": [*self.parameters.guards(seen), *self.parameters.shown(seen)],
            "requestBody": body,
            "responses": {
                "200": _json(
                    "The row, as far as the caller may now read it.", self.schemas.row(seen), headers("ETag.readable")
                ),
                **self._problems(seen, "update", (*_WRITING, *_BODY, 404, *_guarded(seen))),
            },
        }

    def _delete(self, seen: Seen, names: Names, tag: str) -> Json:
        return {
            **_head(seen, "delete", f"delete{names.singular}", f"Delete one of {seen.resource.name}", tag),
            "parameters": self.parameters.guards(seen),
            "responses": {
                "204": {"description": "The row is gone.", "headers": headers()},
                **self._problems(seen, "delete", (*_WRITING, 404, *_guarded(seen))),
            },
        }

    def _problems(self, seen: Seen, action: str, statuses: Iterable[int]) -> Json:
        refused = (403,) if seen.actions[action].may_refuse else ()
        return self.problems.of(sorted({*statuses, *refused}))


def _head(seen: Seen, action: str, operation_id: str, summary: str, tag: str, description: str | None = None) -> Json:
    security: list[Json] = [{"bearer": []}]
    return {
        "operationId": operation_id,
        "summary": summary,
        **({"description": description} if description else {}),
        "tags": [tag],
        "security": [{}, *security] if seen.actions[action].by_anyone else security,
    }


def _guarded(seen: Seen) -> tuple[int, ...]:
    return (412, 428) if seen.resource.require_match else (412,)


def _json(description: str, schema: Json, carried: Json) -> Json:
    return {"description": description, "headers": carried, "content": {_JSON: {"schema": schema}}}


def _body(schema: Json, *types: str) -> Json:
    return {"required": True, "content": {each: {"schema": schema} for each in types}}


def _with(described: Json, types: Json) -> Json:
    """Return a body or an answer that may be of other media types too."""
    return {**described, "content": described["content"] | types}


def _links(seen: Seen, names: Names) -> Json:
    """Return what can be done with a row that was just made, where its answer holds the key as addresses write it."""
    key = seen.resource.key[0].name
    if not follows_from_row(seen) or key not in seen.fields:
        return {}
    operations = {"read": ("get",), "update": ("replace", "update"), "delete": ("delete",)}
    return {
        f"{verb}{names.singular}": {
            "operationId": f"{verb}{names.singular}",
            "parameters": {"key": f"$response.body#/{key}"},
        }
        for action, verbs in operations.items()
        if action in seen.actions
        for verb in verbs
    }
