"""A request and its response, as the handlers know them. No framework: each door makes the one and sends the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from meze.access.caller import NOBODY, Caller
from meze.errors import Problem

PROBLEM = "application/problem+json"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `path` is percent-decoded; header names are lower case; `read` gives the body when it is wanted.

    `address_length` counts the bytes of path and query as they were sent, `remote` is the address of the peer. `fault`
    is what kept the query string from being read, for the site to answer.
    """

    method: str
    path: str
    arguments: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[], bytes] = lambda: b""
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
    """What is answered; `cookies` are the values of its `Set-Cookie` headers.

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
    parameters: tuple[str, ...] = ()
