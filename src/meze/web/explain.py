"""`Meze-Explain: 1`: an admin is told, in place of an answer, why it is as it is, with the answer inside.

Only in a session of an admin's own and only where the settings let it; for everyone else the header means nothing, and
changes no byte. What explains is loaded at the first such request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from meze.access.caller import Caller
from meze.accounts import audit
from meze.accounts.accounts import Accounts
from meze.errors import Problem
from meze.records.records import Records
from meze.settings import Settings
from meze.web.address import visitor_of
from meze.web.messages import Request, Response
from meze.web.query import FORM
from meze.web.resources import Routes

if TYPE_CHECKING:
    from meze.verify.explain.explainer import Answered

HEADER = "meze-explain"

Tell = Callable[[Request, Problem], Response]


@dataclass(slots=True)
class Answering:
    """Answers one request with the records that it is given, and keeps the response."""

    routes: Routes
    request: Request
    tell: Tell
    response: Response = field(default_factory=lambda: Response(500))

    def __call__(self, records: Records) -> Answered:
        from meze.verify.explain.explainer import Answered

        try:
            self.response = self.routes.within(records).answer(self.request)
        except Problem as problem:
            self.response = self.tell(self.request, problem)
            return Answered(problem.status, problem)
        return Answered(self.response.status)


@dataclass(frozen=True, slots=True)
class Explains:
    """Explains to admins. `accounts` keep the trail of it."""

    settings: Settings
    routes: Routes
    accounts: Accounts

    def answer(self, request: Request, tell: Tell) -> Response | None:
        """Return the explanation; None where the request is to be answered as if it had no such header."""
        if request.headers[HEADER] != "1" or not _in_own_session(request.caller) or not self._only_reads(request):
            return None
        from meze.verify.explain.explainer import Audience, Explainer
        from meze.verify.explain.question import question_at
        from meze.verify.explain.report import as_json

        question = question_at(request.method, request.path, "", self.settings.prefix, self.routes.resources)
        if question is None:
            return None
        self._record(request)
        answering = Answering(self.routes, request, tell)
        explainer = Explainer(self.routes.records, request.caller, Audience.SESSION)
        explanation = explainer.read(question, answering)
        inner = answering.response
        body = {
            "status": inner.status,
            "body": msgspec.Raw(inner.body) if inner.body else None,
            "explanation": as_json(explanation),
        }
        headers = {"Cache-Control": "no-store"}
        return Response(200, msgspec.json.encode(body), headers=headers, route=inner.route, rows=inner.rows)

    def _only_reads(self, request: Request) -> bool:
        """Say whether the request asks for rows as JSON: files are sent in pieces, and are not explained."""
        asks = request.method in ("GET", "QUERY") or (request.method == "POST" and request.path.endswith(f"/{FORM}"))
        return asks and self.routes.exports.form_of(request) is None

    def _record(self, request: Request) -> None:
        assert request.caller.id is not None
        with self.accounts.storage.writing() as work:
            audit.record(work, "explained", request.caller.id, visitor_of(request, self.settings.trusted_proxies))


def explains_of(settings: Settings, routes: Routes, accounts: Accounts | None) -> Explains | None:
    """Return what explains over HTTP, None where nothing may."""
    allowed = settings.explain == "on" or (settings.explain is None and settings.env != "production")
    return Explains(settings, routes, accounts) if allowed and accounts is not None else None


def _in_own_session(caller: Caller) -> bool:
    """Say whether the caller is an admin in a session of their own, and no program with an API key."""
    return caller.is_admin and caller.session is not None and caller.key is None
