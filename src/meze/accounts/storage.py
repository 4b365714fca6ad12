"""The database as accounts use it: statements of SQLAlchemy Core, prepared once, and refusals as problems."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.sql import ClauseElement

from meze.accounts.revocation_statements import ADD, LOCK
from meze.databases import Connection, Database, FaultKind
from meze.databases.statement import Statement
from meze.errors import AlreadyExists, Problem, StillReferenced, StorageFull, TooExpensive, Unavailable

Row = tuple[Any, ...]


class Work:
    """One use of the database, inside one `with storage.reading()` or `with storage.writing()`.

    Clauses are constants of their modules, with a `bindparam` for every value: each is compiled once.
    """

    def __init__(self, connection: Connection, storage: Storage) -> None:
        self._connection = connection
        self._storage = storage
        self.revoked: set[int] = set()

    def revoke(self, user_id: int) -> None:
        """Have every process ask anew who the callers of this user are, once the transaction is committed.

        To be called wherever a session or a key is ended, or what is told of its user is changed.
        """
        self.revoked.add(user_id)

    def rows(self, clause: ClauseElement, **values: Any) -> list[Row]:
        """Run a clause and return what it selects or returns."""
        return self._connection.rows(self._storage.prepared(clause), values)

    def row(self, clause: ClauseElement, **values: Any) -> Row | None:
        """Return the first row, or None where there is none."""
        return next(iter(self.rows(clause, **values)), None)

    def execute(self, clause: ClauseElement, **values: Any) -> int:
        """Run a clause and return how many rows it changed."""
        return self._connection.execute(self._storage.prepared(clause), values)

    def each(self, clause: ClauseElement, many: Sequence[Mapping[str, Any]]) -> int:
        """Run a clause with each of `many`, and return how many rows it returned."""
        return sum(map(len, self._connection.rows_of_each(self._storage.prepared(clause), many)))

    def add(self, table: Table, **values: Any) -> None:
        """Insert one row; columns that are not named take their server's default."""
        self._connection.execute(self._storage.adding(table, tuple(values), None), _new(values))

    def add_one(self, table: Table, **values: Any) -> int:
        """Insert one row and return its id."""
        rows = self._connection.rows(self._storage.adding(table, tuple(values), "id"), _new(values))
        return int(rows[0][0])


Also = Callable[[Work], None]
"""What a caller has done in the same transaction, such as writing what happened into the audit trail."""


def nothing_else(_: Work) -> None: ...


class Storage:
    """Lends connections, and keeps what was prepared."""

    _forget: Callable[[int], object] = staticmethod(lambda _: None)

    def __init__(self, database: Database) -> None:
        self.database = database
        self._prepared: dict[int, tuple[ClauseElement, Statement]] = {}
        self._adding: dict[tuple[Any, ...], Statement] = {}
        self._kept: dict[str, ClauseElement] = {}

    def when_revoked(self, forget: Callable[[int], object]) -> None:
        """Have `forget` called with every user whom a transaction of this process revoked, once it is over."""
        self._forget = forget

    def prepared(self, clause: ClauseElement) -> Statement:
        found = self._prepared.get(id(clause))
        if found is None:
            # The clause is kept too: its id would serve another one after it.
            found = self._prepared[id(clause)] = (clause, self.database.prepare(clause))
        return found[1]

    def kept(self, name: str, make: Callable[[Any], ClauseElement]) -> ClauseElement:
        """Return a clause that depends on the database, made once; `make` gets its `insert`, with ON CONFLICT."""
        if name not in self._kept:
            # SQLAlchemy's dialects take long to import: only that of the database in use is.
            self._kept[name] = make(import_module(f"sqlalchemy.dialects.{self.database.name}").insert)
        return self._kept[name]

    def is_taken(self, error: BaseException) -> bool:
        """Say whether an error is the refusal of a unique value."""
        fault = self.database.fault(error)
        return fault is not None and fault.kind is FaultKind.UNIQUE

    def adding(self, table: Table, names: tuple[str, ...], returned: str | None) -> Statement:
        at = (table, names, returned)
        if at not in self._adding:
            clause = insert(table).values({name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names})
            self._adding[at] = self.database.prepare(clause.returning(table.c[returned]) if returned else clause)
        return self._adding[at]

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Work]:
        """Lend a connection; with `snapshot`, all its statements see one moment.

        Raises:
            Unavailable: the database cannot be reached, or is too busy.
            TooExpensive: a statement took longer than it may.
        """
        with self._explained(), self.database.reading(snapshot=snapshot) as connection:
            yield Work(connection, self)

    def all(self, clause: ClauseElement, **values: Any) -> list[Row]:
        """Return what a clause selects, and nothing else around it: what requests wait for. Raises as `reading`."""
        try:
            with self.database.reading() as connection:
                return connection.rows(self.prepared(clause), values)
        except Exception as error:
            problem = self._problem(error)
            if problem is None:
                raise
            raise problem from error

    @contextmanager
    def writing(self) -> Iterator[Work]:
        """Lend a connection in a transaction: committed at the end, undone on any exception, a Problem included.

        Whoever was revoked in it is told to all processes, by its last statement, and forgotten in this one. That is
        done even where it seems to have failed: it may be the answer to the commit that was lost.

        Raises:
            AlreadyExists: a unique value is taken.
            StillReferenced: a row that is to be deleted is pointed at.
            Unavailable, StorageFull: the database cannot take it just now.
        """
        revoked: set[int] = set()
        try:
            with self._explained(), self.database.writing() as connection:
                work = Work(connection, self)
                revoked = work.revoked
                yield work
                self._write(work, revoked)
        finally:
            for user_id in revoked:
                self._forget(user_id)

    def _write(self, work: Work, revoked: Collection[int]) -> None:
        if revoked and self.database.row_locks:
            work.rows(LOCK)
        for user_id in revoked:
            work.execute(ADD, of_user=user_id, now=time.time())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            problem = self._problem(error)
            if problem is None:
                raise
            raise problem from error

    def _problem(self, error: Exception) -> Problem | None:
        """Return what a client is told of a database's refusal; None for any other error."""
        if isinstance(error, Problem):
            return None
        fault = self.database.fault(error)
        return None if fault is None else _PROBLEMS.get(fault.kind, Unavailable)()


_PROBLEMS: dict[FaultKind, type[Problem]] = {
    FaultKind.UNIQUE: AlreadyExists,
    FaultKind.STILL_REFERENCED: StillReferenced,
    FaultKind.FULL: StorageFull,
    FaultKind.TOO_SLOW: TooExpensive,
}


def _new(values: dict[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}
