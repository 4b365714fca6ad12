"""Lend connections to threads: the one that was given back last first.

A check-out of an ordinary pool costs as much as reading one row; here it is one step on a stack. Connections that were
in use a moment ago have their pages and statements at hand, and no more are opened than are in use at one moment,
however many threads wait for other things: for a commit, or for a client.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Generic, TypeVar

C = TypeVar("C")

LOOK_AGAIN_SECONDS = 0.05
"""Whoever waits for a connection looks by himself so often: one may be given back just before it is known that he
waits."""

_abandoned: list[Any] = []
"""Connections that a forked child inherited. Closing them there would end the parent's, so they are kept unused."""


class Seat(Generic[C]):
    """The place of one connection, open or not. Lent to one `with` at a time."""

    __slots__ = ("connection",)

    def __init__(self) -> None:
        self.connection: C | None = None


class Pool(Generic[C]):
    """At most two connections for each of `threads`, opened when first needed: a thread that has one may need another.

    `wait_seconds` is how long a thread waits for one where all are in use.
    """

    def __init__(
        self, connect: Callable[[], C], close: Callable[[C], None], *, threads: int, wait_seconds: float
    ) -> None:
        self._connect = connect
        self._close = close
        self._most = 2 * threads
        self._wait_seconds = wait_seconds
        self._closed = False
        self._lay_out()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def _lay_out(self) -> None:
        self._seats: list[Seat[C]] = [Seat() for _ in range(self._most)]
        self._free = deque(self._seats)
        self._handed: SimpleQueue[Seat[C]] = SimpleQueue()
        self._waiting = 0
        self._counting = threading.Lock()

    def take(self) -> Seat[C]:
        """Return a seat; its `connection` is None until `open` was called.

        Raises:
            TimeoutError: every connection stayed in use for `wait_seconds`.
        """
        try:
            return self._free.pop()
        except IndexError:
            return self._wait()

    def _wait(self) -> Seat[C]:
        give_up = monotonic() + self._wait_seconds
        with self._counting:
            self._waiting += 1
        try:
            while True:
                try:
                    return self._free.pop()
                except IndexError:
                    left = give_up - monotonic()
                if left <= 0:
                    raise TimeoutError("every connection to the database is in use")
                try:
                    return self._handed.get(timeout=min(left, LOOK_AGAIN_SECONDS))
                except Empty:
                    continue
        finally:
            with self._counting:
                self._waiting -= 1
                if not self._waiting:
                    self._gather()

    def _gather(self) -> None:
        """Put back what was handed to nobody."""
        while True:
            try:
                self._free.append(self._handed.get_nowait())
            except Empty:
                return

    def give_back(self, seat: Seat[C]) -> None:
        """End the use of a seat that `take` returned."""
        if self._waiting:
            with self._counting:
                if self._waiting:
                    self._handed.put(seat)
                    return
        self._free.append(seat)

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

    @property
    def closed(self) -> bool:
        return self._closed

    def abandon(self) -> None:
        """Forget every connection without closing it: this process is a fork of the one that opened them."""
        _abandoned.extend(seat.connection for seat in self._seats)
        self._lay_out()


def _after_fork(pool: weakref.ref[Pool[Any]]) -> None:
    living = pool()
    if living is not None:
        living.abandon()
