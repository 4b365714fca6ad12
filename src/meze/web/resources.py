"""The generated routes: what each method does on a collection and on one row of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from meze.access.policy import Policy
from meze.errors import MethodNotAllowed, NotFound
from meze.query.groups import CollectionParser
from meze.query.parse import EXPORT_PARAMETERS, parse_nothing, parse_one
from meze.records.place import place, placing
from meze.records.records import Records
from meze.records.urls import key_values, list_url, row_url
from meze.records.visit import Answer, Visit
from meze.resources.registry import Registry
from meze.resources.resource import Resource
from meze.web.body import json_object, json_value, object_of
from meze.web.bulk import PATCH_TYPES, create_rows, delete_rows, patch_rows
from meze.web.exports import ExportRoutes
from meze.web.imports import ImportRoutes
from meze.web.messages import JSON, Request, Response
from meze.web.negotiate import require_json
from meze.web.preconditions import match_of, unchanged, unless_of
from meze.web.query import FORM, Queries

COLLECTION_METHODS = {
    "GET": "read",
    "HEAD": "read",
    "QUERY": "read",
    "POST": "create",
    "PATCH": "update",
    "DELETE": "delete",
}
ROW_METHODS = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
"""What each method does, by the action whose rule is asked."""
FORM_METHODS = {**ROW_METHODS, "POST": "read"}
"""The same where a row's key would be `query`: its POST asks for a list."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Answers for every resource. `prefix` is where they are served."""

    prefix: str
    resources: Registry
    policy: Policy
    records: Records
    parser: CollectionParser
    queries: Queries
    exports: ExportRoutes
    imports: ImportRoutes

    def answer(self, request: Request) -> Response:
        """Return the answer for a path under the prefix.

        Raises:
            Problem: whatever kept it from being answered.
        """
        name, slash, key = request.path[len(self.prefix) + 1 :].partition("/")
        resource = self.resources.named(name)
        if resource is None or not resource.served or (slash and not key):
            raise NotFound
        if not slash:
            response = self._collection(request, resource)
            response.route = f"{self.prefix}/{name}"
        elif key == FORM and request.method == "POST":
            response = self.queries.page(request, resource)
            response.route = f"{self.prefix}/{name}/{FORM}"
        else:
            response = self._row(request, resource, key)
            response.route = f"{self.prefix}/{name}/{{key}}"
        return response

    def within(self, records: Records) -> Routes:
        """Return the same routes with records that are inside of a transaction."""
        return replace(
            self,
            records=records,
            queries=replace(self.queries, records=records),
            imports=self.imports.within(records),
        )

    def route_of(self, path: str) -> str:
        """Return the template of a path, for the log: names of resources, never keys."""
        name, slash, key = path[len(self.prefix) + 1 :].partition("/")
        resource = self.resources.named(name)
        if resource is None:
            return f"{self.prefix}/{{path}}"
        if key == FORM:
            return f"{self.prefix}/{name}/{FORM}"
        return f"{self.prefix}/{name}" + ("/{key}" if slash else "")

    def _collection(self, request: Request, resource: Resource) -> Response:
        match request.method:
            case "GET" | "HEAD":
                return self.page(request, resource)
            case "POST":
                return self._create(request, resource)
            case "QUERY":
                return self.queries.page(request, resource)
            case "PATCH":
                return patch_rows(self.records, request, resource)
            case "DELETE" if not resource.require_match:
                return delete_rows(self.records, self.parser.lists, request, resource)
        methods = {
            name: each for name, each in COLLECTION_METHODS.items() if name != "DELETE" or not resource.require_match
        }
        return _other(request, self._allowed(resource, methods))

    def _row(self, request: Request, resource: Resource, key: str) -> Response:
        method = request.method
        action = ROW_METHODS.get(method)
        if action is None:
            return _other(request, self._allowed(resource, FORM_METHODS if key == FORM else ROW_METHODS))
        if method != "DELETE":
            require_json(request.headers.get("accept", ""))
        if method == "PUT" and (resource.chosen_key or "if-none-match" in request.headers):
            return self._place(request, resource, key)
        # Rules are asked before the key's shape counts: who may not read any row learns nothing of keys either.
        visit = self.records.visit(resource, request.caller, action)
        values = _key_of(resource, key)
        match method:
            case "PATCH":
                return self._patch(request, visit, values)
            case "PUT":
                return self._put(request, visit, values)
            case "DELETE":
                return self._delete(request, visit, values)
        return self._get(request, visit, values)

    def _allowed(self, resource: Resource, methods: Mapping[str, str]) -> tuple[str, ...]:
        """Return the methods that some caller may use; `Allow` does not promise what nobody may ever do."""
        return (*(each for each, action in methods.items() if self.policy.possible(resource, action)), "OPTIONS")

    def page(self, request: Request, resource: Resource) -> Response:
        """Return a page of a resource's rows, or of aggregates of them, or all rows as a file."""
        form = self.exports.form_of(request)
        if form is not None:
            return self.exports.answer(request, resource, form)
        visit = self.records.visit(resource, request.caller, "read")
        arguments = [each for each in request.arguments if each[0] not in EXPORT_PARAMETERS]
        ask = self.parser.parse(arguments, self.records.view(visit))

        def next_url(cursor: str | None) -> str | None:
            if cursor is None and not self.parser.may_count_to(ask):
                return None
            kept = [each for each in request.arguments if each[0] not in ("cursor", "page")]
            here = ("cursor", cursor) if cursor is not None else ("page", str((ask.page or 1) + 1))
            return list_url(self.prefix, resource, [*kept, here])

        answer = self.records.page(visit, ask, next_url)
        return Response(200, answer.body, rows=answer.rows)

    def one(self, request: Request, resource: Resource, key: str) -> Response:
        """Return one row of a resource, by its key as it stands in an address."""
        require_json(request.headers.get("accept", ""))
        visit = self.records.visit(resource, request.caller, "read")
        return self._get(request, visit, _key_of(resource, key))

    def _get(self, request: Request, visit: Visit, key: list[Any]) -> Response:
        selection = parse_one(request.arguments, self.records.view(visit))
        answer = self.records.reads.get(visit, key, selection)
        assert answer.etag is not None
        if unchanged(request.headers.get("if-none-match"), answer.etag):
            return Response(304, headers=tagged(answer))
        return Response(200, answer.body, headers=tagged(answer), rows=1)

    def _create(self, request: Request, resource: Resource) -> Response:
        if request.part is None and self.imports.takes(request):
            return self.imports.answer(request, resource)
        require_json(request.headers.get("accept", ""))
        visit = self.records.visit(resource, request.caller, "create")
        body = json_value(request)
        if isinstance(body, list):
            return create_rows(self.records, request, visit, body)
        selection = parse_one(request.arguments, self.records.view(visit))
        return self._created(resource, self.records.writes.create(visit, object_of(body), selection))

    def _created(self, resource: Resource, answer: Answer) -> Response:
        assert answer.key is not None
        location = {"Location": row_url(self.prefix, resource, answer.key)}
        return Response(201, answer.body, headers=location | tagged(answer), rows=1)

    def _place(self, request: Request, resource: Resource, text: str) -> Response:
        """Put a row at a key that may be the client's to choose, or only where `If-None-Match` finds none."""
        allowed = placing(self.records, resource, request.caller)
        key = _key_of(resource, text)
        selection = parse_one(request.arguments, self.records.view(allowed.visit))
        match, unless = match_of(request.headers.get("if-match")), unless_of(request.headers.get("if-none-match"))
        answer, new = place(self.records, allowed, key, json_object(request), match, unless, selection)
        if new:
            return self._created(resource, answer)
        return Response(200, answer.body, headers=tagged(answer), rows=1)

    def _patch(self, request: Request, visit: Visit, key: list[Any]) -> Response:
        return self._change(request, visit, key, self.records.writes.patch, PATCH_TYPES)

    def _put(self, request: Request, visit: Visit, key: list[Any]) -> Response:
        return self._change(request, visit, key, self.records.writes.put, (JSON,))

    def _change(
        self, request: Request, visit: Visit, key: list[Any], change: Callable[..., Answer], accepted: tuple[str, ...]
    ) -> Response:
        selection = parse_one(request.arguments, self.records.view(visit))
        match = match_of(request.headers.get("if-match"))
        answer = change(visit, key, json_object(request, accepted), match, selection)
        return Response(200, answer.body, headers=tagged(answer), rows=1)

    def _delete(self, request: Request, visit: Visit, key: list[Any]) -> Response:
        parse_nothing(request.arguments)
        self.records.writes.delete(visit, key, match_of(request.headers.get("if-match")))
        return Response(204)


def _key_of(resource: Resource, text: str) -> list[Any]:
    values = key_values(resource.key, text)
    if values is None:
        raise NotFound
    return values


def tagged(answer: Answer) -> dict[str, str]:
    """Return the header that carries an answer's entity tag."""
    return {} if answer.etag is None else {"ETag": f'"{answer.etag}"'}


def _other(request: Request, allowed: tuple[str, ...]) -> Response:
    """Answer OPTIONS, and refuse a method that means nothing here; both say what does."""
    headers = {"Allow": ", ".join(allowed)}
    if "PATCH" in allowed:
        headers["Accept-Patch"] = ", ".join(PATCH_TYPES)
    if "QUERY" in allowed:
        headers["Accept-Query"] = JSON
    if request.method == "OPTIONS":
        return Response(204, headers=headers)
    raise MethodNotAllowed(params={"method": request.method}, headers=headers)
