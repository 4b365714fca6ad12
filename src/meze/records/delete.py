"""Plan the deleting of the rows that fulfil conditions: find and lock them first, and then delete those.

One statement would do both, but not tell that there are too many, or that one of them may not be deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Delete, delete, select, tuple_

from meze.access.caller import Standing
from meze.access.rule import lower
from meze.databases import Statement
from meze.query.ask import Condition, compares_of
from meze.records.plan import KEPT_OPERANDS, Planner
from meze.records.source import Source
from meze.resources.resource import Resource


def plan_matching(
    planner: Planner, resource: Resource, standing: Standing, conditions: tuple[Condition, ...], most: int
) -> Statement:
    """Plan the question for the rows that fulfil `conditions` and that the caller may read, locking them: at most so
    many, by their keys and whether each may be deleted."""

    def make() -> Statement:
        return _matching(planner, resource, standing, conditions, most)

    if sum(len(compare.operands) for compare in compares_of(conditions)) > KEPT_OPERANDS:
        return make()
    return planner.remembered(("delete several", resource, standing, conditions, most), make)


def delete_rows(resource: Resource, keys: Sequence[Sequence[Any]]) -> Delete:
    """Return what deletes the rows with these keys, whatever they now are: they were locked and looked at before."""
    columns = [part.column for part in resource.key]
    if len(columns) == 1:
        return delete(resource.table).where(columns[0].in_([key[0] for key in keys]))
    return delete(resource.table).where(tuple_(*columns).in_([tuple(key) for key in keys]))


def _matching(
    planner: Planner, resource: Resource, standing: Standing, conditions: tuple[Condition, ...], most: int
) -> Statement:
    grounds = planner.grounds(standing)
    source = Source(grounds, resource)
    wanted = [grounds.readable(resource, source.table), *source.conditions(conditions)]
    may = lower(planner.policy.rule(resource, "delete", standing), {resource.table: source.table})
    keys = [part.column for part in resource.key]
    # In one order always, so that two who delete the same rows wait for each other instead of blocking both.
    found = select(*keys, may.label("may")).select_from(source.clause).where(*wanted).order_by(*keys).limit(most)
    return planner.database.prepare(found.with_for_update(of=source.table) if planner.database.row_locks else found)
