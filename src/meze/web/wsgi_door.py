"""The WSGI door: our handlers straight from `environ`, without Flask in between.

Both doors give the same bytes. What this one leaves out is what Flask does for hooks, sessions and routes of the
user's; where any of those is there, `Doorway` sends the request through Flask instead. Code of the user's that runs
inside of a handler (an `identify=` of theirs, callable defaults) finds the context of Flask that it expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request as WerkzeugRequest

from meze.errors import LANGUAGES
from meze.web.messages import Request, Response, Stream
from meze.web.negotiate import language_of
from meze.web.site import Site
from meze.web.translation import Bodies, arguments_of

_LINES = {status: f"{status} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items()}
_NOT_IN_304 = frozenset(
    ("allow", "content-encoding", "content-language", "content-length", "content-md5", "content-range", "content-type")
)
"""Headers about a body that is not sent (RFC 9110 §15.4.5)."""

_NOT_OF_HTTP = frozenset(("content-type", "content-length"))
"""What a client wrote with an underscore, to pass for the header that CGI names without HTTP_ (RFC 3875 §4.1)."""
_READING = frozenset(("GET", "HEAD", "OPTIONS", "QUERY"))

StartResponse = Callable[..., Any]
Context = Callable[[dict[str, Any]], AbstractContextManager[Any]]
"""Makes Flask's context of a request from `environ`."""


class WsgiDoor:
    """Answers requests of the generated routes. `bodies` are shared with the Flask door: they count slow clients.

    `context` is Flask's, for code of the user's: that who calls is told by it, or that it makes values of new rows.
    """

    def __init__(self, site: Site, bodies: Bodies, context: Context, *, identifies: bool, makes_values: bool) -> None:
        self._site = site
        self._bodies = bodies
        self._context = context
        self._identifies = identifies
        self._makes_values = makes_values

    def answer(self, environ: dict[str, Any], path: str, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, and leave it and its response in `environ` for the line in the log."""
        request = self._request_of(environ, path)
        if self._identifies or (self._makes_values and request.method not in _READING):
            with self._context(environ):
                response = self._site.answer(request)
        else:
            response = self._site.answer(request)
        environ["meze.request"], environ["meze.response"] = request, response
        return sent(response, request.method, start_response)

    def _request_of(self, environ: dict[str, Any], path: str) -> Request:
        headers = {_NAMES.get(name) or _name_of(name): value for name, value in environ.items() if name[:5] == "HTTP_"}
        if _NOT_OF_HTTP & headers.keys():
            for name in _NOT_OF_HTTP:
                headers.pop(name, None)
        if value := environ.get("CONTENT_TYPE"):
            headers["content-type"] = value
        if value := environ.get("CONTENT_LENGTH"):
            headers["content-length"] = value
        query = environ.get("QUERY_STRING", "")
        length = len(environ.get("RAW_URI") or "") or len(path) + len(query) + 1
        # An address that is too long is refused, so nobody reads it.
        reads = query and length <= self._site.settings.uri_limit
        arguments, fault = arguments_of(query.encode("latin1")) if reads else ((), None)
        accept_language = headers.get("accept-language")

        def receive(limit: int) -> IO[bytes]:
            return self._bodies.receive(WerkzeugRequest(environ), limit)

        return Request(
            environ["REQUEST_METHOD"].upper(),
            path,
            arguments,
            headers,
            read=lambda: self._bodies.read_announced(environ),
            receive=receive,
            request_id=environ["meze.request_id"],
            language=LANGUAGES[0] if accept_language is None else language_of(accept_language),
            address_length=length,
            remote=environ.get("REMOTE_ADDR"),
            fault=fault,
        )


def _name_of(key: str) -> str:
    """Return the name of the header that stands in `environ` as `HTTP_…`."""
    return key[5:].replace("_", "-").lower()


_COMMON = """
    HOST USER_AGENT ACCEPT ACCEPT_ENCODING ACCEPT_LANGUAGE AUTHORIZATION COOKIE ORIGIN REFERER CONNECTION CACHE_CONTROL
    IF_MATCH IF_NONE_MATCH IDEMPOTENCY_KEY X_REQUEST_ID X_FORWARDED_FOR X_FORWARDED_PROTO X_FORWARDED_HOST X_REAL_IP
    SEC_FETCH_SITE SEC_FETCH_MODE SEC_FETCH_DEST TE TRACEPARENT
"""
_NAMES = {f"HTTP_{name}": _name_of(f"HTTP_{name}") for name in _COMMON.split()}
"""The names that most requests carry. No others are kept: a client could fill any memory with names."""


def path_of(environ: dict[str, Any]) -> str:
    """Return the path as it was meant: WSGI carries its UTF-8 as if it were Latin-1 (PEP 3333)."""
    path: str = environ.get("PATH_INFO", "")
    return "/" + (path if path.isascii() else path.encode("latin1").decode(errors="replace")).lstrip("/")


def sent(response: Response, method: str, start_response: StartResponse) -> Iterable[bytes]:
    """Begin the answer, and return its body. What has no body (204, 304) has no headers about one."""
    status, stream = response.status, response.stream
    bare = status in (204, 304)
    fields = response.headers
    if bare or stream is not None or "Content-Length" in fields:
        fields = {name: value for name, value in fields.items() if _belongs(name, status)}
    headers = [] if bare else [("Content-Type", response.content_type)]
    length = len(response.body) if stream is None else stream.length
    if length is not None and not bare:
        headers.append(("Content-Length", str(length)))
    headers += fields.items()
    if response.cookies:
        headers += [("Set-Cookie", cookie) for cookie in response.cookies]
    start_response(_LINES[status], headers)
    if stream is not None:
        return _Streamed(stream, nothing=method == "HEAD")
    return [] if bare or method == "HEAD" else [response.body]


def _belongs(name: str, status: int) -> bool:
    """Say whether a header is sent as it stands in a response: not where it is of a body that is not sent."""
    return name != "Content-Length" and not (status == 304 and name.lower() in _NOT_IN_304)


class _Streamed:
    """A body that is sent in pieces, and closed when all was sent or the server has done with it."""

    def __init__(self, stream: Stream, *, nothing: bool) -> None:
        self._stream = stream
        self._nothing = nothing

    def __iter__(self) -> Iterator[bytes]:
        try:
            if not self._nothing:
                yield from self._stream
        finally:
            self._stream.close()

    def close(self) -> None:
        self._stream.close()
