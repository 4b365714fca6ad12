"""What the oracle knows of the tables: columns and relations as plain data. `world.py` says the same in SQLAlchemy.

Every column but the key may be NULL. Two foreign keys of trips lead to places, places lead to places, and places and
labels are many-to-many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any


class Sort(Enum):
    """What a column holds, which says what it may be compared with."""

    KEY = "key"
    NUMBER = "number"
    TEXT = "text"
    TRUTH = "truth"
    KIND = "kind"
    DAY = "day"
    REFERENCE = "reference"


@dataclass(frozen=True)
class ToOne:
    """The row of `target` whose id is in `column` of this one."""

    target: str
    column: str


@dataclass(frozen=True)
class ToMany:
    """The rows of `target` that hold this row's id in `column`."""

    target: str
    column: str


@dataclass(frozen=True)
class Linked:
    """The rows of `target` that LINKS pairs with this one; `near` is this row's place in a pair."""

    target: str
    near: int


Relation = ToOne | ToMany | Linked


@dataclass(frozen=True)
class TableSchema:
    """`defaults` are what a column takes when a body leaves it out; the others become NULL."""

    columns: Mapping[str, Sort]
    relations: Mapping[str, Relation]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def references(self) -> dict[str, str]:
        """The tables that foreign keys lead to, by column."""
        leading = {each.column: each.target for each in self.relations.values() if isinstance(each, ToOne)}
        return leading | {name: "users" for name, sort in self.columns.items() if sort is Sort.REFERENCE} | leading


TABLES: Mapping[str, TableSchema] = {
    "users": TableSchema({"id": Sort.KEY, "name": Sort.TEXT}, {}),
    "places": TableSchema(
        {
            "id": Sort.KEY,
            "name": Sort.TEXT,
            "kind": Sort.KIND,
            "height": Sort.NUMBER,
            "open": Sort.TRUTH,
            "since": Sort.DAY,
            "curator_id": Sort.REFERENCE,
            "parent_id": Sort.REFERENCE,
        },
        {
            "parent": ToOne("places", "parent_id"),
            "children": ToMany("places", "parent_id"),
            "labels": Linked("labels", 0),
            "stops": ToMany("stops", "place_id"),
            "homing": ToMany("trips", "home_id"),
        },
    ),
    "labels": TableSchema(
        {"id": Sort.KEY, "word": Sort.TEXT, "rank": Sort.NUMBER},
        {"places": Linked("places", 1)},
        {"rank": 2},
    ),
    "trips": TableSchema(
        {
            "id": Sort.KEY,
            "title": Sort.TEXT,
            "email": Sort.TEXT,
            "public": Sort.TRUTH,
            "begins": Sort.DAY,
            "length": Sort.NUMBER,
            "mood": Sort.KIND,
            "owner_id": Sort.REFERENCE,
            "home_id": Sort.REFERENCE,
            "goal_id": Sort.REFERENCE,
        },
        {
            "owner": ToOne("users", "owner_id"),
            "home": ToOne("places", "home_id"),
            "goal": ToOne("places", "goal_id"),
            "stops": ToMany("stops", "trip_id"),
        },
        {"public": False},
    ),
    "stops": TableSchema(
        {
            "id": Sort.KEY,
            "nights": Sort.NUMBER,
            "remark": Sort.TEXT,
            "trip_id": Sort.REFERENCE,
            "place_id": Sort.REFERENCE,
        },
        {"trip": ToOne("trips", "trip_id"), "place": ToOne("places", "place_id")},
        {"nights": 1},
    ),
}

SERVED = ("places", "labels", "trips", "stops")
KINDS = ("z-low", "a mid", "m/top")
"""The values of the enum, in the order of its members, which is also that of their names."""

DAYS = (date(2024, 2, 29), date(2025, 1, 1), date(2026, 12, 31))

BLOCKING = {("places", "parent_id"), ("stops", "place_id"), ("places", "curator_id"), ("trips", "owner_id")}
"""Foreign keys that keep the row they point at from being deleted."""

CASCADING = {("stops", "trip_id")}
"""Foreign keys whose row goes with the one they point at. The others become NULL."""
