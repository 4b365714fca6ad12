"""Writers that share a commit: each is answered for itself, after the commit, whatever the others did."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, Table, bindparam, insert, text

from meze.databases import Connection, Database, DatabaseError, FaultKind, Statement, open_database
from meze.databases.group_commit import AT_ONCE, GroupCommit, Job
from meze.databases.room import Room

metadata = MetaData()
numbers = Table(
    "numbers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", Integer, CheckConstraint("value >= 0", name="not_negative"), unique=True),
    Column("other", Integer, ForeignKey("numbers.id", deferrable=True, initially="DEFERRED")),
)

Write = Callable[[dict[str, Any]], Any]


class Gate:
    """Lends transactions of a database, counts them, and keeps the first waiting until it is opened."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.count = 0

    @contextmanager
    def __call__(self) -> Iterator[Connection]:
        self.count += 1
        with self.database.writing() as connection:
            self.entered.set()
            assert self.opened.wait(10)
            yield connection


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'numbers.db'}", statement_seconds=2, threads=20)
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def adding(database: Database) -> Statement:
    made = insert(numbers).values(value=bindparam("value"), other=bindparam("other")).returning(numbers.c.value)
    return database.prepare(made)


def together(
    database: Database, adding: Statement, many: list[dict[str, Any]], gate: Gate | None = None
) -> tuple[list[Any], int]:
    """Hand all of `many` in while the first is held up; return what each came to, and the number of transactions."""
    gate = gate or Gate(database)
    group = GroupCommit(gate, Room(4))

    def write(values: dict[str, Any]) -> Any:
        try:
            return group.write(adding, values)
        except DatabaseError as error:
            return error.fault.kind

    with ThreadPoolExecutor(len(many)) as threads:
        futures = [threads.submit(write, many[0])]
        assert gate.entered.wait(10)
        futures += [threads.submit(write, values) for values in many[1:]]
        while len(group._waiting) < len(many):
            pass
        gate.opened.set()
        return [future.result(10) for future in futures], gate.count


def row(value: int, other: int | None = None) -> dict[str, Any]:
    return {"value": value, "other": other}


def refuse_sevens(database: Database) -> None:
    """Add a trigger that ends the whole transaction where a seven is written."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER no_sevens BEFORE INSERT ON numbers WHEN NEW.value = 7 "
                "BEGIN SELECT RAISE(ROLLBACK, 'no sevens'); END"
            )
        )


def stored(database: Database) -> list[int]:
    with database.engine.connect() as connection:
        return sorted(connection.scalars(text("SELECT value FROM numbers")))


def test_those_who_wait_share_one_commit(database: Database, adding: Statement) -> None:
    outcomes, transactions = together(database, adding, [row(value) for value in range(16)])

    assert outcomes == [[(value,)] for value in range(16)]
    assert stored(database) == list(range(16))
    assert transactions == 1


def test_no_more_than_so_many_share_a_commit(database: Database, adding: Statement) -> None:
    outcomes, transactions = together(database, adding, [row(value) for value in range(AT_ONCE + 5)])

    assert outcomes == [[(value,)] for value in range(AT_ONCE + 5)]
    assert transactions > 1


def test_one_that_is_refused_leaves_the_others_alone(database: Database, adding: Statement) -> None:
    outcomes, transactions = together(database, adding, [row(1), row(-5), row(1), row(2)])

    assert outcomes[1] is FaultKind.CHECK
    assert sorted(map(str, (outcomes[0], outcomes[2]))) == sorted(map(str, ([(1,)], FaultKind.UNIQUE)))
    assert outcomes[3] == [(2,)]
    assert stored(database) == [1, 2]
    assert transactions == 1


def test_one_that_ends_the_transaction_is_told_so_and_the_others_are_done_again(
    database: Database, adding: Statement
) -> None:
    refuse_sevens(database)

    outcomes, transactions = together(database, adding, [row(1), row(7), row(2)])

    assert outcomes[0] == [(1,)]
    assert outcomes[1] is not None
    assert outcomes[1] != [(7,)]
    assert outcomes[2] == [(2,)]
    assert stored(database) == [1, 2]
    assert transactions == 4


def test_a_commit_that_is_refused_is_made_again_one_by_one(database: Database, adding: Statement) -> None:
    outcomes, transactions = together(database, adding, [row(1), row(2, other=99), row(3)])

    assert outcomes[0] == [(1,)]
    assert outcomes[1] in (FaultKind.FOREIGN_KEY, FaultKind.STILL_REFERENCED)
    assert outcomes[2] == [(3,)]
    assert stored(database) == [1, 3]
    assert transactions == 4


def test_the_first_one_that_is_refused_leaves_the_others_alone(database: Database, adding: Statement) -> None:
    outcomes, _ = together(database, adding, [row(-5), row(1), row(2)])

    assert outcomes == [FaultKind.CHECK, [(1,)], [(2,)]]
    assert stored(database) == [1, 2]


def test_the_first_one_that_ends_the_transaction_leaves_the_others_alone(database: Database, adding: Statement) -> None:
    refuse_sevens(database)

    outcomes, _ = together(database, adding, [row(7), row(1), row(2)])

    assert outcomes == [FaultKind.CHECK, [(1,)], [(2,)]]
    assert stored(database) == [1, 2]


def test_several_that_end_the_transaction_or_fail_at_the_commit_are_each_told_so(
    database: Database, adding: Statement
) -> None:
    refuse_sevens(database)

    many = [row(1), row(2, other=99), row(7), row(-5), row(3), row(1), row(4, other=98), row(5)]
    outcomes, transactions = together(database, adding, many)

    assert outcomes == [
        [(1,)],
        FaultKind.FOREIGN_KEY,
        FaultKind.CHECK,
        FaultKind.CHECK,
        [(3,)],
        FaultKind.UNIQUE,
        FaultKind.FOREIGN_KEY,
        [(5,)],
    ]
    assert stored(database) == [1, 3, 5]
    assert transactions > len(many) / 2


@pytest.mark.parametrize("refused", [row(2, other=99), row(7)], ids=["at-the-commit", "by-a-trigger"])
def test_one_alone_that_fails_at_the_end_keeps_nothing_and_the_next_is_done(
    database: Database, adding: Statement, refused: dict[str, Any]
) -> None:
    refuse_sevens(database)

    with pytest.raises(DatabaseError):
        database.write_one(adding, refused)

    assert stored(database) == []
    assert database.write_one(adding, row(3)) == [(3,)]
    assert stored(database) == [3]


def test_one_that_fills_the_disk_is_told_so_and_the_others_are_kept(database: Database, adding: Statement) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE fillers (filler BLOB)"))
        connection.execute(
            text(
                "CREATE TRIGGER nines AFTER INSERT ON numbers WHEN NEW.value = 9 "
                "BEGIN INSERT INTO fillers VALUES (zeroblob(8000000)); END"
            )
        )

    class Small(Gate):
        """Lends connections that hold the file at the size that it may have."""

        @contextmanager
        def __call__(self) -> Iterator[Any]:
            with super().__call__() as connection:
                connection.driver.execute("PRAGMA max_page_count = 100")
                yield connection

    outcomes, _ = together(database, adding, [row(1), row(9), row(2)], Small(database))

    assert outcomes == [[(1,)], FaultKind.FULL, [(2,)]]
    assert stored(database) == [1, 2]


def test_a_transaction_of_its_own_is_kept_or_undone_by_itself(database: Database, adding: Statement) -> None:
    """What needs more than a statement, a user's code above all, shares no commit with others."""
    inside, over = threading.Event(), threading.Event()

    def alone() -> None:
        with database.writing() as connection:
            connection.rows(adding, row(100))
            inside.set()
            assert over.wait(10)
            raise ZeroDivisionError

    with ThreadPoolExecutor(9) as threads:
        undone = threads.submit(alone)
        assert inside.wait(10)
        written = [threads.submit(database.write_one, adding, row(value)) for value in range(8)]
        time.sleep(0.1)
        assert not any(future.done() for future in written)
        over.set()
        assert isinstance(undone.exception(10), ZeroDivisionError)

        assert [future.result(10) for future in written] == [[(value,)] for value in range(8)]
    assert stored(database) == list(range(8))


def test_nobody_is_answered_before_the_commit(database: Database, adding: Statement) -> None:
    answered: list[Any] = []
    seen: list[list[int]] = []

    @contextmanager
    def slow() -> Iterator[Connection]:
        with database.writing() as connection:
            yield connection
            seen.append(list(answered))

    group = GroupCommit(slow, Room(4))
    with ThreadPoolExecutor(8) as threads:
        for value in range(8):
            threads.submit(lambda value=value: answered.append(group.write(adding, row(value))))

    assert len(answered) == 8
    assert all(len(before) < 8 for before in seen)
    assert seen[0] == []


def test_who_cannot_have_the_turn_is_refused_and_nobody_waits_for_ever(adding: Statement) -> None:
    tries = []

    def never() -> AbstractContextManager[Connection]:
        tries.append("try")
        raise TimeoutError("busy")

    group = GroupCommit(never, Room(4))
    with ThreadPoolExecutor(5) as threads:
        futures = [threads.submit(group.write, adding, row(value)) for value in range(5)]
        errors = [future.exception(10) for future in futures]

    assert [str(error) for error in errors] == ["busy"] * 5
    assert 1 <= len(tries) <= 5


def test_a_leader_that_is_ended_answers_nobody_and_another_leads(database: Database, adding: Statement) -> None:
    class Ended(BaseException):
        pass

    @contextmanager
    def ending() -> Iterator[Connection]:
        with database.writing() as connection:
            yield connection
            if not ended:
                ended.append(True)
                raise Ended

    ended: list[bool] = []
    group = GroupCommit(ending, Room(4))

    with pytest.raises(Ended):
        group.write(adding, row(1))

    assert stored(database) == []
    assert group.write(adding, row(2)) == [(2,)]
    assert stored(database) == [2]


def test_one_who_is_ended_while_waiting_leaves_the_others_a_leader(
    database: Database, adding: Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(BaseException):
        pass

    class Ending:
        """Stands for the lock of the second job: an exception comes when that job has the lead, before it knows."""

        def __init__(self) -> None:
            self.woken = threading.Event()

        def acquire(self) -> None:
            assert self.woken.wait(10)
            raise Ended

        def release(self) -> None:
            self.woken.set()

    gate = Gate(database)
    group = GroupCommit(gate, Room(4))
    monkeypatch.setattr("meze.databases.group_commit.AT_ONCE", 1)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(group.write, adding, row(1))
        assert gate.entered.wait(10)
        ended = Job(adding, row(2))
        ended.woken = Ending()  # type: ignore[assignment]
        monkeypatch.setattr("meze.databases.group_commit.Job", lambda *_: ended)
        second = threads.submit(group.write, adding, row(2))
        while len(group._waiting) < 2:
            pass
        gate.opened.set()
        assert first.result(10) == [(1,)]
        assert isinstance(second.exception(10), Ended)
        monkeypatch.undo()

    later = threading.Thread(target=group.write, args=(adding, row(3)), daemon=True)
    later.start()
    later.join(10)
    assert stored(database) == [1, 3]


def test_many_writers_lose_nothing(database: Database, adding: Statement) -> None:
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(lambda value: database.write_one(adding, row(value)), range(800)))

    assert outcomes == [[(value,)] for value in range(800)]
    assert stored(database) == list(range(800))
