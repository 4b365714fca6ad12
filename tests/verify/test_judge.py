"""The judge's reading of rules, held against the databases themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, select

from meze import Caller
from meze.databases import Database
from meze.verify.callers import make_people
from meze.verify.fill import fill
from meze.verify.place import make_schema
from meze.verify.three import Evaluator
from meze.verify.world import World
from verify.random_rules import Rules, as_sql
from verify.schema import Base, Place

CALLERS = (
    Caller(),
    Caller(1, "alice@example.com", roles=frozenset({"editor"})),
    Caller(2, None, roles=frozenset({"editor", "guest"})),
)
RULES = 250


@pytest.fixture
def evaluator(database: Database) -> Evaluator:
    """Rows of every table, with nulls, and what judges over them."""
    make_schema(database, Base.metadata)
    make_people(database.engine)
    tables = [table for table in Base.metadata.tables.values() if not table.name.startswith("meze_")]
    assert fill(database.engine, tables, [], seed=7).unfilled == {}
    return Evaluator(World.read(database.engine, Base.metadata.tables.values()), database.engine)


def test_a_rule_says_of_each_row_what_the_database_says(database: Database, evaluator: Evaluator) -> None:
    places = Place.__table__
    assert isinstance(places, Table)
    rules = Rules(seed=20261123)
    said = set()
    with database.engine.connect() as connection:
        for _ in range(RULES):
            rule, caller = rules.rule(), rules.random.choice(CALLERS)
            asked = select(places.c.id, as_sql(rule, caller)).order_by(places.c.id)
            stored = [(key, None if truth is None else bool(truth)) for key, truth in connection.execute(asked)]

            judged = [(row["id"], evaluator.truth(rule, {places: row}, caller)) for row in evaluator.world.rows(places)]

            assert judged == stored, (str(as_sql(rule, caller)), caller)
            said |= {truth for _, truth in judged}
    assert said == {True, False, None}
    assert evaluator.leaf.failed == {}
