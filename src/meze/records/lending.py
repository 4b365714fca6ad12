"""Lend connections to requests, and turn what a database refuses into what a client is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from meze.access.policy import Policy
from meze.access.rule import NOBODY_AT_ALL
from meze.databases import Connection, Database, Fault, Statement
from meze.databases.statement import Fetched
from meze.errors import Text, TooExpensive
from meze.records.faults import problem_of
from meze.records.plan import Planner
from meze.records.visit import Visit

T = TypeVar("T")


class Lending:
    """The database, as requests use it."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._policy: Policy = planner.policy
        self.database: Database = planner.database

    def planned(self, visit: Visit, make: Callable[[], T]) -> T:
        """Return the plan. The first one asks the server for its version, so a database that is away shows here."""
        try:
            return make()
        except Exception as error:
            self.explain(error, visit)
            raise

    def reading(self, visit: Visit, *, snapshot: bool = False) -> AbstractContextManager[Connection]:
        """Lend a connection for reading; with `snapshot` all its statements see one moment."""
        return self._lent(visit, self.database.reading(snapshot=snapshot))

    def read_one(self, visit: Visit, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        """Run one statement that reads, and return its rows as the driver gives them."""
        try:
            return self.database.read_one(statement, values)
        except Exception as error:
            self.explain(error, visit)
            raise

    def writing(self, visit: Visit) -> AbstractContextManager[Connection]:
        """Lend a connection in a transaction."""
        return self._lent(visit, self.database.writing())

    def writing_one(self, visit: Visit) -> AbstractContextManager[Connection]:
        """Lend a connection for one statement that writes and commits by itself."""
        return self._lent(visit, self.database.writing_one())

    def write_one(self, visit: Visit, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one statement that is a transaction by itself, and return its rows once they are kept."""
        try:
            return self.database.write_one(statement, values)
        except Exception as error:
            self.explain(error, visit)
            raise

    def writing_several(self) -> AbstractContextManager[Connection]:
        """Lend a connection in a transaction for several visits, each of which explains its own faults."""
        return self._lent(None, self.database.writing())

    def writing_once(self, number: int) -> AbstractContextManager[Connection]:
        """Lend a connection in a transaction for the first of those who come with the same number at the same time.

        Raises:
            AlreadyRunning: somebody else came first, and has not ended.
        """
        return self._lent(None, self.database.writing_once(number))

    def reading_any(self) -> AbstractContextManager[Connection]:
        """Lend a connection for reading what no visit is about."""
        return self._lent(None, self.database.reading())

    def within(self, connection: Connection, seconds: float) -> LendingWithin:
        """Return what lends `connection`, on which a transaction is open, for so many seconds."""
        return LendingWithin(self._planner, connection, monotonic() + seconds)

    def _lent(
        self, visit: Visit | None, lent: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        return _Lent(self, visit, lent)

    def explain(self, error: Exception, visit: Visit | None) -> None:
        """Raise what the client is told of an error, if it is a database's refusal."""
        fault = self.database.fault(error)
        if fault is None:
            return
        if visit is None:
            raise problem_of(fault, None, (), None) from error
        raise problem_of(fault, visit.resource, self._known(visit), self._referring(fault, visit)) from error

    def _known(self, visit: Visit) -> frozenset[str]:
        """Return the fields that the caller may know of, because they may be read or written."""
        readable = self._policy.view(visit.resource, visit.standing).fields
        return self._policy.writable(visit.resource, visit.standing).union(readable)

    def _referring(self, fault: Fault, visit: Visit) -> str | None:
        """Return the name of the resource that still refers to a row, if the caller may know of it."""
        found = [each for each in self._planner.resources.served if each.table.name == fault.referring_table]
        known = (each for each in found if self._policy.rule(each, "read", visit.standing) != NOBODY_AT_ALL)
        return next((each.name for each in known), None)


class _Lent:
    """Lends what `lent` lends, and explains the errors in its `with`. A class, since each request passes here."""

    __slots__ = ("_lending", "_lent", "_visit")

    def __init__(self, lending: Lending, visit: Visit | None, lent: AbstractContextManager[Connection]) -> None:
        self._lending = lending
        self._visit = visit
        self._lent = lent

    def __enter__(self) -> Connection:
        try:
            return self._lent.__enter__()
        except Exception as error:
            self._lending.explain(error, self._visit)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            ended = self._lent.__exit__(kind, error, traceback)
        except Exception as later:
            self._lending.explain(later, self._visit)
            raise
        if isinstance(error, Exception) and not ended:
            self._lending.explain(error, self._visit)
        return ended


class LendingWithin(Lending):
    """Lends one connection on which a transaction is open, until a moment in monotonic seconds.

    What is done with it sees what was done before, is done in a savepoint where it writes, and is kept or undone with
    the whole.
    """

    def __init__(self, planner: Planner, connection: Connection, until: float) -> None:
        super().__init__(planner)
        self._connection = connection
        self._until = until

    def reading(self, visit: Visit, *, snapshot: bool = False) -> AbstractContextManager[Connection]:  # noqa: ARG002 - what is seen is the transaction's
        self.check_time()
        return self._lent(visit, nullcontext(self._connection))

    def read_one(self, visit: Visit, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        with self.reading(visit) as connection:
            return connection.fetch(statement, values)

    def writing(self, visit: Visit) -> AbstractContextManager[Connection]:
        self.check_time()
        return self._lent(visit, self._saved())

    def writing_one(self, visit: Visit) -> AbstractContextManager[Connection]:
        return self.writing(visit)

    def write_one(self, visit: Visit, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self.writing(visit) as connection:
            return connection.rows(statement, values)

    def writing_several(self) -> AbstractContextManager[Connection]:
        return self._lent(None, self._saved())

    def within(self, connection: Connection, seconds: float) -> LendingWithin:
        """Return what lends within; it ends with the whole."""
        return LendingWithin(self._planner, connection, min(self._until, monotonic() + seconds))

    def check_time(self) -> None:
        """Go on only while there is time. Each statement has a limit of its own besides.

        Raises:
            TooExpensive: all of it together took too long.
        """
        if monotonic() > self._until:
            raise TooExpensive(Text("Together this took longer than it may.", "这些操作合计超过了时限。"))

    @contextmanager
    def _saved(self) -> Iterator[Connection]:
        with self._connection.savepoint():
            yield self._connection
