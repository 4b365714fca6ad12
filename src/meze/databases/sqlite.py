"""SQLite: one file, one writer at a time, every commit on the disk before it is answered.

Transactions are begun by hand, so the driver never opens one by itself. Writers take turns, in this process and with
Meze's other processes; SQLite's own busy timeout is left for writers who know nothing of that.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Engine, create_engine, event, func
from sqlalchemy.engine import Connection as EngineConnection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from meze.databases.aggregates import Aggregates, SQLiteAggregates
from meze.databases.database import DatabaseError, Fault
from meze.databases.group_commit import GroupCommit
from meze.databases.pool import Pool
from meze.databases.room import Room
from meze.databases.sqlite_connection import SQLiteConnection, configure, driver_module
from meze.databases.sqlite_faults import SQLiteFaults
from meze.databases.sqlite_held import Held
from meze.databases.sqlite_locks import RecordLocks
from meze.databases.sqlite_turn import Turn
from meze.databases.statement import Fetched, Statement, compile_statement
from meze.databases.transactions import Lease, leave, take
from meze.soon import Soon

STATEMENTS_KEPT_BY_A_CONNECTION = 512
SECONDS_BETWEEN_CHECKPOINTS = 0.25
_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
CHANGING_SCHEMA = "meze_changing_schema"
"""SQLAlchemy's execution option for a transaction that may take long and must not meet another writer."""


class SQLite:
    """A SQLite database file, or a temporary one for `sqlite://`."""

    name = "sqlite"
    lateral = False
    casts = False
    row_locks = False
    nulls_are_greatest = False
    aggregates: Aggregates = SQLiteAggregates()

    def __init__(self, url: URL, *, statement_seconds: float, threads: int, room: Room) -> None:
        self._module = driver_module()
        self._seconds = statement_seconds
        self._temporary: weakref.finalize[..., Any] | None = None
        if url.database in (None, "", ":memory:"):
            # SQLite's own memory databases are shared by threads only through its shared cache, which locks whole
            # tables and has no WAL: a file that goes with the process behaves as the real one does.
            folder = tempfile.mkdtemp(prefix="meze-")
            self._temporary = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            url = url.set(database=str(Path(folder) / "temporary.db"))
        _make_file(Path(str(url.database)))
        self.engine = self._make_engine(url, threads)
        self._faults = SQLiteFaults(self._module, self._catalog)
        self._pool = Pool(self._connect, SQLiteConnection.close, threads=threads, wait_seconds=statement_seconds)
        self._locks = RecordLocks(None if self._temporary is not None else _beside(Path(str(url.database))))
        self._turn = Turn(self._locks, wait_seconds=statement_seconds)
        self._group = GroupCommit(self.writing, room)
        self._soon = Soon(self._check_point, SECONDS_BETWEEN_CHECKPOINTS)
        self._held = Held(self._locks)
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    @property
    def dialect(self) -> Dialect:
        return self.engine.dialect

    def integer_bits(self, sqltype: TypeEngine[Any]) -> int:  # noqa: ARG002  (every SQLite integer has 64 bits)
        return 64

    def prepare(self, clause: ClauseElement) -> Statement:
        return compile_statement(clause, self.dialect)

    def reading(self, *, snapshot: bool = False) -> AbstractContextManager[SQLiteConnection]:
        return Lease(self._pool, "BEGIN" if snapshot else None)

    def writing(self) -> AbstractContextManager[SQLiteConnection]:
        return Lease(self._pool, "BEGIN IMMEDIATE", commits=True, turn=self._turn)

    @contextmanager
    def writing_once(self, number: int) -> Iterator[SQLiteConnection]:
        with self._held.holding(number), self.writing() as connection:
            yield connection

    def writing_one(self) -> AbstractContextManager[SQLiteConnection]:
        return Lease(self._pool, None, turn=self._turn)

    def read_one(self, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        seat = take(self._pool)
        try:
            connection = self._pool.open(seat)
            connection.begin(None)
            return connection.fetch(statement, values)
        finally:
            leave(self._pool, seat)

    def write_one(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._group.write(statement, values)

    def fold(self, column: ColumnElement[str]) -> ColumnElement[str]:
        return func.meze_fold(column, type_=column.type)

    def fold_value(self, text: str) -> str:
        return text.casefold()

    @contextmanager
    def changing_schema(self) -> Iterator[EngineConnection]:
        with self.engine.connect().execution_options(**{CHANGING_SCHEMA: True}) as connection, connection.begin():
            yield connection

    def fault(self, error: BaseException) -> Fault | None:
        return self._faults.explain(error, None)

    def close(self) -> None:
        self._pool.close()
        self._locks.close()
        self.engine.dispose()
        if self._temporary is not None:
            self._temporary()

    def _make_engine(self, url: URL, threads: int) -> Engine:
        engine = create_engine(
            url,
            module=self._module,
            connect_args={"check_same_thread": False, "cached_statements": STATEMENTS_KEPT_BY_A_CONNECTION},
            pool_size=threads,
        )

        @event.listens_for(engine, "connect")
        def configured(driver: Any, record: Any) -> None:
            record.info["meze_deadline"] = self._configure(driver)

        @event.listens_for(engine, "checkout")
        def lent(driver: Any, *_: Any) -> None:
            driver.isolation_level = None  # SQLAlchemy sets another after AUTOCOMMIT was asked for

        @event.listens_for(engine, "begin")
        def begun(connection: EngineConnection) -> None:
            options = connection.get_execution_options()
            if options.get("isolation_level") != "AUTOCOMMIT":
                connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(CHANGING_SCHEMA) else "BEGIN")

        @event.listens_for(engine, "before_cursor_execute")
        def timed(connection: EngineConnection, *statement: Any) -> None:
            unlimited = statement[-1] or connection.get_execution_options().get(CHANGING_SCHEMA)  # [-1]: many at once
            connection.info["meze_deadline"].at = math.inf if unlimited else time.monotonic() + self._seconds

        return engine

    def _configure(self, driver: Any) -> Any:
        return configure(driver, busy_seconds=self._seconds, durable=self._temporary is None)

    def _connect(self) -> SQLiteConnection:
        arguments, names = self.dialect.create_connect_args(self.engine.url)
        driver: Any = self.dialect.connect(*arguments, **names)
        try:
            deadline = self._configure(driver)
        except BaseException:
            driver.close()
            raise
        return SQLiteConnection(driver, deadline, self._seconds, self._faults.explain, self._soon.ask)

    def _check_point(self) -> None:
        """Bring what was committed from the WAL into the file, so that no writer has to do it while others wait.

        Most is brought while others write. What they wrote meanwhile is brought in a turn of our own: then nothing is
        left, and the WAL is begun anew; else it would grow for as long as somebody writes.
        """
        if self._pool.closed:
            return
        # What cannot be done now is done the next time, or by a writer once the WAL is long.
        with suppress(DatabaseError), Lease(self._pool, None) as connection:
            connection.control(_CHECKPOINT)
        with suppress(DatabaseError), Lease(self._pool, None, turn=self._turn) as connection:
            connection.control(_CHECKPOINT)

    def _catalog(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def start_again(self) -> None:
        """Leave the engine's connections to the parent: this process was just forked."""
        self._locks.start_again()
        self._turn.start_again()
        self._group.start_again()
        self._held.start_again()
        self.engine.dispose(close=False)


def _after_fork(database: weakref.ref[SQLite]) -> None:
    living = database()
    if living is not None:
        living.start_again()


def _beside(path: Path) -> Path | None:
    """Return the file whose locks tell what runs on the database; None for one that is named by a URI."""
    return None if str(path).startswith("file:") else path.with_name(path.name + "-running")


def _make_file(path: Path) -> None:
    """Make the file, and the folders above it, for this user alone; what exists is left as it is."""
    if str(path).startswith("file:"):
        return
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
