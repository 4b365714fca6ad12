"""What only a file can do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update
from sqlalchemy.orm import Session

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "deep" / "meze.db"


@pytest.fixture
def file(path: Path) -> Any:
    opened = open_database(f"sqlite:///{path}")
    metadata.create_all(opened.engine)
    with opened.engine.begin() as connection:
        connection.execute(insert(counters).values(id=1, n=0))
    yield opened
    opened.close()


@pytest.mark.usefixtures("file")
def test_the_file_and_its_folders_are_for_the_user_alone(path: Path) -> None:
    modes = [each.stat().st_mode & 0o777 for each in (path, path.parent, path.parent.parent)]

    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("mmap_size", 0), ("busy_timeout", 2000)],
)
def test_connections_are_safe_and_so_are_the_user_s(file: Database, pragma: str, value: object) -> None:
    with file.reading() as connection:
        assert connection.rows(file.prepare(text(f"PRAGMA {pragma}").columns(Column("v")))) == [(value,)]
    with Session(file.engine) as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_a_full_disk_is_told_and_loses_nothing_that_was_committed(file: Database) -> None:
    grow = file.prepare(text("INSERT INTO counters (n) SELECT randomblob(100000) FROM counters"))
    with file.writing() as connection:
        connection.execute(file.prepare(text("PRAGMA max_page_count = 20")))

    def fill() -> None:
        with file.writing() as connection:
            connection.execute(grow)

    assert fault_of(fill) is FaultKind.FULL
    assert total(file) == 0


def test_a_second_transaction_of_one_thread_is_refused_at_once(file: Database) -> None:
    with file.writing(), pytest.raises(RuntimeError, match="already"), file.writing():
        pass
    add_one(file)
    assert total(file) == 1


def test_a_memory_database_is_shared_by_threads_and_leaves_no_file() -> None:
    memory = open_database("sqlite://")
    metadata.create_all(memory.engine)
    with memory.engine.begin() as connection:
        connection.execute(insert(counters).values(id=1, n=0))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: add_one(memory), range(9)))
    place = Path(str(memory.engine.url.database)).parent

    assert total(memory) == 9
    memory.close()
    assert not place.exists()
