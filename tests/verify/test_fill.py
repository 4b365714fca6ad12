"""Rows for every table: what the schema asks is satisfied, and every value that a rule looks at is met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Table, select

from contracts import kitchen
from meze.databases import Database, open_database
from meze.databases.own import add_tables
from meze.verify.callers import make_people
from meze.verify.fill import Filled, fill
from meze.verify.place import make_schema
from meze.verify.world import World
from verify import schema


def filled(database: Database, metadata: MetaData, seed: int = 1) -> tuple[Filled, World]:
    make_schema(database, metadata)
    make_people(database.engine)
    tables = [table for table in metadata.tables.values() if not table.name.startswith("meze_")]
    return fill(database.engine, tables, [], seed), World.read(database.engine, tables)


@pytest.fixture
def world(database: Database) -> World:
    """The rows of the models that are hard to make rows for."""
    done, world = filled(database, schema.Base.metadata)
    assert done.unfilled == {}
    return world


def table_of(model: Any) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def test_every_table_has_rows_within_bounds(world: World) -> None:
    assert {table.name: 12 <= len(world.rows(table)) <= 40 for table in world.tables} == {
        table.name: True for table in world.tables
    }


def test_keys_lead_somewhere_in_circles_and_to_themselves(world: World) -> None:
    hens, eggs, places = (table_of(each) for each in (schema.Hen, schema.Egg, schema.Place))
    first = {row["first_egg_id"] for row in world.rows(hens)}
    parents = {row["parent_id"] for row in world.rows(places)}

    assert None in first
    assert len(first) > 5
    assert {row["hen_id"] for row in world.rows(eggs)} <= {row["id"] for row in world.rows(hens)}
    assert None in parents
    assert len(parents) > 3


def test_a_parent_has_children_and_another_has_none(world: World) -> None:
    places, stops = table_of(schema.Place), table_of(schema.Stop)
    with_stops = {row["place_id"] for row in world.rows(stops)}

    assert with_stops
    assert {row["id"] for row in world.rows(places)} - with_stops


def test_a_column_that_may_be_null_is_null_on_some_rows_and_not_on_others(world: World) -> None:
    places = table_of(schema.Place)
    for name in ("open", "mood", "height", "since", "notes", "owner_id", "price", "exact", "token", "stays", "seen_at"):
        values = [row[name] for row in world.rows(places)]

        assert None in values, name
        assert any(value is not None for value in values), name


def test_all_members_of_an_enum_are_met(world: World) -> None:
    moods = {row["mood"] for row in world.rows(table_of(schema.Place))}

    assert moods == {schema.Mood.CALM, schema.Mood.WILD, None}


def test_text_bears_the_name_of_its_column(world: World) -> None:
    names = [row["name"] for row in world.rows(table_of(schema.Place)) if row["name"] is not None]

    assert names
    assert all(name.startswith("canary-places-name-") for name in names)


def test_the_same_seed_makes_the_same_rows(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> list[dict[str, Any]]:
        database = open_database(f"sqlite:///{tmp_path / name}")
        _, world = filled(database, schema.Base.metadata, seed)
        database.close()
        return [dict(row.values) for row in world if row.table.name not in ("articles", "tickets")]

    first = made("one.db", 3)

    assert first == made("two.db", 3)
    assert first != made("three.db", 4)


def test_the_models_of_the_kitchen_are_filled(database: Database) -> None:
    add_tables(kitchen.Base.metadata)
    done, world = filled(database, kitchen.Base.metadata)

    assert done.unfilled == {}
    assert all(world.rows(table) for table in world.tables)


def test_arrays_are_filled(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    done, world = filled(database, schema.with_arrays())
    database.close()

    assert done.unfilled == {}
    assert any(row["words"] for row in world)


def test_a_table_that_no_row_fits_is_named_with_the_reason(database: Database) -> None:
    metadata = MetaData()
    Table("never", metadata, Column("id", Integer, primary_key=True), Column("n", Integer, CheckConstraint("1 = 0")))
    Table("fine", metadata, Column("id", Integer, primary_key=True))
    add_tables(metadata)

    done, world = filled(database, metadata)

    assert set(done.unfilled) == {"never"}
    assert "check" in done.unfilled["never"].lower()
    assert world.rows(metadata.tables["fine"])


def test_a_number_that_the_database_gives_later_is_free(database: Database) -> None:
    _, world = filled(database, schema.Base.metadata)
    places = table_of(schema.Place)
    with database.engine.begin() as connection:
        made = connection.execute(places.insert().values(code="zz").returning(places.c.id)).scalar_one()

        assert made not in {row["id"] for row in world.rows(places)}
        assert connection.execute(select(places.c.code).where(places.c.id == made)).scalar_one() == "zz"
