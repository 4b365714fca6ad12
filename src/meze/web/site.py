"""One request from end to end, without a framework: limits, host, caller, the route, and the headers of the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from meze.access.caller import Caller
from meze.errors import (
    BadRequest,
    Entry,
    HeadersTooLarge,
    Internal,
    Problem,
    Text,
    UriTooLong,
)
from meze.settings import Settings, is_loopback
from meze.web.accounts.routes import AccountRoutes
from meze.web.batch import Batches
from meze.web.explain import HEADER as EXPLAIN
from meze.web.explain import Explains
from meze.web.fixed import PAGES_FOR_SOME, FixedPages
from meze.web.headers import cors_headers, preflight, security_headers
from meze.web.idempotency import Retries
from meze.web.messages import PROBLEM, Request, Response
from meze.web.resources import Routes

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:@/\[\]]+)(:[0-9]*)?")

LONGEST_HOST = 300
"""A name has 253 characters at most (RFC 1035), its port five."""

Identify = Callable[[Request], Caller]
Failed = Callable[[Request, BaseException], None]


@dataclass(frozen=True, slots=True)
class Site:
    """Answers every address of ours. `failed` hears of errors that nobody expected.

    `accounts` is None where the program tells by itself who is calling: then there are no accounts of ours to sign in
    to. With them, `identify` is theirs.
    """

    settings: Settings
    routes: Routes
    batches: Batches
    retries: Retries
    pages: FixedPages
    identify: Identify
    failed: Failed
    accounts: AccountRoutes | None = None
    explains: Explains | None = None
    _below: str = field(init=False)
    _batch: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_below", self.settings.prefix + "/")
        object.__setattr__(self, "_batch", self.batches.path)

    def answer(self, request: Request) -> Response:
        """Return the answer; never raises."""
        caller: Caller | None = None
        try:
            self._check_limits(request)
            if request.fault is not None:
                raise request.fault
            asked = preflight(request, self.settings.cors_origins) if request.method == "OPTIONS" else None
            if asked is not None:
                response = asked
            else:
                if self._asks_who(request):
                    request.caller = caller = self.identify(request)
                response = self._routed(request)
        except Problem as problem:
            response = self._problem(request, problem)
        except Exception as error:
            self.failed(request, error)
            response = self._problem(request, Internal())
        self._finish(request, response, caller)
        return response

    def _asks_who(self, request: Request) -> bool:
        """Say whether it matters who is calling.

        Health and most pages are the same for everyone, and must not need the database to tell a browser's cookie.
        """
        asks = self.under_prefix(request.path) or request.path in PAGES_FOR_SOME
        return asks or "authorization" in request.headers

    def under_prefix(self, path: str) -> bool:
        return path.startswith(self._below) or path == self.settings.prefix

    def refused(self, request: Request, problem: Problem) -> Response:
        """Return the whole answer for a problem that was met outside of `answer`."""
        response = self._problem(request, problem)
        self._finish(request, response, None)
        return response

    def _problem(self, request: Request, problem: Problem) -> Response:
        body = msgspec.json.encode(problem.as_json(request.language, request.request_id))
        headers = {"Content-Language": request.language, **problem.headers}
        return Response(problem.status, body, PROBLEM, headers, route=self.route_of(request.path), code=problem.code)

    def route_of(self, path: str) -> str:
        """Return the template of a path, for the log."""
        if self.accounts is not None and self.accounts.serves(path):
            return self.accounts.route_of(path)
        if path == self.batches.path:
            return path
        return self.routes.route_of(path) if self.under_prefix(path) else path[:100]

    def _routed(self, request: Request) -> Response:
        if request.path == self.settings.prefix:
            return self.pages.answer(request)
        if self.accounts is not None and self.accounts.serves(request.path):
            return self.accounts.answer(request)
        if request.path == self._batch:
            return self.retries.answer(request, self.batches, self._problem)
        if self.under_prefix(request.path):
            if self.explains is not None and EXPLAIN in request.headers:
                explained = self.explains.answer(request, self._problem)
                if explained is not None:
                    return explained
            return self.retries.answer(request, self.routes, self._problem)
        return self.pages.answer(request)

    def _check_limits(self, request: Request) -> None:
        settings, headers = self.settings, request.headers
        if request.address_length > settings.uri_limit:
            raise UriTooLong(params={"max": settings.uri_limit})
        if sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * len(headers) > settings.headers_limit:
            raise HeadersTooLarge(params={"max": settings.headers_limit})

    def foreign_host(self, written: str, path: str) -> Problem | None:
        """Return what refuses a host that is not ours, None for one that is.

        A page elsewhere could otherwise reach a server on this machine by a name of its own (DNS rebinding). Whoever
        asks for health may not know our name.
        """
        if (len(written) <= LONGEST_HOST and _is_ours(written, self.settings.public_url)) or path.startswith(
            "/health/"
        ):
            return None
        text = Text("This server does not answer for that host.", "此服务器不为该主机应答。")
        return BadRequest(text, entries=[Entry("not_one_of", header="Host", text=text)])

    def _finish(self, request: Request, response: Response, caller: Caller | None) -> None:
        headers, accounts = request.headers, self.accounts
        if caller is not None:
            response.caller_id = caller.id
        if not response.route:
            response.route = self.route_of(request.path)
        cookie = "cookie" in headers
        sent = cookie or "authorization" in headers or (caller is not None and caller.credentials)
        if accounts is not None:
            sent = sent or accounts.serves(request.path)
            if cookie and caller is not None and accounts.identify.is_dead_cookie(request, caller):
                response.cookies = accounts.cookies.taken()
        response.headers = {**security_headers(sent), **response.headers, "X-Request-ID": request.request_id}
        if "origin" in headers:
            response.headers.update(cors_headers(request, self.settings.cors_origins))
        if request.method == "HEAD" and response.stream is None:
            response.headers["Content-Length"] = str(len(response.body))


@lru_cache(256)
def _is_ours(written: str, public: str | None) -> bool:
    """Say whether a `Host` names this machine, or the public address."""
    written = written.lower()
    host = _HOST.fullmatch(written)
    if host is not None and is_loopback(host["name"]):
        return True
    return public is not None and written in _hosts(public)


def _hosts(public: str) -> tuple[str, ...]:
    """Return what clients may write as `Host` for an origin: with its port, or without the scheme's own."""
    scheme, _, host = public.partition("://")
    own = {"http": ":80", "https": ":443"}[scheme]
    bare = host.rpartition(":")[2]
    return (host,) if bare.isdigit() else (host, host + own)
