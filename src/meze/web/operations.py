"""Read the body of a batch: which operations it holds, each on a generated address and on no other.

Everything that is wrong with the list is told at once. What is wrong with an operation's own parameters and body shows
when it is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from meze.errors import Entry, Invalid, Text
from meze.records.check import pointer
from meze.resources.registry import Registry
from meze.web.references import faults_of

OPERATIONS = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
HEADERS = ("if-match",)
ABSENT = object()

_MEMBERS = ("method", "path", "body", "headers")
_PATH = re.compile(r"/(?P<name>[^/?#\\]+)(?:/(?P<key>[^/?#\\]+))?(?:\?(?P<query>[^#]*))?")
_NOT_WRITTEN = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")

_NO_PATH = Text(
    "Must be the path of a resource or of one of its rows, from the prefix on, such as /albums/7.",
    "必须是资源或其中一行相对于前缀的路径，例如 /albums/7。",
)
_NO_BODY = Text("{method} takes no body.", "{method} 不接受正文。")
_ONLY_THESE = Text("Must be one of: {allowed}.", "必须是以下之一：{allowed}。")

Ours = Callable[[str, str], bool]
"""Says whether a method on a path under the prefix is answered by us, not by a route of the program's own."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a batch. `path` is percent-decoded, from the prefix on; `body` is ABSENT where none was sent."""

    method: str
    path: str
    arguments: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Any

    @property
    def lists(self) -> bool:
        return self.method == "GET" and self.path.count("/") == 1


@dataclass(frozen=True, slots=True)
class OperationReader:
    """Reads operations. `most_path` is how many bytes a path may have, as an address."""

    resources: Registry
    ours: Ours
    most_path: int

    def read(self, body: Mapping[str, Any]) -> list[Operation]:
        """Return the operations that a body holds.

        Raises:
            Invalid: with everything that is wrong with the list.
        """
        entries = [Entry("unknown", pointer=pointer(name)) for name in body if name != "operations"]
        sent = body.get("operations")
        if sent is None:
            raise Invalid([*entries, Entry("required", pointer="/operations")])
        if not isinstance(sent, list):
            raise Invalid([*entries, _wrong_type("/operations", "an array", "数组")])
        if not sent:
            text = Text("At least one operation.", "至少要有一个操作。")
            raise Invalid([*entries, Entry("too_short", pointer="/operations", params={"min": 1}, text=text)])
        if len(sent) > OPERATIONS:
            text = Text("At most {max} operations.", "最多 {max} 个操作。")
            raise Invalid([*entries, Entry("too_long", pointer="/operations", params={"max": OPERATIONS}, text=text)])
        found = [self._operation(each, at, entries) for at, each in enumerate(sent)]
        if entries:
            raise Invalid(entries)
        return [each for each in found if each is not None]

    def _operation(self, sent: Any, at: int, entries: list[Entry]) -> Operation | None:
        place = f"/operations/{at}"
        if not isinstance(sent, dict):
            entries.append(_wrong_type(place, "an object", "对象"))
            return None
        entries += [Entry("unknown", pointer=place + pointer(name)) for name in sent if name not in _MEMBERS]
        method = _method(sent.get("method"), place, entries)
        headers = _headers(sent.get("headers"), place, entries)
        body = sent.get("body", ABSENT)
        if body is not ABSENT and method is not None and method not in WITH_BODY:
            entries.append(Entry("unknown", pointer=f"{place}/body", params={"method": method}, text=_NO_BODY))
        elif body is not ABSENT:
            entries += faults_of(body, f"{place}/body", at)
        where = self._path(sent.get("path"), method, place, entries)
        if method is None or where is None or headers is None:
            return None
        path, arguments = where
        return Operation(method, path, arguments, headers, body)

    def _path(
        self, sent: Any, method: str | None, place: str, entries: list[Entry]
    ) -> tuple[str, tuple[tuple[str, str], ...]] | None:
        place = f"{place}/path"
        if sent is None:
            entries.append(Entry("required", pointer=place))
            return None
        if not isinstance(sent, str):
            entries.append(_wrong_type(place, "text", "文本"))
            return None
        if len(sent) > self.most_path:
            entries.append(Entry("too_long", pointer=place, params={"max": self.most_path}))
            return None
        path = self._read(sent)
        if path is None or (method is not None and not self.ours(method, path[0])):
            entries.append(Entry("bad_format", pointer=place, text=_NO_PATH))
            return None
        return path

    def _read(self, written: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
        """Return the decoded path and the arguments, None where they lead to no resource."""
        found = _PATH.fullmatch(written)
        if found is None or _NOT_WRITTEN.search(written):
            return None
        try:
            written.encode()
            name, key = (unquote(found[each] or "", errors="strict") for each in ("name", "key"))
            arguments = tuple(parse_qsl(found["query"] or "", keep_blank_values=True, errors="strict"))
        except ValueError:
            return None
        resource = self.resources.named(name)
        # A slash of a key is written ~1. One that is percent-encoded is how a path pretends to be another.
        if resource is None or not resource.served or key in (".", "..") or "/" in key:
            return None
        return (f"/{name}/{key}" if key else f"/{name}"), arguments


def _method(sent: Any, place: str, entries: list[Entry]) -> str | None:
    if isinstance(sent, str) and sent in METHODS:
        return sent
    if sent is None:
        entries.append(Entry("required", pointer=f"{place}/method"))
    else:
        params = {"allowed": ", ".join(METHODS)}
        entries.append(Entry("not_one_of", pointer=f"{place}/method", params=params, text=_ONLY_THESE))
    return None


def _headers(sent: Any, place: str, entries: list[Entry]) -> dict[str, str] | None:
    """Return the headers by their names in lower case; only those that guard a change have a meaning here."""
    place = f"{place}/headers"
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        entries.append(_wrong_type(place, "an object", "对象"))
        return None
    headers: dict[str, str] = {}
    for name, value in sent.items():
        if name.lower() not in HEADERS or name.lower() in headers:
            entries.append(Entry("unknown", pointer=place + pointer(name)))
        elif not isinstance(value, str):
            entries.append(_wrong_type(place + pointer(name), "text", "文本"))
        else:
            headers[name.lower()] = value
    return headers


def _wrong_type(place: str, expected: str, expected_zh: str) -> Entry:
    return Entry("wrong_type", pointer=place, params={"expected": expected, "expected_zh": expected_zh})
