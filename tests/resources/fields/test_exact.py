"""`meze.Exact` means the same on both databases: equality, order, sums and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from meze.databases import Database
from meze.resources.fields import Exact
from resources.fields.columns import table_of

PRICES = [Decimal("0.10"), Decimal("0.20"), Decimal("-9999999999999999.99"), Decimal("9999999999999999.99"), None]


@pytest.fixture
def table(database: Database) -> sa.Table:
    made = table_of(Exact(18, 2))
    made.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(made.insert(), [{"id": number, "value": price} for number, price in enumerate(PRICES)])
    return made


def test_values_come_back_exactly_with_their_scale(database: Database, table: sa.Table) -> None:
    with database.engine.connect() as connection:
        stored = list(connection.scalars(sa.select(table.c.value).order_by(table.c.id)))

    assert list(map(str, stored)) == list(map(str, PRICES))


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        pytest.param(lambda value: value == Decimal("0.1"), [0], id="equal"),
        pytest.param(lambda value: value + Decimal("0.1") == Decimal("0.2"), [0], id="sum"),
        pytest.param(lambda value: value - 1 < -9, [2], id="difference"),
        pytest.param(lambda value: value * 2 == Decimal("0.4"), [1], id="product"),
        pytest.param(lambda value: value.in_([Decimal("0.1"), Decimal("0.2")]), [0, 1], id="list"),
        pytest.param(lambda value: value > Decimal("9999999999999999.98"), [3], id="order-at-18-digits"),
        pytest.param(
            lambda value: value == sa.literal(Decimal("0.10"), Exact(18, 2), literal_execute=True), [0], id="literal"
        ),
    ],
)
def test_an_expression_means_the_same(database: Database, table: sa.Table, condition: Any, found: list[int]) -> None:
    with database.engine.connect() as connection:
        query = sa.select(table.c.id).where(condition(table.c.value)).order_by(table.c.id)
        assert list(connection.scalars(query)) == found


def test_sums_are_exact(database: Database, table: sa.Table) -> None:
    with database.engine.connect() as connection:
        total = connection.scalar(sa.select(sa.func.sum(table.c.value)))

    assert str(total) == "0.30"


@pytest.mark.parametrize(
    "expression",
    [lambda value: value / 2, lambda value: value * Decimal("1.1"), lambda value: value % 2],
    ids=["division", "product-with-a-fraction", "remainder"],
)
def test_what_would_differ_is_refused(expression: Any) -> None:
    with pytest.raises(TypeError, match=r"Exact\(18, 2\)"):
        expression(table_of(Exact(18, 2)).c.value)


@pytest.mark.parametrize(
    "value",
    [Decimal("0.001"), Decimal("1e16"), Decimal("NaN"), 0.1, True],
    ids=["finer", "wider", "NaN", "float", "bool"],
)
def test_a_value_that_does_not_fit_is_refused(database: Database, table: sa.Table, value: Any) -> None:
    with database.engine.begin() as connection, pytest.raises(StatementError, match=r"Exact\(18, 2\)"):
        connection.execute(table.insert(), {"id": 9, "value": value})


@pytest.mark.parametrize(("precision", "scale"), [(19, 2), (0, 0), (2, 3), (2, -1)])
def test_impossible_sizes_are_refused(precision: int, scale: int) -> None:
    with pytest.raises(ValueError, match="precision from 1 to 18"):
        Exact(precision, scale)


def test_sqlite_stores_whole_units() -> None:
    ddl = sa.schema.CreateTable(table_of(Exact(18, 2))).compile(dialect=sqlite.dialect())

    assert "value BIGINT" in str(ddl)
