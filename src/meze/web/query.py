"""Lists that are asked for in a body: `QUERY /albums` (RFC 10008), and the same as `POST /albums/query`.

Both only read. The second is for what stands between us and a client and does not know the method.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from meze.query.body import BodyParser
from meze.records.records import Records
from meze.resources.resource import Resource
from meze.web.body import json_object
from meze.web.messages import Request, Response
from meze.web.negotiate import require_json

FORM = "query"
"""What stands in the place of a key: a POST to it can mean no row, since rows take none."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Answers questions that come in bodies."""

    records: Records
    parser: BodyParser

    def page(self, request: Request, resource: Resource) -> Response:
        """Return a page of a resource's rows; its `next` is where to send the same body to."""
        require_json(request.headers.get("accept", ""))
        visit = self.records.visit(resource, request.caller, "read")
        ask, names = self.parser.parse(json_object(request), request.arguments, self.records.view(visit))

        def next_url(cursor: str | None) -> str | None:
            if cursor is None and not self.parser.lists.may_count_to(ask):
                return None
            here = ("cursor", cursor) if cursor is not None else ("page", str((ask.page or 1) + 1))
            return f"{request.path}?{urlencode([here])}"

        answer = self.records.page(visit, ask, next_url)
        return Response(200, answer.body, rows=answer.rows, parameters=names)
