"""Lend connections to threads: one pinned to each of the first threads, the rest shared.

A check-out of an ordinary pool costs as much as reading one row. A server runs few threads for a long time, so each
keeps its own connection here, and taking it is a flag. A thread that ends gives its connection to the next one.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

C = TypeVar("C")

_abandoned: list[Any] = []
"""Connections that a forked child inherited. Closing them there would end the parent's, so they are kept unused."""


class Seat(Generic[C]):
    """The place of one connection, open or not. Lent to one `with` at a time."""

    __slots__ = ("busy", "connection", "shared")

    def __init__(self, *, shared: bool) -> None:
        self.connection: C | None = None
        self.busy = False
        self.shared = shared


class _Pin(Generic[C]):
    """A thread's hold on its seat. The thread's end drops it, and the seat is free again."""

    __slots__ = ("_free", "seat")

    def __init__(self, seat: Seat[C], free: deque[Seat[C]]) -> None:
        self.seat = seat
        self._free = free

    def __del__(self) -> None:
        self.seat.busy = False
        self._free.append(self.seat)


class Pool(Generic[C]):
    """At most `threads` pinned connections and as many shared ones, opened when first needed.

    `wait_seconds` is how long a thread without a pin waits for a shared one.
    """

    def __init__(
        self, connect: Callable[[], C], close: Callable[[C], None], *, threads: int, wait_seconds: float
    ) -> None:
        self._connect = connect
        self._close = close
        self._threads = threads
        self._wait_seconds = wait_seconds
        self._closed = False
        self._lay_out()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def _lay_out(self) -> None:
        self._local = threading.local()
        pinned: list[Seat[C]] = [Seat(shared=False) for _ in range(self._threads)]
        shared: list[Seat[C]] = [Seat(shared=True) for _ in range(self._threads)]
        self._seats = pinned + shared
        self._free = deque(pinned)
        self._shared: SimpleQueue[Seat[C]] = SimpleQueue()
        for seat in shared:
            self._shared.put(seat)

    def take(self) -> Seat[C]:
        """Return this thread's seat, or a shared one; its `connection` is None until `open` was called.

        Raises:
            TimeoutError: every shared connection stayed in use for `wait_seconds`.
        """
        try:
            seat: Seat[C] | None = self._local.pin.seat
        except AttributeError:
            seat = self._pin()
        if seat is not None and not seat.busy:
            seat.busy = True
            return seat
        try:
            return self._shared.get(timeout=self._wait_seconds)
        except Empty:
            raise TimeoutError("every connection to the database is in use") from None

    def _pin(self) -> Seat[C] | None:
        try:
            pin = _Pin(self._free.popleft(), self._free)
        except IndexError:
            return None
        self._local.pin = pin
        return pin.seat

    def give_back(self, seat: Seat[C]) -> None:
        """End the use of a seat that `take` returned."""
        if seat.shared:
            self._shared.put(seat)
        else:
            seat.busy = False

    def open(self, seat: Seat[C]) -> C:
        """Return the seat's connection, opening it where there is none."""
        if seat.connection is None:
            if self._closed:
                raise RuntimeError("the database was closed")
            seat.connection = self._connect()
        return seat.connection

    def discard(self, seat: Seat[C]) -> None:
        """Close the seat's connection, which cannot be trusted any more; `open` makes a new one."""
        connection, seat.connection = seat.connection, None
        if connection is not None:
            self._close(connection)

    def close(self) -> None:
        """Close every connection, in use or not."""
        self._closed = True
        for seat in self._seats:
            self.discard(seat)

    def abandon(self) -> None:
        """Forget every connection without closing it: this process is a fork of the one that opened them."""
        _abandoned.extend(seat.connection for seat in self._seats)
        self._lay_out()


def _after_fork(pool: weakref.ref[Pool[Any]]) -> None:
    living = pool()
    if living is not None:
        living.abandon()
