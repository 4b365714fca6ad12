"""Where a page begins: the conditions that stand for "after this row" in an order that may hold NULLs.

NULL is the greatest value, in either direction. Each state of a nullable sort key becomes a branch of its own, because
a database walks an index for `x > 5` and for `x IS NULL`, and scans for their OR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, tuple_
from sqlalchemy.types import TypeEngine


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One part of an order. `bound` is the type that a cursor's value is bound with."""

    column: ColumnElement[Any]
    bound: TypeEngine[Any]
    descending: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one stretch of the order. Branches are read one after the other until the page is full."""

    conditions: tuple[ColumnElement[Any], ...]
    order: tuple[ColumnElement[Any], ...]


def branches(keys: Sequence[OrderKey], after: Sequence[bool] | None, *, nulls_are_greatest: bool) -> list[Branch]:
    """Return the stretches that follow the cursor, in order.

    `after` tells for each key whether the cursor stands on a NULL there; the values are bound as `c0`, `c1` …
    `nulls_are_greatest` is the habit of the database's own ORDER BY.
    """
    if after is None:
        return _from_the_start(keys, nulls_are_greatest)
    same_direction = len({key.descending for key in keys}) == 1
    if same_direction and not any(key.nullable for key in keys):
        return [Branch((_tuple_after(keys),), _order(keys, nulls_are_greatest))]
    found = []
    for index in reversed(range(len(keys))):
        equal = tuple(_equal(keys[before], before, after[before]) for before in range(index))
        order = _order(keys[index:], nulls_are_greatest)
        found += [Branch((*equal, beyond), order) for beyond in _beyond(keys[index], index, after[index])]
    return found


def in_one(keys: Sequence[OrderKey], *, nulls_are_greatest: bool) -> Branch:
    """Return the whole order as one branch, for pages that are counted off."""
    return Branch((), _order(keys, nulls_are_greatest))


def _from_the_start(keys: Sequence[OrderKey], nulls_are_greatest: bool) -> list[Branch]:
    first = keys[0]
    order = _order(keys, nulls_are_greatest)
    if nulls_are_greatest or not first.nullable:
        return [Branch((), order)]
    present, absent = first.column.is_not(None), first.column.is_(None)
    rest = _order(keys[1:], nulls_are_greatest)
    own = (_directed(first), *rest)
    stretches = [Branch((present,), own), Branch((absent,), rest)]
    return stretches[::-1] if first.descending else stretches


def _order(keys: Sequence[OrderKey], nulls_are_greatest: bool) -> tuple[ColumnElement[Any], ...]:
    order = []
    for key in keys:
        directed = _directed(key)
        if key.nullable and not nulls_are_greatest:
            directed = directed.nulls_first() if key.descending else directed.nulls_last()
        order.append(directed)
    return tuple(order)


def _directed(key: OrderKey) -> Any:
    return key.column.desc() if key.descending else key.column.asc()


def _bound(key: OrderKey, index: int) -> ColumnElement[Any]:
    return bindparam(f"c{index}", type_=key.bound)


def _tuple_after(keys: Sequence[OrderKey]) -> ColumnElement[Any]:
    bounds = [_bound(key, index) for index, key in enumerate(keys)]
    left: Any = keys[0].column if len(keys) == 1 else tuple_(*(key.column for key in keys))
    right: Any = bounds[0] if len(keys) == 1 else tuple_(*bounds)
    beyond: ColumnElement[Any] = left < right if keys[0].descending else left > right
    return beyond


def _equal(key: OrderKey, index: int, null: bool) -> ColumnElement[Any]:
    return key.column.is_(None) if null else key.column == _bound(key, index)


def _beyond(key: OrderKey, index: int, null: bool) -> list[ColumnElement[Any]]:
    if key.descending:
        return [key.column.is_not(None)] if null else [key.column < _bound(key, index)]
    if null:
        return []
    greater = key.column > _bound(key, index)
    return [greater, key.column.is_(None)] if key.nullable else [greater]
