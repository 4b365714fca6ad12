"""Lend a pooled connection for one `with`, and leave no transaction open behind it, whatever happens inside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.pool import Pool, Seat


class Lendable(Protocol):
    """What a connection must be able to do to be lent."""

    def begin(self, sql: str | None) -> None:
        """Start a new use: with a transaction that `sql` opens, or with every statement on its own."""
        ...

    def commit(self) -> None: ...

    def leave(self) -> bool:
        """Undo what was not committed. False if the connection cannot be used again."""
        ...


L = TypeVar("L", bound=Lendable)


def take(pool: Pool[L]) -> Seat[L]:
    """Take a seat, and refuse as a database does where none is free."""
    try:
        return pool.take()
    except TimeoutError as error:
        raise DatabaseError(Fault(FaultKind.BUSY)) from error


def leave(pool: Pool[L], seat: Seat[L]) -> None:
    """Undo what was not committed, and end the use of the seat."""
    connection = seat.connection
    try:
        if connection is not None and not connection.leave():
            pool.discard(seat)
    finally:
        pool.give_back(seat)


class Lease(Generic[L]):
    """One `with`: takes a connection, begins, and on the way out commits (if it writes) or undoes.

    `turn` is held from before the connection is taken until after it was left.
    """

    __slots__ = ("_begin", "_commits", "_pool", "_seat", "_turn")

    def __init__(
        self,
        pool: Pool[L],
        begin: str | None,
        *,
        commits: bool = False,
        turn: AbstractContextManager[None] | None = None,
    ) -> None:
        self._pool = pool
        self._begin = begin
        self._commits = commits
        self._turn = turn

    def __enter__(self) -> L:
        turn = self._turn
        if turn is None:
            return self._take()
        turn.__enter__()
        try:
            return self._take()
        except BaseException:
            turn.__exit__(None, None, None)
            raise

    def _take(self) -> L:
        seat: Seat[L] = take(self._pool)
        self._seat = seat
        try:
            connection = self._pool.open(seat)
            connection.begin(self._begin)
        except BaseException:
            leave(self._pool, seat)
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._commits and kind is None and self._seat.connection is not None:
                self._seat.connection.commit()
        finally:
            try:
                leave(self._pool, self._seat)
            finally:
                if self._turn is not None:
                    self._turn.__exit__(None, None, None)
