"""Processes that write to one SQLite file take turns: who waits comes before who has just written."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from meze.databases import DatabaseError, FaultKind, open_database
from meze.databases.sqlite_locks import RecordLocks
from meze.databases.sqlite_turn import TURNSTILE, Turn

WRITER = """\
import sys, time
from meze.databases import open_database

database = open_database(sys.argv[1])
with database.writing():
    print("first", flush=True)
    sys.stdin.readline()
with database.writing():
    print("second", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'numbers.db'}"


@pytest.fixture
def database(url):
    opened = open_database(url, statement_seconds=0.3)
    yield opened
    opened.close()


@contextmanager
def another_process(url):
    """A process that writes, and writes again at once when it is told to go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "first\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def wait_until_taken(tmp_path, place):
    """Wait until this process stands in a place, as another would see it: this process may take what it holds."""
    look = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from meze.databases.sqlite_locks import RecordLocks\n"
        "locks = RecordLocks(Path(sys.argv[1]))\n"
        "while locks.take(int(sys.argv[2])):\n"
        "    locks.release(int(sys.argv[2]))\n"
        "    time.sleep(0.01)\n"
    )
    file = tmp_path / "numbers.db-running"
    subprocess.run([sys.executable, "-c", look, file, str(place)], check=True, timeout=20)


def test_who_waits_comes_before_who_has_just_written(url, tmp_path):
    database = open_database(url, statement_seconds=20)
    has_turn, may_end = threading.Event(), threading.Event()

    def write():
        with database.writing():
            has_turn.set()
            assert may_end.wait(20)

    with another_process(url) as other:
        writing = threading.Thread(target=write)
        writing.start()
        wait_until_taken(tmp_path, TURNSTILE)
        go_on(other)

        assert has_turn.wait(20)
        assert not select.select([other.stdout], [], [], 0.3)[0], "the other process wrote again first"
        may_end.set()
        assert other.stdout.readline() == "second\n"
        writing.join()
    database.close()


def test_who_waits_too_long_is_refused_and_holds_nobody_up(url, database):
    with another_process(url) as other:
        began = time.monotonic()
        with pytest.raises(DatabaseError) as refused, database.writing():
            pass
        assert refused.value.fault.kind is FaultKind.BUSY
        assert time.monotonic() - began < 5

        go_on(other)
        assert other.stdout.readline() == "second\n"


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped-first", "in-mid-turn"])
def test_a_killed_process_gives_its_turn_back(url, database, stopped):
    with another_process(url) as other:
        if stopped:
            other.send_signal(signal.SIGSTOP)
        other.kill()
        other.wait()

        with database.writing():
            pass


def test_a_writer_that_knows_of_no_turns_is_waited_for(url, database):
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError) as refused, database.writing():
            pass
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("BEGIN")

    assert refused.value.fault.kind is FaultKind.BUSY
    with database.writing():
        pass


def test_one_thread_at_a_time_has_the_turn_and_is_told_if_it_is_itself(tmp_path):
    turn = Turn(RecordLocks(tmp_path / "locks"), wait_seconds=0.1)
    refused = []

    def enter():
        try:
            turn.__enter__()
        except DatabaseError as error:
            refused.append(error.fault.kind)

    with turn:
        other = threading.Thread(target=enter)
        other.start()
        other.join()
        with pytest.raises(RuntimeError, match="already"):
            turn.__enter__()

    assert refused == [FaultKind.BUSY]
    with turn:
        pass
