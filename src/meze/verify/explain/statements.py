"""The statements of a request: what each was for, its SQL and values, and what the database makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.sql.expression import TableClause
from sqlalchemy.sql.visitors import iterate

from meze.databases import Connection, Database, DatabaseError, Statement
from meze.databases.query_plan import measure_plan, read_plan
from meze.databases.query_steps import Step
from meze.records.aggregates import AggregatePlan
from meze.records.plan import ListPlan, RowPlan
from meze.verify.explain.explanation import StatementSeen
from meze.verify.explain.masks import Masks
from meze.verify.explain.watch import Ran, Watch


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as the database tells it; `counted` where the rows that it reads were counted, and not estimated."""

    text: tuple[str, ...] = ()
    read: int | None = None
    counted: bool = False
    steps: tuple[Step, ...] = ()


def seen_of(watch: Watch, database: Database, masks: Masks, *, plans: bool, measured: bool) -> list[StatementSeen]:
    """Return every statement that answers the request once, in the order of their first runs; one that was refused
    before it ran, because of its plan, ran no times.

    `plans` asks the database for its own, and `measured` has it run each statement once more to count what it reads.
    """
    found = []
    with database.reading() as connection:
        for purpose, statement, values, runs in _uses(watch):
            plan = _plan(connection, statement, values, measured=measured and bool(runs)) if plans else Plan()
            found.append(
                StatementSeen(
                    purpose=purpose,
                    sql=statement.sql,
                    values=tuple(masks.values(statement, values)),
                    times=len(runs),
                    returned=sum(len(ran.rows) for ran in runs),
                    milliseconds=sum(ran.seconds for ran in runs) * 1000,
                    plan=plan.text,
                    read=plan.read,
                    counted=plan.counted,
                    steps=plan.steps,
                )
            )
    return found


def values_of(watch: Watch, statement: Statement) -> Mapping[str, Any] | None:
    """Return the values with which a statement was first run, or its plan asked for; None where neither was done."""
    return next((ran.values for ran in watch.ran if ran.statement.clause is statement.clause), None)


def _uses(watch: Watch) -> Iterator[tuple[str, Statement, Mapping[str, Any], list[Ran]]]:
    """Yield the statements that answer the request with their purpose, their first values, and their runs.

    The plan of a statement is asked for by one of the same clause, which is none of the answer.
    """
    purposes = dict(_purposes(watch))
    first: dict[int, Ran] = {}
    runs: dict[int, list[Ran]] = {}
    for ran in watch.ran:
        at = id(ran.statement.clause)
        if at in purposes:
            first.setdefault(at, ran)
            if ran.statement is purposes[at][1]:
                runs.setdefault(at, []).append(ran)
    for at, ran in first.items():
        purpose, statement = purposes[at]
        yield purpose, statement, ran.values, runs.get(at, [])


def tables_of(watch: Watch) -> set[str]:
    """Return the names of the tables that the statements name."""
    return {
        each.name
        for ran in watch.ran
        for each in iterate(ran.statement.clause)
        if isinstance(each, TableClause) and each.name
    }


def _plan(connection: Connection, statement: Statement, values: Mapping[str, Any], *, measured: bool) -> Plan:
    try:
        plan = read_plan(connection, statement, values)
        if measured:
            counted = measure_plan(connection, statement, values)
            if counted.rows_read is not None:
                return Plan(counted.text, counted.rows_read, counted=True, steps=plan.steps)
        return Plan(plan.text, plan.rows_estimate, steps=plan.steps)
    except DatabaseError:
        return Plan()


def _purposes(watch: Watch) -> Iterator[tuple[int, tuple[str, Statement]]]:
    for planned in watch.plans:
        plan = planned.plan
        if isinstance(plan, AggregatePlan):
            yield id(plan.statement.clause), (f"groups of {planned.visit.resource.name}", plan.statement)
        elif isinstance(plan, ListPlan | RowPlan):
            yield from _of_rows(plan, "rows" if isinstance(plan, ListPlan) else "row")


def _of_rows(plan: ListPlan | RowPlan, what: str) -> Iterator[tuple[int, tuple[str, Statement]]]:
    statements: tuple[Statement, ...] = (plan.statement,) if isinstance(plan, RowPlan) else plan.statements
    for each in statements:
        yield id(each.clause), (f"{what} of {plan.resource.name}", each)
    if isinstance(plan, ListPlan) and plan.count is not None:
        yield id(plan.count.clause), (f"total of {plan.resource.name}", plan.count)
    for many in plan.many:
        yield from _of_rows(many, "related rows")
