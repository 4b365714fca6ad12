"""Turn rows into the objects of an answer, and those into bytes.

A Node is made with the plan: it knows which position of a row fills which member, so that nothing is looked up by name
while rows are read. Rows are turned column by column, which leaves the loops to the interpreter. Members come out in
the order of the model, then the related rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from meze.databases.statement import Fetched, Processor, Readers, Row

ETAG = "_etag"
"""The member of a row in a list or an array, beside its fields, that holds its entity tag without quotes."""

Wire = Callable[[Any], Any]
Write = Callable[[Sequence[Any]], Iterable[Any]]
"""Makes what is shown of a column's values as the driver gave them."""

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class Page(msgspec.Struct, gc=False):
    items: list[Any]
    next: str | None


class CountedPage(msgspec.Struct, gc=False):
    items: list[Any]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Member:
    """One field: its position in the row, and how its value is written (`wire` None: as it is).

    `shortcut`, where there is one, takes the place of the reader and of `wire` for values as the driver gave them.
    """

    position: int
    wire: Wire | None
    shortcut: Write | None = None

    def writing(self, read: Processor | None) -> Write | None:
        """Return what makes the member's values of the driver's (None: nothing has to be done); `read` is the reader
        of the column."""
        if read is not None and self.shortcut is not None:
            return self.shortcut
        if read is None and self.wire is None:
            return None
        return partial(map, _written(read, self.wire))


@dataclass(frozen=True, slots=True)
class One:
    """A related row in the same row; `presence` is the position of a value that is NULL where there is none."""

    presence: int
    node: Node


@dataclass(frozen=True, slots=True)
class Many:
    """Related rows from a plan of their own, `index` in the plan's list; `key` are the positions of this row's key."""

    index: int
    key: tuple[int, ...]


Follow = Callable[[Many, Row], Any]
"""Answers for a to-many relation of a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """What is shown of a row: its members, then the rows related to it."""

    struct: type[msgspec.Struct]
    members: tuple[Member, ...]
    related: tuple[One | Many, ...]
    _writers: dict[Readers, tuple[Write | None, ...]] = field(default_factory=dict)

    def build(self, row: Row, many: Follow) -> Any:
        """Return the object for a row whose values were read; `many` answers for the to-many relations."""
        return self.objects(Fetched([row], ()), many)[0]

    def objects(self, fetched: Fetched, many: Follow) -> list[Any]:
        """Return the objects for rows as the driver gave them."""
        if not fetched.rows:
            return []
        return list(self._objects(list(zip(*fetched.rows, strict=True)), fetched, many))

    def _objects(self, columns: Sequence[Sequence[Any]], fetched: Fetched, many: Follow) -> Iterable[Any]:
        values: list[Iterable[Any]] = [
            columns[member.position] if write is None else write(columns[member.position])
            for member, write in zip(self.members, self._writers_after(fetched.readers), strict=True)
        ]
        for each in self.related:
            if isinstance(each, Many):
                values.append([many(each, row) for row in fetched.decoded])
                continue
            objects, presence = each.node._objects(columns, fetched, many), columns[each.presence]
            if None in presence:
                objects = [None if known is None else found for known, found in zip(presence, objects, strict=True)]
            values.append(objects)
        return map(self.struct, *values) if values else [self.struct() for _ in fetched.rows]

    def _writers_after(self, readers: Readers) -> tuple[Write | None, ...]:
        writers = self._writers.get(readers)
        if writers is None:
            of_column = dict(readers)
            writers = tuple(member.writing(of_column.get(member.position)) for member in self.members)
            self._writers[readers] = writers
        return writers


def _written(read: Processor | None, wire: Wire | None) -> Wire:
    """Return what reads a value, if it needs reading, and writes it, unless it is null."""

    def write(value: Any) -> Any:
        known = value if read is None else read(value)
        return known if known is None or wire is None else wire(known)

    return read if read is not None and wire is None else write


def node_of(name: str, members: Sequence[tuple[str, Member]], related: Sequence[tuple[str, One | Many]]) -> Node:
    names = [*(name for name, _ in members), *(name for name, _ in related)]
    struct = msgspec.defstruct(name, [(each, Any) for each in names], gc=False)
    return Node(struct, tuple(member for _, member in members), tuple(each for _, each in related))


def tagged(node: Node) -> Node:
    """Return the node whose objects have a member more, `_etag`, which is set when they were made."""
    names = [(each.name, Any) for each in msgspec.structs.fields(node.struct)]
    struct = msgspec.defstruct(node.struct.__name__, [*names, (ETAG, str, "")], gc=False)
    return replace(node, struct=struct)


def no_related(_many: object, _row: object) -> None:
    """Answer for the to-many relations of a row that is shown without any."""


def digest(body: bytes) -> str:
    """Return the strong entity tag of some bytes, without quotes: 128 bits of BLAKE2b."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()
