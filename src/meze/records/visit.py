"""One caller at one resource, for one request; and what a request ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from meze.access.caller import Caller, Standing
from meze.access.rule import ME_BINDS
from meze.resources.resource import Resource

_MY_ID, _MY_EMAIL = ME_BINDS["id"], ME_BINDS["email"]


@dataclass(slots=True)
class Notes:
    """What an answer depends on that is to be given again later: the rules that were asked, and the rows that it holds.

    `asked` are names of resources and actions; `shown` are names of resources and the keys of rows as they stand in
    addresses, with whether rows related to them stand there too.
    """

    asked: dict[tuple[str, str], None] = field(default_factory=dict)
    shown: dict[tuple[str, str], bool] = field(default_factory=dict)


class Visit(NamedTuple):
    """`standing` is what the caller's part of the rules comes to; `me` are the bind values that carry the caller.

    `notes` are taken where the answer may be asked for again.
    """

    resource: Resource
    caller: Caller
    standing: Standing
    notes: Notes | None = None

    def show(self, address: str, *, related: bool = False) -> None:
        """Note that a row is shown; `related`: with rows that are related to it."""
        if self.notes is not None:
            at = (self.resource.name, address)
            self.notes.shown[at] = self.notes.shown.get(at, False) or related

    @property
    def me(self) -> dict[str, Any]:
        return caller_values(self.caller)


class Answer(NamedTuple):
    """The body of an answer. `etag` is without quotes; `key` stands in the row's address. `rows` is for the log."""

    body: bytes
    etag: str | None = None
    key: str | None = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Match:
    """What `If-Match` asks: one of these entity tags (the part for the row), or any row at all."""

    tags: frozenset[str]
    any: bool = False


def caller_values(caller: Caller) -> dict[str, Any]:
    """Return the bind values that carry the caller into a statement."""
    return {_MY_ID: caller.id, _MY_EMAIL: caller.email}


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bind values of a row's fields."""
    return {f"n_{name}": value for name, value in values.items()}


def keyed(key: list[Any], values: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the bind values of a row's key, with others."""
    bound = dict(values)
    for index, part in enumerate(key):
        bound[f"k{index}"] = part
    return bound
