"""Statements mean on the driver what they mean in SQLAlchemy, on both databases."""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Time,
    TypeDecorator,
    Uuid,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from meze.databases import Database, DatabaseError, FaultKind

metadata = MetaData()
notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", String(50)),
    Column("stars", Integer, default=3),
    Column("odd:name (%)", String(9)),
)


class Mood(enum.Enum):
    CALM = "calm"
    WILD = "wild"


class Backwards(TypeDecorator[str]):
    """Text that is stored from its end to its beginning."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        return None if value is None else value[::-1]

    def process_result_value(self, value: str | None, _: Dialect) -> str | None:
        return None if value is None else value[::-1]


@pytest.fixture
def stored(database: Database) -> Database:
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        rows = [{"id": number, "title": f"note {number}", "stars": number % 3} for number in range(1, 10)]
        connection.execute(insert(notes), rows)
    return database


def rows(database: Database, clause: Any, **values: Any) -> list[tuple[Any, ...]]:
    with database.writing() as connection:
        return connection.rows(database.prepare(clause), values)


@pytest.mark.parametrize(
    ("sqltype", "value"),
    [
        pytest.param(Integer(), -5, id="integer"),
        pytest.param(BigInteger(), 2**63 - 1, id="bigint"),
        pytest.param(Boolean(), True, id="boolean"),
        pytest.param(Numeric(12, 3), Decimal("123456789.125"), id="decimal"),
        pytest.param(Float(), 1.5, id="float"),
        pytest.param(String(), "Straße 北京 \U0001f600", id="text"),
        pytest.param(Date(), date(2024, 2, 29), id="date"),
        pytest.param(DateTime(), datetime(2024, 2, 29, 23, 59, 59, 999_999), id="naive-moment"),  # noqa: DTZ001  (meant)
        pytest.param(Time(), time(12, 30, 1), id="time"),
        pytest.param(Interval(), timedelta(days=2, seconds=5, microseconds=7), id="interval"),
        pytest.param(Uuid(), uuid.UUID(int=7), id="uuid"),
        pytest.param(Uuid(as_uuid=False), str(uuid.UUID(int=7)), id="uuid-as-text"),
        pytest.param(Enum(Mood), Mood.WILD, id="enum"),
        pytest.param(JSON(), {"a": [1, None, "ü"]}, id="json"),
        pytest.param(LargeBinary(), b"\x00\xff", id="bytes"),
        pytest.param(Backwards(), "abc", id="type-decorator"),
    ],
)
def test_a_value_comes_back_as_it_went_in(database: Database, sqltype: Any, value: Any) -> None:
    kept = Table("kept", MetaData(), Column("id", Integer, primary_key=True), Column("value", sqltype))
    kept.create(database.engine)

    returned = rows(database, insert(kept).values(value=bindparam("v")).returning(kept.c.id, kept.c.value), v=value)
    constant = rows(database, insert(kept).values(value=value).returning(kept.c.value))
    nothing = rows(database, insert(kept).values(value=bindparam("v")).returning(kept.c.value), v=None)
    found = rows(database, select(kept.c.value).order_by(kept.c.id))

    assert (returned, constant, nothing) == ([(1, value)], [(value,)], [(None,)])
    assert found == [(value,), (value,), (None,)]
    with Session(database.engine) as session:
        assert session.scalars(select(kept.c.value).order_by(kept.c.id)).all() == [value, value, None]


def test_a_moment_with_an_offset_is_the_same_moment_in_utc_on_postgresql(database: Database) -> None:
    kept = Table("kept", MetaData(), Column("at", DateTime(timezone=True)))
    kept.create(database.engine)
    moment = datetime(2024, 1, 1, 12, tzinfo=UTC)

    ((at,),) = rows(database, insert(kept).values(at=bindparam("v")).returning(kept.c.at), v=moment)

    assert at.replace(tzinfo=UTC) == moment
    assert at.utcoffset() == (timedelta(0) if database.name == "postgresql" else None)


def test_binds_are_those_that_the_caller_names(stored: Database) -> None:
    wanted = select(notes.c.id).where(
        notes.c.id > bindparam("least"), notes.c.stars == 2, notes.c.id < bindparam("most")
    )
    statement = stored.prepare(wanted.order_by(notes.c.id))

    assert statement.binds == ("least", "most")
    with stored.reading() as connection:
        assert connection.rows(statement, {"least": 2, "most": 9, "unused": 1}) == [(5,), (8,)]
        assert connection.rows(statement, {"least": 5, "most": 9}) == [(8,)]


def test_a_bind_without_a_value_is_refused(stored: Database) -> None:
    statement = stored.prepare(select(notes.c.id).where(notes.c.id == bindparam("key")))

    with stored.reading() as connection, pytest.raises(KeyError, match="key"):
        connection.rows(statement)


def test_a_default_that_python_would_fill_is_a_bind(stored: Database) -> None:
    statement = stored.prepare(insert(notes).values(id=99, title="new").returning(notes.c.stars))

    assert statement.binds == ("stars",)
    with stored.writing() as connection:
        assert connection.rows(statement, {"stars": 5}) == [(5,)]


def test_a_list_that_is_known_is_written_out(stored: Database) -> None:
    assert rows(stored, select(notes.c.id).where(notes.c.id.in_([1, 3, 99])).order_by(notes.c.id)) == [(1,), (3,)]
    assert rows(stored, select(notes.c.id).where(notes.c.id.in_([]))) == []


def test_a_list_that_is_not_known_is_refused(stored: Database) -> None:
    with pytest.raises(ValueError, match="'ids'"):
        stored.prepare(select(notes.c.id).where(notes.c.id.in_(bindparam("ids", expanding=True))))


def test_a_value_that_is_made_when_asked_for_is_made_at_each_run(stored: Database) -> None:
    wanted = [4]
    made = bindparam("made", callable_=lambda: wanted[-1], type_=Integer)
    statement = stored.prepare(select(notes.c.id).where(notes.c.id == made))

    with stored.reading() as connection:
        assert connection.rows(statement) == [(4,)]
        wanted.append(6)
        assert connection.rows(statement) == [(6,)]


def test_a_column_may_have_any_name(stored: Database) -> None:
    odd = notes.c["odd:name (%)"]

    assert rows(stored, update(notes).where(notes.c.id == 1).values({odd: "50%"}).returning(odd)) == [("50%",)]
    assert rows(stored, select(notes.c.id).where(odd.like("5%"))) == [(1,)]


def test_one_bind_may_stand_in_two_places(stored: Database) -> None:
    group = case((notes.c.stars > bindparam("n", type_=Integer), "many"), else_="few")
    grouped = select(group, func.count()).group_by(group).order_by(group)

    assert rows(stored, grouped, n=0) == [("few", 3), ("many", 6)]


def test_decimals_and_doubles_of_an_expression_are_told_apart(stored: Database) -> None:
    total = func.sum(literal(Decimal("1.25"), Numeric(10, 2)))

    assert rows(stored, select(total).select_from(notes)) == [(Decimal("11.25"),)]


def test_execute_counts_the_changed_rows(stored: Database) -> None:
    with stored.writing() as connection:
        assert connection.execute(stored.prepare(update(notes).where(notes.c.id < 4).values(stars=0))) == 3
        assert connection.execute(stored.prepare(delete(notes).where(notes.c.id == 99))) == 0


def test_integers_have_the_bits_of_their_column(database: Database) -> None:
    big, plain = database.integer_bits(BigInteger()), database.integer_bits(Integer())

    assert (big, plain) == ((64, 64) if database.name == "sqlite" else (64, 32))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30], ids=["over", "under", "far-over"])
def test_an_integer_that_no_column_holds_is_bad_data(stored: Database, value: int) -> None:
    with pytest.raises(DatabaseError) as refused:
        rows(stored, update(notes).values(stars=bindparam("v")), v=value)

    assert refused.value.fault.kind is FaultKind.BAD_DATA
