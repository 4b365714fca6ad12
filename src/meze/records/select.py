"""Make the selected columns of a plan, and the Node that reads its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case
from sqlalchemy.sql.expression import FromClause

from meze.access.rule import lower
from meze.query.ask import ListShape, Scope, Selection
from meze.query.view import View
from meze.records.shape import Many, Member, Node, One, node_of
from meze.records.source import Source, exact
from meze.resources.resource import Field, Relation, Resource


@dataclass(slots=True)
class Columns:
    """The select list while it is made; a column that is asked for twice keeps its place."""

    expressions: list[ColumnElement[Any]] = field(default_factory=list)
    _places: dict[int, int] = field(default_factory=dict)

    def place(self, expression: ColumnElement[Any]) -> int:
        """Return the position of `expression` in a row."""
        if id(expression) not in self._places:
            self._places[id(expression)] = len(self.expressions)
            self.expressions.append(expression)
        return self._places[id(expression)]

    @property
    def labelled(self) -> list[ColumnElement[Any]]:
        return [expression.label(f"c{place}") for place, expression in enumerate(self.expressions)]


PlanMany = Callable[[Resource, Resource, Relation, Selection], int]
"""Plans a to-many relation of a resource and returns its index: parent, target, relation, what is shown of it."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Selects what is shown of rows. Here alone it is decided that a value is null because it may not be read."""

    source: Source
    columns: Columns
    plan_many: PlanMany
    _masked: dict[tuple[FromClause, str], ColumnElement[Any]] = field(default_factory=dict)

    def node(self, view: View, selection: Selection, relations: tuple[str, ...] = ()) -> Node:
        """Return the node for the row that `relations` lead to, placing the columns it needs."""
        table, resource = self.source.at(relations)
        names = view.fields if selection.fields is None else selection.fields
        members = [(name, self._member(table, resource, resource.fields[name])) for name in names]
        related: list[tuple[str, One | Many]] = []
        for name, inner in selection.related:
            relation = view.relations[name]
            if relation.to_many:
                target = self.source.grounds.target(relation)
                key = tuple(self.columns.place(exact(table.c[part.column.key], part)) for part in resource.key)
                related.append((name, Many(self.plan_many(resource, target, relation, inner), key)))
            else:
                onward = (*relations, name)
                far, target = self.source.at(onward)
                presence = self.columns.place(far.c[target.key[0].column.key])
                related.append((name, One(presence, self.node(view.related(name), inner, onward))))
        return node_of(resource.model.__name__, members, related)

    def _member(self, table: FromClause, resource: Resource, each: Field) -> Member:
        return Member(self.columns.place(self._shown(table, resource, each)), each.type.wire, each.type.shortcut)

    def _shown(self, table: FromClause, resource: Resource, each: Field) -> ColumnElement[Any]:
        """Return the column of a field; null on those rows of which the caller may not read it, as where it is NULL."""
        grounds, column = self.source.grounds, table.c[each.column.key]
        rule = grounds.policy.conditional(resource, "read", grounds.standing).get(each.name)
        if rule is None:
            return column
        at = (table, each.name)
        if at not in self._masked:
            self._masked[at] = case((lower(rule, {resource.table: table}), column))
        return self._masked[at]


def related_shape(parent: Resource, relation: Relation, selection: Selection, sort: Any) -> ListShape:
    """Return the shape of the list that a relation leads to, in the order of its key."""
    return ListShape(sort=sort, selection=selection, scope=Scope(parent.name, relation.name))
