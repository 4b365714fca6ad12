"""What a database would do for a statement is read in the same words from both, and without a value in them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    true,
)

from meze.databases import Database
from meze.databases.query_plan import QueryPlan, Sizes, measure_plan, read_plan

ROWS = 4000

metadata = MetaData()
lands = Table("lands", metadata, Column("code", String(9), primary_key=True), Column("name", String(20)))
towns = Table(
    "towns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("land_code", ForeignKey("lands.code")),
    Column("people", Integer),
    Column("clock", String(20)),
    Index("towns_by_people", "people", "id"),
    Index("towns_by_land", "land_code", "people", "id"),
)
limit = bindparam("meze_limit", type_=Integer())


@pytest.fixture
def atlas(database: Database) -> Database:
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(lands), [{"code": f"l{n}", "name": f"land {n}"} for n in range(40)])
        rows = [
            {"id": n, "name": f"t{n}", "land_code": f"l{n % 40}", "people": n * 7 % 1000, "clock": f"c{n % 9}"}
            for n in range(ROWS)
        ]
        connection.execute(insert(towns), rows)
        connection.exec_driver_sql("ANALYZE")
    return database


def plan(database: Database, clause: Any, **values: Any) -> QueryPlan:
    with database.reading() as connection:
        return read_plan(connection, database.prepare(clause), values)


def test_a_row_by_its_key_is_led_to(atlas: Database) -> None:
    found = plan(atlas, select(towns).where(towns.c.id == bindparam("key")), key=7)

    (step,) = found.steps
    assert (step.table, step.how, step.rows) == ("towns", "index", 1)
    assert found.rows_estimate == 1


def test_an_index_leads_to_the_rows_of_one_value(atlas: Database) -> None:
    found = plan(atlas, select(towns).where(towns.c.land_code == bindparam("land")), land="l3")

    (step,) = found.steps
    assert (step.how, step.index) == ("index", "towns_by_land")
    assert found.rows_estimate == ROWS // 40


def test_a_page_in_the_order_of_an_index_stops_with_the_page(atlas: Database) -> None:
    page = select(towns).order_by(towns.c.people, towns.c.id).limit(limit)

    found = plan(atlas, page, meze_limit=21)

    assert [(step.table, step.stops) for step in found.steps] == [("towns", True)]
    assert found.rows_estimate == 21


def test_a_filter_that_nothing_leads_may_read_everything_before_the_page_is_full(atlas: Database) -> None:
    page = select(towns).where(towns.c.clock == bindparam("clock")).order_by(towns.c.id).limit(limit)

    found = plan(atlas, page, clock="c3", meze_limit=21)

    (step,) = found.steps
    assert (step.how, step.stops) == ("scan", False)
    assert found.rows_estimate == ROWS


def test_a_condition_that_is_always_true_discards_nothing(atlas: Database) -> None:
    page = select(towns).where(true()).order_by(towns.c.people, towns.c.id).limit(limit)
    page = page.offset(bindparam("meze_offset", 0))

    found = plan(atlas, page, meze_limit=21, meze_offset=40)

    assert [step.stops for step in found.steps] == [True]
    assert found.rows_estimate == (61 if atlas.name == "sqlite" else 21)  # PostgreSQL does not say what it skips


def test_an_order_that_no_index_has_reads_everything(atlas: Database) -> None:
    found = plan(atlas, select(towns).order_by(towns.c.clock, towns.c.id).limit(limit), meze_limit=21)

    assert found.rows_estimate == ROWS


def test_groups_read_everything(atlas: Database) -> None:
    grouped = select(towns.c.land_code, func.count().label("n")).group_by(towns.c.land_code).subquery()

    found = plan(atlas, select(grouped).order_by(grouped.c.n).limit(limit), meze_limit=21)

    assert found.rows_estimate == ROWS


def test_a_row_that_is_joined_by_its_key_costs_one_row_each(atlas: Database) -> None:
    joined = towns.outerjoin(lands, lands.c.code == towns.c.land_code)
    page = select(towns, lands.c.name).select_from(joined).order_by(towns.c.people, towns.c.id).limit(limit)

    found = plan(atlas, page, meze_limit=21)

    assert {step.table for step in found.steps} == {"towns", "lands"}
    assert found.rows_estimate is not None
    assert 21 < found.rows_estimate <= 21 + 40


def test_related_rows_without_an_index_are_read_again_and_again(atlas: Database) -> None:
    twin = towns.alias()
    page = select(lands).where(exists().where(twin.c.clock == lands.c.name)).order_by(lands.c.code).limit(limit)

    found = plan(atlas, page, meze_limit=21)

    assert found.rows_estimate is not None
    assert found.rows_estimate >= ROWS
    assert ("towns", "scan") in {(step.table, step.how) for step in found.steps}


def test_a_plan_of_a_statement_that_writes_changes_nothing(atlas: Database) -> None:
    found = plan(atlas, delete(towns).where(towns.c.clock == bindparam("clock")), clock="c3")

    assert found.rows_estimate == ROWS
    with atlas.reading() as connection:
        assert connection.rows(atlas.prepare(select(func.count()).select_from(towns)))[0][0] == ROWS


def test_a_plan_holds_no_text_that_the_statement_compares_with(atlas: Database) -> None:
    found = plan(atlas, select(towns).where(towns.c.clock == bindparam("clock")), clock="it's secret")

    assert found.text
    assert "secret" not in "\n".join(found.text)
    assert "towns" in "\n".join(found.text)


def test_the_size_of_a_table_is_asked_once_in_a_while(atlas: Database) -> None:
    scan, sizes = atlas.prepare(select(towns).order_by(towns.c.clock)), Sizes()
    with atlas.reading() as connection:
        first = read_plan(connection, scan, {}, sizes)
    with atlas.engine.begin() as connection:
        connection.execute(delete(towns).where(towns.c.id > 100))
        if atlas.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
    with atlas.reading() as connection:
        assert read_plan(connection, scan, {}, sizes).rows_estimate == first.rows_estimate
        assert read_plan(connection, scan, {}).rows_estimate == 101


def test_what_was_read_is_counted_where_the_database_counts(atlas: Database) -> None:
    statement = atlas.prepare(select(towns).where(towns.c.clock == bindparam("clock")))
    with atlas.reading() as connection:
        measured = measure_plan(connection, statement, {"clock": "c3"})

    assert measured.rows_read == (ROWS if atlas.name == "postgresql" else None)


def test_what_writes_is_not_measured(atlas: Database) -> None:
    with atlas.reading() as connection, pytest.raises(ValueError, match="writes"):
        measure_plan(connection, atlas.prepare(delete(towns)), {})


def test_a_plan_does_not_tell_how_often_a_value_is_there(atlas: Database) -> None:
    asked = select(towns).where(towns.c.people >= bindparam("people"), towns.c.clock == bindparam("clock"))

    assert plan(atlas, asked, people=0, clock="c1") == plan(atlas, asked, people=10**9, clock="nowhere")
