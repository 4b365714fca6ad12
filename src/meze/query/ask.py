"""What a client asked for, as data.

A shape holds everything that decides the SQL and nothing that is a value, so that a plan made for one request serves
every request of the same shape. Values travel beside it, by the names of the bind parameters they fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
class And:
    """All of them. What stands side by side here, or in AND with this, means one related row under one path."""

    members: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them; each means a related row of its own."""

    members: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The exact complement: the rows for which `member` is false, or unknown because of a NULL."""

    member: Condition


Condition = Compare | And | Or | Not


def side_by_side(conditions: Iterable[Condition]) -> Iterator[Compare | Or | Not]:
    """Yield what is joined by AND, an AND inside of it as its members."""
    for each in conditions:
        if isinstance(each, And):
            yield from side_by_side(each.members)
        else:
            yield each


def groups_of(conditions: Iterable[Condition]) -> Iterator[tuple[Compare, ...]]:
    """Yield the comparisons of these trees by what may share related rows: the outermost first, then each alternative
    and each complement."""
    apart: list[Condition] = []
    group: list[Compare] = []
    for each in side_by_side(conditions):
        match each:
            case Compare():
                group.append(each)
            case Or():
                apart += each.members
            case Not():
                apart.append(each.member)
    yield tuple(group)
    for inner in apart:
        yield from groups_of((inner,))


def compares_of(conditions: Iterable[Condition]) -> Iterator[Compare]:
    """Yield every comparison of these trees."""
    for group in groups_of(conditions):
        yield from group


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
    """`after` says, for each sort key, whether the value that the cursor stands on is NULL; None without a cursor.

    `conditions` are joined by AND.
    """

    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    selection: Selection = WHOLE
    search: bool = False
    count: bool = False
    etag: bool = False
    offset: bool = False
    after: tuple[bool, ...] | None = None
    scope: Scope | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        said = (self.conditions, self.sort, self.selection, self.search, self.count, self.etag, self.offset)
        object.__setattr__(self, "_hash", hash((*said, self.after, self.scope)))

    def __hash__(self) -> int:
        """Kept, since plans are found by it, and a shape is a tree."""
        return self._hash


@dataclass(frozen=True, slots=True)
class ListAsk:
    """A list request. `binding` identifies resource, filter and sort, and ties the cursors that are made to them."""

    shape: ListShape
    limit: int
    binding: bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    search: str | None = None
    page: int | None = None
