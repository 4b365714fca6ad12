"""Everything that can be done with the rows of resources, by one caller at a time. The web layer calls this.

Each method is a whole request: it decides whether the caller may at all, checks what was sent, runs plans in one
transaction, and returns bytes with their entity tag. What is refused is raised as a Problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from meze.access.caller import Caller, Standing
from meze.access.rule import NOBODY_AT_ALL
from meze.databases import Connection, Database, Fault, FaultKind, Statement
from meze.errors import Changed, Entry, Invalid, NotFound, PreconditionRequired, Problem
from meze.query.ask import WHOLE, ListAsk, Scope, Selection
from meze.query.cursor import bad_cursor
from meze.query.view import View
from meze.records.changes import Changes
from meze.records.check import Checker, Draft, pointer
from meze.records.cost import Slots
from meze.records.faults import problem_of
from meze.records.plan import Planner, RowPlan
from meze.records.run import Runner, Values, caller_values
from meze.records.shape import Row, digest, encode
from meze.records.urls import key_text
from meze.records.write import ChangePlan, WritePlan, ask_create, plan_create, plan_delete, plan_update
from meze.resources.resource import ACTIONS, Resource


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer. `etag` is without quotes; `key` stands in the row's address. `rows` is for the log."""

    body: bytes
    etag: str | None = None
    key: str | None = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Match:
    """What `If-Match` asks: one of these entity tags (the part for the row), or any row at all."""

    tags: frozenset[str]
    any: bool = False


T = TypeVar("T")

NextUrl = Callable[[str | None], str | None]
"""Writes the address of the next page: with this cursor, or where that is None, of the next counted page, if it may be
asked for."""


class Records:
    """The rows of every resource, behind the rules."""

    def __init__(self, planner: Planner, runner: Runner, slots: Slots) -> None:
        self.planner = planner
        self.policy = planner.policy
        self.database: Database = planner.database
        self.runner = runner
        self.slots = slots
        self._checkers = {resource.name: Checker(resource) for resource in planner.resources}
        self._changes = Changes(self.database)

    def page(self, resource: Resource, caller: Caller, ask: ListAsk, next_url: NextUrl) -> Answer:
        """Return a page of rows."""
        standing = self._standing(resource, caller, "read")
        if ask.shape.scope is not None and not self._may_follow(ask.shape.scope, standing):
            raise bad_cursor()
        plan = self._planned(resource, standing, lambda: self.planner.rows(resource, standing, ask.shape))
        with self.slots.taken(plan.load), self._reading(resource, standing, snapshot=not plan.single) as connection:
            page, cursor = self.runner.page(plan, ask, caller_values(caller), connection)
        if page.next is not None:
            page.next = next_url(cursor)
        return Answer(encode(page), rows=len(page.items))

    def get(self, resource: Resource, caller: Caller, key: list[Any], selection: Selection = WHOLE) -> Answer:
        """Return one row.

        Raises:
            NotFound: there is none, or none that the caller may read.
        """
        standing = self._standing(resource, caller, "read")
        plan = self._planned(resource, standing, lambda: self.planner.row(resource, standing, selection))
        with self._reading(resource, standing, snapshot=bool(plan.many)) as connection:
            answer = self._shown(plan, key, caller, connection)
        if answer is None:
            raise NotFound
        return answer

    def create(
        self, resource: Resource, caller: Caller, body: Mapping[str, Any], selection: Selection = WHOLE
    ) -> Answer:
        """Make a row and return it as the caller may now read it; `{}` where that is nothing."""
        standing = self._standing(resource, caller, "create")
        view, writable = self.policy.view(resource, standing), self.policy.writable(resource, standing)
        draft = self._checkers[resource.name].create(body, view, writable, caller)
        values = self._changes.created(resource, draft.values, caller)
        given = frozenset(values)
        plan = self._planned(resource, standing, lambda: plan_create(self.planner, resource, standing, given))
        bound = _named(values) | caller_values(caller)
        with self._writing(resource, standing, plan, bound, alone=selection.plain) as connection:
            rows = connection.rows(plan.statement, bound)
            if not rows:
                self._explain_refused(plan, bound, connection)
                raise self.policy.refuse(standing)
            return self._written(resource, plan, rows[0], caller, standing, selection, connection)

    def patch(
        self,
        resource: Resource,
        caller: Caller,
        key: list[Any],
        body: Mapping[str, Any],
        match: Match | None = None,
        selection: Selection = WHOLE,
    ) -> Answer:
        """Change what `body` names of a row, and return the row."""
        standing = self._standing(resource, caller, "update")
        view, writable = self.policy.view(resource, standing), self.policy.writable(resource, standing)
        draft = self._checkers[resource.name].patch(body, view, writable)
        return self._update(resource, caller, standing, key, draft, draft.values, match, selection)

    def put(
        self,
        resource: Resource,
        caller: Caller,
        key: list[Any],
        body: Mapping[str, Any],
        match: Match | None = None,
        selection: Selection = WHOLE,
    ) -> Answer:
        """Replace what the caller may write of a row; what is absent takes its default."""
        standing = self._standing(resource, caller, "update")
        view, writable = self.policy.view(resource, standing), self.policy.writable(resource, standing)
        draft, absent = self._checkers[resource.name].put(body, view, writable)
        values = draft.values | self._changes.reset(absent, draft.values)
        reset = frozenset(each.name for each in absent if each.name not in values)
        return self._update(resource, caller, standing, key, draft, values, match, selection, reset)

    def delete(self, resource: Resource, caller: Caller, key: list[Any], match: Match | None = None) -> None:
        """Remove a row."""
        standing = self._standing(resource, caller, "delete")
        self._require_match(resource, match)
        plan = self._planned(resource, standing, lambda: plan_delete(self.planner, resource, standing))
        bound = _keyed(key) | caller_values(caller)
        with self._writing(resource, standing, plan.write, bound) as connection:
            if match is not None:
                self._compare(resource, key, caller, standing, match, {}, connection)
            if not connection.rows(plan.write.statement, bound):
                raise self._absent_or_forbidden(resource, key, caller, standing, connection)

    def _update(
        self,
        resource: Resource,
        caller: Caller,
        standing: Standing,
        key: list[Any],
        draft: Draft,
        sent: Mapping[str, Any],
        match: Match | None,
        selection: Selection,
        reset: frozenset[str] = frozenset(),
    ) -> Answer:
        self._require_match(resource, match)
        values = self._changes.updated(resource, sent)
        given = frozenset(values)
        plan = self._planned(resource, standing, lambda: plan_update(self.planner, resource, standing, given, reset))
        bound = _named(values) | _keyed(key) | caller_values(caller)
        compared = match is not None or bool(draft.closed)
        alone = selection.plain and not compared
        with self._writing(resource, standing, plan.write, bound, alone=alone) as connection:
            if compared:
                self._compare(resource, key, caller, standing, match, draft.closed, connection)
            rows = connection.rows(plan.write.statement, bound)
            if not rows:
                self._explain_update(resource, key, caller, standing, plan, bound, connection)
                raise self.policy.refuse(standing)
            return self._written(resource, plan.write, rows[0], caller, standing, selection, connection)

    def require(self, resource: Resource, caller: Caller, action: str) -> None:
        """Refuse a caller for whom no row can pass, before anything of the request is looked at."""
        self._standing(resource, caller, action)

    def require_any(self, resource: Resource, caller: Caller) -> None:
        """Refuse a caller who may not read any row of the resource."""
        self._standing(resource, caller, "read")

    def view(self, resource: Resource, caller: Caller) -> View:
        """Return what the caller may know of the resource."""
        return self.policy.view(resource, self.policy.standing(caller))

    def readable_view(self, resource: Resource, caller: Caller) -> View:
        """Return the view of a caller who may read some rows, refusing one who may not."""
        return self.policy.view(resource, self._standing(resource, caller, "read"))

    def can(self, resource: Resource, caller: Caller, action: str, row: Any) -> bool:
        """Say whether the rules let the caller do `action` with `row`, an instance of the model."""
        standing = self.policy.standing(caller)
        if action not in ACTIONS:
            raise ValueError(f"{action!r} is no action; the actions are {', '.join(ACTIONS)}")
        me = caller_values(caller)
        if action == "create":
            values = {name: getattr(row, name) for name in resource.fields}
            statement, bound = ask_create(self.planner, resource, standing), _named(values)
        else:
            key = [getattr(row, part.name) for part in resource.key]
            if None in key:
                raise ValueError(f"{row!r} has no key yet: only `create` can be asked of a row that is not stored")
            statement, bound = self._question(resource, standing, action), _keyed(key)
        with self._reading(resource, standing, snapshot=False) as connection:
            return bool(connection.rows(statement, bound | me))

    def _question(self, resource: Resource, standing: Standing, action: str) -> Statement:
        if action == "read":
            return self.planner.row(resource, standing).statement
        if action == "delete":
            return plan_delete(self.planner, resource, standing).allowed
        return plan_update(self.planner, resource, standing, frozenset()).allowed

    def _standing(self, resource: Resource, caller: Caller, action: str) -> Standing:
        """Return the caller's standing, refusing one for whom no row can pass."""
        standing = self.policy.standing(caller)
        asked = {action} if action == "create" else {"read", action}
        if any(self.policy.rule(resource, each, standing) == NOBODY_AT_ALL for each in asked):
            raise self.policy.refuse(standing)
        return standing

    def _may_follow(self, scope: Scope, standing: Standing) -> bool:
        """Say whether the caller may (still) know of the relation that an embedded list's `next` goes along."""
        parent = self.planner.resources.named(scope.resource)
        return parent is not None and scope.relation in self.policy.view(parent, standing).relations

    def _require_match(self, resource: Resource, match: Match | None) -> None:
        if resource.require_match and match is None:
            raise PreconditionRequired(entries=[Entry("required", header="If-Match")])

    def _compare(
        self,
        resource: Resource,
        key: list[Any],
        caller: Caller,
        standing: Standing,
        match: Match | None,
        closed: Mapping[str, Any],
        connection: Connection,
    ) -> None:
        """Lock the row, and compare it with what the client believes it to be."""
        plan = self.planner.row(resource, standing)
        rows = connection.rows(plan.locked, _keyed(key) | caller_values(caller))
        if not rows:
            raise NotFound
        shown = plan.whole.build(rows[0], _no_related)
        if match is not None and not match.any and digest(encode(shown)) not in match.tags:
            raise Changed
        entries = [
            Entry("closed", pointer=pointer(name))
            for name, sent in closed.items()
            if _on_wire(resource, name, sent) != getattr(shown, name)
        ]
        if entries:
            raise Invalid(entries)

    def _written(
        self,
        resource: Resource,
        plan: WritePlan,
        row: Row,
        caller: Caller,
        standing: Standing,
        selection: Selection,
        connection: Connection,
    ) -> Answer:
        """Return the row that was written, as the caller may now read it."""
        key = list(row[: len(resource.key)])
        address = key_text(resource.key, key)
        if plan.shown is not None and selection.plain:
            visible, values = row[len(key)], row[len(key) + 1 :]
            body = encode(plan.shown.build(values, _no_related)) if visible else b"{}"
            return Answer(body, digest(body) if visible else None, address)
        if self.policy.rule(resource, "read", standing) != NOBODY_AT_ALL:
            answer = self._shown(self.planner.row(resource, standing, selection), key, caller, connection)
            if answer is not None:
                return answer
        return Answer(b"{}", key=address)

    def _shown(self, plan: RowPlan, key: list[Any], caller: Caller, connection: Connection) -> Answer | None:
        """Return the row as the caller may read it, with its entity tag, or None."""
        me = caller_values(caller)
        rows = connection.rows(plan.statement, _keyed(key) | me)
        if not rows:
            return None
        whole = encode(plan.whole.build(rows[0], _no_related))
        tag, body = digest(whole), whole
        if plan.node is not plan.whole:
            body = encode(
                plan.node.build(rows[0], lambda many, row: self.runner.embedded(plan, many, row, me, connection))
            )
            if plan.node.related:
                tag = f"{tag}.{digest(body)}"
        return Answer(body, tag, key_text(plan.resource.key, key))

    def _explain_refused(self, plan: WritePlan, bound: Values, connection: Connection) -> None:
        """Raise Invalid where foreign keys are to blame: to nothing and to a hidden row are the same."""
        entries = [
            Entry("no_such_row", pointer=pointer(name))
            for question in plan.foreign
            if not connection.rows(question.statement, bound)
            for name in question.fields
        ]
        if entries:
            raise Invalid(entries)

    def _explain_update(
        self,
        resource: Resource,
        key: list[Any],
        caller: Caller,
        standing: Standing,
        plan: ChangePlan,
        bound: Values,
        connection: Connection,
    ) -> None:
        if not connection.rows(plan.allowed, bound):
            raise self._absent_or_forbidden(resource, key, caller, standing, connection)
        self._explain_refused(plan.write, bound, connection)

    def _absent_or_forbidden(
        self, resource: Resource, key: list[Any], caller: Caller, standing: Standing, connection: Connection
    ) -> Problem:
        plan = self.planner.row(resource, standing)
        visible = connection.rows(plan.statement, _keyed(key) | caller_values(caller))
        return self.policy.refuse(standing) if visible else NotFound()

    def _planned(self, resource: Resource, standing: Standing, make: Callable[[], T]) -> T:
        """Return the plan. The first one asks the server for its version, so a database that is away shows here."""
        try:
            return make()
        except Exception as error:
            self._raise_problem(error, resource, standing)
            raise

    @contextmanager
    def _reading(self, resource: Resource, standing: Standing, *, snapshot: bool) -> Iterator[Connection]:
        try:
            with self.database.reading(snapshot=snapshot) as connection:
                yield connection
        except Exception as error:
            self._raise_problem(error, resource, standing)
            raise

    @contextmanager
    def _writing(
        self, resource: Resource, standing: Standing, plan: WritePlan, bound: Values, *, alone: bool = False
    ) -> Iterator[Connection]:
        """Lend a connection for a write, in a transaction unless the write stands `alone` and answers by itself."""
        lent = self.database.writing_one() if alone and plan.shown is not None else self.database.writing()
        try:
            with lent as connection:
                yield connection
        except Exception as error:
            fault = self.database.fault(error)
            if fault is not None and fault.kind is FaultKind.FOREIGN_KEY:
                # Not every database says which foreign key failed: it is asked, now that the transaction was undone.
                with self._reading(resource, standing, snapshot=True) as connection:
                    self._explain_refused(plan, bound, connection)
            self._raise_problem(error, resource, standing)
            raise

    def _raise_problem(self, error: Exception, resource: Resource, standing: Standing) -> None:
        """Raise what a refusal of the database means to a client; do nothing where it is no such refusal."""
        fault = self.database.fault(error)
        if fault is not None:
            named = self.policy.view(resource, standing).fields.keys() | self.policy.writable(resource, standing)
            raise problem_of(fault, resource, named, self._referring(fault, standing)) from error

    def _referring(self, fault: Fault, standing: Standing) -> str | None:
        """Return the name of the resource that still refers to a row, if the caller may know of it."""
        found = [each for each in self.planner.resources.served if each.table.name == fault.referring_table]
        known = (each for each in found if self.policy.rule(each, "read", standing) != NOBODY_AT_ALL)
        return next((each.name for each in known), None)


def _no_related(_many: object, _row: object) -> None:
    return None


def _on_wire(resource: Resource, name: str, value: Any) -> Any:
    wire = resource.fields[name].type.wire
    return value if value is None or wire is None else wire(value)


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"n_{name}": value for name, value in values.items()}


def _keyed(key: list[Any]) -> dict[str, Any]:
    return {f"k{index}": part for index, part in enumerate(key)}
