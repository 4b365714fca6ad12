"""The FROM clause of a plan: a resource's rows, and the related rows that its other clauses reach.

Each to-one path is joined once, from the left, and only to a row that the caller may read: so a hidden row and a
missing one are the same NULLs everywhere. To-many paths become EXISTS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, exists, not_, or_, select, true, tuple_, type_coerce
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.types import TypeEngine

from meze.access.caller import Standing
from meze.access.policy import Policy
from meze.access.rule import lower
from meze.databases import Database
from meze.query.ask import HIGH, Compare, Condition, Not, Or, Scope, side_by_side
from meze.query.operators import OPERATORS, Bound, Operand
from meze.query.view import Path
from meze.resources.registry import Registry
from meze.resources.resource import Field, Relation, Resource


@dataclass(frozen=True, slots=True)
class Grounds:
    """What every plan stands on: the resources, their rules, the database, and for whom the plan is made."""

    resources: Registry
    policy: Policy
    database: Database
    standing: Standing

    def readable(self, resource: Resource, table: FromClause) -> ColumnElement[Any]:
        """Return the condition that the caller may read a row of `table`, which stands for the resource's own."""
        rule = self.policy.rule(resource, "read", self.standing)
        return lower(rule, {resource.table: table})

    def target(self, relation: Relation) -> Resource:
        target = self.resources.of(relation.model)
        assert target is not None, "a view shows no relation to a model that is not served"
        return target


class Source:
    """The rows of one resource, with what is joined to them. `table` is the resource's table or an alias of it."""

    def __init__(self, grounds: Grounds, resource: Resource, table: FromClause | None = None) -> None:
        self.grounds = grounds
        self.resource = resource
        self.table = resource.table if table is None else table
        self.clause: FromClause = self.table
        self._joined: dict[tuple[str, ...], tuple[FromClause, Resource]] = {(): (self.table, resource)}

    def at(self, relations: tuple[str, ...]) -> tuple[FromClause, Resource]:
        """Return the table and resource that a path of to-one relations leads to, joining them if they are not yet."""
        if relations not in self._joined:
            parent, resource = self.at(relations[:-1])
            relation = resource.relations[relations[-1]]
            target = self.grounds.target(relation)
            table = target.table.alias()
            condition = and_(relation.joined(parent, table), self.grounds.readable(target, table))
            self.clause = self.clause.outerjoin(table, condition)
            self._joined[relations] = (table, target)
        return self._joined[relations]

    def column(self, path: Path) -> ColumnElement[Any]:
        """Return the column that a path names; of a path that ends at a relation, the related row's key."""
        table, resource = self.at(path.relations)
        field = resource.fields[path.field] if path.field else resource.key[0]
        return table.c[field.column.key]

    def conditions(self, joined: Iterable[Condition]) -> list[ColumnElement[Any]]:
        """Return conditions that are joined by AND as SQL.

        Those under one to-many path are one EXISTS: they mean one related row. What stands under OR or NOT has its own.
        """
        lowered, crossing = [], []
        for compare in side_by_side(joined):
            if not isinstance(compare, Compare):
                lowered.append(self._combined(compare))
                continue
            many = self._to_many(compare.path)
            if many is None:
                lowered.append(self._compared(compare))
            elif compare.path.field is None and len(compare.path.relations) == many:
                found = self._exists(compare.path.relations, ())
                lowered.append(not_(found) if compare.flag else found)
            else:
                crossing.append((compare.path.relations[:many], compare))
        crossing.sort(key=lambda pair: pair[0])
        for relations, group in groupby(crossing, key=lambda pair: pair[0]):
            lowered.append(self._exists(relations, [compare for _, compare in group]))
        return lowered

    def _combined(self, condition: Or | Not) -> ColumnElement[Any]:
        if isinstance(condition, Or):
            return or_(*(self._alone(member) for member in condition.members))
        # NOT would lose the rows for which a NULL leaves the answer open.
        return self._alone(condition.member).is_not(true())

    def _alone(self, condition: Condition) -> ColumnElement[Any]:
        return and_(true(), *self.conditions((condition,)))

    def _to_many(self, path: Path) -> int | None:
        """Return how many steps of the path lead up to and over its first to-many relation, or None."""
        resource = self.resource
        for index, name in enumerate(path.relations):
            relation = resource.relations[name]
            if relation.to_many:
                return index + 1
            resource = self.grounds.target(relation)
        return None

    def _compared(self, compare: Compare) -> ColumnElement[Any]:
        column = self.column(compare.path)
        operator = OPERATORS[compare.operator]
        if operator.operand is Operand.FLAG:
            return column.is_(None) if compare.flag else column.is_not(None)
        operands = [self._bound(name, compare, column) for name in compare.operands]
        return operator.lower(column, operands, self.grounds.database.fold)

    def _bound(self, name: str, compare: Compare, column: ColumnElement[Any]) -> Bound:
        _, resource = self.at(compare.path.relations)
        assert compare.path.field is not None
        type_ = resource.fields[compare.path.field].type
        if type_.spellings is not None:
            return Bound(*(bindparam(each, type_=type_.cursor_type) for each in (name, name + HIGH)))
        low = bindparam(name, type_=String() if OPERATORS[compare.operator].prepare else column.type)
        return Bound(low, low)

    def _exists(self, relations: tuple[str, ...], compares: Sequence[Compare]) -> ColumnElement[Any]:
        parent, resource = self.at(relations[:-1])
        relation = resource.relations[relations[-1]]
        target = self.grounds.target(relation)
        inner = Source(self.grounds, target, target.table.alias())
        rest = [
            Compare(
                Path(each.path.relations[len(relations) :], each.path.field), each.operator, each.operands, each.flag
            )
            for each in compares
        ]
        conditions = [self.grounds.readable(target, inner.table), *inner.conditions(rest)]
        clause = inner.clause
        if relation.through is None:
            conditions.insert(0, relation.joined(parent, inner.table))
            own: tuple[FromClause, ...] = (clause,)
        else:
            between = relation.through.alias()
            near, far = relation.joined_through(parent, between, inner.table)
            conditions[:0] = [near, far, *self._readable_between(relation, between)]
            own = (between, clause)
        return exists(select(1).select_from(*own).where(*conditions).correlate(*self._tables()))

    def _readable_between(self, relation: Relation, between: FromClause) -> list[ColumnElement[Any]]:
        """Return the condition on the rows of the table between, where that table is a resource of its own."""
        resource = self.grounds.resources.of_table(relation.through)
        return [] if resource is None else [self.grounds.readable(resource, between)]

    def _tables(self) -> list[FromClause]:
        return [table for table, _ in self._joined.values()]

    def of(self, scope: Scope) -> list[ColumnElement[Any]]:
        """Keep to the rows that one row's relation leads to; that row must be readable itself. Binds `s0`, `s1` …"""
        parent = self.grounds.resources.named(scope.resource)
        assert parent is not None
        relation = parent.relations[scope.relation]
        near = parent.table.alias()
        chosen = [
            near.c[part.column.key] == bindparam(f"s{index}", type_=exact_type(part))
            for index, part in enumerate(parent.key)
        ]
        visible = self.grounds.readable(parent, near)
        if relation.through is None:
            self.clause = near.join(self.clause, relation.joined(near, self.table))
            return [*chosen, visible]
        between, far = relation.through.alias(), self.resource.table.alias()
        first, second = relation.joined_through(near, between, far)
        keys = [far.c[part.column.key] for part in self.resource.key]
        conditions = [*chosen, visible, first, second, *self._readable_between(relation, between)]
        found = select(*keys).select_from(near, between, far).where(*conditions)
        own = [self.table.c[part.column.key] for part in self.resource.key]
        return [_tuple(own).in_(found)]


def exact(column: ColumnElement[Any], each: Field) -> ColumnElement[Any]:
    """Return a field's column as a cursor keeps it: under another type where its own would lose the order."""
    return column if each.type.cursor_type is None else type_coerce(column, each.type.cursor_type)


def exact_type(each: Field) -> TypeEngine[Any]:
    """Return the type with which a value that `exact` selected is bound again."""
    return each.type.cursor_type or each.column.type


def _tuple(columns: Sequence[ColumnElement[Any]]) -> Any:
    return columns[0] if len(columns) == 1 else tuple_(*columns)
