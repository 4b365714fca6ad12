"""What was committed is brought from the WAL into the file in the background, and the WAL stays short."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, bindparam, insert

from meze.databases import open_database
from meze.databases.sqlite import SQLite

PATIENCE_SECONDS = 10
FRAME_BYTES = 4096 + 24
blobs = Table("blobs", MetaData(), Column("id", Integer, primary_key=True), Column("body", LargeBinary))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLite]:
    opened = open_database(f"sqlite:///{tmp_path / 'blobs.db'}")
    assert isinstance(opened, SQLite)
    blobs.metadata.create_all(opened.engine)
    yield opened
    opened.close()


def add(database: SQLite, pages: int = 4) -> None:
    adding = database.prepare(insert(blobs).values(body=bindparam("body", type_=LargeBinary())))
    database.write_one(adding, {"body": os.urandom(pages * 4000)})


def left(database: SQLite) -> int:
    """Return how many pages of the WAL are not in the file yet, without bringing any there."""
    path = Path(str(database.engine.url.database))
    # Bytes 96 to 99 of the index of the WAL say how many frames were brought over (sqlite.org/walformat.html).
    index = path.with_name(path.name + "-shm").read_bytes()
    return int.from_bytes(index[16:20], "little") - int.from_bytes(index[96:100], "little")


def wait_until_all_is_there(database: SQLite) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while left(database):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_what_was_committed_is_in_the_file_a_moment_later(database: SQLite) -> None:
    for _ in range(5):
        add(database)
    assert left(database) > 0

    wait_until_all_is_there(database)
    add(database)
    assert left(database) > 0
    wait_until_all_is_there(database)


def test_the_wal_stays_short_while_somebody_writes_on(database: SQLite) -> None:
    written, ends = 0, time.monotonic() + 2
    while time.monotonic() < ends:
        add(database)
        written += 5

    path = Path(str(database.engine.url.database))
    frames = path.with_name(path.name + "-wal").stat().st_size // FRAME_BYTES
    assert frames < written * 0.7


def test_a_closed_database_is_left_alone(database: SQLite) -> None:
    add(database)
    database.close()
    time.sleep(0.4)
    assert not Path(f"{database.engine.url.database}-wal").exists()


def test_a_forked_process_brings_over_what_it_commits(database: SQLite) -> None:
    add(database)
    child = os.fork()
    if child == 0:
        try:
            add(database)
            wait_until_all_is_there(database)
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
