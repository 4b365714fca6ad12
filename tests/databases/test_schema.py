"""What models declare and the database lacks is told, and added where that loses nothing."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    inspect,
    select,
)

from meze.databases import Database
from meze.databases.schema import DONE as MADE
from meze.databases.schema import apply, is_complete, pending
from meze.databases.search import SearchIndex


class Mood(enum.Enum):
    CALM = "calm"
    WILD = "wild"


def kinds(database: Database, metadata: MetaData) -> list[tuple[str, str, str | None, bool]]:
    """Return what `pending` finds, having seen that the quick look of a server that starts agrees with it."""
    found = [(each.kind, each.table, each.column, each.adds_only) for each in pending(database, metadata)]
    assert is_complete(database, metadata) is not any(kind in MADE for kind, *_ in found)
    return found


def first_version() -> MetaData:
    metadata = MetaData()
    Table("cities", metadata, Column("id", Integer, primary_key=True), Column("name", String(50)))
    return metadata


def with_a_row(database: Database) -> None:
    metadata = first_version()
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(metadata.tables["cities"]).values(id=1, name="Paris"))


def second_version(*extra: Column[object] | Index) -> MetaData:
    metadata = MetaData()
    Table("cities", metadata, Column("id", Integer, primary_key=True), Column("name", String(50)), *extra)
    return metadata


def everything() -> MetaData:
    metadata = MetaData()
    Table(
        "parents",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("code", String(5), unique=True),
        Column("flag", Boolean, default=False),
        Column("mood", Enum(Mood)),
        Column("price", Numeric(10, 2)),
        Column("weight", Float),
        Column("born", Date),
        Column("seen", DateTime(timezone=True), server_default=func.now()),
        Column("took", Interval),
        Column("key", Uuid),
        Column("data", JSON),
        Column("blob", LargeBinary),
        Column("story", Text),
        CheckConstraint("weight > 0"),
    )
    Table(
        "children",
        metadata,
        Column("a", Integer, primary_key=True),
        Column("b", String(9), primary_key=True),
        Column("parent_id", ForeignKey("parents.id", ondelete="CASCADE"), index=True),
    )
    return metadata


def test_an_empty_database_gets_every_table(database: Database) -> None:
    metadata = everything()

    assert kinds(database, metadata) == [
        ("add_table", "parents", None, True),
        ("add_table", "children", None, True),
    ]
    apply(database, metadata, pending(database, metadata))
    assert kinds(database, metadata) == []
    assert [index["name"] for index in inspect(database.engine).get_indexes("children")] == ["ix_children_parent_id"]


def test_tables_of_other_programs_are_not_looked_at(database: Database) -> None:
    with_a_row(database)
    metadata = MetaData()
    Table("trips", metadata, Column("id", Integer, primary_key=True))

    assert kinds(database, metadata) == [("add_table", "trips", None, True)]
    assert pending(database, metadata)[0].text == "The table trips is missing."


@pytest.mark.parametrize(
    ("column", "held"),
    [
        pytest.param(Column("extra", Integer), None, id="nullable"),
        pytest.param(Column("extra", Integer, server_default="7", nullable=False), 7, id="server-default"),
        pytest.param(Column("extra", Integer, default=8, nullable=False), 8, id="default-in-python"),
        pytest.param(Column("extra", Boolean, default=False, nullable=False), False, id="boolean"),
        pytest.param(Column("extra", Enum(Mood), default=Mood.WILD, nullable=False), Mood.WILD, id="enum"),
        pytest.param(
            Column("extra", Numeric(5, 2), default=Decimal("1.50"), nullable=False), Decimal("1.50"), id="decimal"
        ),
        pytest.param(Column("extra", String, default="50% o'clock", nullable=False), "50% o'clock", id="text"),
    ],
)
def test_a_column_is_added_with_what_old_rows_hold_in_it(
    database: Database, column: Column[object], held: object
) -> None:
    with_a_row(database)
    metadata = second_version(column._copy())

    assert kinds(database, metadata) == [("add_column", "cities", "extra", True)]
    apply(database, metadata, pending(database, metadata))

    assert kinds(database, metadata) == []
    with database.engine.connect() as connection:
        assert connection.execute(select(metadata.tables["cities"])).all() == [(1, "Paris", held)]


def test_a_column_that_old_rows_cannot_do_without_is_told_and_not_added(database: Database) -> None:
    with_a_row(database)
    metadata = second_version(Column("extra", DateTime, nullable=False, default=lambda: datetime.now(UTC)))

    assert kinds(database, metadata) == [("add_column", "cities", "extra", False)]
    apply(database, metadata, pending(database, metadata))
    assert kinds(database, metadata) == [("add_column", "cities", "extra", False)]


def test_a_column_that_old_rows_cannot_do_without_is_added_to_an_empty_table(database: Database) -> None:
    first_version().create_all(database.engine)
    metadata = second_version(Column("extra", DateTime, nullable=False))

    apply(database, metadata, pending(database, metadata))
    assert kinds(database, metadata) == []


def test_a_column_is_added_with_its_foreign_key(database: Database) -> None:
    with_a_row(database)
    metadata = second_version(Column("country_id", ForeignKey("countries.id", ondelete="SET NULL"), index=True))
    Table("countries", metadata, Column("id", Integer, primary_key=True))

    apply(database, metadata, pending(database, metadata))

    assert kinds(database, metadata) == []
    cities, countries = metadata.tables["cities"], metadata.tables["countries"]
    with database.engine.begin() as connection:
        connection.execute(insert(countries).values(id=4))
        connection.execute(insert(cities).values(id=2, country_id=4))
        connection.execute(delete(countries))
        assert connection.scalar(select(cities.c.country_id).where(cities.c.id == 2)) is None


def test_an_index_is_added_and_a_unique_one_is_told(database: Database) -> None:
    with_a_row(database)
    metadata = second_version(Index("by_name", "name"), Index("one_name", "name", unique=True))

    assert sorted(kinds(database, metadata)) == [
        ("add_index", "cities", None, False),
        ("add_index", "cities", None, True),
    ]
    apply(database, metadata, pending(database, metadata))
    assert [index["name"] for index in inspect(database.engine).get_indexes("cities")] == ["by_name"]


def test_an_index_that_is_on_other_columns_or_unique_is_not_the_one_that_is_wanted(database: Database) -> None:
    second_version(Column("size", Integer), Index("by_name", "name")).create_all(database.engine)

    for wanted in (Index("by_name", "name", "size"), Index("by_name", "name", unique=True), Index("by_name", "size")):
        assert not is_complete(database, second_version(Column("size", Integer), wanted))
    assert is_complete(database, second_version(Column("size", Integer), Index("by_name", "name")))


def test_nothing_that_loses_values_is_done(database: Database) -> None:
    with_a_row(database)
    metadata = MetaData()
    Table("cities", metadata, Column("id", Integer, primary_key=True))

    assert kinds(database, metadata) == [("remove_column", "cities", "name", False)]
    apply(database, metadata, pending(database, metadata))
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM cities").all() == [("Paris",)]


def test_a_declared_full_text_index_is_part_of_the_schema(database: Database) -> None:
    with_a_row(database)
    metadata = first_version()
    cities = metadata.tables["cities"]
    index = SearchIndex(cities, (cities.c.name,))
    index.declare()

    assert [change.text for change in pending(database, metadata)] == [
        "The full-text index on cities (name) is missing."
    ]
    apply(database, metadata, pending(database, metadata))

    assert kinds(database, metadata) == []
    with database.engine.connect() as connection:
        found = select(cities.c.id).where(index.matching(cities, database))
        assert connection.execute(found, {"meze_q": index.query("PÂRIS")}).all() == [(1,)]


def test_what_another_process_made_meanwhile_is_not_made_twice(database: Database) -> None:
    metadata = everything()
    changes = pending(database, metadata)
    metadata.create_all(database.engine)

    apply(database, metadata, changes)

    assert kinds(database, metadata) == []
