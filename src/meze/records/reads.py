"""Read rows for one caller: a page of them, one of them, or whether a rule would let something happen to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meze.databases import Connection, Statement
from meze.databases.statement import Fetched, Row
from meze.errors import NotFound
from meze.query.ask import ListAsk, Scope, Selection
from meze.query.cursor import bad_cursor
from meze.records.cost import Slots
from meze.records.lending import Lending
from meze.records.plan import ListPlan, Planner, RowPlan
from meze.records.run import Runner
from meze.records.shape import Follow, digest, encode, no_related
from meze.records.urls import key_text
from meze.records.visit import Answer, Visit, keyed, named
from meze.records.write import ask_create, plan_delete, plan_update
from meze.resources.resource import ACTIONS

NextUrl = Callable[[str | None], str | None]
"""Writes the address of the next page: with this cursor, or where that is None, of the next counted page, if it may be
asked for."""


class Reads:
    def __init__(self, planner: Planner, runner: Runner, slots: Slots, lending: Lending) -> None:
        self._planner = planner
        self._runner = runner
        self._slots = slots
        self._lending = lending

    def within(self, slots: Slots, lending: Lending) -> Reads:
        """Return what reads the same with connections of `lending`."""
        return Reads(self._planner, self._runner, slots, lending)

    def page(self, visit: Visit, ask: ListAsk, next_url: NextUrl) -> Answer:
        """Return a page of rows."""
        if ask.shape.scope is not None and not self._may_follow(ask.shape.scope, visit):
            raise bad_cursor()
        plan = self._lending.planned(visit, lambda: self._planner.rows(visit.resource, visit.standing, ask.shape))
        with self._slots.taken(plan.load), self._lending.reading(visit, snapshot=not plan.single) as connection:
            page, cursor = self._runner.page(plan, ask, visit.me, connection, _noting(plan, visit))
        if page.next is not None:
            page.next = next_url(cursor)
        return Answer(encode(page), rows=len(page.items))

    def get(self, visit: Visit, key: list[Any], selection: Selection) -> Answer:
        """Return one row.

        Raises:
            NotFound: there is none, or none that the caller may read.
        """
        plan = self._lending.planned(visit, lambda: self._planner.row(visit.resource, visit.standing, selection))
        if plan.many:
            with self._lending.reading(visit, snapshot=True) as connection:
                answer = self.shown(plan, visit, key, connection)
        else:
            found = self._lending.read_one(visit, plan.statement, keyed(key, visit.me))
            answer = self._shown(plan, visit, key, found, no_related)
        if answer is None:
            raise NotFound
        return answer

    def shown(self, plan: RowPlan, visit: Visit, key: list[Any], connection: Connection) -> Answer | None:
        """Return the row as the caller may read it, with its entity tag, or None."""
        found = connection.fetch(plan.statement, keyed(key, visit.me))
        return self._shown(
            plan,
            visit,
            key,
            found,
            lambda many, row: self._runner.embedded(plan, many, row, visit.me, connection),
        )

    def _shown(self, plan: RowPlan, visit: Visit, key: list[Any], found: Fetched, follow: Follow) -> Answer | None:
        if not found.rows:
            return None
        whole = encode(plan.whole.objects(found, no_related)[0])
        tag, body = digest(whole), whole
        if plan.node is not plan.whole:
            body = encode(plan.node.objects(found, follow)[0])
            if plan.node.related:
                tag = f"{tag}.{digest(body)}"
        address = key_text(plan.resource.key, key)
        visit.show(address, related=bool(plan.node.related))
        return Answer(body, tag, address)

    def can(self, visit: Visit, action: str, row: Any) -> bool:
        """Say whether the rules let the caller do `action` with `row`, an instance of the model."""
        if action not in ACTIONS:
            raise ValueError(f"{action!r} is no action; the actions are {', '.join(ACTIONS)}")
        if action == "create":
            bound = named({name: getattr(row, name) for name in visit.resource.fields})
        else:
            key = [getattr(row, part.name) for part in visit.resource.key]
            if None in key:
                raise ValueError(f"{row!r} has no key yet: only `create` can be asked of a row that is not stored")
            bound = keyed(key)
        statement = self._lending.planned(visit, lambda: self._question(visit, action))
        with self._lending.reading(visit) as connection:
            return bool(connection.rows(statement, bound | visit.me))

    def _question(self, visit: Visit, action: str) -> Statement:
        planner, resource, standing = self._planner, visit.resource, visit.standing
        if action == "create":
            return ask_create(planner, resource, standing)
        if action == "read":
            return planner.row(resource, standing).statement
        if action == "delete":
            return plan_delete(planner, resource, standing).allowed
        return plan_update(planner, resource, standing, frozenset()).allowed

    def _may_follow(self, scope: Scope, visit: Visit) -> bool:
        """Say whether the caller may (still) know of the relation that an embedded list's `next` goes along."""
        parent = self._planner.resources.named(scope.resource)
        return parent is not None and scope.relation in self._planner.policy.view(parent, visit.standing).relations


def _noting(plan: ListPlan, visit: Visit) -> Callable[[Row], None] | None:
    """Return what notes that a row of a list is shown, None where nobody asks."""
    if visit.notes is None:
        return None
    own = {
        key.path.field: place
        for key, (place, _) in zip(plan.shape.sort, plan.sort, strict=True)
        if not key.path.relations
    }
    key, related = plan.resource.key, bool(plan.node.related)
    return lambda row: visit.show(key_text(key, [row[own[part.name]] for part in key]), related=related)
