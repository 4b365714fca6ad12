"""How one PostgreSQL connection is opened, used, and replaced when its server went away."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.statement import Fetched, Statement, decode
from meze.errors import Mistake

OLDEST = 15
STALE_PLAN = "0A000"
"""The SQLSTATE of a prepared statement whose table was altered since ("cached plan must not change result type")."""

Explain = Callable[[BaseException], Fault | None]


def driver_module() -> ModuleType:
    """Return psycopg.

    Raises:
        Mistake: it is not installed.
    """
    try:
        return importlib.import_module("psycopg")
    except ImportError as error:
        raise Mistake(
            "PostgreSQL needs the driver psycopg, which is missing", 'pip install "meze[postgresql]"'
        ) from error


def configure(driver: Any, statement_seconds: float) -> None:
    """Set what every connection relies on: time limits, UTC, and a name to be found by in pg_stat_activity.

    Raises:
        Mistake: the server is too old, or the database cannot hold all text.
    """
    version = driver.info.server_version // 10_000
    if version < OLDEST:
        raise Mistake(f"the server is PostgreSQL {version}; Meze needs {OLDEST} or later", "upgrade the server")
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Mistake(
            f"the PostgreSQL database is encoded in {encoding}, which cannot hold all text",
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
        )
    milliseconds = int(statement_seconds * 1000)
    autocommit, driver.autocommit = driver.autocommit, True
    # A lock is given up before the statement would be, so the two can be told apart.
    driver.execute(
        f"SET statement_timeout = {milliseconds}; SET lock_timeout = {max(1, milliseconds * 3 // 4)};"
        # What takes seconds to compile is to be answered in milliseconds.
        "SET jit = off;"
        "SET timezone = 'UTC'; SET application_name = 'meze'"
    )
    driver.autocommit = autocommit


class PostgreSQLConnection:
    """A driver's connection, which is opened again when it was found lost before anything was done on it."""

    __slots__ = ("_cursor", "_explain", "_open", "_untouched", "driver")

    def __init__(self, open_driver: Callable[[], Any], explain: Explain) -> None:
        self._open = open_driver
        self._explain = explain
        self._untouched = True
        self._connect()

    def _connect(self) -> None:
        try:
            self.driver = self._open()
        except Exception as error:
            self._refuse(error)
            raise
        self._cursor = self.driver.cursor()

    def fetch(self, statement: Statement, values: Mapping[str, Any] = {}) -> Fetched:
        self._run(statement.sql, statement.arguments(values), again=not statement.writes)
        cursor = self._cursor
        try:
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        except Exception as error:
            self._refuse(error)
            raise
        return Fetched(rows, statement.readers(cursor))

    def rows(self, statement: Statement, values: Mapping[str, Any] = {}) -> list[tuple[Any, ...]]:
        return self.fetch(statement, values).decoded

    def rows_of_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Sent one behind the other without waiting for answers, so that the way there and back is taken once."""
        arguments = [statement.arguments(values) for values in many]
        cursor, found = self._cursor, []
        try:
            cursor.executemany(statement.sql, arguments, returning=True)
            more: bool | None = bool(arguments)
            while more:
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                found.append(decode(rows, statement.readers(cursor)))
                more = cursor.nextset()
        except Exception as error:
            self._refuse(error)
            raise
        return found

    def execute(self, statement: Statement, values: Mapping[str, Any] = {}) -> int:
        self._run(statement.sql, statement.arguments(values), again=not statement.writes)
        return int(self._cursor.rowcount)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._run("SAVEPOINT meze", None)
        try:
            yield
        except BaseException as error:
            if self.driver.closed:
                raise DatabaseError(Fault(FaultKind.GONE)) from error
            self._run("ROLLBACK TO meze", None)
            self._run("RELEASE meze", None)
            raise
        self._run("RELEASE meze", None)

    def hold(self, number: int) -> bool:
        """Hold an advisory lock until the transaction ends; False if another transaction holds it."""
        self._run("SELECT pg_try_advisory_xact_lock(%s::bigint)", (number,))
        return bool(self._cursor.fetchone()[0])

    def begin(self, sql: str | None) -> None:
        self._untouched = True
        if sql is not None:
            self._run(sql, None)

    def commit(self) -> None:
        self._run("COMMIT", None)
        if self._cursor.statusmessage != "COMMIT":
            # PostgreSQL ends a failed transaction by ROLLBACK even when asked to commit, and calls that no error.
            raise RuntimeError("a statement of this transaction failed, so nothing of it was kept")

    def leave(self) -> bool:
        if self.driver.closed:
            return False
        if self.driver.pgconn.transaction_status:
            try:
                self._cursor.execute("ROLLBACK")
            except Exception:
                return False
        return True

    def close(self) -> None:
        self.driver.close()

    def _run(self, sql: str, arguments: Any, *, again: bool = True) -> None:
        """Send a statement; `again` on a new connection if this one was lost before anything was done on it.

        A statement that writes by itself is never sent again: the server may have committed it before it went away.
        """
        try:
            self._cursor.execute(sql, arguments)
        except Exception as error:
            if not (again and self._untouched and self._lost(error)):
                self._refuse(error)
                raise
            self.driver.close()
            self._connect()
            self._untouched = False
            self._run(sql, arguments)
        self._untouched = False

    def _lost(self, error: Exception) -> bool:
        return bool(self.driver.closed) or getattr(error, "sqlstate", None) == STALE_PLAN

    def _refuse(self, error: Exception) -> None:
        fault = self._explain(error)
        if fault is not None:
            raise DatabaseError(fault) from error
