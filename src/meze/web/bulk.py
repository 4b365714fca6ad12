"""Several rows in one request: arrays that make or change rows, and deleting by filter. All of it, or nothing.

A resource with `require_match` is not deleted from by filter: no entity tag could be compared, and 428 would ask for
what nobody can send. So the method is not there (405), as `Allow` says.
"""

from __future__ import annotations

from typing import Any

from meze.errors import Entry, Invalid, Text
from meze.query.parse import ListParser, parse_one
from meze.records.bulk import ROWS, Bulk
from meze.records.records import Records
from meze.records.visit import Visit
from meze.resources.resource import Resource
from meze.web.body import MERGE_PATCH, json_value
from meze.web.messages import JSON, Request, Response
from meze.web.negotiate import require_json

PATCH_TYPES = (JSON, MERGE_PATCH)


def create_rows(records: Records, request: Request, visit: Visit, rows: list[Any]) -> Response:
    """Make a row of each element of an array."""
    _check_count(rows)
    selection = parse_one(request.arguments, records.view(visit), len(rows))
    answer = Bulk(records).create(visit, rows, selection)
    return Response(201, answer.body, rows=answer.rows)


def patch_rows(records: Records, request: Request, resource: Resource) -> Response:
    """Change the rows whose keys the elements of an array carry."""
    require_json(request.headers.get("accept", ""))
    visit = records.visit(resource, request.caller, "update")
    rows = json_value(request, PATCH_TYPES)
    if not isinstance(rows, list):
        text = Text("The body must be a JSON array of rows with their keys.", "正文必须是带键的行组成的 JSON 数组。")
        raise Invalid([Entry("wrong_type", pointer="", text=text)])
    _check_count(rows)
    selection = parse_one(request.arguments, records.view(visit), len(rows))
    answer = Bulk(records).patch(visit, rows, selection)
    return Response(200, answer.body, rows=answer.rows)


def delete_rows(records: Records, parser: ListParser, request: Request, resource: Resource) -> Response:
    """Delete the rows that the filters in the address choose."""
    require_json(request.headers.get("accept", ""))
    visit = records.visit(resource, request.caller, "delete")
    conditions, values = parser.filters(request.arguments, records.view(visit))
    deleted = Bulk(records).delete(visit, conditions, values)
    return Response(200, b'{"deleted":%d}' % deleted, rows=deleted)


def _check_count(rows: list[Any]) -> None:
    if not rows:
        text = Text("At least one row.", "至少要有一行。")
        raise Invalid([Entry("too_short", pointer="", params={"min": 1}, text=text)])
    if len(rows) > ROWS:
        text = Text("At most {max} rows at once.", "单次最多 {max} 行。")
        raise Invalid([Entry("too_long", pointer="", params={"max": ROWS}, text=text)])
