"""Read a `curl` command as it stands in a page, and write an answer as curl would show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `path` holds the query too; `shows_head` says whether status and headers are printed."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    shows_head: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """`headers` are in the order that they were sent in."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: str


def read_curl(words: Sequence[str]) -> Asked:
    """Return the request that `curl` with these words would send.

    Raises:
        ValueError: a word that no page has used so far.
    """
    method = path = None
    headers: dict[str, str] = {}
    body: bytes | None = None
    shows_head = False
    rest = iter(words)
    for word in rest:
        match word:
            case "-i":
                shows_head = True
            case "-s":
                pass
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(":")
                headers[name.strip()] = value.strip()
            case "--json" | "-d":
                body = _unquoted(next(rest)).encode()
                headers.setdefault("Content-Type", _content_type(word))
            case _ if word.startswith("http://"):
                path = _path(word)
            case _:
                raise ValueError(f"the guide does not know curl {word}")
    if path is None:
        raise ValueError("curl without an address")
    return Asked(method or ("GET" if body is None else "POST"), path, headers, body, shows_head)


def _unquoted(word: str) -> str:
    r"""Return what a shell makes of `$'a\nb'`, of which the splitting into words has left `$a\nb`."""
    return word[1:].replace("\\r", "\r").replace("\\n", "\n") if word.startswith("$") else word


def _content_type(option: str) -> str:
    return "application/json" if option == "--json" else "application/x-www-form-urlencoded"


def _path(address: str) -> str:
    parts = urlsplit(address)
    if parts.netloc not in ("127.0.0.1:8000", "127.0.0.1:5000"):
        raise ValueError(f"{address} is not the server of this page")
    query = f"?{parts.query}" if parts.query else ""
    return quote(f"{parts.path or '/'}{query}", safe="/?&=%,:+@!$'()*~-._")


def head_of(answer: Answered) -> Iterator[str]:
    """Yield the lines that `curl -i` prints before the body."""
    yield f"HTTP/1.1 {answer.status} {answer.reason}"
    for name, value in answer.headers:
        yield f"{name}: {value}"
