"""Defaults that a table writes as text are values of their column, in the row as it would be as in the table."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from meze import Exact
from meze.databases import Database
from meze.records.defaults import Context, in_python, in_sql
from meze.resources.resource import Beyond, Default, DefaultKind

NOTHING = Context({})


class Doubled(TypeDecorator[int]):
    """Stores twice the number."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Any) -> int | None:
        return None if value is None else value * 2

    def process_result_value(self, value: int | None, _dialect: Any) -> int | None:
        return None if value is None else value // 2


def column_of(kind: Any) -> Column[Any]:
    column: Column[Any] = Column("value", kind, nullable=False)
    Table("defaults", MetaData(), Column("id", Integer, primary_key=True), column)
    return column


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        pytest.param(Integer(), "0", 0, id="zero"),
        pytest.param(Integer(), "-12", -12, id="negative"),
        pytest.param(Integer(), "007", 7, id="leading-zeros"),
        pytest.param(Float(), "0.5", 0.5, id="float"),
        pytest.param(Numeric(10, 2), "12.50", Decimal("12.50"), id="decimal"),
        pytest.param(Exact(10, 2), "0", Decimal("0.00"), id="exact-decimal"),
        pytest.param(Doubled(), "4", 2, id="type-of-the-users-own"),
        pytest.param(Boolean(), "0", False, id="false-as-a-digit"),
        pytest.param(Boolean(), "1", True, id="true-as-a-digit"),
        pytest.param(String(20), "0", "0", id="text-of-a-digit"),
        pytest.param(Text(), "it's \\ 100% :name", "it's \\ 100% :name", id="text-with-marks"),
        pytest.param(Text(), "", "", id="empty-text"),
        pytest.param(Date(), "2026-01-02", date(2026, 1, 2), id="date"),
    ],
)
def test_text_is_one_value_in_the_row_as_it_would_be_and_in_the_table(
    database: Database, kind: Any, written: str, value: Any
) -> None:
    column = column_of(kind)
    column.server_default = Column(server_default=written).server_default
    stored = column.table
    stored.metadata.create_all(database.engine)

    made = in_sql(Default(DefaultKind.SQL, written), column, database.dialect)
    row = select((cast(made, kind) if database.casts else made).label("value")).subquery()

    with database.engine.begin() as connection:
        connection.execute(stored.insert().values(id=1))
        assert connection.scalar(select(stored.c.value)) == value
        # A value that is bound has no type of its own in SQLite either, which would make a text equal to a number.
        assert connection.scalar(select(row.c.value == literal(value, kind)))


@pytest.mark.parametrize("kind", [Integer(), Boolean(), Numeric(10, 2)], ids=["integer", "boolean", "numeric"])
def test_only_a_number_is_written_without_quotes(kind: Any) -> None:
    for written in ("0; DROP TABLE x", "1 OR 1", "1e5", "0x10", "", "١"):
        made = in_sql(Default(DefaultKind.SQL, written), column_of(kind), sqlite.dialect())
        assert str(made) == f"'{written}'"


def test_a_quote_in_a_text_stays_inside_of_it() -> None:
    made = in_sql(Default(DefaultKind.SQL, "a'; --"), column_of(Text()), postgresql.dialect())

    assert str(made) == "'a''; --'"


def test_an_expression_is_taken_as_it_is_written() -> None:
    column = column_of(Integer())

    assert str(in_sql(Default(DefaultKind.SQL, text("1 + 1")), column, sqlite.dialect())) == "1 + 1"
    assert str(in_sql(Default(DefaultKind.SQL, func.random()), column, sqlite.dialect())) == "random()"


@pytest.mark.parametrize("kind", [DefaultKind.NONE, DefaultKind.VALUE, DefaultKind.CALL, DefaultKind.DATABASE])
def test_what_is_no_sql_makes_no_expression(kind: DefaultKind) -> None:
    assert in_sql(Default(kind, "0"), column_of(Integer()), sqlite.dialect()) is None


def made_in_python(default: Default, kind: Any, database: str, context: Context = NOTHING) -> Any:
    """Return the value that Python makes, or None where it leaves that to SQL."""
    make = in_python(default, Beyond("value", column_of(kind), default, Default()), database)
    return None if make is None else make(context)


def test_values_and_callables_are_made_in_python() -> None:
    title = Context({"title": "Two Words"})

    assert made_in_python(Default(DefaultKind.VALUE, 7), Integer(), "postgresql") == 7
    made = Default(DefaultKind.CALL, lambda context: context.get_current_parameters()["title"].lower())
    assert made_in_python(made, Text(), "postgresql", title) == "two words"


@pytest.mark.parametrize(
    "now", [func.now(), func.current_timestamp(), text("CURRENT_TIMESTAMP"), text("(now())")], ids=str
)
def test_the_moment_is_made_in_python_on_sqlite_alone(now: Any) -> None:
    default = Default(DefaultKind.SQL, now)

    before = datetime.now(UTC)
    aware = made_in_python(default, DateTime(timezone=True), "sqlite")
    naive = made_in_python(default, DateTime(), "sqlite")

    assert before <= aware <= datetime.now(UTC)
    assert naive.tzinfo is None
    assert before <= naive.replace(tzinfo=UTC) <= datetime.now(UTC)
    assert isinstance(made_in_python(default, Date(), "sqlite"), date)
    assert isinstance(made_in_python(default, Time(), "sqlite"), time)
    assert made_in_python(default, DateTime(), "postgresql") is None


def test_other_sql_is_left_to_the_database() -> None:
    for argument in ("now", func.random(), text("1")):
        assert made_in_python(Default(DefaultKind.SQL, argument), DateTime(), "sqlite") is None
