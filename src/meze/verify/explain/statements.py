"""The statements of a request: what each was for, its SQL and values, and what the database makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    """Return every statement once, in the order of their first runs.

    `plans` asks the database for its own, and `measured` has it run each statement once more to count what it reads.
    """
    purposes = _purposes(watch)
    runs: dict[int, list[Ran]] = {}
    for ran in watch.ran:
        if id(ran.statement) in purposes:  # what is asked to weigh a request is none of its answer
            runs.setdefault(id(ran.statement), []).append(ran)
    found = []
    with database.reading() as connection:
        for each in runs.values():
            first = each[0]
            plan = _plan(connection, first, measured=measured) if plans else Plan()
            found.append(
                StatementSeen(
                    purpose=purposes[id(first.statement)],
                    sql=first.statement.sql,
                    values=tuple(masks.values(first.statement, first.values)),
                    times=len(each),
                    returned=sum(len(ran.rows) for ran in each),
                    milliseconds=sum(ran.seconds for ran in each) * 1000,
                    plan=plan.text,
                    read=plan.read,
                    counted=plan.counted,
                    steps=plan.steps,
                )
            )
    return found


def tables_of(watch: Watch) -> set[str]:
    """Return the names of the tables that the statements name."""
    return {
        each.name
        for ran in watch.ran
        for each in iterate(ran.statement.clause)
        if isinstance(each, TableClause) and each.name
    }


def _plan(connection: Connection, ran: Ran, *, measured: bool) -> Plan:
    try:
        plan = read_plan(connection, ran.statement, ran.values)
        if measured:
            counted = measure_plan(connection, ran.statement, ran.values)
            if counted.rows_read is not None:
                return Plan(counted.text, counted.rows_read, counted=True, steps=plan.steps)
        return Plan(plan.text, plan.rows_estimate, steps=plan.steps)
    except DatabaseError:
        return Plan()


def _purposes(watch: Watch) -> dict[int, str]:
    purposes: dict[int, str] = {}
    for planned in watch.plans:
        plan = planned.plan
        if isinstance(plan, AggregatePlan):
            purposes[id(plan.statement)] = f"groups of {planned.visit.resource.name}"
        elif isinstance(plan, ListPlan | RowPlan):
            purposes.update(_of_rows(plan, "rows" if isinstance(plan, ListPlan) else "row"))
    return purposes


def _of_rows(plan: ListPlan | RowPlan, what: str) -> Iterator[tuple[int, str]]:
    statements: tuple[Statement, ...] = (plan.statement,) if isinstance(plan, RowPlan) else plan.statements
    for each in statements:
        yield id(each), f"{what} of {plan.resource.name}"
    if isinstance(plan, ListPlan) and plan.count is not None:
        yield id(plan.count), f"total of {plan.resource.name}"
    for many in plan.many:
        yield from _of_rows(many, "related rows")
