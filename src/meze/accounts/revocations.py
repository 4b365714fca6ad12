"""Tell every process whose tokens were ended or changed, by rows that each of them asks for once a second.

A transaction that ends a session or a key, or changes what is told of its user, calls `Work.revoke`, and the row is
written with it. The rows are numbered without a gap in the order in which they are committed, so whoever has seen
one number has seen all before it. A sequence would not do on PostgreSQL: it numbers in the order of asking, and a
transaction that took a smaller number may be committed after a reader has gone past it. So the number is taken under a
lock that is held until the transaction ends, and as the last thing that the transaction does: nobody who has this lock
waits for another one, so it is part of no circle of waiting. SQLite has one writer at a time anyway.

A reader asks for the newest row that it knows, too. If that is not there as it was (a backup was restored, or too much
was deleted), or if a number is missing after it, then nothing that is kept in memory is trusted any more.
"""

from __future__ import annotations

import os
import threading
import weakref

from meze.accounts.revocation_statements import MOST_AT_ONCE, NEWEST, SINCE
from meze.accounts.storage import Row, Storage
from meze.accounts.verified import Verified
from meze.errors import Problem


class Revocations:
    """What this process has heard of. It hears into `verified`, which says when it is time to ask."""

    def __init__(self, storage: Storage, verified: Verified) -> None:
        self._storage = storage
        self._verified = verified
        self._seen: Row | None = None
        self._asking = threading.Lock()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def catch_up(self) -> None:
        """Ask what was revoked, if it is time to, and nobody else is asking just now.

        Raises:
            Unavailable: the database cannot be asked, and what was confirmed is not to be trusted without.
        """
        if not self._verified.is_due() or not self._asking.acquire(blocking=False):
            return
        try:
            if self._verified.is_due():
                began = self._verified.begin().began
                self._hear()
                self._verified.confirm(began)
        except Problem:
            if not self._verified.is_trusted():
                raise
        finally:
            self._asking.release()

    def _hear(self) -> None:
        seen = self._seen
        if seen is not None:
            rows = self._storage.all(SINCE, seen=seen[0])
            if rows and rows[0] == seen and rows[-1][0] == seen[0] + len(rows) - 1 and len(rows) <= MOST_AT_ONCE:
                for _, user_id, _ in rows[1:]:
                    self._verified.forget(user_id)
                self._seen = rows[-1]
                return
            self._verified.forget_all()
            self._seen = None
        newest = self._storage.all(NEWEST)
        if newest:
            # Of what came before it nothing is known.
            self._verified.forget_all()
            self._seen = newest[0]

    def start_again(self) -> None:
        """Let somebody ask: a forked process does not have the thread that was asking."""
        self._asking = threading.Lock()
        self._verified.start_again()


def _after_fork(itself: weakref.ref[Revocations]) -> None:
    living = itself()
    if living is not None:
        living.start_again()
