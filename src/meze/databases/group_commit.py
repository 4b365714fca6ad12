"""Writers that come while one commits share the next commit: one fsync for all of them.

A statement that is all of its transaction is handed in as a Job. The thread that finds nobody leading leads: it takes
its turn among the writers of the process, does what waits, each job but the first in a savepoint, and commits once.
Who handed a job in is answered after that commit, with their own rows or their own error. What others did never undoes
a job: where the whole transaction is lost (RAISE(ROLLBACK) in a trigger, a full disk) or the commit is refused (a
deferred foreign key), every job is done again alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from meze.databases.database import Connection, DatabaseError, Fault, FaultKind
from meze.databases.room import Room
from meze.databases.statement import Row, Statement

AT_ONCE = 64
"""How many jobs share one commit at most."""
LONGEST_SECONDS = 0.01
"""After this much work the commit is made, and the jobs that are left wait for the next: nobody waits for many."""

PATIENCE_SECONDS = 1.0
"""Who has waited longer when the turn did not come is refused with the one who leads."""

Transaction = Callable[[], AbstractContextManager[Connection]]


class Job:
    """One statement that is to be committed, and how it ended. `kept`: its commit is on the disk."""

    __slots__ = ("error", "kept", "leads", "rows", "since", "statement", "values", "woken")

    def __init__(self, statement: Statement, values: Mapping[str, Any]) -> None:
        self.statement = statement
        self.values = values
        self.rows: list[Row] = []
        self.error: BaseException | None = None
        self.kept = False
        self.leads = False
        self.since = time.monotonic()
        self.woken = threading.Lock()
        self.woken.acquire()

    def outcome(self) -> list[Row]:
        """Return the rows; raise what refused them."""
        if self.error is not None:
            raise self.error
        if not self.kept:
            # Who led was ended in the middle. Nothing was promised, and whether it was kept nobody knows.
            raise DatabaseError(Fault(FaultKind.GONE))
        return self.rows


class _Lost(Exception):
    """The transaction of several jobs is gone; each is to be done alone."""


class GroupCommit:
    """Does jobs together. `transaction` lends a connection in a transaction, committed at the end of the `with`.

    Who waits, and who leads, gives up their place in `room` until it is done.
    """

    def __init__(self, transaction: Transaction, room: Room) -> None:
        self._transaction = transaction
        self._room = room
        self.start_again()

    def start_again(self) -> None:
        """Forget who waited and who led. A forked process does not have those threads."""
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._led = False

    def write(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """Run the statement, and return its rows once they are on the disk.

        Raises:
            DatabaseError: the database refused it, or could not be reached; nothing of it was kept.
        """
        job = Job(statement, values)
        with self._lock:
            self._waiting.append(job)
            job.leads = not self._led
            self._led = True
        with self._room.outside():
            if not job.leads:
                self._wait(job)
            if job.leads:
                self._lead(job)
        return job.outcome()

    def _wait(self, job: Job) -> None:
        """Wait until the job is done or leads. Who is ended meanwhile leaves no job behind, and hands on the lead."""
        try:
            job.woken.acquire()
        except BaseException:
            with self._lock:
                if job in self._waiting:
                    self._waiting.remove(job)
                following = self._hand_on() if job.leads else None
            if following is not None:
                following.woken.release()
            raise

    def _hand_on(self) -> Job | None:
        """Let the next one that waits lead, and return it; it is still to be woken. Called with the lock held."""
        following = self._waiting[0] if self._waiting else None
        self._led = following is not None
        if following is not None:
            following.leads = True
        return following

    def _lead(self, own: Job) -> None:
        """Do the jobs that wait, wake those who handed them in, and hand on the lead."""
        done: list[Job] = []
        try:
            self._do(done)
        finally:
            with self._lock:
                if own not in done:
                    self._waiting.remove(own)
                following = self._hand_on()
            for job in (*done, *([following] if following is not None else [])):
                if job is not own:
                    job.woken.release()

    def _do(self, done: list[Job]) -> None:
        try:
            with self._transaction() as connection:
                self._run_waiting(connection, done)
        except Exception as error:
            if not done:
                self._give_up(error, done)
            elif len(done) == 1:
                done[0].error = error
            else:
                for job in done:
                    self._do_alone(job)
            return
        for job in done:
            job.kept = job.error is None

    def _run_waiting(self, connection: Connection, done: list[Job]) -> None:
        ends = time.monotonic() + LONGEST_SECONDS
        while len(done) < AT_ONCE and (not done or time.monotonic() < ends):
            with self._lock:
                if not self._waiting:
                    return
                job = self._waiting.popleft()
            done.append(job)
            if len(done) == 1:
                # Where the first one is refused nothing else is undone with it.
                job.rows = connection.rows(job.statement, job.values)
                continue
            try:
                with connection.savepoint():
                    job.rows = connection.rows(job.statement, job.values)
            except DatabaseError as error:
                if error.fault.kind is FaultKind.GONE:
                    raise _Lost from error
                job.error = error
            except Exception as error:
                job.error = error

    def _do_alone(self, job: Job) -> None:
        job.error = None
        try:
            with self._transaction() as connection:
                job.rows = connection.rows(job.statement, job.values)
            job.kept = True
        except Exception as error:
            job.error = error

    def _give_up(self, error: Exception, done: list[Job]) -> None:
        """Refuse those who have waited long: their turn did not come, or the database cannot be written to."""
        with self._lock:
            tired = time.monotonic() - PATIENCE_SECONDS
            done += [job for index, job in enumerate(self._waiting) if index == 0 or job.since < tired]
            for job in done:
                self._waiting.remove(job)
                job.error = error
