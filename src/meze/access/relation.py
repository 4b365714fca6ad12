"""Find out which relationship an EXISTS was made from: SQLAlchemy keeps its conditions, and not its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Column
from sqlalchemy.orm import Mapper, RelationshipProperty
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import AsBoolean, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import SelectBase

from meze.resources.rewrite import plain

Join: TypeAlias = frozenset[tuple[str, str, bool]]
"""Which columns a condition compares: each by its table and name, and whether it is on the near side of a relation."""


def is_join(element: Any) -> bool:
    """Say whether this is the condition of a relationship, whose columns SQLAlchemy marks, and not what was asked.

    Of a relationship to its own table the far side is an alias, whose columns bear no marks.
    """
    columns = list(_columns(element))
    marks = {mark for each in columns for mark in each._annotations}
    return "remote" in marks or ("local" in marks and len({plain(each.table) for each in columns}) > 1)


def relation_of(elements: Sequence[Any], joins: set[Join], compared: set[Join]) -> RelationshipProperty[Any] | None:
    """Return the one relationship of which `joins` are conditions, all of whose conditions are in `compared`."""
    near = (each for part in elements if part is not None for each in _columns(part) if "local" in each._annotations)
    mapper = next((each._annotations.get("parentmapper") for each in near), None)
    relations: Iterable[RelationshipProperty[Any]] = mapper.relationships if isinstance(mapper, Mapper) else ()
    found = [relation for relation in relations if joins <= joins_of(relation) <= compared]
    return found[0] if len(found) == 1 else None


def joins_of(relation: RelationshipProperty[Any]) -> set[Join]:
    """Return the conditions of a relationship."""
    conditions = [each for each in (relation.primaryjoin, relation.secondaryjoin) if each is not None]
    return {join_shape(part) for part in flat(conditions, lambda part: same_list(part, operators.and_))}


def join_shape(element: Any) -> Join:
    """Return the columns that a condition compares, as a value that is the same for an alias of a table."""
    columns = ((table_name(each.table), each.key, "local" in each._annotations) for each in _columns(element))
    return frozenset(columns)


def _columns(element: Any) -> Iterator[Any]:
    """Yield the columns that a condition compares, without those of subqueries in it."""
    if isinstance(element, Column):
        yield element
    elif not isinstance(plain(element), SelectBase):
        for child in element.get_children():
            yield from _columns(child)


def flat(parts: Iterable[Any], inside: Callable[[Any], Iterable[Any] | None]) -> Iterable[Any]:
    """Yield parts, those of the same kind opened: `a and (b and c)` is `a and b and c`."""
    for part in parts:
        inner = inside(part)
        if inner is None:
            yield part
        else:
            yield from flat(inner, inside)


def same_list(element: Any, operator: Any) -> Iterable[Any] | None:
    """Return the parts of an element that is an `and`, or an `or`, as `operator` says; None where it is not."""
    found = ungrouped(element)
    return found.clauses if isinstance(found, BooleanClauseList) and found.operator is operator else None


def ungrouped(element: Any) -> Any:
    """Return what is inside of parentheses."""
    element = plain(element)
    while isinstance(element, Grouping) or (isinstance(element, AsBoolean) and element.operator is operators.is_true):
        element = plain(element.element)
    return element


def table_name(table: Any) -> str:
    """Return the name of a table, or of the one that this is an alias of."""
    while hasattr(table, "element"):
        table = table.element
    return str(getattr(table, "name", table))
