"""Which numbers are held by a transaction of a SQLite file, in this process and in the others of the machine.

SQLite shows nobody what another process has not committed, so each number is a place that its holder locks in a file
beside the database. Where there are no such locks, only this process is known.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from meze.databases.database import AlreadyRunning
from meze.databases.sqlite_locks import LARGEST, RecordLocks


class Held:
    """The numbers that are held."""

    def __init__(self, locks: RecordLocks) -> None:
        self._locks = locks
        self.start_again()

    def start_again(self) -> None:
        """Hold nothing: a forked process does not inherit the threads that held a number."""
        self._mutex = threading.Lock()
        self._numbers: set[int] = set()

    @contextmanager
    def holding(self, number: int) -> Iterator[None]:
        """Hold a number, whose sign and highest bit do not count, while in the `with`.

        Raises:
            AlreadyRunning: somebody else holds it.
        """
        place = number % LARGEST
        with self._mutex:
            if place in self._numbers or not self._locks.take(place):
                raise AlreadyRunning
            self._numbers.add(place)
        try:
            yield
        finally:
            with self._mutex:
                self._numbers.discard(place)
                self._locks.release(place)
