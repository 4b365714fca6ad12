"""`{"$ref": "/0/body/id"}`: a value of a batch's body that an earlier operation of the same batch answered with.

It is taken from the answer as the caller was shown it, so that it can never bring out what was not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from meze.errors import BadRequest, Entry, Invalid, Text, TooExpensive
from meze.records.check import pointer

REFERENCE = "$ref"
_POINTER = re.compile(r"/(0|[1-9][0-9]{0,5})((?:/(?:[^~/]|~[01])*)*)")

_NO_POINTER = Text("Must be written like /0/body/id.", "格式必须类似 /0/body/id。")
_NOT_YET = Text(
    "Only what an earlier operation of this batch answered can be used.", "只能使用同一批中先前操作的结果。"
)
_NO_MEMBER = Text("That result has no such member.", "该结果中没有这个成员。")
_TOO_DEEP = Text("The body is nested too deeply.", "正文嵌套过深。")


def faults_of(body: Any, place: str, at: int) -> list[Entry]:
    """Return what is wrong with the references of the body of operation `at`, before anything is done."""
    entries = []
    try:
        for where, written in _references(body, place):
            found = _POINTER.fullmatch(written) if isinstance(written, str) else None
            if found is None:
                entries.append(Entry("bad_format", pointer=f"{where}/{REFERENCE}", text=_NO_POINTER))
            elif int(found[1]) >= at:
                entries.append(Entry("unknown", pointer=f"{where}/{REFERENCE}", text=_NOT_YET))
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None
    return entries


class Results:
    """The answers of the operations that were done. References may bring in `most_bytes` of them, all together.

    Without a limit a short body could refer to a long answer many times over.
    """

    def __init__(self, most_bytes: int) -> None:
        self._shown: list[Any] = []
        self._sizes: dict[str, int] = {}
        self._left = most_bytes

    def add(self, shown: Any) -> None:
        """Keep an answer, as plain values of JSON."""
        self._shown.append(shown)

    def filled(self, body: Any, place: str) -> Any:
        """Return a body with what its references stand for; `place` is where the body is.

        Raises:
            Invalid: there is nothing where one points; TooExpensive: all together are too long.
        """
        entries: list[Entry] = []
        try:
            filled = self._filled(body, place, entries)
        except RecursionError:
            raise BadRequest(_TOO_DEEP) from None
        if entries:
            raise Invalid(entries)
        return filled

    def _filled(self, value: Any, place: str, entries: list[Entry]) -> Any:
        if _is_reference(value):
            return self._of(value[REFERENCE], place, entries)
        if isinstance(value, dict):
            return {name: self._filled(each, place + pointer(name), entries) for name, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each, f"{place}/{index}", entries) for index, each in enumerate(value)]
        return value

    def _of(self, written: str, place: str, entries: list[Entry]) -> Any:
        value: Any = self._shown
        for token in written[1:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,5}", name) and int(name) < len(value):
                value = value[int(name)]
            else:
                entries.append(Entry("unknown", pointer=f"{place}/{REFERENCE}", text=_NO_MEMBER))
                return None
        if written not in self._sizes:
            self._sizes[written] = len(msgspec.json.encode(value))
        self._left -= self._sizes[written]
        if self._left < 0:
            raise TooExpensive(Text("The references bring in too much.", "引用带入的内容过多。"))
        return value


def _references(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the text of each reference."""
    if _is_reference(value):
        yield place, value[REFERENCE]
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _references(each, place + pointer(name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _references(each, f"{place}/{index}")


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and REFERENCE in value
