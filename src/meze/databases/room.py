"""How many requests are at work at once, among all that a server has accepted.

Threads that compete for Python's lock take it from each other at every row that a database hands over, and several at
work are slower than a few. So a request takes a place before it begins, and gives it up while it waits for a disk: of
those who wait for one commit there may be many more than there are places.
"""

from __future__ import annotations

import os
import threading
import weakref
from queue import SimpleQueue
from types import TracebackType


class Room:
    """Has `places` for those at work; whoever finds none waits for one."""

    def __init__(self, places: int) -> None:
        self._most = places
        self.start_again()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def start_again(self) -> None:
        """Empty the room: a process that was just forked has none of the threads that were in it."""
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(self._most):
            self._places.put(None)
        self._here = threading.local()

    def enter(self) -> bool:
        """Take a place. False if this thread has one already, which whoever took it is to give up."""
        if getattr(self._here, "inside", False):
            return False
        self._places.get()
        self._here.inside = True
        return True

    def leave(self) -> None:
        """Give up this thread's place."""
        self._here.inside = False
        self._places.put(None)

    def outside(self) -> Outside:
        """Give up the place, if this thread has one, for as long as the `with` lasts."""
        return Outside(self)

    @property
    def inside(self) -> bool:
        """Say whether this thread has a place."""
        return getattr(self._here, "inside", False)


class Outside:
    __slots__ = ("_room", "_was_inside")

    def __init__(self, room: Room) -> None:
        self._room = room

    def __enter__(self) -> None:
        self._was_inside = self._room.inside
        if self._was_inside:
            self._room.leave()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._was_inside:
            self._room.enter()


def _after_fork(room: weakref.ref[Room]) -> None:
    living = room()
    if living is not None:
        living.start_again()
