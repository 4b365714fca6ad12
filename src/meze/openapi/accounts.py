"""The endpoints of accounts and users, from the table that the web layer serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic.json_schema import models_json_schema

from meze.accounts.bodies import CookieAnswer, Shape
from meze.accounts.declared import EVENTS_NAME, USERS_NAME
from meze.accounts.endpoints import ENDPOINTS, Access, Endpoint, Reads
from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.names import Names
from meze.openapi.operations import Operations
from meze.openapi.responses import headers

TAGS: tuple[Json, ...] = (
    {"name": "auth", "description": "Accounts: registering, signing in, and what guards an account."},
    {"name": "users", "description": "All accounts, for the role `admin`."},
)
COOKIE: Json = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-meze",
    "description": (
        "The session of a browser, from `session=cookie`. Every method but GET and HEAD needs our own `Origin` and the "
        "CSRF token as `X-CSRF-Token`. In development over HTTP the cookie is called `meze`."
    ),
}
"""The security scheme `cookie`."""

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_PREFIX = "Auth"
_SESSION: Json = {
    "name": "session",
    "in": "query",
    "description": "`cookie` answers with cookies for a browser, and without tokens.",
    "schema": {"type": "string", "enum": ["cookie"]},
}
_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Whose, or which.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 2147483647},
    "example": 1,
}
_SPELLINGS = {"date-time": "2026-05-31T12:00:00Z"}
_SIMPLE: Mapping[str, Any] = {"integer": 1, "boolean": True, "string": "text", "null": None}


def schemas() -> Json:
    """Return the schemas of all bodies and answers, by their names under `components/schemas`."""
    made = _definitions()
    for schema in made.values():
        if schema["type"] == "object" and "examples" not in schema:
            schema["examples"] = [_example(schema, made)]
    return {_PREFIX + name: schema for name, schema in made.items()}


def with_cookie(items: Json) -> Json:
    """Let the cookie sign in wherever a token does."""
    for item in items.values():
        for operation in item.values():
            if isinstance(operation, dict) and {"bearer": []} in operation.get("security", ()):
                operation["security"] = [*operation["security"], {"cookie": []}]
    return items


@dataclass(frozen=True)
class AccountPaths:
    """Makes the path items, with `operations` making those of lists and rows; `seen` and `names` are all resources'."""

    prefix: str
    operations: Operations
    seen: Mapping[str, Seen]
    names: Mapping[str, Names]

    def items(self) -> Json:
        """Return the path items of every endpoint."""
        found: Json = {}
        for each in ENDPOINTS:
            address = self.prefix + each.path
            if address not in found:
                shared = self.operations.parameters.everywhere()
                found[address] = {"parameters": [*([_ID] if "{id}" in each.path else []), *shared]}
            found[address][each.method.lower()] = self._operation(each)
        return found

    @cached_property
    def _row(self) -> Json:
        return self.operations.schemas.row(self.seen[USERS_NAME])

    def _operation(self, each: Endpoint) -> Json:
        tag = each.path.split("/")[1]
        made: Json = {
            "operationId": _operation_id(each),
            "summary": each.summary,
            "tags": [tag],
            "security": _security(each.access),
        }
        if each.method == "GET" and each.reads is not None:
            read = self._read(each, tag)
            return {**read, **made, "responses": {**self.operations.problems.of(each.statuses), **read["responses"]}}
        parameters = [_SESSION] if each.session else []
        if each.name == "update_user":
            parameters += self.operations.parameters.guards(self.seen[USERS_NAME])
        if parameters:
            made["parameters"] = parameters
        if each.body is not None:
            types = (_JSON, _MERGE_PATCH) if each.method == "PATCH" else (_JSON,)
            made["requestBody"] = {
                "required": True,
                "content": {kind: {"schema": _reference(each.body)} for kind in types},
            }
        made["responses"] = {**self._successes(each), **self.operations.problems.of(each.statuses)}
        return made

    def _read(self, each: Endpoint, tag: str) -> Json:
        name = EVENTS_NAME if each.name == "list_events" else USERS_NAME
        make = self.operations.listing if each.reads is Reads.LIST else self.operations.getting
        return make(self.seen[name], self.names[name], tag)

    def _successes(self, each: Endpoint) -> Json:
        if each.status == 204:
            return {"204": {"description": "Done.", "headers": headers()}}
        named = ["Location"] if each.status == 201 and (each.session or each.reads) else []
        if each.reads is not None:
            schema, named = self._row, [*named, "ETag"]
        else:
            assert each.answer is not None
            schema = _reference(each.answer)
        if each.session:
            schema, named = {"oneOf": [schema, _reference(CookieAnswer)]}, [*named, "Set-Cookie"]
        found = {str(each.status): _answer("Done." if each.status != 202 else "Accepted.", schema, named)}
        if each.accepted is not None:
            found["202"] = _answer(
                "A link was mailed, where that is possible: the address is to be proved first.",
                _reference(each.accepted),
                [],
            )
        return found


def _operation_id(each: Endpoint) -> str:
    """Return a name that no operation of a resource has: of users there is no other resource."""
    words = each.name.split("_")
    name = words[0] + "".join(word.title() for word in words[1:])
    return name if each.path.startswith("/users") else "auth" + name[0].upper() + name[1:]


def _security(access: Access) -> list[Json]:
    if access is Access.NOBODY:
        return [{}]
    return [{}, {"bearer": []}] if access is Access.ANYONE else [{"bearer": []}]


def _answer(description: str, schema: Json, named: Iterable[str]) -> Json:
    return {"description": description, "headers": headers(*named), "content": {_JSON: {"schema": schema}}}


def _reference(shape: type[Shape]) -> Json:
    return {"$ref": f"#/components/schemas/{_PREFIX}{shape.__name__}"}


def _definitions() -> Json:
    shapes: list[type[Shape]] = [CookieAnswer]
    for each in ENDPOINTS:
        shapes += [shape for shape in (each.body, each.answer, each.accepted) if shape is not None]
    wanted = [(shape, "validation") for shape in dict.fromkeys(shapes)]
    _, made = models_json_schema(wanted, ref_template=f"#/components/schemas/{_PREFIX}{{model}}")  # type: ignore[arg-type]  # the mode is a Literal there
    definitions: Json = made["$defs"]
    return {name: _plain(schema) for name, schema in sorted(definitions.items())}


def _plain(node: Any) -> Any:
    """Take out what pydantic adds and nobody reads: titles made of names, and defaults that mean "not sent"."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: {key: _plain(each) for key, each in value.items()} if name == "properties" else _plain(value)
        for name, value in node.items()
        if name not in ("title", "default")
    }


def _example(schema: Json, definitions: Json) -> Any:
    """Return a value that fits a schema, from the examples within it."""
    if "$ref" in schema:
        return _example(definitions[schema["$ref"].rpartition("/")[2].removeprefix(_PREFIX)], definitions)
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], definitions)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if schema["type"] == "object":
        return {name: _example(each, definitions) for name, each in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        return [_example(schema["items"], definitions)]
    return _SPELLINGS.get(schema.get("format", ""), _SIMPLE[schema["type"]])
