"""HTTP as a client speaks it: headers as they are given, one connection for each request, nothing followed or kept."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

API = "/api/v1"
SECONDS = 30
T = TypeVar("T")
_hosts = itertools.count(1)


def fresh_address() -> str:
    """Return a client address that nobody called from yet: limits count by address."""
    number = next(_hosts)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; empty where the answer is none."""
        shown = self.json if self.body else {}
        return str(shown.get("code", "")) if isinstance(shown, dict) else ""

    @property
    def pointers(self) -> list[str]:
        return [each["pointer"] for each in self.json.get("errors", []) if "pointer" in each]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def __repr__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')[:500]}"


@dataclass(frozen=True)
class Client:
    """Somebody at a network address, with or without a token. A path that begins with `//` is not under the prefix.

    The address is what a trusted proxy says in `X-Forwarded-For`.
    """

    url: str
    address: str
    token: str | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = ...,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Host": urlsplit(self.url).netloc, "X-Forwarded-For": self.address}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if json is not ...:
            body = dumped(json)
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        return send(self.url, method, path[1:] if path.startswith("//") else API + path, sent, body)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = ..., **options: Any) -> Answer:
        return self.request("POST", path, json=json, **options)

    def patch(self, path: str, json: Any, **options: Any) -> Answer:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.request("DELETE", path, **options)

    def with_token(self, token: str | None) -> Client:
        return replace(self, token=token)

    def elsewhere(self, address: str | None = None) -> Client:
        """The same person with the same token at another address."""
        return replace(self, address=address or fresh_address())

    def at(self, url: str) -> Client:
        """The same person, calling another process."""
        return replace(self, url=url)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def send(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send exactly these headers, and the length of the body."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        found = connection.getresponse()
        return Answer(found.status, tuple(found.getheaders()), found.read())
    finally:
        connection.close()


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Make the calls at the same moment, each in a thread of its own, and return what they gave, in their order."""
    start = threading.Barrier(len(calls))
    results: dict[int, T] = {}

    def run(number: int, call: Callable[[], T]) -> None:
        start.wait()
        results[number] = call()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(calls))]
