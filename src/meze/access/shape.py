"""What a rule says, as a value that two rules share only if they say the same.

Whatever is not known for certain to be the same has a shape of its own, so that equal shapes prove something.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Column
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    ClauseList,
    ColumnClause,
    False_,
    Grouping,
    Null,
    True_,
    UnaryExpression,
)

from meze.access.rule import Always, Compared, Either, Every, IfRole, IfSignedIn, Related, Rule
from meze.access.terms import MeValue
from meze.resources.rewrite import plain

Shape: TypeAlias = Hashable
Columns: TypeAlias = Mapping[Column[Any], Column[Any]]


def shape_of(rule: Rule, columns: Columns | None = None) -> Shape:
    """Return the shape of a rule. With `columns`, of one over another row: each column is written as the one that it
    stands for there, and one that stands for nothing is like no other."""
    match rule:
        case Always():
            return ("always", rule.value)
        case IfSignedIn():
            return ("signed in",)
        case IfRole():
            return ("role", rule.name)
        case Compared():
            return ("compared", _of(rule.expression, columns))
        case Related():
            if columns is not None:
                return object()
            return ("related", rule.tables, shape_of(rule.where))
        case Every() | Either():
            return (type(rule).__name__, frozenset(shape_of(part, columns) for part in rule.parts))
    return ("not", shape_of(rule.part, columns))


def _of(element: Any, columns: Columns | None) -> Shape:
    element = plain(element)
    match element:
        case Grouping():
            return _of(element.element, columns)
        case MeValue():
            return ("me", element.attribute)
        case True_() | False_() | Null():
            return type(element).__name__
        case ColumnClause():
            return _column(element, columns)
        case BindParameter() if element.callable is None and not element.required:
            return _value(element)
        case BinaryExpression():
            sides = [_of(element.left, columns), _of(element.right, columns)]
            same = frozenset(sides) if element.operator is operators.eq else tuple(sides)
            return (element.operator, tuple(sorted(element.modifiers.items())), same)
        case UnaryExpression():
            return (type(element).__name__, element.operator, element.modifier, _of(element.element, columns))
        case ClauseList():
            return (type(element).__name__, element.operator, tuple(_of(each, columns) for each in element.clauses))
    return object()


def _column(element: Any, columns: Columns | None) -> Shape:
    if columns is None:
        return ("column", element.table, element.key)
    same = columns.get(element)
    return object() if same is None else ("column", same.table, same.key)


def _value(element: BindParameter[Any]) -> Shape:
    value = element.value
    shape = ("values", *value) if isinstance(value, list | tuple) else value
    try:
        hash(shape)
    except TypeError:
        return object()
    return ("value", type(value).__name__, shape)
