"""What the rest of Meze may ask of a database, whichever it is.

    Database                 one per app: compiles statements, opens transactions, explains errors
    ├── Statement            SQL text compiled once, run often
    ├── Connection           runs statements inside one `with`
    └── Fault                what the database refused, in words that do not depend on the database

Statements bypass SQLAlchemy's execution layer, which costs more than the query for a one-row read, but keep its
compiler and its type processors, so a TypeDecorator or an Enum means here what it means in an ORM Session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Engine
from sqlalchemy.engine import Connection as EngineConnection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from meze.databases.aggregates import Aggregates
from meze.databases.statement import Fetched, Statement


class FaultKind(Enum):
    """Why a database refused, or could not answer."""

    UNIQUE = "unique"
    FOREIGN_KEY = "foreign_key"
    STILL_REFERENCED = "still_referenced"
    NOT_NULL = "not_null"
    CHECK = "check"
    TOO_SLOW = "too_slow"
    BUSY = "busy"
    GONE = "gone"
    FULL = "full"
    BAD_DATA = "bad_data"


@dataclass(frozen=True, slots=True)
class Fault:
    """What the database refused, without the words of its driver.

    `table` and `columns` are database names, known as far as the database tells: SQLite does not say which foreign key
    failed, so `columns` is empty there when the statement could have broken several. `referring_table` is the one that
    still points at the row, for STILL_REFERENCED.
    """

    kind: FaultKind
    table: str | None = None
    columns: tuple[str, ...] = ()
    referring_table: str | None = None


class DatabaseError(Exception):
    """A statement was refused; `fault` says why. The driver's own error is its `__cause__`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.kind.value)


class AlreadyRunning(Exception):
    """A transaction with the same number is open elsewhere, in this process or another."""


class Connection(Protocol):
    """Runs statements inside one `with database.reading()` or `with database.writing()`."""

    def fetch(self, statement: Statement, values: Mapping[str, Any] = {}) -> Fetched:
        """Run `statement` and return every row it selects or returns, as the driver gives them."""
        ...

    def rows(self, statement: Statement, values: Mapping[str, Any] = {}) -> list[tuple[Any, ...]]:
        """Run `statement` and return every row it selects or returns, as Python values of its columns' types."""
        ...

    def rows_of_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Run `statement` with each of `many` in turn, and return the rows of each; for use in `writing()`.

        Where one is refused, the error does not tell which.
        """
        ...

    def execute(self, statement: Statement, values: Mapping[str, Any] = {}) -> int:
        """Run `statement` and return how many rows it changed."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what is done inside the `with`, and no more, if it ends by an exception; for use in `writing()`.

        Raises:
            DatabaseError: GONE, the whole transaction ended inside. Nothing of it was kept.
        """
        ...


class Database(Protocol):
    """One database, as the records layer sees it.

    `lateral`: FROM may use LATERAL. `casts`: values in a derived table must be cast to their column's type.
    `row_locks`: SELECT ... FOR UPDATE exists. `nulls_are_greatest`: what ORDER BY does with NULL when not told.
    `aggregates`: how groups of rows are added up.
    """

    name: str
    engine: Engine
    lateral: bool
    casts: bool
    row_locks: bool
    nulls_are_greatest: bool
    aggregates: Aggregates

    @property
    def dialect(self) -> Dialect:
        """SQLAlchemy's dialect, knowing the server's version; asks the server for it once.

        Raises:
            DatabaseError: the server cannot be reached (GONE).
        """
        ...

    def integer_bits(self, sqltype: TypeEngine[Any]) -> int:
        """Return how many bits a column of this integer type holds: 16, 32 or 64."""
        ...

    def prepare(self, clause: ClauseElement) -> Statement:
        """Compile a Core statement for this database. Costly; keep what it returns."""
        ...

    def reading(self, *, snapshot: bool = False) -> AbstractContextManager[Connection]:
        """Lend a connection for reading; with `snapshot`, all its statements see one moment of the data."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Lend a connection in a transaction: committed at the end of the `with`, rolled back on any exception."""
        ...

    def writing_once(self, number: int) -> AbstractContextManager[Connection]:
        """Like `writing`, for the first of those who come with the same number of 63 bits at the same time.

        A courtesy that saves waiting: one that came through after all is stopped by what the first one committed.

        Raises:
            AlreadyRunning: the transaction of the first one is still open. Found out at once.
        """
        ...

    def writing_one(self) -> AbstractContextManager[Connection]:
        """Lend a connection for one statement that writes and is committed when it returns; reads may follow."""
        ...

    def read_one(self, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        """Run one statement that reads, by itself, and return its rows as the driver gives them."""
        ...

    def write_one(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one statement that writes, and return its rows once it is committed, by itself or with those of others.

        Raises:
            DatabaseError: it was refused; nothing of it was kept.
        """
        ...

    def fold(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """Return `column` with letter case removed, by full Unicode folding where the database can."""
        ...

    def fold_value(self, text: str) -> str:
        """Return an operand folded as `fold` folds the column it is compared with."""
        ...

    def changing_schema(self) -> AbstractContextManager[EngineConnection]:
        """Lend a SQLAlchemy connection in a transaction with no time limit, one process at a time.

        Committed at the end of the `with`, rolled back on any exception.
        """
        ...

    def fault(self, error: BaseException) -> Fault | None:
        """Say what a driver's, SQLAlchemy's or our own database error means; None if it is not a database's refusal."""
        ...

    def close(self) -> None:
        """Close every connection. The database may not be used afterwards."""
        ...
