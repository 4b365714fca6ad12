"""Connections are few, recover by themselves, and never outlast their use in a transaction."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from meze.databases import Database, DatabaseError, FaultKind, open_database
from meze.errors import Mistake

metadata = MetaData()
counters = Table("counters", metadata, Column("id", Integer, primary_key=True), Column("n", Integer))

FOREVER = {
    "sqlite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r",
    "postgresql": "SELECT pg_sleep(60)",
}


@pytest.fixture
def counting(database: Database) -> Database:
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(counters).values(id=1, n=0))
    return database


@pytest.fixture
def impatient(counting: Database, database_url: str) -> Any:
    """The same database, with statements ended after 0.3 seconds and two threads of its own."""
    opened = open_database(database_url, statement_seconds=0.3, threads=2)
    yield opened
    opened.close()


def add_one(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(database.prepare(update(counters).values(n=counters.c.n + 1)))


def total(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.rows(database.prepare(select(counters.c.n)))[0][0])


def fault_of(work: Callable[[], Any]) -> FaultKind:
    with pytest.raises(DatabaseError) as refused:
        work()
    return refused.value.fault.kind


def test_a_statement_that_takes_too_long_is_ended(impatient: Database) -> None:
    statement = impatient.prepare(text(FOREVER[impatient.name]).columns(Column("n")))
    began = time.monotonic()

    def run() -> None:
        with impatient.reading() as connection:
            connection.rows(statement)

    assert fault_of(run) is FaultKind.TOO_SLOW
    assert 0.25 < time.monotonic() - began < 2
    assert total(impatient) == 0


def test_a_session_of_the_user_has_the_same_limit(impatient: Database) -> None:
    with Session(impatient.engine) as session, pytest.raises(Exception) as raised:  # noqa: PT011  (the driver's own kind)
        session.execute(text(FOREVER[impatient.name]))

    fault = impatient.fault(raised.value)
    assert fault is not None
    assert fault.kind is FaultKind.TOO_SLOW


def test_waiting_for_another_writer_is_not_called_slowness(impatient: Database, database_url: str) -> None:
    other = open_database(database_url)
    with other.writing() as connection:
        connection.execute(other.prepare(update(counters).values(n=5)))
        assert fault_of(lambda: add_one(impatient)) is FaultKind.BUSY
    other.close()

    add_one(impatient)
    assert total(impatient) == 6


def test_writers_of_one_process_take_turns(counting: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: add_one(counting), range(80)))

    assert total(counting) == 80


def test_a_snapshot_does_not_see_what_was_written_since(counting: Database) -> None:
    statement = counting.prepare(select(counters.c.n))
    with counting.reading(snapshot=True) as connection:
        assert connection.rows(statement) == [(0,)]
        with ThreadPoolExecutor(1) as other:
            other.submit(add_one, counting).result()
        assert connection.rows(statement) == [(0,)]

    assert total(counting) == 1


def test_a_thread_may_read_while_it_writes_and_sees_what_was_committed(counting: Database) -> None:
    with counting.writing() as connection:
        connection.execute(counting.prepare(update(counters).values(n=9)))
        assert total(counting) == 0

    assert total(counting) == 9


def test_threads_that_come_and_go_leave_no_connections_behind(impatient: Database) -> None:
    for _ in range(20):
        thread = threading.Thread(target=total, args=(impatient,))
        thread.start()
        thread.join()
    gc.collect()

    opened = [seat for seat in impatient._pool._seats if seat.connection is not None]
    assert 1 <= len(opened) <= 2


def test_more_threads_than_connections_share_them(impatient: Database) -> None:
    waiting = threading.Barrier(4)

    def read(_: int) -> int:
        waiting.wait()
        return sum(total(impatient) for _ in range(50))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(4))) == [0, 0, 0, 0]
    assert len([seat for seat in impatient._pool._seats if seat.connection is not None]) <= 4


def test_a_thread_that_finds_every_connection_in_use_is_told_so(impatient: Database) -> None:
    held, done = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        with impatient.reading():
            held.release()
            done.wait(10)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            threads.submit(hold)
        for _ in range(4):
            held.acquire()
        try:
            assert fault_of(lambda: total(impatient)) is FaultKind.BUSY
        finally:
            done.set()
    assert total(impatient) == 0


def test_a_forked_process_opens_connections_of_its_own(counting: Database) -> None:
    add_one(counting)
    child = os.fork()
    if child == 0:
        try:
            add_one(counting)
            os._exit(0 if total(counting) == 2 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    add_one(counting)
    assert total(counting) == 3


def test_a_closed_database_is_not_opened_again(counting: Database) -> None:
    total(counting)
    counting.close()

    with pytest.raises(RuntimeError, match="closed"):
        total(counting)


def test_the_user_s_session_and_ours_see_each_other(counting: Database) -> None:
    with Session(counting.engine) as session:
        session.execute(update(counters).values(n=4))
        session.commit()
    assert total(counting) == 4
    add_one(counting)
    with Session(counting.engine) as session:
        assert session.scalar(select(counters.c.n)) == 5


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("mysql://root@localhost/x", "no database is called 'mysql'", id="unknown"),
        pytest.param("instance/meze.db", "not a database URL", id="no-url"),
        pytest.param("postgresql://localhost:port/x", "cannot be read", id="bad-port"),
    ],
)
def test_a_url_that_names_no_database_is_a_mistake(url: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        open_database(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_known_by_the_names_that_platforms_use(scheme: str, postgresql_url: str) -> None:
    opened = open_database(f"{scheme}://{postgresql_url.partition('://')[2]}")

    with opened.reading() as connection:
        assert connection.rows(opened.prepare(select(1))) == [(1,)]
    opened.close()


def test_a_table_s_text_may_be_any_text(database: Database) -> None:
    kept = Table("kept", MetaData(), Column("body", String))
    kept.create(database.engine)
    body = "".join(chr(code) for code in range(1, 0x3000)) + "\U0001f600"
    with database.writing() as connection:
        connection.execute(database.prepare(insert(kept).values(body=bindparam("v"))), {"v": body})

    with database.reading() as connection:
        assert connection.rows(database.prepare(select(kept.c.body))) == [(body,)]
