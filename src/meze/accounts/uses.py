"""When sessions and keys were used last, noted by requests in memory and written by the background, many at once.

A request never waits for the disk because of it. What was noted and not yet written is lost where a process is killed:
a few seconds of "last used". It is noted again while the token is in use, so nothing more is lost by what cannot be
kept or written: notes beyond MOST, rows that somebody else is changing, a database that takes nothing just now.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy.sql import ClauseElement

from meze.accounts.storage import Storage
from meze.errors import Problem

MOST = 10_000
BATCH = 200
"""How many are written in one transaction: others wait for a writer."""
QUIET_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Use(NamedTuple):
    """`clause` writes the last use of the row that `binds` names."""

    clause: ClauseElement
    binds: dict[str, Any]

    @property
    def row(self) -> tuple[Any, ...]:
        return (id(self.clause), self.binds.get("session_id"), self.binds.get("key_id"))


class Uses:
    """What was noted; at most `most` notes."""

    def __init__(self, storage: Storage, *, most: int = MOST, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._storage = storage
        self._most = most
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self._noted: Callable[[], object] = lambda: None
        self._lay_out()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def _lay_out(self) -> None:
        self._lock = threading.Lock()
        self._notes: dict[tuple[Any, ...], Use] = {}

    def __len__(self) -> int:
        return len(self._notes)

    def when_noted(self, noted: Callable[[], object]) -> None:
        """Have `noted` called with each note: it sees that somebody will write it."""
        self._noted = noted

    def note(self, use: Use) -> None:
        """Keep a use to be written; it replaces an earlier one of the same row."""
        row = use.row
        with self._lock:
            if len(self._notes) >= self._most and row not in self._notes:
                return
            self._notes[row] = use
        self._noted()

    def write(self) -> int:
        """Write what was noted and return how many rows it changed. That it cannot be written just now is logged."""
        with self._lock:
            notes, self._notes = list(self._notes.values()), {}
        written = 0
        try:
            for start in range(0, len(notes), BATCH):
                written += self._write(notes[start : start + BATCH])
        except Problem as problem:
            self._tell(problem)
        return written

    def write_now(self, use: Use) -> None:
        """Write one use at once: that of a session that would be over before the next time that notes are written.

        Where it cannot be written, no request waits for that again for a minute.
        """
        if self._monotonic() < self._quiet_until:
            return
        try:
            self._write([use])
        except Problem as problem:
            self._tell(problem)

    def _write(self, uses: list[Use]) -> int:
        alike: defaultdict[int, list[Use]] = defaultdict(list)
        for use in uses:
            alike[id(use.clause)].append(use)
        with self._storage.writing() as work:
            return sum(work.each(each[0].clause, [use.binds for use in each]) for each in alike.values())

    def _tell(self, problem: Problem) -> None:
        if self._monotonic() >= self._quiet_until:
            logger.warning("The last use of sessions or keys was not written: %s", problem.code)
        self._quiet_until = self._monotonic() + QUIET_SECONDS


def _after_fork(itself: weakref.ref[Uses]) -> None:
    # The parent writes what it noted; the holder of the lock did not come along.
    living = itself()
    if living is not None:
        living._lay_out()
