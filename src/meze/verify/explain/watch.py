"""Watch the records while they answer: each plan, each statement with its values and rows, and the time that they take.

Nothing else is changed, so that what is explained is what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from meze.databases import Connection, Statement
from meze.databases.statement import Fetched
from meze.records.lending import Lending
from meze.records.plan import Planner
from meze.records.records import Records
from meze.records.visit import Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that was run. `rows` are what came back."""

    statement: Statement
    values: Mapping[str, Any]
    rows: Sequence[tuple[Any, ...]]
    seconds: float


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that was made or found for a visit."""

    visit: Visit
    plan: Any


@dataclass(slots=True)
class Watch:
    """What was seen of one request. The clock runs from when it is made."""

    started: float = field(default_factory=perf_counter)
    planned_at: float | None = None
    plan_seconds: float = 0.0
    plans: list[Planned] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    ended: float | None = None

    def end(self) -> None:
        """Stop the clock: the answer is there."""
        self.ended = perf_counter()

    @property
    def steps(self) -> dict[str, float]:
        """The seconds of each step. What is neither parsing, planning nor the database is shaping the answer."""
        ended = perf_counter() if self.ended is None else self.ended
        parse = (ended if self.planned_at is None else self.planned_at) - self.started
        database = sum(each.seconds for each in self.ran)
        shape = max(0.0, ended - self.started - parse - self.plan_seconds - database)
        return {"parse": parse, "plan": self.plan_seconds, "database": database, "shape": shape}

    def watching(self, records: Records) -> Records:
        """Return records that answer as these do, and are watched."""
        return records.lent_by(WatchedLending(records.planner, self))


class WatchedLending(Lending):
    """Lends what others lend, and notes what is done with it."""

    def __init__(self, planner: Planner, watch: Watch) -> None:
        super().__init__(planner)
        self._watch = watch

    def planned(self, visit: Visit, make: Callable[[], T]) -> T:
        started = perf_counter()
        if self._watch.planned_at is None:
            self._watch.planned_at = started
        plan = super().planned(visit, make)
        self._watch.plan_seconds += perf_counter() - started
        self._watch.plans.append(Planned(visit, plan))
        return plan

    def read_one(self, visit: Visit, statement: Statement, values: Mapping[str, Any]) -> Fetched:
        with self.reading(visit) as connection:
            return connection.fetch(statement, values)

    @contextmanager
    def _lent(self, visit: Visit | None, lent: AbstractContextManager[Connection]) -> Iterator[Connection]:
        with super()._lent(visit, lent) as connection:
            yield WatchedConnection(connection, self._watch)


class WatchedConnection:
    """A connection whose statements are noted."""

    def __init__(self, connection: Connection, watch: Watch) -> None:
        self._connection = connection
        self._watch = watch

    def fetch(self, statement: Statement, values: Mapping[str, Any] = {}) -> Fetched:
        started = perf_counter()
        found = self._connection.fetch(statement, values)
        self._watch.ran.append(Ran(statement, dict(values), found.decoded, perf_counter() - started))
        return found

    def rows(self, statement: Statement, values: Mapping[str, Any] = {}) -> list[tuple[Any, ...]]:
        return self.fetch(statement, values).decoded

    def rows_of_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        return [self.rows(statement, values) for values in many]

    def execute(self, statement: Statement, values: Mapping[str, Any] = {}) -> int:
        started = perf_counter()
        count = self._connection.execute(statement, values)
        self._watch.ran.append(Ran(statement, dict(values), (), perf_counter() - started))
        return count

    def savepoint(self) -> AbstractContextManager[None]:
        return self._connection.savepoint()
