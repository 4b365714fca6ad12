"""What one caller may see, row by row and field by field: what every answer to them is compared with.

It follows from the judge and the rows in memory alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from meze.resources.resource import Field, Resource
from meze.verify.callers import Actor
from meze.verify.judge import Judge
from meze.verify.orders import Orders
from meze.verify.wire import shown
from meze.verify.world import Row, World

EMBEDDED = 20
"""How many rows of a related list stand in an answer."""

Test = Callable[[Row | None], bool]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which fields of a row an answer holds (None: all that may be read), and which related rows with it."""

    fields: tuple[str, ...] | None = None
    related: Mapping[str, Shown] = field(default_factory=dict)


WHOLE = Shown()


@dataclass(frozen=True, slots=True)
class Order:
    """One part of a sort: a field at the end of to-one relations."""

    relations: tuple[str, ...]
    name: str
    descending: bool = False

    def __str__(self) -> str:
        return ("-" if self.descending else "") + "__".join((*self.relations, self.name))


class Sight:
    """What `actor` may see of the rows that `judge` judges over."""

    def __init__(self, judge: Judge, actor: Actor, orders: Orders) -> None:
        self.judge = judge
        self.actor = actor
        self._orders = orders
        self._visible: dict[str, tuple[Row, ...]] = {}
        self._related: dict[tuple[str, str, Row], list[Row]] = {}
        self._fields: dict[str, Mapping[str, str]] = {}
        self._refusals: dict[tuple[str, str], bool] = {}
        self._known: dict[Row, Mapping[str, str]] = {}
        self._values: dict[tuple[Row, str], Any] = {}
        self._relations: dict[str, tuple[str, ...]] = {}
        self._between: Judge | None = None

    # Resources and fields --------------------------------------------------------------------------------------

    def refusal(self, resource: Resource, *actions: str) -> int | None:
        """Return the status that refuses every row, None where some row may pass. Who changes must read too."""
        asked = {each for action in actions for each in (("read", action) if action != "create" else (action,))}
        return self.forbidden if any(self._never(resource, each) for each in asked) else None

    def _never(self, resource: Resource, action: str) -> bool:
        at = (resource.name, action)
        if at not in self._refusals:
            self._refusals[at] = self.judge.settled(self.actor, action, resource) is False
        return self._refusals[at]

    @property
    def forbidden(self) -> int:
        """The status for what is seen and may not be done: 401 asks nobody to sign in, 403 is for who did."""
        return 401 if self.actor.caller.id is None else 403

    def states(self, resource: Resource) -> Mapping[str, str]:
        """Return how each field may be known: `open`, `masked` where the row decides, or `closed`."""
        if resource.name not in self._fields:
            self._fields[resource.name] = self.judge.readable_fields(self.actor, resource)
        return self._fields[resource.name]

    def readable(self, resource: Resource) -> list[str]:
        """Return the fields that stand in answers, if only as null."""
        return [name for name, state in self.states(resource).items() if state != "closed"]

    def askable(self, resource: Resource) -> list[str]:
        """Return the fields that may be filtered and sorted by."""
        return [name for name, state in self.states(resource).items() if state == "open"]

    def relations(self, resource: Resource) -> tuple[str, ...]:
        if resource.name not in self._relations:
            self._relations[resource.name] = self.judge.relations(self.actor, resource)
        return self._relations[resource.name]

    def target(self, resource: Resource, relation: str) -> Resource:
        found = self.judge.resources.of(resource.relations[relation].model)
        assert found is not None
        return found

    def may_know(self, resource: Resource, row: Row, name: str) -> bool:
        """Say whether the value of a field may be read in a row."""
        if row not in self.visible(resource):
            return False
        return self._of_row(resource, row)[name] in ("open", "shown")

    def _of_row(self, resource: Resource, row: Row) -> Mapping[str, str]:
        """Return how each field of one row may be known."""
        if row not in self._known:
            self._known[row] = self.judge.readable_fields(self.actor, resource, row)
        return self._known[row]

    # Rows ------------------------------------------------------------------------------------------------------

    def visible(self, resource: Resource) -> tuple[Row, ...]:
        """Return the rows that may be read, in the order of their keys."""
        if resource.name not in self._visible:
            rows = self.judge.visible(self.actor, resource)
            self._visible[resource.name] = tuple(self.ordered(resource, rows, ()))
        return self._visible[resource.name]

    def hidden(self, resource: Resource) -> tuple[Row, ...]:
        seen = {id(row) for row in self.visible(resource)}
        return tuple(row for row in self.judge.world.of(resource) if id(row) not in seen)

    def many(self, resource: Resource, name: str, row: Row | None) -> list[Row]:
        """Return the rows that a relation leads to and that may be read, in the order of their keys."""
        if row is None:
            return []
        at = (resource.name, name, row)
        if at not in self._related:
            target = self.target(resource, name)
            known = {id(each) for each in self.visible(target)}
            found = [each for each in self._through(resource, name).related(resource, name, row) if id(each) in known]
            self._related[at] = self.ordered(target, found, ())
        return self._related[at]

    def one(self, resource: Resource, name: str, row: Row | None) -> Row | None:
        return next(iter(self.many(resource, name, row)), None)

    def _through(self, resource: Resource, name: str) -> Judge:
        """Return a judge to whom the rows of tables between are missing that the caller may not read."""
        if resource.relations[name].through is None:
            return self.judge
        if self._between is None:
            self._between = self.judge.over(
                World({table: self._known_links(table) for table in self.judge.world.tables})
            )
        return self._between

    def _known_links(self, table: Any) -> tuple[Row, ...]:
        resources = self.judge.resources
        between = resources.of_table(table)
        rows = self.judge.world.rows(table)
        throughs = {relation.through for each in resources for relation in each.relations.values()}
        return rows if between is None or table not in throughs else self.judge.visible(self.actor, between)

    def ordered(self, resource: Resource, rows: Sequence[Row], sort: Sequence[Order]) -> list[Row]:
        """Return rows in the order of a sort, then of the key. NULL, and what is missing or hidden, is the greatest."""
        last = sort[-1].descending if sort else False
        keys = [*sort, *(Order((), part.name, last) for part in resource.key)]
        places = {row: [self._place(resource, row, each) for each in keys] for row in rows}

        def compare(one: Row, other: Row) -> int:
            for key, left, right in zip(keys, places[one], places[other], strict=True):
                if left != right:
                    before = right is None or (left is not None and left < right)
                    return -1 if before is not key.descending else 1
            return 0

        return sorted(rows, key=cmp_to_key(compare))

    def _place(self, resource: Resource, row: Row | None, order: Order) -> int | None:
        for name in order.relations:
            resource, row = self.target(resource, name), self.one(resource, name, row)
        return None if row is None else self.place(resource.fields[order.name], row)

    def place(self, field: Field, row: Row) -> int | None:
        """Return the place of a row's value in the order of its column; equal values have one place."""
        return self._orders.of(field, row)

    def holds(self, resource: Resource, row: Row | None, relations: Sequence[str], test: Test) -> bool:
        """Say whether a test holds for a row that `relations` lead to; a missing row is told to it as None."""
        if not relations:
            return test(row)
        name, rest, target = relations[0], relations[1:], self.target(resource, relations[0])
        if resource.relations[name].to_many:
            return any(self.holds(target, each, rest, test) for each in self.many(resource, name, row))
        return self.holds(target, self.one(resource, name, row), rest, test)

    # Answers ---------------------------------------------------------------------------------------------------

    def value(self, resource: Resource, row: Row, name: str) -> Any:
        """Return the JSON of one field: null where the row keeps it from the caller."""
        at = (row, name)
        if at not in self._values:
            masked = self.states(resource)[name] == "masked" and self._of_row(resource, row)[name] != "shown"
            field = resource.fields[name]
            self._values[at] = None if masked else shown(field, row.of(field))
        return self._values[at]

    def json(self, resource: Resource, row: Row, asked: Shown = WHOLE) -> dict[str, Any]:
        """Return the JSON of a row. Of related lists `next` is said as whether there is more."""
        names = self.readable(resource) if asked.fields is None else asked.fields
        made: dict[str, Any] = {name: self.value(resource, row, name) for name in names}
        for name, inner in asked.related.items():
            target, found = self.target(resource, name), self.many(resource, name, row)
            if resource.relations[name].to_many:
                items = [self.json(target, each, inner) for each in found[:EMBEDDED]]
                made[name] = {"items": items, "next": len(found) > EMBEDDED}
            else:
                made[name] = self.json(target, found[0], inner) if found else None
        return made
