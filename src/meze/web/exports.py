"""Answer a list as a file: CSV or NDJSON of every row, for spreadsheets and for other programs.

The rows are read at full speed into a temporary file that has no name, and sent from there with their length: what
fails while they are read is answered as any problem, and what fails afterwards leaves the body short of its length,
which no client takes for the whole. A client that reads slowly holds no connection to the database, only a place among
the few exports of its worker and one of the threads that are there for them (see `cli/server.py`).
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import IO

import msgspec

from meze.databases.statement import Fetched, Row
from meze.errors import BadValue, NotAcceptable, StorageFull, Text, Unavailable
from meze.query.ask import ListAsk, Selection
from meze.query.parse import EXPORT_PARAMETERS, ListParser
from meze.query.values import bad_value, truth
from meze.query.view import View
from meze.records.cells import columns_of, csv_bytes, header_bytes
from meze.records.export import Exports, PageOfRows
from meze.records.records import Records
from meze.records.shape import no_related
from meze.records.visit import Visit
from meze.resources.resource import Resource
from meze.settings import EXPORTS_AT_ONCE
from meze.web.messages import JSON, Request, Response
from meze.web.negotiate import preferred

RETRY_SECONDS = 10
KEPT_IN_MEMORY = 256 * 1024
"""What is no longer than this is answered as any other body, and holds nothing."""
PIECE = 64 * 1024
HANDFUL = 50
"""How many rows are written without a break: Python lets another thread go on only after 5 ms by itself."""
EXTENSIONS = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
_TYPES = (JSON, *EXTENSIONS.values())
NOT_IN_EXPORTS = ("limit", "page", "cursor", "count", "etag", "aggregate", "group")

_BOM = b"\xef\xbb\xbf"
_WHOLE = Text("An export is the whole list; leave this out.", "导出的是整个列表，请去掉此参数。")
_CSV_ONLY = Text("Only CSV may begin with a byte order mark.", "只有 CSV 可以带字节顺序标记（BOM）。")
_TO_ONE = Text(
    "An export leads to one related row at most; '{name}' has many.", "导出的每一行最多带一个关联行；“{name}”有多个。"
)
_FLAT = Text(
    "A row of CSV is flat; name fields of related rows in `fields`: fields=id,{name}__id.",
    "CSV 的行是扁平的；请在 `fields` 中写出关联行的字段：fields=id,{name}__id。",
)
_BUSY = Text("Too many exports at once.", "同时进行的导出过多。")


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an export: its name in `format`, and whether it begins with a byte order mark."""

    name: str
    bom: bool = False

    @property
    def content_type(self) -> str:
        return "text/csv; charset=utf-8; header=present" if self.name == "csv" else EXTENSIONS[self.name]


class ExportRoutes:
    """Answers lists as files. `folder` is where they are put meanwhile, None for the system's own."""

    def __init__(self, records: Records, exports: Exports, parser: ListParser, folder: Path) -> None:
        self._records = records
        self._exports = exports
        self._parser = parser
        self._folder = folder
        self._places = threading.BoundedSemaphore(EXPORTS_AT_ONCE)

    def form_of(self, request: Request) -> Form | None:
        """Return the form that the request asks for, None where it asks for JSON.

        Raises:
            BadValue: `format` is none that there is.
            NotAcceptable: `Accept` takes nothing of what there is.
        """
        given = [text for name, text in request.arguments if name == "format"]
        if len(given) > 1:
            raise bad_value("format", Text("Give this parameter once.", "此参数只能出现一次。"))
        if given:
            if given[0] not in ("json", *EXTENSIONS):
                raise _not_one_of("json, csv, ndjson")
            name = given[0]
        else:
            accept = request.headers.get("accept")
            found = JSON if accept is None else preferred(accept, _TYPES)
            if found is None:
                raise NotAcceptable(params={"offered": ", ".join(_TYPES)})
            name = next((each for each, kind in EXTENSIONS.items() if kind == found), "json")
        marks = [truth("bom", text) for parameter, text in request.arguments if parameter == "bom"]
        if marks and name != "csv":
            raise bad_value("bom", _CSV_ONLY)
        return None if name == "json" else Form(name, any(marks))

    def answer(self, request: Request, resource: Resource, form: Form) -> Response:
        """Return every row of the list that the request asks for."""
        visit = self._records.visit(resource, request.caller, "read")
        view = self._records.view(visit)
        ask = self._asked(request, view, form)
        headers = {"Content-Disposition": f'attachment; filename="{resource.name}.{form.name}"'}
        if request.method == "HEAD":
            return Response(200, content_type=form.content_type, headers=headers, stream=Nothing())
        if not self._places.acquire(blocking=False):
            raise Unavailable(_BUSY, retry_after_seconds=RETRY_SECONDS)
        spool = Spool(self._places, self._folder)
        try:
            rows = self._fill(spool, visit, ask, view, form)
            body = spool.whole()
        except OSError as error:
            spool.close()
            raise StorageFull from error
        except BaseException:
            spool.close()
            raise
        if body is None:
            return Response(200, content_type=form.content_type, headers=headers, rows=rows, stream=spool)
        return Response(200, body, form.content_type, headers, rows=rows)

    def _asked(self, request: Request, view: View, form: Form) -> ListAsk:
        for name, _ in request.arguments:
            if name in NOT_IN_EXPORTS:
                raise bad_value(name, _WHOLE, "unknown")
        kept = [(name, text) for name, text in request.arguments if name not in EXPORT_PARAMETERS]
        for name, text in kept:
            if name == "expand" and form.name == "csv":
                raise bad_value("expand", _FLAT, name=text.partition(",")[0])
        ask = self._parser.parse(kept, view)
        _refuse_many(ask.shape.selection, view)
        return ask

    def _fill(self, spool: Spool, visit: Visit, ask: ListAsk, view: View, form: Form) -> int:
        pages = self._exports.pages(visit, ask)
        written = _csv(pages, ask, view, form) if form.name == "csv" else _ndjson(pages)
        rows = 0
        for count, piece in written:
            rows += count
            spool.write(piece)
        return rows


class Nothing:
    """The body of an answer to HEAD, whose length nobody counts."""

    length: int | None = None

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Nothing is held."""


class Spool:
    """A file that is written once and then sent. It frees its place when it is closed, and itself when forgotten."""

    def __init__(self, places: threading.BoundedSemaphore, folder: Path) -> None:
        self._places = places
        # A folder of the program's own is on a disk, the system's may be in memory.
        own = str(folder) if folder.is_dir() else None
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY, dir=own)  # noqa: SIM115 - outlives this call
        self._open = True
        self.length: int | None = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)

    def whole(self) -> bytes | None:
        """Return all of it, and close it, if it is short; else make it ready to be sent."""
        self._file.flush()
        self.length = self._file.tell()
        self._file.seek(0)
        if self.length > KEPT_IN_MEMORY:
            return None
        body = self._file.read()
        self.close()
        return body

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        if self._open:
            self._open = False
            try:
                self._file.close()
            finally:
                self._places.release()

    def __del__(self) -> None:
        self.close()


def _csv(pages: Iterator[PageOfRows], ask: ListAsk, view: View, form: Form) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of CSV, each with the number of its rows."""
    columns = None
    for page in pages:
        if columns is None:
            columns = columns_of(view, ask.shape.selection, page.plan.node)
            yield 0, (_BOM if form.bom else b"") + header_bytes(columns)
        for rows in _handfuls(page.rows):
            yield len(rows), csv_bytes(columns, rows)


def _ndjson(pages: Iterator[PageOfRows]) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of NDJSON, each with the number of its rows."""
    encoder = msgspec.json.Encoder()
    for page in pages:
        for rows in _handfuls(page.rows):
            yield len(rows), encoder.encode_lines(page.plan.node.objects(Fetched(rows, ()), no_related))


def _handfuls(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield the rows of a page by and by, letting the threads of short requests have their turn in between."""
    for start in range(0, len(rows), HANDFUL):
        yield rows[start : start + HANDFUL]
        sleep(0)


def _refuse_many(selection: Selection, view: View) -> None:
    for name, inner in selection.related:
        if view.relations[name].to_many:
            raise bad_value("expand", _TO_ONE, name=name)
        _refuse_many(inner, view.related(name))


def _not_one_of(allowed: str) -> BadValue:
    text = Text("Must be one of: {allowed}.", "必须是以下之一：{allowed}。")
    return bad_value("format", text, "not_one_of", allowed=allowed)
