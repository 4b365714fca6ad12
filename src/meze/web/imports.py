"""Take a file of rows, NDJSON or CSV, into a resource: every row of it, or none.

The whole file is received before anything is asked of the database, so that a slow client locks nothing. While the
rows are written, other requests may be told to try again: SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

import msgspec

from meze.errors import BadRequest, Invalid, Text, UnsupportedMediaType
from meze.query.parse import Arguments, unknown_parameter
from meze.query.values import bad_value
from meze.records.importing import Importing, Sent, Source, Visits
from meze.records.records import Records
from meze.records.visit import Visit
from meze.resources.resource import Resource
from meze.web.import_rows import csv_rows, header_of, ndjson_rows
from meze.web.messages import Request, Response
from meze.web.negotiate import require_json

CSV, NDJSON = "text/csv", "application/x-ndjson"
ON_CONFLICT = ("error", "update")


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """How many rows and bytes a file may have, and how many bytes one of its lines."""

    rows: int
    body: int
    line: int


class ImportRoutes:
    """Answers POST of a file to a collection."""

    def __init__(self, records: Records, limits: ImportLimits) -> None:
        self._records = records
        self._importing = Importing(records, limits.rows)
        self._limits = limits

    def within(self, records: Records) -> ImportRoutes:
        """Return the same with records that are inside of a transaction."""
        return ImportRoutes(records, self._limits)

    @property
    def longest(self) -> int:
        """How many bytes a file may have."""
        return self._limits.body

    def takes(self, request: Request) -> bool:
        """Say whether the body says that it is a file of rows."""
        return _type_of(request) in (CSV, NDJSON)

    def answer(self, request: Request, resource: Resource) -> Response:
        """Write the rows of the body, and say how many were made and how many changed."""
        require_json(request.headers.get("accept", ""))
        making = self._records.visit(resource, request.caller, "create")
        update = _on_conflict(request.arguments) == "update"
        changing = self._records.visit(resource, request.caller, "update") if update else None
        visits = self._importing.visits(making, changing)
        _check_charset(request)
        with request.receive(self._limits.body) as file:
            if not file.read(1):
                raise BadRequest(Text("The body is empty.", "正文为空。"))
            read = self._csv(file, visits) if _type_of(request) == CSV else self._ndjson(file)
            created, updated = self._importing.run(visits, read)
        body = msgspec.json.encode({"created": created, "updated": updated})
        return Response(201, body, rows=created + updated)

    def _ndjson(self, file: IO[bytes]) -> Source:
        return lambda: ndjson_rows(file, self._limits.line)

    def _csv(self, file: IO[bytes], visits: Visits) -> Source:
        making, longest = visits.making, self._limits.line
        names = header_of(file, longest)
        self._check_header(making, names, whole=visits.changing is None)
        closed = self._records.writes.closed_to(making)

        def rows() -> Iterator[Sent]:
            return csv_rows(file, longest, making.resource.fields, closed)

        return rows

    def _check_header(self, visit: Visit, names: list[str], *, whole: bool) -> None:
        entries = self._records.writes.faults_of_columns(visit, names, whole=whole)
        if entries:
            raise Invalid([replace(each, params={**each.params, "line": 1}) for each in entries])


def _type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_charset(request: Request) -> None:
    pieces = [piece.strip().lower() for piece in request.headers.get("content-type", "").split(";")[1:]]
    charsets = [piece.partition("=")[2].strip('"') for piece in pieces if piece.startswith("charset=")]
    if any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise UnsupportedMediaType(params={"accepted": f"{CSV}; charset=utf-8, {NDJSON}"})


def _on_conflict(arguments: Arguments) -> str:
    chosen = None
    for name, text in arguments:
        if name != "on_conflict":
            raise unknown_parameter(name, ("on_conflict",))
        if chosen is not None:
            raise bad_value(name, Text("Give this parameter once.", "此参数只能出现一次。"))
        if text not in ON_CONFLICT:
            said = Text("Must be one of: {allowed}.", "必须是以下之一：{allowed}。")
            raise bad_value(name, said, "not_one_of", allowed=", ".join(ON_CONFLICT))
        chosen = text
    return chosen or "error"
