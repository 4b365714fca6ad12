"""What a client asked for, as data.

A shape holds everything that decides the SQL and nothing that is a value, so that a plan made for one request serves
every request of the same shape. Values travel beside it, by the names of the bind parameters they fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meze.query.view import Path

HIGH = "_high"
"""What follows the name of an operand whose value has several forms, in the name of the greatest of them."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One condition. `operands` names its bind parameters; `flag` is what `isnull` was given."""

    path: Path
    operator: str
    operands: tuple[str, ...] = ()
    flag: bool = True


@dataclass(frozen=True, slots=True)
class SortKey:
    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which fields of a row are shown (None: all that may be read), and which related rows with it."""

    fields: tuple[str, ...] | None = None
    related: tuple[tuple[str, Selection], ...] = ()

    @property
    def plain(self) -> bool:
        return self.fields is None and not self.related


WHOLE = Selection()


@dataclass(frozen=True, slots=True)
class Scope:
    """Only the rows that `relation` of one row of `resource` leads to; that row's key comes as values `s0`, `s1` …"""

    resource: str
    relation: str


@dataclass(frozen=True, slots=True)
class ListShape:
    """`after` says, for each sort key, whether the value that the cursor stands on is NULL; None without a cursor."""

    conditions: tuple[Compare, ...] = ()
    sort: tuple[SortKey, ...] = ()
    selection: Selection = WHOLE
    search: bool = False
    count: bool = False
    offset: bool = False
    after: tuple[bool, ...] | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class ListAsk:
    """A list request. `binding` identifies resource, filter and sort, and ties the cursors that are made to them."""

    shape: ListShape
    limit: int
    binding: bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    search: str | None = None
    page: int | None = None
