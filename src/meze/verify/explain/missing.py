"""Which index a list lacks: where its plan reads a table to the end, the index that would lead to its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column
from sqlalchemy.sql.visitors import iterate

from meze.access.rule import Compared, parts_of
from meze.databases.query_steps import Step
from meze.query.ask import Compare, ListShape, compares_of
from meze.query.groups import AggregateShape
from meze.records.plan import Planner
from meze.records.visit import Visit
from meze.resources.indexes import Advice, advise, leads_through
from meze.resources.resource import Resource
from meze.resources.rewrite import plain

EQUAL = frozenset({"eq", "in", "isnull"})
RANGED = frozenset({"lt", "lte", "gt", "gte"})


def missing_indexes(
    planner: Planner, visit: Visit, shape: ListShape | AggregateShape, steps: Sequence[Step]
) -> list[Advice]:
    """Return the indexes without which `steps`, those of the plan of a list, read a table to its end."""
    dialect = planner.database.dialect
    scanned = {step.table for step in steps if step.how == "scan" and not step.stops}
    found: dict[tuple[Any, ...], str] = {}
    resource = visit.resource
    if resource.table.name in scanned:
        columns = tuple(_asked_of(resource, shape))
        if columns:
            found[columns] = "the request chooses and sorts by it"
        else:
            for column in _in_rule(planner, visit):
                found[column,] = f"the read rule of {resource.name} asks it"
    for column, why in _crossed(planner, resource, shape):
        if column.table.name in scanned:
            found[column,] = why
    return [advise(columns, (why,), dialect) for columns, why in found.items() if not leads_through(columns)]


def _asked_of(resource: Resource, shape: ListShape | AggregateShape) -> Iterator[Column[Any]]:
    """Yield the columns of the resource's own that an index would begin with: what is equal, then the order or a range.

    What stands in an alternative is led to by no single index.
    """
    compares = [each for each in shape.conditions if isinstance(each, Compare) and not each.path.relations]
    equal = [each.path.field for each in compares if each.operator in EQUAL]
    names = [name for name in dict.fromkeys(equal) if name is not None]
    ordered = _order(resource, shape)
    ranged = [each.path.field for each in compares if each.operator in RANGED and each.path.field is not None]
    further = ordered or ranged[:1]
    for name in dict.fromkeys((*names, *further)):
        yield resource.fields[name].column


def _order(resource: Resource, shape: ListShape | AggregateShape) -> list[str]:
    """Return the fields that the rows are to be in the order of, the key at the end; nothing where that is the key."""
    if not isinstance(shape, ListShape):
        return []
    names = [key.path.field for key in shape.sort if not key.path.relations and key.path.field is not None]
    one_way = len({key.descending for key in shape.sort}) == 1
    only_key = set(names) <= {part.name for part in resource.key}
    return names if len(names) == len(shape.sort) and one_way and not only_key else []


def _in_rule(planner: Planner, visit: Visit) -> Iterator[Column[Any]]:
    table = visit.resource.table
    for part in parts_of(planner.policy.rule(visit.resource, "read", visit.standing)):
        if isinstance(part, Compared):
            for each in iterate(part.expression):
                if isinstance(each, Column) and plain(each.table) is table:
                    yield table.c[each.key]


def _crossed(
    planner: Planner, resource: Resource, shape: ListShape | AggregateShape
) -> Iterator[tuple[Column[Any], str]]:
    """Yield the columns that conditions reach through relations, and those that the relations go along."""
    for compare in compares_of(shape.conditions):
        at = resource
        for name in compare.path.relations:
            relation = at.relations[name]
            target = planner.resources.of(relation.model)
            assert target is not None
            for column in relation.compared:
                yield column, f"the relation {at.name}.{name} follows it"
            at = target
        if compare.path.relations and compare.path.field is not None and compare.operator in EQUAL | RANGED:
            yield at.fields[compare.path.field].column, f"the request chooses by {compare.path}"
