"""The addresses that every Meze server has: `/`, `/docs`, `/openapi.json`, `/errors/<code>`, health, page assets.

With accounts, the pages that their mail leads to, below `/account/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from meze.errors import MethodNotAllowed, NotFound, Unauthenticated
from meze.settings import Settings
from meze.web.messages import HTML, JSON, Request, Response
from meze.web.negotiate import prefers_html, require_json
from meze.web.pages import (
    ACCOUNT_PAGES,
    CONTENT_SECURITY_POLICY,
    PREFIX,
    STATIC,
    Home,
    error_document,
    error_kinds,
    home_document,
    render_account,
    render_docs,
    render_error,
    render_home,
)
from meze.web.preconditions import unchanged

PAGES_FOR_SOME = ("/docs", "/openapi.json")
"""The pages that may be for those alone who are signed in (MEZE_DOCS)."""

_ACCOUNT = "/account/"
_METHODS = "GET, HEAD, OPTIONS"
_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class FixedPages:
    """`home` and `openapi` are made when their address is asked for. `accounts` says whether there are any of ours."""

    settings: Settings
    title: str
    home: Callable[[], Home]
    openapi: Callable[[], bytes]
    accounts: bool = False

    @property
    def pattern(self) -> str:
        """The addresses without their leading slash, as a regular expression."""
        always = r"docs|openapi\.json|errors/[^/]+|health/live|health/ready|meze-static/[^/]+"
        return f"{always}|{'|'.join(f'account/{name}' for name in ACCOUNT_PAGES)}" if self.accounts else always

    def answer(self, request: Request) -> Response:
        """Return the answer for a fixed address.

        Raises:
            NotFound: it is none of ours, or switched off.
        """
        handler, argument, route = self._handler(request.path)
        if request.method == "OPTIONS":
            return Response(204, headers={"Allow": _METHODS}, route=route)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(params={"method": request.method}, headers={"Allow": _METHODS})
        response = handler(request, argument)
        response.route = route
        return response

    def _handler(self, path: str) -> tuple[Callable[[Request, str], Response], str, str]:
        exact: dict[str, Callable[[Request, str], Response]] = {
            "/": self._home,
            self.settings.prefix: self._home,
            "/docs": self._docs,
            "/openapi.json": self._openapi,
            "/health/live": self._health,
            "/health/ready": self._health,
        }
        if path in exact:
            return exact[path], "", path
        name = path.removeprefix(_ACCOUNT)
        if self.accounts and name != path and name in ACCOUNT_PAGES:
            return self._account, name, path
        for start, handler in (("/errors/", self._error), (PREFIX, self._asset)):
            if path.startswith(start):
                return handler, path[len(start) :], start + "{name}"
        raise NotFound

    def _home(self, request: Request, _: str) -> Response:
        home = self.home()
        if self.settings.docs == "off":
            home = replace(home, docs=None, openapi=None)
        if prefers_html(request.headers.get("accept", "")):
            return self._page(render_home(home, request.language), "home", request)
        return self._json(home_document(home, request.language), request)

    def _docs(self, request: Request, _: str) -> Response:
        self._check_docs(request)
        require_json(request.headers.get("accept", ""), ("text/html",))
        return self._page(render_docs(self.title, request.language), "docs", request)

    def _openapi(self, request: Request, _: str) -> Response:
        self._check_docs(request)
        require_json(request.headers.get("accept", ""))
        return Response(200, self.openapi())

    def _check_docs(self, request: Request) -> None:
        if self.settings.docs == "off":
            raise NotFound
        if self.settings.docs == "signed_in" and not request.caller.signed_in:
            raise Unauthenticated

    def _error(self, request: Request, code: str) -> Response:
        kind = error_kinds().get(code)
        if kind is None:
            raise NotFound
        if prefers_html(request.headers.get("accept", "")):
            return self._page(render_error(kind, request.language), "error", request)
        return self._json(error_document(kind, request.language), request)

    def _account(self, request: Request, name: str) -> Response:
        require_json(request.headers.get("accept", ""), ("text/html",))
        body = render_account(ACCOUNT_PAGES[name], self.settings.prefix, request.language)
        response = self._page(body, "account", request)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _health(self, _request: Request, _: str) -> Response:
        return Response(200, b'{"status":"ok"}', headers={"Cache-Control": "no-store"})

    def _asset(self, request: Request, name: str) -> Response:
        file = STATIC.get(name)
        if file is None:
            raise NotFound
        versioned = ("v", file.version) in request.arguments
        headers = {"ETag": file.etag, "Cache-Control": _A_YEAR if versioned else "public, no-cache"}
        if unchanged(request.headers.get("if-none-match"), file.etag.strip('"')):
            return Response(304, headers=headers)
        body = file.load()
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = file.load_gzipped()
            headers["Content-Encoding"] = "gzip"
            headers["ETag"] = f"W/{file.etag}"
        return Response(200, body, file.content_type, headers)

    def _page(self, body: bytes, page: str, request: Request) -> Response:
        policy = CONTENT_SECURITY_POLICY[page]
        return Response(200, body, HTML, {"Content-Security-Policy": policy, "Content-Language": request.language})

    def _json(self, document: Any, request: Request) -> Response:
        require_json(request.headers.get("accept", ""), (JSON, "text/html"))
        return Response(200, msgspec.json.encode(document), headers={"Content-Language": request.language})
