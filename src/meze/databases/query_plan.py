"""Ask the database how it would run a statement, and how many rows that would read.

    plan = read_plan(connection, statement, values)         # asks, runs nothing
    plan.text           ("SEARCH cities USING INDEX cities_by_name (name=?)",)
    plan.steps          (Step(table="cities", how="index", index="cities_by_name", rows=2),)
    plan.rows_estimate  2

Neither the text nor the steps hold a value of the statement. A database that is added brings a reader, and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from meze.databases.database import Connection
from meze.databases.query_plan_postgresql import PostgreSQLPlans
from meze.databases.query_plan_sqlite import SQLitePlans
from meze.databases.query_steps import How, Measured, QueryPlan, Sizes, Step
from meze.databases.statement import Statement


class Plans(Protocol):
    """How one kind of database is asked for its plans."""

    def read(self, connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes) -> QueryPlan:
        """Return the plan of `statement` with `values`, without running it."""
        ...

    def measure(self, connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Measured:
        """Run `statement`, throwing its rows away, and return what the database counted."""
        ...


PLANS: dict[str, Plans] = {"sqlite": SQLitePlans(), "postgresql": PostgreSQLPlans()}
"""By the name of the database."""


def read_plan(
    connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes | None = None
) -> QueryPlan:
    """Return how the database would run `statement` with `values`; it is not run.

    `sizes` keeps the sizes of tables from one call to the next.

    Raises:
        DatabaseError: the database cannot be asked.
    """
    return PLANS[statement.dialect.name].read(connection, statement, values, Sizes() if sizes is None else sizes)


def measure_plan(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Measured:
    """Run `statement` with `values` and return what the database counted meanwhile.

    Raises:
        ValueError: the statement writes: it would be done.
        DatabaseError: the database refused it, or it took too long.
    """
    if statement.writes:
        raise ValueError("a statement that writes cannot be measured without writing")
    return PLANS[statement.dialect.name].measure(connection, statement, values)


__all__ = ["PLANS", "How", "Measured", "Plans", "QueryPlan", "Sizes", "Step", "measure_plan", "read_plan"]
