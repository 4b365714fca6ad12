"""What passes between us and PostgreSQL: how often it is waited for, what is prepared, and what that must survive."""

from __future__ import annotations

import enum
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Time,
    Uuid,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import INT4RANGE, JSONB, Range
from sqlalchemy.types import TypeEngine

from meze.databases import Connection, Database, DatabaseError, FaultKind, open_database
from meze.databases.postgresql_wire import KEPT_TEXTS, VARIANTS, numbered

metadata = MetaData()
counters = Table("counters", metadata, Column("id", Integer, primary_key=True), Column("n", Integer))


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


KINDS: dict[str, tuple[TypeEngine[Any], list[Any]]] = {
    "integer": (Integer(), [0, 1, -40_000, 2**31 - 1]),
    "small": (SmallInteger(), [-32_768, 7]),
    "big": (BigInteger(), [1, 70_000, 2**63 - 1, -(2**63)]),
    "text": (String(), ["", "plain", "%(x)s 100% $1 \\ ' \"", "Straße 数据 \U0001f600"]),
    "yes": (Boolean(), [True, False]),
    "day": (Date(), [date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]),
    "moment": (DateTime(timezone=True), [datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)]),
    "local": (DateTime(), [datetime(2024, 5, 6, 7, 8, 9, 123456)]),  # noqa: DTZ001  (has none)
    "hour": (Time(), [clock(23, 59, 59, 999999), clock(0, 0)]),
    "span": (Interval(), [timedelta(days=-3, seconds=5, microseconds=7), timedelta(0)]),
    "price": (Numeric(12, 4), [Decimal("-1.5000"), Decimal("12345678.9012")]),
    "free": (Numeric(), [Decimal("1E-20"), Decimal("123456789012345678901234567890.5"), Decimal("NaN")]),
    "double": (Float(), [0.1, -1e300, 5e-324]),
    "bytes": (LargeBinary(), [b"", bytes(range(256))]),
    "key": (Uuid(), [uuid.UUID(int=1)]),
    "colour": (Enum(Colour, name="colour"), list(Colour)),
    "document": (JSON(), [{"a": [1, None, "ü"]}, [], "text", 0]),
    "binary_document": (JSONB(), [{"a": [1, None, "ü"]}, [], "text", 0]),
    "numbers": (ARRAY(Integer), [[], [1, None, 70_000]]),
    "words": (ARRAY(String), [[], ["", 'a"b', "{}", None, "ü"]]),
    "days": (ARRAY(Date), [[date(2024, 1, 2)]]),
    "range": (INT4RANGE(), [Range(1, 5), Range(None, 70_000, bounds="()"), Range(empty=True)]),
}


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Database]:
    opened = open_database(postgresql_url, threads=2)
    metadata.create_all(opened.engine)
    with opened.engine.begin() as connection:
        connection.execute(insert(counters).values(id=1, n=0))
    yield opened
    opened.close()


def add_one(database: Database) -> None:
    statement = database.prepare(update(counters).values(n=counters.c.n + 1).returning(counters.c.n))
    database.write_one(statement, {})


def total(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.rows(database.prepare(select(counters.c.n)))[0][0])


def fault_of(work: Callable[[], Any]) -> FaultKind:
    with pytest.raises(DatabaseError) as refused:
        work()
    return refused.value.fault.kind


def ask(connection: Connection, database: Database, sql: str) -> list[tuple[Any, ...]]:
    return connection.rows(database.prepare(text(sql)))


def prepared_texts(connection: Connection, database: Database) -> list[str]:
    rows = ask(connection, database, "SELECT statement FROM pg_prepared_statements ORDER BY prepare_time")
    return [row[0] for row in rows]


def end_every_connection(server: Database) -> None:
    with server.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_each_type_comes_back_and_is_found(server: Database, kind: str) -> None:
    """Three times over: the first run is sent unprepared, the second prepares, and the third finds it prepared."""
    sqltype, values = KINDS[kind]
    kept = Table("kept", MetaData(), Column("id", Integer, primary_key=True), Column("v", sqltype))
    kept.create(server.engine)
    add = server.prepare(insert(kept).values(v=bindparam("v", type_=sqltype)).returning(kept.c.v))
    given = [*values, None, *values, None, *values]

    with server.writing() as connection:
        returned = [connection.rows(add, {"v": value})[0][0] for value in given]
        read = [row[0] for row in connection.rows(server.prepare(select(kept.c.v).order_by(kept.c.id)))]

    assert [str(value) for value in returned] == [str(value) for value in given]
    assert [str(value) for value in read] == [str(value) for value in given]
    if kind == "document":
        return  # has no equality
    same = server.prepare(select(func.count()).select_from(kept).where(kept.c.v == bindparam("v", type_=sqltype)))
    with server.reading() as connection:
        for value in [*values, *values, *values]:
            assert connection.rows(same, {"v": value}) == [(3,)]
        assert connection.rows(same, {"v": None}) == [(2 if kind == "binary_document" else 0,)]  # JSON has a null


def test_a_cast_means_what_it_means_to_psycopg(server: Database) -> None:
    """A value of another type than the cast's is converted by the server, not read as the text of the cast's type."""
    east = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    asked = {
        "SELECT CAST(:v AS TEXT) || (:v)::INTEGER": (7, "77"),
        "SELECT (:v)::INTEGER": (1.6, 2),
        "SELECT 1 + (:v)::INTEGER": (True, 2),
        "SELECT (:v)::TIMESTAMP WITHOUT TIME ZONE": (east, datetime(2024, 1, 1)),  # noqa: DTZ001  (has none)
        "SELECT (:v)::DATE": (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), date(2023, 12, 31)),
    }
    with server.reading() as connection:
        for sql, (value, result) in asked.items():
            statement = server.prepare(text(sql.replace("(:v)", ":v").replace("::", "\\:\\:")))
            for _ in range(3):
                assert connection.rows(statement, {"v": value}) == [(result,)], sql


def test_placeholders_are_numbered_by_name(server: Database) -> None:
    made = numbered("SELECT %(a)s::INTEGER, '100%%', %(b)s, %(a)s::INTEGER, %(c)s::TIMESTAMP WITH TIME ZONE[]")

    assert made.sql == b"SELECT $1::INTEGER, '100%', $2, $1::INTEGER, $3::TIMESTAMP WITH TIME ZONE[]"
    assert list(made.take({"c": 3, "b": 2, "a": 1})) == [1, 2, 3]
    assert made.settled((23, 23, 1185)) == (0, 23, 1185)
    assert numbered("SELECT %(a)s::INTEGER, %(a)s::TEXT").settled((21,)) == (21,)


def test_a_text_is_prepared_when_it_is_run_again(server: Database) -> None:
    statement = server.prepare(select(counters.c.n).where(counters.c.id == bindparam("key", type_=Integer())))
    with server.reading() as connection:
        for run, value in enumerate((1, 70_000, None, 2)):
            connection.rows(statement, {"key": value})
            found = [each for each in prepared_texts(connection, server) if "counters" in each]
            assert len(found) == min(run, 1)


def test_no_more_texts_are_kept_than_the_server_should_hold(server: Database) -> None:
    with server.reading() as connection:
        for number in range(KEPT_TEXTS + 40):
            for _ in range(2):
                assert ask(connection, server, f"SELECT {number}") == [(number,)]
        assert len(prepared_texts(connection, server)) <= KEPT_TEXTS
        assert ask(connection, server, "SELECT 0") == [(0,)]


def test_a_text_with_parameters_of_many_types_is_prepared_a_few_times(server: Database) -> None:
    values: list[Any] = [1, 70_000, 2**40, 2**70, 1.5, True, clock(1), date(2024, 1, 1), uuid.UUID(int=1), [1], b"x"]
    statement = server.prepare(text("SELECT pg_typeof(:v)::text".replace("::", "\\:\\:")))
    with server.reading() as connection:
        for _ in range(3):
            assert len({connection.rows(statement, {"v": value})[0][0] for value in values}) == len(values)
        assert sum("pg_typeof" in each for each in prepared_texts(connection, server)) == VARIANTS


@pytest.mark.parametrize("forget", ["DISCARD ALL", "DEALLOCATE ALL"])
def test_what_was_prepared_may_be_forgotten_by_the_server(server: Database, forget: str) -> None:
    """As a proxy does that gives each transaction another session."""
    for run in range(8):
        with server.reading() as connection:
            assert ask(connection, server, "SELECT 5") == [(5,)]
            assert ask(connection, server, "SELECT 5") == [(5,)]
        add_one(server)
        with server.writing() as connection:
            assert ask(connection, server, "SELECT 5") == [(5,)]
        with server.reading() as connection:
            connection._wire.command(forget.encode())  # type: ignore[attr-defined]
        assert total(server) == run + 1


def test_a_write_whose_table_was_altered_is_done_once(server: Database) -> None:
    every = server.prepare(
        update(counters).values(n=counters.c.n + 1).returning(text("*")).where(counters.c.id == bindparam("key"))
    )
    for _ in range(3):
        server.write_one(every, {"key": 1})
    with server.engine.begin() as connection:
        connection.execute(text("ALTER TABLE counters ADD COLUMN extra text"))

    assert server.write_one(every, {"key": 1}) == [(1, 4, None)]
    assert total(server) == 4


def test_the_first_statement_of_a_transaction_may_be_stale_and_a_later_one_is_told(server: Database) -> None:
    every = server.prepare(select(text("*")).select_from(counters))
    for _ in range(3):
        with server.reading() as connection:
            connection.rows(every)
    with server.engine.begin() as connection:
        connection.execute(text("ALTER TABLE counters ADD COLUMN extra text"))
    with server.reading(snapshot=True) as connection:
        assert connection.rows(every) == [(1, 0, None)]
        assert connection.rows(every) == [(1, 0, None)]
    with server.engine.begin() as connection:
        connection.execute(text("ALTER TABLE counters ADD COLUMN more text"))

    def write() -> None:
        with server.writing() as connection:
            connection.execute(server.prepare(update(counters).values(n=9)))
            connection.rows(every)

    assert fault_of(write) is FaultKind.BUSY
    write()
    assert total(server) == 9


def test_a_write_alone_finds_that_its_connection_was_ended_while_idle(server: Database) -> None:
    add_one(server)
    end_every_connection(server)
    add_one(server)

    assert total(server) == 2


def test_a_write_that_was_sent_when_the_connection_broke_is_not_sent_again(server: Database) -> None:
    slow = server.prepare(text("UPDATE counters SET n = n + 1 WHERE pg_sleep(0.5) IS NOT NULL"))
    slow = type(slow)(
        **{name: getattr(slow, name) for name in slow.__slots__ if name != "clause"} | {"clause": update(counters)}
    )
    failed: list[FaultKind] = []
    thread = threading.Thread(target=lambda: failed.append(fault_of(lambda: server.write_one(slow, {}))))
    thread.start()
    time.sleep(0.2)
    end_every_connection(server)
    thread.join()

    assert failed == [FaultKind.GONE]
    assert total(server) == 0


def test_other_threads_run_while_one_waits_for_the_server(server: Database) -> None:
    with ThreadPoolExecutor(2) as threads:
        began = time.monotonic()
        for done in [threads.submit(slept, server) for _ in range(2)]:
            done.result()
    assert time.monotonic() - began < 0.9


def slept(server: Database) -> None:
    with server.reading() as connection:
        ask(connection, server, "SELECT pg_sleep(0.5)")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt: a shell that runs something in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_keyboard_s_interrupt_ends_the_statement(server: Database) -> None:
    began = time.monotonic()
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))

    def run() -> None:
        with server.reading() as connection:
            timer.start()
            ask(connection, server, "SELECT pg_sleep(1.9)")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.monotonic() - began < 1.5
    assert total(server) == 0


def test_a_database_may_be_closed_while_a_statement_runs(server: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(total, server).result()
        running = threads.submit(slept, server)
        time.sleep(0.2)
        server.close()
        with pytest.raises(DatabaseError):
            running.result(5)


def test_no_value_holds_a_zero_byte(server: Database) -> None:
    with server.reading() as connection:
        assert fault_of(lambda: connection.rows(server.prepare(select(literal("a\0b"))))) is FaultKind.BAD_DATA
        assert fault_of(lambda: connection.rows(server.prepare(select(literal("\ud800"))))) is FaultKind.BAD_DATA


IN_PYTHON = """
import sys
from psycopg import pq
from sqlalchemy import String, bindparam, select
from meze.databases import open_database

database = open_database(sys.argv[1])
statement = database.prepare(select(bindparam("v", type_=String())))
with database.reading() as connection:
    print(pq.__impl__, [connection.rows(statement, {"v": "ü"}) for _ in range(3)])
"""


def test_the_same_is_done_where_psycopg_has_no_c(postgresql_url: str) -> None:
    """psycopg then needs the system's libpq."""
    environment = {**os.environ, "PSYCOPG_IMPL": "python"}
    if subprocess.run([sys.executable, "-c", "import psycopg"], env=environment, capture_output=True).returncode:
        pytest.skip("there is no libpq on this system")
    done = subprocess.run(
        [sys.executable, "-c", IN_PYTHON, postgresql_url], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "python [[('ü',)], [('ü',)], [('ü',)]]\n"
