"""Whose turn it is to write to a SQLite file, among the threads of a process and the processes of the machine.

SQLite's own wait for a writer of another process sleeps up to a tenth of a second between two looks, while the process
that has just committed begins again at once: with several of them some writes wait for a second. So a process that
wants to write waits in two places, as at a door with a turnstile: whoever has the first waits for the second, and
leaves the first as it gets there. Who has just written must go through the turnstile again, where another stands.

It keeps an order, and protects nothing: that is still SQLite's own lock, which is all that writers of other programs
know of.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.sqlite_locks import LARGEST, RecordLocks

TURNSTILE = LARGEST
WRITER = LARGEST + 1

SECONDS_BETWEEN_LOOKS = 0.0005
"""At most one thread of each process looks, a few microseconds each time; a commit takes a hundred or more."""


class Turn:
    """Held by the one who writes, from before the transaction begins until it is over."""

    def __init__(self, locks: RecordLocks, wait_seconds: float) -> None:
        self._locks = locks
        self._wait_seconds = wait_seconds
        self.start_again()

    def start_again(self) -> None:
        """Forget whose turn it was. A forked process does not have the thread whose it was."""
        self._lock = threading.Lock()
        self._thread: int | None = None

    def __enter__(self) -> None:
        """Wait for the turn.

        Raises:
            DatabaseError: BUSY, the others took longer than `wait_seconds`.
            RuntimeError: this thread has the turn already, and would wait for itself.
        """
        give_up = time.monotonic() + self._wait_seconds
        if not self._lock.acquire(blocking=False):
            if self._thread == threading.get_ident():
                raise RuntimeError("this thread is in a write transaction already; use its connection")
            if not self._lock.acquire(timeout=self._wait_seconds):
                raise DatabaseError(Fault(FaultKind.BUSY))
        try:
            self._pass(give_up)
        except BaseException:
            self._lock.release()
            raise
        self._thread = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread = None
        try:
            self._locks.release(WRITER)
        finally:
            self._lock.release()

    def _pass(self, give_up: float) -> None:
        self._take(TURNSTILE, give_up)
        try:
            self._take(WRITER, give_up)
        finally:
            self._locks.release(TURNSTILE)

    def _take(self, place: int, give_up: float) -> None:
        while not self._locks.take(place):
            if time.monotonic() > give_up:
                raise DatabaseError(Fault(FaultKind.BUSY))
            time.sleep(SECONDS_BETWEEN_LOOKS)
