"""What only a server can do to its clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, func, insert, select, text, update

from meze.databases import Database, DatabaseError, FaultKind, open_database

metadata = MetaData()
counters = Table("counters", metadata, Column("id", Integer, primary_key=True), Column("n", Integer))


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


def backends(database: Database) -> int:
    """Return how many connections to this database the server has."""
    with database.engine.connect() as connection:
        return int(
            connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")) or 0
        )


@pytest.fixture
def server(postgresql_url: str) -> Any:
    opened = open_database(postgresql_url, threads=2)
    metadata.create_all(opened.engine)
    with opened.engine.begin() as connection:
        connection.execute(insert(counters).values(id=1, n=0))
    yield opened
    opened.close()


def end_every_connection(server: Database) -> None:
    with server.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_connection_that_was_lost_while_idle_is_replaced(server: Database) -> None:
    add_one(server)
    end_every_connection(server)
    assert total(server) == 1
    end_every_connection(server)
    add_one(server)
    assert total(server) == 2


def test_a_connection_that_was_lost_in_a_transaction_is_told(server: Database) -> None:
    change = server.prepare(update(counters).values(n=7))

    def write() -> None:
        with server.writing() as connection:
            connection.execute(change)
            end_every_connection(server)
            connection.execute(change)

    assert fault_of(write) is FaultKind.GONE
    assert total(server) == 0


def test_a_server_that_is_not_there_is_gone(tmp_path: Path) -> None:
    away = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")

    assert fault_of(lambda: away.prepare(select(1))) is FaultKind.GONE
    away.close()


def test_a_table_that_was_altered_under_a_prepared_statement_is_read_again(server: Database) -> None:
    every = server.prepare(select(text("*")).select_from(counters))
    for _ in range(10):
        with server.reading() as connection:
            assert connection.rows(every) == [(1, 0)]
    with server.engine.begin() as connection:
        connection.execute(text("ALTER TABLE counters ADD COLUMN extra text"))

    with server.reading() as connection:
        assert connection.rows(every) == [(1, 0, None)]


def test_connections_are_named_limited_and_in_utc(server: Database) -> None:
    names = ("application_name", "timezone", "statement_timeout")
    shown = select(*(func.current_setting(name) for name in names))

    with server.reading() as connection:
        assert connection.rows(server.prepare(shown)) == [("meze", "UTC", "2s")]


def test_threads_that_ended_give_their_backends_on(server: Database) -> None:
    for _ in range(10):
        thread = threading.Thread(target=total, args=(server,))
        thread.start()
        thread.join()

    assert backends(server) <= 3  # one pinned, one of the engine, and the one that asks


def test_a_deadlock_is_busyness(server: Database) -> None:
    with server.engine.begin() as connection:
        connection.execute(insert(counters).values(id=2, n=0))
    change = server.prepare(update(counters).where(counters.c.id == bindparam("key")).values(n=1))
    met = threading.Barrier(2)

    def cross(first: int, second: int) -> FaultKind | None:
        try:
            with server.writing() as connection:
                connection.execute(change, {"key": first})
                met.wait()
                connection.execute(change, {"key": second})
        except DatabaseError as error:
            return error.fault.kind
        return None

    with ThreadPoolExecutor(2) as threads:
        results = {threads.submit(cross, 1, 2), threads.submit(cross, 2, 1)}
        assert {result.result() for result in results} == {None, FaultKind.BUSY}
