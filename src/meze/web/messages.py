"""A request and its response, as the handlers know them. No framework: each door makes the one and sends the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import IO, Any, Protocol

from meze.access.caller import NOBODY, Caller
from meze.errors import Problem

PROBLEM = "application/problem+json"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Stream(Protocol):
    """A body that is sent in pieces. `length` is its bytes, None where nobody counted them; `close` is always called,
    when all was sent or the client went away."""

    length: int | None

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


def _no_body(limit: int) -> IO[bytes]:  # noqa: ARG001 - what reads a body knows its limit
    return BytesIO()


@dataclass(slots=True)
class Request:
    """What was asked. `path` is percent-decoded; header names are lower case; `read` gives the body when it is wanted,
    `receive` gives one of at most so many bytes as a file that the one who asked closes. `part` gives one that was read
    already, as a part of another.

    `address_length` counts the bytes of path and query as they were sent, `remote` is the address of the peer. `fault`
    is what kept the query string from being read, for the site to answer. `caller` is filled in by the site once it is
    known; nothing else changes.
    """

    method: str
    path: str
    arguments: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[], bytes] = lambda: b""
    receive: Callable[[int], IO[bytes]] = _no_body
    part: Callable[[], Any] | None = None
    request_id: str = ""
    language: str = "en"
    caller: Caller = NOBODY
    address_length: int = 0
    remote: str | None = None
    fault: Problem | None = None

    def by(self, caller: Caller) -> Request:
        return replace(self, caller=caller)


@dataclass(slots=True)
class Response:
    """What is answered; `cookies` are the values of its `Set-Cookie` headers. A `stream` takes the place of the body.

    `route`, `rows`, `code`, `caller_id` and `parameters` (the names in a body that asks) are for the log and the
    metrics, not for the client.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    route: str = ""
    rows: int | None = None
    code: str | None = None
    caller_id: int | None = None
    stream: Stream | None = None
    parameters: tuple[str, ...] = ()
