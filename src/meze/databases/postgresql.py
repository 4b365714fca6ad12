"""PostgreSQL, 15 or later, through psycopg 3.

Connections run in autocommit and transactions are begun by hand, as on SQLite. A connection that was lost is replaced
when it is next used, so a restarted server is used again at once and without a restart of this process.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import URL, BigInteger, ColumnElement, Engine, SmallInteger, create_engine, event, func
from sqlalchemy.engine import Connection as EngineConnection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from meze.databases.aggregates import Aggregates, PostgreSQLAggregates
from meze.databases.database import AlreadyRunning, DatabaseError, Fault
from meze.databases.pool import Pool
from meze.databases.postgresql_connection import PostgreSQLConnection, configure, driver_module
from meze.databases.postgresql_faults import PostgreSQLFaults
from meze.databases.room import Room
from meze.databases.statement import Fetched, Statement, compile_statement
from meze.databases.transactions import Lease, leave, take

CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How soon a server that is gone is noticed: libpq's own settings, in seconds, the last one in milliseconds."""

FIRST_WITH_CASEFOLD = (18,)

SCHEMA_LOCK = 0x6D657A65
"""The advisory lock of whoever changes the schema: "meze" in ASCII."""


class PostgreSQL:
    """A PostgreSQL server's database."""

    name = "postgresql"
    lateral = True
    casts = True
    row_locks = True
    nulls_are_greatest = True
    aggregates: Aggregates = PostgreSQLAggregates()

    def __init__(self, url: URL, *, statement_seconds: float, threads: int, room: Room) -> None:
        module = driver_module()
        self._seconds = statement_seconds
        self._room = room
        self.engine = self._make_engine(url.set(drivername="postgresql+psycopg"), threads)
        self._known = False
        self._knowing = threading.Lock()
        self._faults = PostgreSQLFaults(module, self._catalog)
        self._pool = Pool(
            self._connect, PostgreSQLConnection.close, threads=threads, wait_seconds=max(statement_seconds, 1.0)
        )
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    @property
    def dialect(self) -> Dialect:
        if not self._known:
            with self._knowing:
                self._ask_version()
        return self.engine.dialect

    def integer_bits(self, sqltype: TypeEngine[Any]) -> int:
        if isinstance(sqltype, BigInteger):
            return 64
        return 16 if isinstance(sqltype, SmallInteger) else 32

    def prepare(self, clause: ClauseElement) -> Statement:
        return compile_statement(clause, self.dialect)

    def reading(self, *, snapshot: bool = False) -> AbstractContextManager[PostgreSQLConnection]:
        return Lease(self._pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else None)

    def writing(self) -> AbstractContextManager[PostgreSQLConnection]:
        return Lease(self._pool, "BEGIN", commits=True)

    @contextmanager
    def writing_once(self, number: int) -> Iterator[PostgreSQLConnection]:
        with self.writing() as connection:
            if not connection.hold(number):
                raise AlreadyRunning
            yield connection

    def writing_one(self) -> AbstractContextManager[PostgreSQLConnection]:
        return Lease(self._pool, None)

    def read_one(self, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        seat = take(self._pool)
        try:
            connection = self._pool.open(seat)
            connection.begin(None)
            return connection.fetch(statement, values)
        finally:
            leave(self._pool, seat)

    def write_one(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # The server makes commits share their writing to the disk by itself, if there are several at once.
        with self._room.outside(), self.writing_one() as connection:
            return connection.rows(statement, values)

    def fold(self, column: ColumnElement[str]) -> ColumnElement[str]:
        if self._folds_itself:
            return func.casefold(column.collate("pg_unicode_fast"), type_=column.type)
        # ICU has upper and lower only. The four letters that these two do not fold as Unicode does are set apart first.
        prepared = func.translate(column, UNFOLDED, SET_APART).collate("und-x-icu")
        return func.translate(func.lower(func.upper(prepared)), "ς" + SET_APART[1], "σı", type_=column.type)

    def fold_value(self, text: str) -> str:
        # Cherokee folds to capitals in Unicode, and to small letters by way of ICU.
        return text.casefold() if self._folds_itself else text.casefold().lower()

    @contextmanager
    def changing_schema(self) -> Iterator[EngineConnection]:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = '1min'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            # Waiting on a table stops everyone who comes after, so that is not done for long.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            yield connection

    def fault(self, error: BaseException) -> Fault | None:
        return self._faults.explain(error)

    def close(self) -> None:
        self._pool.close()
        self.engine.dispose()

    @property
    def _folds_itself(self) -> bool:
        return (getattr(self.dialect, "server_version_info", None) or ()) >= FIRST_WITH_CASEFOLD

    def _ask_version(self) -> None:
        if self._known:
            return
        try:
            with self.engine.connect():
                self._known = True
        except Exception as error:
            fault = self.fault(error)
            if fault is None:
                raise
            raise DatabaseError(fault) from error

    def _make_engine(self, url: URL, threads: int) -> Engine:
        engine = create_engine(url, connect_args=CONNECT, pool_size=threads, pool_pre_ping=True)

        @event.listens_for(engine, "connect")
        def configured(driver: Any, record: Any) -> None:  # noqa: ARG001  (SQLAlchemy gives both)
            configure(driver, self._seconds)

        return engine

    def _connect(self) -> PostgreSQLConnection:
        return PostgreSQLConnection(self._open_driver, self._faults.explain)

    def _open_driver(self) -> Any:
        dialect = self.dialect
        arguments, names = dialect.create_connect_args(self.engine.url)
        driver: Any = dialect.connect(*arguments, **{**names, **CONNECT}, autocommit=True)
        try:
            prepare = dialect.on_connect_url(self.engine.url)
            if prepare is not None:
                prepare(driver)
            configure(driver, self._seconds)
        except BaseException:
            driver.close()
            raise
        return driver

    def _catalog(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def start_again(self) -> None:
        """Leave the engine's connections to the parent: this process was just forked."""
        self._knowing = threading.Lock()
        self.engine.dispose(close=False)


UNFOLDED = "ẞı"
SET_APART = "ß\ue131"


def _after_fork(database: weakref.ref[PostgreSQL]) -> None:
    living = database()
    if living is not None:
        living.start_again()
