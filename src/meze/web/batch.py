"""`POST {prefix}/batch`: several operations in one transaction, each as a request of its own would be.

Every operation goes through the routes that answer single requests, with records that are inside of the transaction: so
the same rules, limits and words hold, and what is read sees what was written before. The first that is refused undoes
all, and its problem is the answer. Arrays, deleting by filter and `POST /albums/query` are operations like others;
QUERY, exports, imports and batches inside of batches are not there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from meze.errors import BadRequest, Entry, Invalid, MethodNotAllowed, Problem, Text, TooExpensive
from meze.records.places import AT, placed
from meze.records.records import Records
from meze.web.body import json_object, parsed
from meze.web.messages import JSON, Request, Response
from meze.web.negotiate import require_json
from meze.web.operations import ABSENT, Operation, OperationReader
from meze.web.references import Results
from meze.web.resources import Routes

NAME = "batch"
ALLOWED = {"Allow": "POST, OPTIONS"}
RESULT_BYTES = 16 * 1024 * 1024
"""How long all results may be together."""


class _Result(msgspec.Struct):
    status: int
    body: Any
    etag: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class Batches:
    """Answers batches. `most_bytes` is how much the references of one may bring in."""

    routes: Routes
    reader: OperationReader
    most_bytes: int

    @property
    def path(self) -> str:
        return f"{self.routes.prefix}/{NAME}"

    def within(self, records: Records) -> Batches:
        """Return the same with records that are inside of a transaction."""
        return replace(self, routes=self.routes.within(records))

    def answer(self, request: Request) -> Response:
        """Return what all operations of the batch answered.

        Raises:
            Problem: of the first operation that was refused, pointing into the batch.
        """
        if request.method == "OPTIONS":
            return Response(204, headers={**ALLOWED}, route=self.path)
        if request.method != "POST":
            raise MethodNotAllowed(params={"method": request.method}, headers=ALLOWED)
        require_json(request.headers.get("accept", ""))
        if request.arguments:
            raise BadRequest(Text("A batch takes no parameters.", "批量请求不接受查询参数。"))
        operations = self.reader.read(json_object(request))
        results, shown, size, rows = Results(self.most_bytes), list[_Result](), 0, 0
        with self.routes.records.together() as within:
            routes = self.routes.within(within.records)
            for at, operation in enumerate(operations):
                response = self._done(routes, request, operation, at, results)
                size += len(response.body)
                if size > RESULT_BYTES:
                    text = Text("The results are too long together.", "各操作的结果合计过长。")
                    raise placed(TooExpensive(text), f"/operations/{at}")
                rows += response.rows or 0
                shown.append(_result(response))
                results.add(_plain(response))
        return Response(200, msgspec.json.encode({"results": shown}), route=self.path, rows=rows)

    def _done(self, routes: Routes, request: Request, operation: Operation, at: int, results: Results) -> Response:
        body = operation.body
        if body is not ABSENT:
            body = results.filled(body, f"/operations/{at}/body")
        try:
            inner = self._request(request, operation, body)
            if operation.lists and routes.exports.form_of(inner) is not None:
                raise Invalid([Entry("bad_format", parameter="format", text=_ONLY_JSON)])
            return routes.answer(inner)
        except Problem as problem:
            if AT in problem.members:
                problem.members[AT] = f"/body{problem.members[AT]}"
            raise placed(problem, f"/operations/{at}", lambda entry: _located(entry, f"/operations/{at}")) from problem

    def _request(self, request: Request, operation: Operation, body: Any) -> Request:
        """Return an operation as the request that it stands for."""
        return replace(
            request,
            method=operation.method,
            path=self.routes.prefix + operation.path,
            arguments=operation.arguments,
            headers={"accept": JSON, "content-type": JSON, **operation.headers},
            read=lambda: b"",
            part=None if body is ABSENT else lambda: body,
        )


_ONLY_JSON = Text("A batch answers in JSON.", "批量请求以 JSON 应答。")


def _located(entry: Entry, place: str) -> Entry:
    """Return an entry of an operation's problem as one of the batch's."""
    if entry.pointer is not None:
        inside = f"{place}/body{entry.pointer}"
    elif entry.header is not None:
        inside = f"{place}/headers/{entry.header.lower()}"
    else:
        inside = f"{place}/path"
    return replace(entry, pointer=inside, parameter=None, header=None)


def _result(response: Response) -> _Result:
    body = msgspec.Raw(response.body) if response.body else None
    return _Result(response.status, body, response.headers.get("ETag"), response.headers.get("Location"))


def _plain(response: Response) -> dict[str, Any]:
    """Return a result as references see it."""
    return {
        "status": response.status,
        "body": parsed(response.body) if response.body else None,
        "etag": response.headers.get("ETag"),
        "location": response.headers.get("Location"),
    }
