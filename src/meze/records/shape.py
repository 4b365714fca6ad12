"""Turn rows into the objects of an answer, and those into bytes.

A Node is made with the plan: it knows which position of a row fills which member, so that nothing is looked up by name
while rows are read. Members come out in the order of the model, then the related rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import msgspec

ETAG = "_etag"
"""The member of a row in a list or an array, beside its fields, that holds its entity tag without quotes."""

Wire = Callable[[Any], Any]
Row = Sequence[Any]

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
    """One field: its position in the row, and how its value is written (None: as it is)."""

    position: int
    wire: Wire | None


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


Pick = Callable[[Row], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Node:
    """`pick` takes the members' values out of a row; `wires` says which of them are written otherwise than they are."""

    struct: type[msgspec.Struct]
    members: tuple[Member, ...]
    related: tuple[One | Many, ...]
    pick: Pick
    wires: tuple[tuple[int, Wire], ...]

    def build(self, row: Row, many: Callable[[Many, Row], Any]) -> Any:
        """Return the object for `row`; `many` answers for the to-many relations."""
        values = list(self.pick(row))
        for index, wire in self.wires:
            value = values[index]
            if value is not None:
                values[index] = wire(value)
        for each in self.related:
            if isinstance(each, Many):
                values.append(many(each, row))
            else:
                values.append(None if row[each.presence] is None else each.node.build(row, many))
        return self.struct(*values)


def _pick(positions: Sequence[int]) -> Pick:
    """Return what takes these positions of a row: mostly they follow each other, and a slice is fastest."""
    if len(positions) < 2:
        return lambda row: [row[position] for position in positions]
    first, last = positions[0], positions[-1]
    if list(positions) == list(range(first, last + 1)):
        return itemgetter(slice(first, last + 1))
    return itemgetter(*positions)


def node_of(name: str, members: Sequence[tuple[str, Member]], related: Sequence[tuple[str, One | Many]]) -> Node:
    names = [*(name for name, _ in members), *(name for name, _ in related)]
    struct = msgspec.defstruct(name, [(each, Any) for each in names], gc=False)
    own = [member for _, member in members]
    wires = tuple((index, member.wire) for index, member in enumerate(own) if member.wire is not None)
    return Node(struct, tuple(own), tuple(each for _, each in related), _pick([each.position for each in own]), wires)


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
