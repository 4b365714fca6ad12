"""Change rows for one caller: check what was sent, run one plan in one transaction, and say why if nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from meze.access.policy import Policy
from meze.access.rule import NOBODY_AT_ALL
from meze.access.tenancy import Tenancy
from meze.databases import Connection, DatabaseError, FaultKind, Statement
from meze.databases.statement import Row
from meze.errors import ENTRIES_SHOWN, Entry, Invalid, PreconditionRequired, Problem
from meze.query.ask import Selection
from meze.records.changes import Changes
from meze.records.check import Checker, Draft
from meze.records.lending import Lending
from meze.records.plan import Planner
from meze.records.reads import Reads
from meze.records.refusals import Refusals
from meze.records.run import Values
from meze.records.shape import digest, encode, no_related
from meze.records.urls import key_text
from meze.records.visit import Answer, Match, Visit, keyed, named
from meze.records.write import WritePlan, plan_create, plan_delete, plan_founding, plan_update
from meze.resources.resource import Field, Resource


@dataclass(frozen=True, slots=True)
class Act:
    """A write that was checked and planned, and is still to be done: by itself, or as a part of more.

    `write` does it on a connection, and returns what `show` makes the answer of; `told` does so where the row that was
    written tells all, and is None where it does not. `statement`, run with `bound`, does
    the same where it returns a row; None where more has to be asked. `alone`: one statement is all, and needs no
    transaction around it. `explain` raises a better problem than the one that the act ended by, if there is one, once
    everything was undone.
    """

    visit: Visit
    alone: bool
    write: Callable[[Connection], Row]
    show: Callable[[Row, Connection], Answer]
    told: Callable[[Row], Answer | None] = lambda _: None
    statement: Statement | None = None
    bound: Values = field(default_factory=dict)
    explain: Callable[[Problem], None] = lambda _: None

    def run(self, connection: Connection) -> Answer:
        """Do it on a connection, and return the answer."""
        return self.show(self.write(connection), connection)


class Writes:
    """What begins with a verb does it at once; what ends in -ing returns the Act."""

    def __init__(self, planner: Planner, reads: Reads, lending: Lending) -> None:
        self._planner = planner
        self._policy: Policy = planner.policy
        self._reads = reads
        self._lending = lending
        self._checkers = {resource.name: Checker(resource) for resource in planner.resources}
        self._changes = Changes(planner.database)
        self._refusals = Refusals(planner)

    def within(self, reads: Reads, lending: Lending) -> Writes:
        """Return what writes the same with connections of `lending`."""
        other = copy(self)
        other._reads, other._lending = reads, lending
        return other

    def create(self, visit: Visit, body: Mapping[str, Any], selection: Selection) -> Answer:
        """Make a row and return it as the caller may now read it; `{}` where that is nothing."""
        return self.do(self.creating(visit, body, selection))

    def patch(
        self, visit: Visit, key: list[Any], body: Mapping[str, Any], match: Match | None, selection: Selection
    ) -> Answer:
        """Change what `body` names of a row, and return the row."""
        return self.do(self.patching(visit, key, body, match, selection))

    def put(
        self, visit: Visit, key: list[Any], body: Mapping[str, Any], match: Match | None, selection: Selection
    ) -> Answer:
        """Replace what the caller may write of a row; what is absent takes its default."""
        return self.do(self.putting(visit, key, body, match, selection))

    def delete(self, visit: Visit, key: list[Any], match: Match | None) -> None:
        """Remove a row."""
        self.do(self.deleting(visit, key, match))

    def do(self, act: Act) -> Answer:
        """Do one act, whole or not at all."""
        try:
            if act.alone and act.statement is not None:
                rows = self._lending.write_one(act.visit, act.statement, act.bound)
                if rows:
                    answer = act.told(rows[0])
                    if answer is not None:
                        return answer
                    with self._lending.reading(act.visit) as connection:
                        return act.show(rows[0], connection)
            # Where nothing was written, it is tried again with the questions that tell why.
            lend = self._lending.writing_one if act.alone else self._lending.writing
            with lend(act.visit) as connection:
                return act.run(connection)
        except Problem as problem:
            act.explain(problem)
            raise

    def write(self, act: Act) -> Row:
        """Do one act, whole or not at all, and leave the showing of its row for later."""
        try:
            with self._lending.writing(act.visit) as connection:
                return act.write(connection)
        except Problem as problem:
            act.explain(problem)
            raise

    def faults_of_columns(self, visit: Visit, names: Sequence[str], *, whole: bool) -> list[Entry]:
        """Return what is wrong with the columns of a file, whose rows are `whole` where they are all new."""
        resource, standing = visit.resource, visit.standing
        view, writable = self._policy.view(resource, standing), self._policy.writable(resource, standing)
        return self._checkers[resource.name].columns(names, view, writable, whole=whole)

    def closed_to(self, visit: Visit) -> frozenset[str]:
        """Return the names of the fields that the caller may never set."""
        writable = self._policy.writable(visit.resource, visit.standing)
        return self._checkers[visit.resource.name].closed(writable)

    def key_in(self, resource: Resource, body: Mapping[str, Any]) -> tuple[list[Any], list[Entry]]:
        """Return the key that a body carries, and what is wrong with it."""
        return self._checkers[resource.name].key(body)

    def differing_in(self, resource: Resource, body: Mapping[str, Any], key: list[Any]) -> list[Field]:
        """Return the parts of the key that a body carries with a value other than that in `key`."""
        return self._checkers[resource.name].differing(body, key)

    def creating(self, visit: Visit, body: Mapping[str, Any], selection: Selection, shown: int = ENTRIES_SHOWN) -> Act:
        """Plan a create. Of what is wrong with the body, `shown` faults will be listed."""
        resource, standing = visit.resource, visit.standing
        view, writable = self._policy.view(resource, standing), self._policy.writable(resource, standing)
        draft = self._checkers[resource.name].create(body, view, writable, visit.caller, shown)
        values = self._changes.created(resource, draft.values, visit.caller)
        given = frozenset(values)
        asked = frozenset(draft.values.keys() & self._sometimes(visit))
        plan = self._lending.planned(visit, lambda: plan_create(self._planner, resource, standing, given, asked))
        bound = named(values) | visit.me

        def write(connection: Connection) -> Row:
            rows = connection.rows(plan.statement, bound)
            if not rows:
                self._refusals.create(visit, plan, bound, connection)
            return rows[0]

        act = self._act(visit, plan, bound, write, selection)
        tenancy = self._policy.tenancy
        if tenancy is not None and tenancy.founded is not None and resource.table is tenancy.tenant:
            return self._founding(act, tenancy, tenancy.founded)
        return act

    def patching(
        self,
        visit: Visit,
        key: list[Any],
        body: Mapping[str, Any],
        match: Match | None,
        selection: Selection,
        shown: int = ENTRIES_SHOWN,
    ) -> Act:
        resource, standing = visit.resource, visit.standing
        view, writable = self._policy.view(resource, standing), self._policy.writable(resource, standing)
        draft = self._checkers[resource.name].patch(body, view, writable, self._sometimes(visit), shown)
        _require_match(resource, match)
        return self._updating(visit, key, draft, draft.values, frozenset(), match, selection)

    def putting(
        self, visit: Visit, key: list[Any], body: Mapping[str, Any], match: Match | None, selection: Selection
    ) -> Act:
        resource, standing = visit.resource, visit.standing
        view, writable = self._policy.view(resource, standing), self._policy.writable(resource, standing)
        draft, absent = self._checkers[resource.name].put(body, view, writable, self._sometimes(visit))
        _require_match(resource, match)
        values = draft.values | self._changes.reset(absent, draft.values)
        reset = frozenset(each.name for each in absent if each.name not in values)
        return self._updating(visit, key, draft, values, reset, match, selection)

    def deleting(self, visit: Visit, key: list[Any], match: Match | None) -> Act:
        _require_match(visit.resource, match)
        plan = self._lending.planned(visit, lambda: plan_delete(self._planner, visit.resource, visit.standing))
        bound = keyed(key) | visit.me

        def write(connection: Connection) -> Row:
            if match is not None:
                self._refusals.compare(visit, key, match, Draft(), connection)
            rows = connection.rows(plan.write.statement, bound)
            if not rows:
                raise self._refusals.absent_or_forbidden(visit, key, connection)
            return rows[0]

        return Act(
            visit,
            alone=match is None,
            write=write,
            show=lambda _row, _connection: Answer(b""),
            told=lambda _: Answer(b""),
            statement=plan.write.statement if match is None else None,
            bound=bound,
        )

    def _updating(
        self,
        visit: Visit,
        key: list[Any],
        draft: Draft,
        sent: Mapping[str, Any],
        reset: frozenset[str],
        match: Match | None,
        selection: Selection,
    ) -> Act:
        values = self._changes.updated(visit.resource, sent)
        given = frozenset(values)
        asked = frozenset((sent.keys() | reset) & self._sometimes(visit))
        plan = self._lending.planned(
            visit, lambda: plan_update(self._planner, visit.resource, visit.standing, given, reset, asked)
        )
        bound = named(values) | keyed(key) | visit.me
        compared = match is not None or bool(draft.closed) or bool(draft.unsure)

        def write(connection: Connection) -> Row:
            if compared:
                self._refusals.compare(visit, key, match, draft, connection)
            rows = connection.rows(plan.write.statement, bound)
            if rows:
                return rows[0]
            kept = self._refusals.update(visit, key, plan, draft.values, bound, connection)
            rest = {name: value for name, value in sent.items() if name not in kept}
            act = self._updating(visit, key, draft.without(kept), rest, reset - kept, None, selection)
            return act.write(connection)

        return self._act(visit, plan.write, bound, write, selection, compared=compared)

    def _act(
        self,
        visit: Visit,
        plan: WritePlan,
        bound: Values,
        write: Callable[[Connection], Row],
        selection: Selection,
        *,
        compared: bool = False,
    ) -> Act:
        return Act(
            visit,
            alone=not compared and selection.plain and plan.shown is not None,
            write=write,
            show=lambda row, connection: self._written(visit, plan, row, selection, connection),
            told=lambda row: self._told(visit, plan, row, selection),
            statement=None if compared else plan.statement,
            bound=bound,
            explain=lambda problem: self._explain_afterwards(problem, visit, plan, bound),
        )

    def _founding(self, act: Act, tenancy: Tenancy, membership: Resource) -> Act:
        """Return the making of a tenant together with that of the membership of whoever makes it."""
        visit = act.visit

        def write(connection: Connection) -> Row:
            row = act.write(connection)
            sent = tenancy.first_membership(visit.resource, row, visit.caller)
            values = self._changes.created(membership, sent, visit.caller)
            given = frozenset(values)
            statement = self._lending.planned(visit, lambda: plan_founding(self._planner, membership, given))
            connection.rows(statement, named(values))
            return row

        # Of several such rows each is made by itself, so that its membership follows it.
        return replace(act, alone=False, statement=None, write=write)

    def _sometimes(self, visit: Visit) -> Set[str]:
        """Return the fields of which the row decides whether the caller may write them."""
        return self._policy.conditional(visit.resource, "write", visit.standing).keys()

    def _written(self, visit: Visit, plan: WritePlan, row: Row, selection: Selection, connection: Connection) -> Answer:
        """Return the row that was written, as the caller may now read it."""
        answer = self._told(visit, plan, row, selection)
        if answer is not None:
            return answer
        resource, standing = visit.resource, visit.standing
        key = list(row[: len(resource.key)])
        if self._policy.rule(resource, "read", standing) != NOBODY_AT_ALL:
            answer = self._reads.shown(self._planner.row(resource, standing, selection), visit, key, connection)
            if answer is not None:
                return answer
        return Answer(b"{}", key=key_text(resource.key, key))

    def _told(self, visit: Visit, plan: WritePlan, row: Row, selection: Selection) -> Answer | None:
        """Return the same from what the statement returned alone, None where that does not tell.

        A row of which nothing was left to change comes as its key alone.
        """
        key = visit.resource.key
        if plan.shown is None or not selection.plain or len(row) == len(key):
            return None
        address = key_text(key, row[: len(key)])
        if not row[len(key)]:
            return Answer(b"{}", key=address)
        visit.show(address)
        body = encode(plan.shown.build(row[len(key) + 1 :], no_related))
        return Answer(body, digest(body), address)

    def _explain_afterwards(self, problem: Problem, visit: Visit, plan: WritePlan, bound: Values) -> None:
        """Ask which foreign key it was, where the database did not say, now that the transaction was undone."""
        cause = problem.__cause__
        if isinstance(cause, DatabaseError) and cause.fault.kind is FaultKind.FOREIGN_KEY:
            with self._lending.reading(visit, snapshot=True) as connection:
                entries = self._refusals.dangling(plan, bound, connection)
            if entries:
                raise Invalid(entries)


def _require_match(resource: Resource, match: Match | None) -> None:
    if resource.require_match and match is None:
        raise PreconditionRequired(entries=[Entry("required", header="If-Match")])
