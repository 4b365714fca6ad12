"""Send requests to an app in this process, as a server would hand them to it, and keep each as a line for curl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request: `path` is as it stands in an address, with its query. `caller` names whose token goes with it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    caller: str | None = None

    @property
    def curl(self) -> str:
        """The command that sends it; the token is left to a variable that is named for the caller."""
        parts = ["curl", "-i"] if self.method != "HEAD" else ["curl", "--head"]
        if self.method not in ("GET", "HEAD"):
            parts += ["-X", self.method]
        parts.append(shlex.quote(f"http://localhost:8000{self.path}"))
        if self.caller is not None:
            variable = "".join(letter if letter.isalnum() else "_" for letter in self.caller.upper())
            parts += ["-H", f'"Authorization: Bearer ${variable}"']
        for name, value in self.headers.items():
            if name.lower() != "authorization":
                parts += ["-H", shlex.quote(f"{name}: {value}")]
        if self.body:
            parts += ["--data-binary", shlex.quote(self.body.decode("utf-8", "replace"))]
        return " ".join(parts)


@dataclass(frozen=True, eq=False)
class Reply:
    """An answer. Header names are in lower case."""

    exchange: Exchange
    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """What the body says as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def code(self) -> str | None:
        """The code of a problem, None of anything else."""
        said = self.json if "problem+json" in self.headers.get("content-type", "") else None
        return said.get("code") if isinstance(said, dict) else None

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def told(self) -> str:
        """The answer in a few words, for a report."""
        text = self.body.decode("utf-8", "replace")
        return f"{self.status} {text[:300]}{'…' if len(text) > 300 else ''}".strip()


class Client:
    """Calls `wsgi`; `sent` counts the requests."""

    def __init__(self, wsgi: Callable[..., Any], host: str = "localhost:8000") -> None:
        self._wsgi = wsgi
        self._host = host
        self.sent = 0

    def send(self, exchange: Exchange) -> Reply:
        """Return the answer to a request.

        Raises whatever the app lets out, which no server would survive either.
        """
        self.sent += 1
        answered: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
            answered["status"], answered["headers"] = int(status[:3]), headers
            return lambda _: None

        body = self._wsgi(self._environ(exchange), start_response)
        try:
            received = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        headers = {name.lower(): value for name, value in answered["headers"]}
        return Reply(exchange, answered["status"], headers, received)

    def _environ(self, exchange: Exchange) -> dict[str, Any]:
        path, _, query = exchange.path.partition("?")
        name, _, port = self._host.partition(":")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": exchange.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin1"),
            "QUERY_STRING": query,
            "RAW_URI": exchange.path,
            "REQUEST_URI": exchange.path,
            "SERVER_NAME": name,
            "SERVER_PORT": port or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": self._host,
            "CONTENT_LENGTH": str(len(exchange.body)) if exchange.body else "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(exchange.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for header, value in exchange.headers.items():
            key = header.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return environ
