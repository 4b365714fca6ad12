"""How one SQLite connection is opened, timed and used."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType, TracebackType
from typing import Any

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.statement import Fetched, Statement
from meze.databases.whole import mean, total
from meze.databases.words import words
from meze.errors import Mistake

OLDEST = (3, 35, 0)
"""The first SQLite with RETURNING."""

STEPS_BETWEEN_CLOCK_READINGS = 10_000
"""Virtual machine steps, about half a millisecond."""

SECONDS_TO_SWITCH_TO_WAL = 5.0

LONGEST_WAL_PAGES = 16_000
"""From here on a writer brings the WAL into the file by itself; until then that is done in the background."""

CACHE_KIBIBYTES = 8_000
"""What a connection keeps of the file, once it was read. Few connections are in use at a time."""

Explain = Callable[[BaseException, Statement | None], Fault | None]


def driver_module() -> ModuleType:
    """Return the DBAPI module: `pysqlite3`, which carries a current SQLite, or else Python's own.

    Raises:
        Mistake: its SQLite is too old.
    """
    try:
        module = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        module = importlib.import_module("sqlite3")
    if module.sqlite_version_info < OLDEST:
        raise Mistake(
            f"this Python's SQLite is version {module.sqlite_version}; Meze needs 3.35 or later",
            "pip install pysqlite3, or use a newer Python",
        )
    return module


class Deadline:
    """When the running statement of one connection is to be ended, in monotonic seconds."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = math.inf

    def passed(self) -> bool:
        return time.monotonic() > self.at


def configure(driver: Any, *, busy_seconds: float, durable: bool) -> Deadline:
    """Make a new driver connection safe to use, and return the deadline that its statements obey.

    `durable`: a commit is on the disk when it returns. Only a database that dies with the process goes without.
    """
    driver.isolation_level = None
    deadline = Deadline()
    driver.set_progress_handler(deadline.passed, STEPS_BETWEEN_CLOCK_READINGS)
    driver.create_function("meze_fold", 1, _fold, deterministic=True)
    driver.create_function("meze_words", 1, words, deterministic=True)
    driver.create_function("meze_total", 2, total, deterministic=True)
    driver.create_function("meze_mean", 4, mean, deterministic=True)
    driver.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
    _switch_to_wal(driver)
    driver.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_WAL_PAGES}")
    driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    driver.execute("PRAGMA foreign_keys = ON")
    driver.execute("PRAGMA mmap_size = 0")
    driver.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    return deadline


def _fold(text: Any) -> Any:
    return text.casefold() if isinstance(text, str) else text


def _switch_to_wal(driver: Any) -> None:
    """Put the file into WAL mode, where readers and the writer do not wait for each other.

    Several processes may open a new file at once, and SQLite does not wait for the lock that the switch needs.
    """
    give_up = time.monotonic() + SECONDS_TO_SWITCH_TO_WAL
    while True:
        try:
            (mode,) = driver.execute("PRAGMA journal_mode = WAL").fetchone()
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise Mistake(
                f"the SQLite file cannot be used in WAL mode (it stays in {mode!r} mode)",
                "put the file on a local disk, not on a network share",
            )
        return


class SQLiteConnection:
    """A driver's connection, the limit on its statements, and the explanation of its errors.

    `committed` is called after each commit of a transaction.
    """

    __slots__ = ("_committed", "_deadline", "_explain", "_seconds", "driver")

    def __init__(
        self, driver: Any, deadline: Deadline, seconds: float, explain: Explain, committed: Callable[[], None]
    ) -> None:
        self.driver = driver
        self._deadline = deadline
        self._seconds = seconds
        self._explain = explain
        self._committed = committed

    def fetch(self, statement: Statement, values: Mapping[str, Any] = {}) -> Fetched:
        arguments = statement.arguments(values)
        self._deadline.at = time.monotonic() + self._seconds
        try:
            cursor = self.driver.execute(statement.sql, arguments)
            rows = cursor.fetchall()
        except Exception as error:
            self._refuse(error, statement)
            raise
        return Fetched(rows, statement.readers(cursor))

    def rows(self, statement: Statement, values: Mapping[str, Any] = {}) -> list[tuple[Any, ...]]:
        return self.fetch(statement, values).decoded

    def rows_of_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        return [self.rows(statement, values) for values in many]

    def execute(self, statement: Statement, values: Mapping[str, Any] = {}) -> int:
        arguments = statement.arguments(values)
        self._deadline.at = time.monotonic() + self._seconds
        try:
            return int(self.driver.execute(statement.sql, arguments).rowcount)
        except Exception as error:
            self._refuse(error, statement)
            raise

    def savepoint(self) -> AbstractContextManager[None]:
        return _Savepoint(self)

    def begin(self, sql: str | None) -> None:
        if sql is not None:
            self.control(sql)

    def commit(self) -> None:
        self.control("COMMIT")
        self._committed()

    def leave(self) -> bool:
        if self.driver.in_transaction:
            try:
                self.control("ROLLBACK")
            except Exception:
                return False
        return True

    def close(self) -> None:
        self.driver.close()

    def control(self, sql: str) -> None:
        """Run what opens or ends a transaction or a part of one, with no limit on its time."""
        self._deadline.at = math.inf
        try:
            self.driver.execute(sql)
        except Exception as error:
            self._refuse(error, None)
            raise

    def _refuse(self, error: Exception, statement: Statement | None) -> None:
        fault = self._explain(error, statement)
        if fault is not None:
            raise DatabaseError(fault) from error


class _Savepoint:
    """A part of a transaction that is undone by itself. A class, since each job of a shared commit is one."""

    __slots__ = ("_connection",)

    def __init__(self, connection: SQLiteConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.control("SAVEPOINT meze")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            # Some errors end the whole transaction: a full disk, and RAISE(ROLLBACK) in a trigger.
            if not self._connection.driver.in_transaction:
                raise DatabaseError(Fault(FaultKind.GONE)) from error
            self._connection.control("ROLLBACK TO meze")
        self._connection.control("RELEASE meze")
