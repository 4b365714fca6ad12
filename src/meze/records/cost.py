"""Which lists may take long, and how many of them run at once.

A list is suspect when no index is known that leads straight to its page. What a plan really took is remembered, so that
a suspect list over a small table does not count.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter

from meze.errors import Text, Unavailable
from meze.query.ask import Compare, ListShape
from meze.resources.mapper import unique_sets
from meze.resources.resource import Resource

SLOW_SECONDS = 0.02
"""A suspect plan that takes longer than this on average has to share."""


LED = frozenset({"eq", "lt", "lte", "gt", "gte"})
"""The operators that an index leads."""

PATIENCE_SECONDS = 0.02
"""How long a request waits for a slot: long enough for a short list to end, too short to keep a thread from others."""


class Load:
    """What one plan takes: whether it is suspect, and the moving average of its seconds (None before the first run).

    `whole`: it asks for everything, with no condition. `too_many` is whether the database said that it would read too
    many rows, which holds until the monotonic time `looked_until`.
    """

    __slots__ = ("looked_until", "seconds", "suspect", "too_many", "whole")

    def __init__(self, *, suspect: bool, whole: bool = False) -> None:
        self.suspect = suspect
        self.whole = whole
        self.seconds: float | None = None
        self.too_many = False
        self.looked_until = 0.0

    @property
    def shares(self) -> bool:
        return self.suspect and (self.seconds is None or self.seconds > SLOW_SECONDS)

    def took(self, seconds: float) -> None:
        self.seconds = seconds if self.seconds is None else 0.8 * self.seconds + 0.2 * seconds


class Slots:
    """Half of a worker's threads, for what may take long; the other half stays free for what does not."""

    def __init__(self, threads: int) -> None:
        self._free = threading.BoundedSemaphore(max(1, threads // 2))

    def taken(self, load: Load, patience_seconds: float = PATIENCE_SECONDS) -> AbstractContextManager[None]:
        """Hold a slot while a plan runs that has to share.

        Raises:
            Unavailable: every slot is taken. Waiting long would hold one of the threads that are to stay free.
        """
        if not load.suspect:
            return _NO_SLOT
        return _Taken(load, self._free if load.shares else None, patience_seconds)


class _Taken:
    """Holds the slot, if there is one to hold, and measures what the plan takes."""

    __slots__ = ("_load", "_patience_seconds", "_slot", "_started")

    def __init__(self, load: Load, slot: threading.Semaphore | None, patience_seconds: float) -> None:
        self._load = load
        self._slot = slot
        self._patience_seconds = patience_seconds

    def __enter__(self) -> None:
        if self._slot is not None and not self._slot.acquire(timeout=self._patience_seconds):
            text = Text("Too many long requests at once.", "同时进行的耗时请求过多。")
            raise Unavailable(text, retry_after_seconds=1)
        self._started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._load.took(perf_counter() - self._started)
        if self._slot is not None:
            self._slot.release()


_NO_SLOT = nullcontext()


class SlotHeld(Slots):
    """The one slot of what was let in as a whole: its parts take no others."""

    def __init__(self) -> None:
        super().__init__(0)

    def taken(self, load: Load, patience_seconds: float = 0.0) -> AbstractContextManager[None]:
        return _Taken(load, None, patience_seconds)


def scans(resource: Resource, shape: ListShape) -> bool:
    """Say whether no index is known to lead straight to the page: from its equal conditions on to its order.

    Errs on the side of suspicion: what the database makes of it is measured afterwards.
    """
    if shape.count or shape.search or shape.offset:
        return True
    compares = [each for each in shape.conditions if isinstance(each, Compare)]
    if len(compares) < len(shape.conditions):
        return True
    if any(compare.path.relations for compare in compares) or any(key.path.relations for key in shape.sort):
        return True
    equal = {compare.path.field for compare in compares if compare.operator == "eq"}
    if any(compare.operator not in LED for compare in compares):
        return True
    others = {compare.path.field for compare in compares if compare.operator != "eq"}
    order = [key.path.field for key in shape.sort]
    return not any(_leads(index, set(equal), set(others), list(order)) for index in _indexes(resource))


def _leads(index: list[str], equal: set[str | None], others: set[str | None], order: list[str | None]) -> bool:
    rest = list(index)
    while rest and rest[0] in equal:
        equal.discard(rest.pop(0))
    # What follows in the index must be the order itself; the key at its end is what breaks ties.
    while rest and order and rest[0] == order[0]:
        others.discard(order.pop(0))
        rest.pop(0)
    return not equal and not others and len(order) <= 1


def _indexes(resource: Resource) -> list[list[str]]:
    names = {each.column.name: name for name, each in resource.fields.items()}
    sets = [list(found) for found in unique_sets(resource.table)]
    sets += [[column.name for column in index.columns] for index in resource.table.indexes]
    return [[names.get(column, "") for column in found] for found in sets]
