"""Everything that can be done with the rows of resources, by one caller at a time. The web layer calls this.

A visit is granted first: it refuses a caller for whom no row can pass. What follows is a whole request: it runs plans
in one transaction and returns bytes with their entity tag. What is refused is raised as a Problem.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

from meze.access.caller import Caller
from meze.access.policy import Policy
from meze.databases import Connection
from meze.query.ask import ListAsk
from meze.query.groups import AggregateAsk
from meze.query.view import View
from meze.records.aggregates import Aggregates
from meze.records.cost import Load, SlotHeld, Slots
from meze.records.lending import Lending, LendingWithin
from meze.records.plan import Planner
from meze.records.reads import NextUrl, Reads
from meze.records.run import Runner
from meze.records.visit import Answer, Notes, Visit
from meze.records.writes import Writes
from meze.resources.resource import Resource


@dataclass(frozen=True, slots=True)
class Within:
    """The records inside of a transaction, and its connection."""

    records: Records
    lending: LendingWithin
    connection: Connection


class Records:
    """The rows of every resource, behind the rules."""

    def __init__(self, planner: Planner, runner: Runner, slots: Slots, together_seconds: float = 20.0) -> None:
        self.planner = planner
        self._policy: Policy = planner.policy
        self._together_seconds = together_seconds
        self.slots = slots
        self.limit = runner.limit
        self.lending = Lending(planner)
        self.reads = Reads(planner, runner, slots, self.lending)
        self.aggregates = Aggregates(planner, runner.seal, runner.limit, slots, self.lending)
        self.writes = Writes(planner, self.reads, self.lending)
        self._notes: Notes | None = None

    @contextmanager
    def together(self) -> Iterator[Within]:
        """Let what is done with the records that this lends be one transaction: all of it is kept, or nothing.

        It may take `together_seconds`, and takes the place of one long request.
        """
        with self.slots.taken(Load(suspect=True)), self.lending.writing_several() as connection:
            yield self.within(self.lending.within(connection, self._together_seconds), connection)

    def within(self, lending: LendingWithin, connection: Connection) -> Within:
        """Return what does the same on a connection where a transaction is open."""
        inner = copy(self)
        inner.slots, inner.lending = SlotHeld(), lending
        inner.reads = self.reads.within(inner.slots, lending)
        inner.aggregates = self.aggregates.within(inner.slots, lending)
        inner.writes = self.writes.within(inner.reads, lending)
        return Within(inner, lending, connection)

    def lent_by(self, lending: Lending) -> Records:
        """Return what does the same with connections that `lending` lends."""
        inner = copy(self)
        inner.lending = lending
        inner.reads = self.reads.within(self.slots, lending)
        inner.aggregates = self.aggregates.within(self.slots, lending)
        inner.writes = self.writes.within(inner.reads, lending)
        return inner

    def noted(self, connection: Connection, notes: Notes) -> Records:
        """Return what does the same on a connection where a transaction is open, and notes what answers depend on."""
        inner = self.within(self.lending.within(connection, math.inf), connection).records
        inner.slots, inner._notes = self.slots, notes
        return inner

    def visit(self, resource: Resource, caller: Caller, action: str) -> Visit:
        """Let a caller in who wants to do `action`.

        Raises:
            Unauthenticated, Forbidden: no row can pass for such a caller, whatever else the request says;
                InsufficientScope where only the scopes of the key forbid it.
        """
        standing = self._policy.standing(caller)
        if not self._policy.grants(resource, action, standing):
            raise self._policy.refuse_every_row(resource, action, standing)
        if self._notes is not None:
            self._notes.asked[resource.name, action] = None
        return Visit(resource, caller, standing, self._notes)

    def view(self, visit: Visit) -> View:
        """Return what the caller may know of the resource."""
        return self._policy.view(visit.resource, visit.standing)

    def page(self, visit: Visit, ask: ListAsk | AggregateAsk, next_url: NextUrl) -> Answer:
        """Return a page of what is asked of a collection."""
        if isinstance(ask, AggregateAsk):
            return self.aggregates.page(visit, ask, next_url)
        return self.reads.page(visit, ask, next_url)

    def can(self, resource: Resource, caller: Caller, action: str, row: object) -> bool:
        """Say whether the rules let `caller` do `action` with `row`, an instance of the resource's model."""
        return self.reads.can(Visit(resource, caller, self._policy.standing(caller)), action, row)
