"""How one PostgreSQL connection is opened, used, and replaced when its server went away."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.statement import Fetched, Statement, decode
from meze.errors import Mistake

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from meze.databases.postgresql_wire import Wire

T = TypeVar("T")

OLDEST = 15
PLAN_IS_STALE = ("0A000", "RevalidateCachedQuery")
"""The SQLSTATE of what the server cannot do, and the part of it that says so where the table of a prepared statement
was altered since ("cached plan must not change result type")."""
NOT_PREPARED = "26000"
"""The SQLSTATE of a prepared statement that is not there: somebody discarded it, or a proxy gave us another session."""
MISSING_BEFORE_GIVING_UP = 3

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


def wire_module() -> ModuleType:
    """Return the module that speaks to psycopg, which may be missing until a PostgreSQL database is opened."""
    return importlib.import_module("meze.databases.postgresql_wire")


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

    __slots__ = (
        "_begun",
        "_ended",
        "_explain",
        "_fresh",
        "_missing",
        "_open",
        "_spoiled",
        "_untouched",
        "_wire",
        "driver",
    )

    def __init__(self, open_driver: Callable[[], Any], explain: Explain) -> None:
        self._open = open_driver
        self._explain = explain
        self._begun: str | None = None
        self._ended = False
        self._untouched = True
        self._fresh = True
        self._missing = 0
        self._connect()

    def _connect(self) -> None:
        try:
            self.driver = self._open()
        except Exception as error:
            self._refuse(error)
            raise
        self._wire: Wire = wire_module().Wire(self.driver, prepares=self._missing < MISSING_BEFORE_GIVING_UP)
        self._spoiled = False

    def fetch(self, statement: Statement, values: Mapping[str, Any] = {}) -> Fetched:
        arguments, again = statement.arguments(values), not statement.writes
        try:
            if not again:
                self._look()
            rows, result = self._wire.fetch(statement.sql, arguments)
        except Exception as error:
            self._recover(error, again=again)
            rows, result = self._repeated(lambda: self._wire.fetch(statement.sql, arguments))
        self._untouched = self._fresh = False
        return Fetched(rows, statement.readers(_Described(result)))

    def rows(self, statement: Statement, values: Mapping[str, Any] = {}) -> list[tuple[Any, ...]]:
        return self.fetch(statement, values).decoded

    def rows_of_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Sent one behind the other without waiting for answers, so that the way there and back is taken once."""
        arguments = [statement.arguments(values) for values in many]
        try:
            found = self._wire.each(statement.sql, arguments)
        except Exception as error:
            self._spoiled = self._spoiled or self._is_stale(error)
            self._refuse(error)
            raise
        self._untouched = self._fresh = False
        return [decode(rows, statement.readers(_Described(result))) for rows, result in found]

    def execute(self, statement: Statement, values: Mapping[str, Any] = {}) -> int:
        arguments, again = statement.arguments(values), not statement.writes
        try:
            if not again:
                self._look()
            count = self._wire.execute(statement.sql, arguments)
        except Exception as error:
            self._recover(error, again=again)
            count = self._repeated(lambda: self._wire.execute(statement.sql, arguments))
        self._untouched = self._fresh = False
        return count

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._command("SAVEPOINT meze")
        try:
            yield
        except BaseException as error:
            if self.driver.closed:
                raise DatabaseError(Fault(FaultKind.GONE)) from error
            self._command("ROLLBACK TO meze")
            self._command("RELEASE meze")
            raise
        self._command("RELEASE meze")

    def hold(self, number: int) -> bool:
        """Hold an advisory lock until the transaction ends; False if another transaction holds it."""
        # Nothing depends on whether this was the first: the lock is gone with the transaction.
        asked = "SELECT pg_try_advisory_xact_lock(%(number)s::BIGINT)"
        try:
            ((held,),), _ = self._wire.fetch(asked, {"number": number})
        except Exception as error:
            self._refuse(error)
            raise
        self._fresh = False
        return bool(held)

    def begin(self, sql: str | None) -> None:
        self._begun = sql
        self._untouched = self._fresh = True
        if sql is None:
            return
        try:
            self._wire.command(sql.encode())
        except Exception as error:
            self._recover(error, again=True)
        self._untouched = False

    def commit(self) -> None:
        # PostgreSQL ends a failed transaction by ROLLBACK even when asked to commit, and calls that no error.
        if self._command("COMMIT") != b"COMMIT":
            raise RuntimeError("a statement of this transaction failed, so nothing of it was kept")

    def leave(self) -> bool:
        if self.driver.closed:
            return False
        if self.driver.pgconn.transaction_status:
            try:
                self._wire.command(b"ROLLBACK")
            except Exception:
                return False
        return not self._spoiled

    def close(self) -> None:
        self._ended = True
        self.driver.close()

    def _command(self, sql: str) -> bytes | None:
        try:
            done = self._wire.command(sql.encode())
        except Exception as error:
            self._refuse(error)
            raise
        self._untouched = self._fresh = False
        return done

    def _look(self) -> None:
        """Before a statement that writes by itself, see whether the connection was lost while nobody used it.

        Once it was sent, it could not be told whether the server had committed it before it went away.
        """
        if self._untouched and self._begun is None and self._wire.ended_while_idle():
            self.driver.close()
            self._connect()

    def _recover(self, error: Exception, *, again: bool) -> None:
        """Make ready to send a statement `again` on a new connection, or raise what the error means.

        It is sent again if the connection was lost before anything was done on it, but not where the statement writes
        by itself: the server may have committed it before it went away. Where the server says that it does not have
        the statement as it was prepared, it did nothing, and any is sent again if no other preceded it in the
        transaction.
        """
        stale = self._is_stale(error)
        if self._ended:
            self._refuse(error)
            raise error
        if stale and not (self._begun is None or self._fresh):
            self._spoiled = True
            raise DatabaseError(Fault(FaultKind.BUSY)) from error
        if not stale and not (again and self._untouched and self.driver.closed):
            self._refuse(error)
            raise error
        if getattr(error, "sqlstate", None) == NOT_PREPARED:
            self._missing += 1
        self.driver.close()
        self._connect()
        if self._begun is not None:
            self._repeated(lambda: self._wire.command((self._begun or "").encode()))

    def _repeated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            self._refuse(error)
            raise

    @staticmethod
    def _is_stale(error: Exception) -> bool:
        state = getattr(error, "sqlstate", None)
        return state == NOT_PREPARED or (state, _source(error)) == PLAN_IS_STALE

    def _refuse(self, error: Exception) -> None:
        fault = self._explain(error)
        if fault is not None:
            raise DatabaseError(fault) from error


@dataclass(frozen=True, slots=True)
class _Described:
    """A result, as a cursor would describe it to who asks for the types of its columns."""

    result: PGresult

    @property
    def description(self) -> list[tuple[None, int]]:
        return [(None, self.result.ftype(place)) for place in range(self.result.nfields)]


def _source(error: Exception) -> str | None:
    diagnosis = getattr(error, "diag", None)
    return None if diagnosis is None else diagnosis.source_function
