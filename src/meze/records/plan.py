"""Decide how a request is answered, without asking the database.

A plan depends on the shape of the request and on the caller's standing, never on values or on who exactly is calling,
so it is made once and kept. Everything that can be refused was refused before; here names become SQL text, and `run.py`
binds and calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, bindparam, func, select

from meze.access.caller import Standing
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY
from meze.databases import Database, Statement
from meze.databases.search import SearchIndex
from meze.query.ask import WHOLE, ListShape, Selection, compares_of
from meze.query.parse import key_sort, sort_field
from meze.query.view import View
from meze.records.cost import Load, scans
from meze.records.keyset import OrderKey, branches, in_one
from meze.records.select import Columns, Selector, related_shape
from meze.records.shape import Node, tagged
from meze.records.source import Grounds, Source, exact, exact_type
from meze.resources.registry import Registry
from meze.resources.resource import Field, Relation, Resource

T = TypeVar("T")

KEPT_OPERANDS = 64
"""A plan with more operands is not kept: each length of a list is a plan of its own, and a long one is large."""

LIMIT, OFFSET, SEARCH = "meze_limit", "meze_offset", "meze_q"


@dataclass(frozen=True, slots=True, eq=False)
class ListPlan:
    """`statements` are read in turn until the page is full. `sort` are the positions of the values a cursor holds.

    `whole` is given where each row is to carry its entity tag: all that the tag covers.

    `parent_key` are the key fields of the row whose relation this list follows, empty where it follows none.
    """

    resource: Resource
    shape: ListShape
    statements: tuple[Statement, ...]
    count: Statement | None
    node: Node
    many: tuple[ListPlan, ...]
    whole: Node | None
    sort: tuple[tuple[int, Field], ...]
    load: Load
    parent_key: tuple[Field, ...] = ()

    @property
    def single(self) -> bool:
        """Say whether one statement answers it, so that no transaction is needed for a consistent view."""
        return len(self.statements) == 1 and self.count is None and not self.many


@dataclass(frozen=True, slots=True, eq=False)
class RowPlan:
    """One row by its key. `whole` is all that may be read of it, which the entity tag covers; `node` what is shown."""

    resource: Resource
    statement: Statement
    whole: Node
    node: Node
    many: tuple[ListPlan, ...]
    locked: Statement


class Kept:
    """A plan that is kept, and whether it was asked for since somebody looked for one to drop."""

    __slots__ = ("plan", "used")

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.used = False


class Planner:
    """Makes plans, and keeps at most `kept` of them; those go first that were not asked for lately (second chance)."""

    def __init__(self, resources: Registry, policy: Policy, database: Database, *, kept: int = 1024) -> None:
        self.resources = resources
        self.policy = policy
        self.database = database
        self._kept = kept
        self._plans: dict[Hashable, Kept] = {}
        self._lock = threading.Lock()

    def remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the plan that was made for `key`, or make it. Two threads may both make it; either will do."""
        found = self._found(key)
        if found is not None:
            kept: T = found
            return kept
        plan = make()
        with self._lock:
            self._plans[key] = Kept(plan)
            while len(self._plans) > self._kept:
                self._drop_one()
        return plan

    def _found(self, key: Hashable) -> Any:
        kept = self._plans.get(key)
        if kept is None:
            return None
        kept.used = True
        return kept.plan

    def _drop_one(self) -> None:
        while True:
            oldest = next(iter(self._plans))
            kept = self._plans.pop(oldest)
            if not kept.used:
                return
            kept.used = False
            self._plans[oldest] = kept

    def grounds(self, standing: Standing) -> Grounds:
        return Grounds(self.resources, self.policy, self.database, standing)

    def rows(self, resource: Resource, standing: Standing, shape: ListShape) -> ListPlan:
        """Return the plan of a list."""
        key = ("list", resource, standing, shape)
        found: ListPlan | None = self._found(key)
        if found is not None:
            return found
        if sum(len(compare.operands) for compare in compares_of(shape.conditions)) > KEPT_OPERANDS:
            return self._rows(resource, standing, shape)
        return self.remembered(key, lambda: self._rows(resource, standing, shape))

    def row(self, resource: Resource, standing: Standing, selection: Selection = WHOLE) -> RowPlan:
        """Return the plan of one row."""
        return self.remembered(("row", resource, standing, selection), lambda: self._row(resource, standing, selection))

    def _rows(self, resource: Resource, standing: Standing, shape: ListShape) -> ListPlan:
        grounds = self.grounds(standing)
        source, columns = Source(grounds, resource), Columns()
        many: list[ListPlan] = []
        view = self.policy.view(resource, standing)
        readable = self.policy.rule(resource, "read", standing)
        conditions = [grounds.readable(resource, source.table)]
        if shape.scope is not None:
            conditions += source.of(shape.scope)
        conditions += source.conditions(shape.conditions)
        if shape.search:
            conditions.append(search_index(resource).matching(source.table, self.database))
        selector = Selector(source, columns, self._many(standing, many))
        node = selector.node(view, shape.selection)
        whole = selector.node(view, WHOLE) if shape.etag else None
        keys = [self._order_key(source, key.path, key.descending) for key in shape.sort]
        fields = [sort_field(key, view) for key in shape.sort]
        sort = tuple((columns.place(exact(key.column, each)), each) for key, each in zip(keys, fields, strict=True))
        greatest = self.database.nulls_are_greatest
        if shape.offset:
            stretches = [in_one(keys, nulls_are_greatest=greatest)]
        else:
            stretches = branches(keys, shape.after, nulls_are_greatest=greatest)
        base = select(*columns.labelled).select_from(source.clause).where(*conditions)
        statements = []
        for stretch in stretches:
            page = base.where(*stretch.conditions).order_by(*stretch.order).limit(bindparam(LIMIT, type_=Integer()))
            if shape.offset:
                page = page.offset(bindparam(OFFSET, type_=Integer()))
            statements.append(self.database.prepare(page))
        count = select(func.count()).select_from(source.clause).where(*conditions) if shape.count else None
        return ListPlan(
            resource=resource,
            shape=shape,
            statements=tuple(statements),
            count=None if count is None else self.database.prepare(count),
            node=node if whole is None else tagged(node),
            many=tuple(many),
            whole=whole,
            sort=sort,
            load=Load(
                suspect=readable != EVERYBODY or scans(resource, shape),
                whole=readable == EVERYBODY and not shape.conditions and not shape.search,
            ),
            parent_key=self._parent_key(shape),
        )

    def _parent_key(self, shape: ListShape) -> tuple[Field, ...]:
        parent = self.resources.named(shape.scope.resource) if shape.scope else None
        return parent.key if parent else ()

    @staticmethod
    def _order_key(source: Source, path: Any, descending: bool) -> OrderKey:
        _, resource = source.at(path.relations)
        each = resource.fields[path.field]
        column = source.column(path)
        return OrderKey(column, exact_type(each), descending, bool(path.relations) or each.nullable)

    def _row(self, resource: Resource, standing: Standing, selection: Selection) -> RowPlan:
        grounds = self.grounds(standing)
        source, columns = Source(grounds, resource), Columns()
        many: list[ListPlan] = []
        view = self.policy.view(resource, standing)
        selector = Selector(source, columns, self._many(standing, many))
        whole = selector.node(view, WHOLE)
        node = whole if selection.plain else selector.node(view, selection)
        chosen = select(*columns.labelled).where(*by_key(resource), grounds.readable(resource, source.table))
        chosen = chosen.select_from(source.clause)
        locked = chosen.with_for_update(of=source.table) if self.database.row_locks else chosen
        return RowPlan(
            resource=resource,
            statement=self.database.prepare(chosen),
            whole=whole,
            node=node,
            many=tuple(many),
            locked=self.database.prepare(locked),
        )

    def _many(self, standing: Standing, plans: list[ListPlan]) -> Callable[..., int]:
        def plan_many(parent: Resource, target: Resource, relation: Relation, selection: Selection) -> int:
            shape = related_shape(parent, relation, selection, key_sort(target, ()))
            plans.append(self.rows(target, standing, shape))
            return len(plans) - 1

        return plan_many

    def view(self, resource: Resource, standing: Standing) -> View:
        return self.policy.view(resource, standing)


def by_key(resource: Resource) -> list[ColumnElement[Any]]:
    """Return the conditions that choose one row, its key bound as `k0`, `k1` …"""
    return [part.column == bindparam(f"k{index}", type_=part.column.type) for index, part in enumerate(resource.key)]


def search_index(resource: Resource) -> SearchIndex:
    return SearchIndex(resource.table, tuple(field.column for field in resource.search))
