"""Answer aggregates: one statement that puts the readable rows together, and a page of the groups it makes.

The groups are a derived table, so that an order and a cursor over what was counted or added up are conditions on plain
columns. The rows come from the same Source as those of lists, under the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Integer, and_, bindparam, func, literal_column, or_, select, type_coerce
from sqlalchemy.sql.expression import Subquery

from meze.access.caller import Standing
from meze.access.rule import EVERYBODY
from meze.databases import Fault, FaultKind, Statement
from meze.databases.statement import Fetched, Row
from meze.query.aggregate import FUNCTIONS, Answered, spelt_once, too_big
from meze.query.ask import compares_of
from meze.query.cursor import CursorSeal, Position
from meze.query.groups import AggregateAsk, AggregateShape, Group, Measure, answered, field_at
from meze.query.view import View
from meze.records.cost import Load, Slots
from meze.records.keyset import OrderKey, branches, in_one
from meze.records.lending import Lending
from meze.records.plan import KEPT_OPERANDS, LIMIT, OFFSET, SEARCH, Planner, search_index
from meze.records.reading_limit import WHOLE, ReadingLimit, asked_of
from meze.records.reads import NextUrl
from meze.records.shape import Member, Node, encode, no_related, node_of
from meze.records.source import Source
from meze.records.visit import Answer, Visit
from meze.resources.resource import Resource


class GroupPage(msgspec.Struct, gc=False):
    groups: list[Any]
    next: str | None


@dataclass(frozen=True, slots=True, eq=False)
class AggregatePlan:
    """`sort` are the positions of the values that a cursor holds. `nothing` is what a row says where no row is read."""

    shape: AggregateShape
    statement: Statement
    node: Node
    sort: tuple[tuple[int, Answered], ...]
    nothing: tuple[Any, ...]
    load: Load


class Aggregates:
    def __init__(
        self, planner: Planner, seal: CursorSeal, limit: ReadingLimit | None, slots: Slots, lending: Lending
    ) -> None:
        self._planner = planner
        self._seal = seal
        self._limit = limit
        self._slots = slots
        self._lending = lending

    def within(self, slots: Slots, lending: Lending) -> Aggregates:
        """Return what does the same on a connection where a transaction is open."""
        return Aggregates(self._planner, self._seal, self._limit, slots, lending)

    def page(self, visit: Visit, ask: AggregateAsk, next_url: NextUrl) -> Answer:
        """Return a page of groups; without groups, one element.

        Raises:
            BadValue: a sum is greater than a number of its kind can be.
        """
        plan = self._lending.planned(visit, lambda: self._plan(visit.resource, visit.standing, ask.shape))
        rows = self._rows(plan, visit, ask)
        groups = plan.node.objects(Fetched(rows[: ask.limit], ()), no_related)
        following = None
        if len(rows) > ask.limit:
            following = next_url(None if ask.page is not None else self._cursor(plan, rows[ask.limit - 1], ask.binding))
        return Answer(encode(GroupPage(groups, following)), rows=len(groups))

    def _rows(self, plan: AggregatePlan, visit: Visit, ask: AggregateAsk) -> list[Row]:
        values = {**ask.values, **visit.me, LIMIT: ask.limit + 1, OFFSET: ((ask.page or 1) - 1) * ask.limit}
        if ask.shape.search:
            words = search_index(visit.resource).query(ask.search or "")
            if words is None:
                return [] if ask.shape.groups or values[OFFSET] else [plan.nothing]
            values[SEARCH] = words
        with self._slots.taken(plan.load), self._lending.reading(visit) as connection:
            if self._limit is not None and not ask.shape.search:
                statements = [(plan.statement, WHOLE if plan.load.whole else 1)]
                asked = asked_of(ask.shape.conditions)
                self._limit.check(plan.load, visit.resource, asked, statements, values, connection)
            try:
                return connection.rows(plan.statement, values)
            except Exception as error:
                fault = self._lending.database.fault(error)
                if fault is None or not _overflows(fault):
                    raise
                raise too_big(", ".join(str(each) for each in ask.shape.measures)) from error

    def _plan(self, resource: Resource, standing: Standing, shape: AggregateShape) -> AggregatePlan:
        def make() -> AggregatePlan:
            return plan_aggregates(self._planner, resource, standing, shape)

        if sum(len(compare.operands) for compare in compares_of(shape.conditions)) > KEPT_OPERANDS:
            return make()
        return self._planner.remembered(("aggregates", resource, standing, shape), make)

    def _cursor(self, plan: AggregatePlan, row: Sequence[Any], binding: bytes) -> str:
        values = tuple(None if row[place] is None else each.freeze(row[place]) for place, each in plan.sort)
        return self._seal.seal(Position(values), binding)


def plan_aggregates(planner: Planner, resource: Resource, standing: Standing, shape: AggregateShape) -> AggregatePlan:
    """Return the plan of aggregates."""
    view = planner.view(resource, standing)
    members = shape.members
    written = [answered(each, view) for each in members]
    table = _grouped(planner, resource, standing, shape)
    columns = list(table.c)
    keys = [
        _order_key(members[each.place], written[each.place], columns[each.place], view, each.descending)
        for each in shape.sort
    ]
    exact = [_exact(columns[each.place], written[each.place]) for each in shape.sort]
    page = select(*columns, *(each.label(f"k{place}") for place, each in enumerate(exact)))
    page = page.limit(bindparam(LIMIT, type_=Integer()))
    greatest = planner.database.nulls_are_greatest
    if keys:
        page = page.order_by(*in_one(keys, nulls_are_greatest=greatest).order)
    if keys and shape.after is not None:
        page = page.where(
            or_(*(and_(*each.conditions) for each in branches(keys, shape.after, nulls_are_greatest=True)))
        )
    if shape.offset:
        page = page.offset(bindparam(OFFSET, type_=Integer()))
    shown = [(str(each), Member(place, written[place].wire)) for place, each in enumerate(members)]
    return AggregatePlan(
        shape=shape,
        statement=planner.database.prepare(page),
        node=node_of(resource.model.__name__, shown, ()),
        sort=tuple((len(columns) + place, written[each.place]) for place, each in enumerate(shape.sort)),
        nothing=tuple(None if _nullable(each, view) else 0 for each in members),
        load=Load(suspect=True, whole=_asks_everything(planner, resource, standing, shape)),
    )


def _asks_everything(planner: Planner, resource: Resource, standing: Standing, shape: AggregateShape) -> bool:
    readable = planner.policy.rule(resource, "read", standing)
    return readable == EVERYBODY and not shape.conditions and not shape.search


def _grouped(planner: Planner, resource: Resource, standing: Standing, shape: AggregateShape) -> Subquery:
    """Return the groups as a table: the columns of the groups, then of the measures."""
    grounds = planner.grounds(standing)
    source, view = Source(grounds, resource), planner.view(resource, standing)
    conditions = [grounds.readable(resource, source.table), *source.conditions(shape.conditions)]
    if shape.search:
        conditions.append(search_index(resource).matching(source.table, planner.database))
    expressions = [_expression(each, source, view) for each in shape.members]
    found = select(*(each.label(f"m{place}") for place, each in enumerate(expressions)))
    # By their places: an expression with bind parameters is not the same expression when it is written again.
    found = found.group_by(*(literal_column(str(place + 1)) for place in range(len(shape.groups))))
    return found.select_from(source.clause).where(*conditions).subquery("meze_groups")


def _expression(each: Group | Measure, source: Source, view: View) -> ColumnElement[Any]:
    if each.path is None:
        return func.count()
    column, type_ = source.column(each.path), field_at(each.path, view).type
    aggregates = source.grounds.database.aggregates
    if isinstance(each, Measure):
        return FUNCTIONS[each.function].lower(column, type_, aggregates)
    return spelt_once(column, type_, aggregates) if each.part is None else aggregates.part(column, each.part)


def _order_key(
    each: Group | Measure, written: Answered, column: ColumnElement[Any], view: View, descending: bool
) -> OrderKey:
    return OrderKey(column, written.cursor_type or column.type, descending, _nullable(each, view))


def _nullable(each: Group | Measure, view: View) -> bool:
    if isinstance(each, Measure):
        return FUNCTIONS[each.function].nullable
    return bool(each.path.relations) or field_at(each.path, view).nullable


def _exact(column: ColumnElement[Any], written: Answered) -> ColumnElement[Any]:
    return column if written.cursor_type is None else type_coerce(column, written.cursor_type)


def _overflows(fault: Fault) -> bool:
    return fault.kind is FaultKind.BAD_DATA
