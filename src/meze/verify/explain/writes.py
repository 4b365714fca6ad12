"""What the rules would say of a write. It is checked and planned as ever, and then nothing of it is done.

The rules are asked of the stored row and of the row as it would be, which is the same derived table that the write's
one statement asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from meze.access.caller import Caller
from meze.access.rule import Rule
from meze.databases import Connection
from meze.errors import Entry, Invalid, NotFound, Problem
from meze.query.ask import WHOLE
from meze.records.check import pointer
from meze.records.plan import Planner
from meze.records.records import Records
from meze.records.visit import Match, Visit
from meze.records.write import ChangePlan, WritePlan
from meze.records.writes import Act
from meze.verify.explain.decided import Deciding
from meze.verify.explain.explanation import RowSeen
from meze.verify.explain.masks import Masks
from meze.verify.explain.question import Question
from meze.verify.explain.truth import asked, whole_rule
from meze.verify.explain.watch import Watch

ANY = Match(frozenset(), any=True)


@dataclass(slots=True)
class Verdict:
    """What the rules said. `problem` is what would keep the write from being done, None where rules let it happen."""

    rows: list[RowSeen] = field(default_factory=list)
    problem: Problem | None = None


class Writing:
    """Asks about one write of one caller. `records` are watched by `watch`, so that the plan of the write is known."""

    def __init__(self, records: Records, watch: Watch, planner: Planner, masks: Masks) -> None:
        self._records = records
        self._watch = watch
        self._planner = planner
        self._masks = masks

    def verdict(self, question: Question, caller: Caller, body: Any, connection: Connection) -> Verdict:
        """Return what the rules say of a write of one row.

        Raises:
            Problem: what keeps it from being planned: nobody may, or the body is not good.
        """
        resource = question.resource
        if question.key is None and question.action != "create":
            raise NotFound
        visit = self._records.visit(resource, caller, question.action)
        if question.key is None:
            return self._create(visit, _object(body), connection)
        stored = self._stored(visit, question, connection)
        if not stored and question.method == "PUT" and resource.chosen_key:
            return self._create(self._records.visit(resource, caller, "create"), _keyed(body, question), connection)
        verdict = Verdict(stored, self._refused(visit, stored))
        if question.action == "delete" or verdict.problem is not None:
            return verdict
        change = self._records.writes.putting if question.method == "PUT" else self._records.writes.patching
        act = change(visit, list(question.key), _object(body), ANY, WHOLE)
        plan = self._plan()
        verdict.rows += self._changed(visit, plan, act, question.key, connection)
        verdict.problem = self._refused(visit, verdict.rows) or self._dangling(plan, act, connection)
        return verdict

    def _create(self, visit: Visit, body: Mapping[str, Any], connection: Connection) -> Verdict:
        act = self._records.writes.creating(visit, body, WHOLE)
        plan = self._plan()
        rows = self._new(visit, plan, act, None, "create", connection)
        problem = self._refused(visit, rows) or self._dangling(plan, act, connection)
        return Verdict(rows, problem)

    def _stored(self, visit: Visit, question: Question, connection: Connection) -> list[RowSeen]:
        assert question.key is not None
        found: list[RowSeen] = []
        for action in ("read", question.action):
            what = f"{action}, of the row as it is"
            found += self._deciding(visit, action, what).of_rows([question.key], connection)
        return found

    def _changed(
        self, visit: Visit, plan: WritePlan, act: Act, key: tuple[Any, ...], connection: Connection
    ) -> list[RowSeen]:
        found = []
        for name in self._asked_fields(visit, act):
            found += self._field(visit, name, "as it is").of_rows([key], connection)
        return found + self._new(visit, plan, act, key, "update", connection)

    def _new(
        self,
        visit: Visit,
        plan: WritePlan,
        act: Act,
        key: tuple[Any, ...] | None,
        action: str,
        connection: Connection,
    ) -> list[RowSeen]:
        if plan.row is None:
            return []
        asking = [self._deciding(visit, action, f"{action}, of the row as it would be")]
        asking += [self._field(visit, name, "as it would be") for name in self._asked_fields(visit, act)]
        return [each.of_new(plan.row, act.bound, key, connection) for each in asking]

    def _asked_fields(self, visit: Visit, act: Act) -> list[str]:
        """Return the fields that the write sets and of which the row decides whether the caller may."""
        conditional = self._planner.policy.conditional(visit.resource, "write", visit.standing)
        return sorted(name for name in conditional if f"n_{name}" in act.bound)

    def _field(self, visit: Visit, name: str, which: str) -> Deciding:
        rule = self._planner.policy.declared_field(visit.resource, name, "write")
        return self._asking(visit, rule, visit.resource.line_of(f"fields.{name}"), f"write {name}, of the row {which}")

    def _deciding(self, visit: Visit, action: str, what: str) -> Deciding:
        rule = whole_rule(self._planner.policy, visit.resource, action)
        return self._asking(visit, rule, visit.resource.line_of(action), what)

    def _asking(self, visit: Visit, rule: Rule, line: str | None, what: str) -> Deciding:
        return Deciding(self._planner, visit, asked(visit.resource, rule, visit.standing, line), self._masks, what)

    def _plan(self) -> WritePlan:
        plan = self._watch.plans[-1].plan
        return plan.write if isinstance(plan, ChangePlan) else plan

    def _refused(self, visit: Visit, rows: list[RowSeen]) -> Problem | None:
        """Return what a client would be told, as far as the rules decide it."""
        if not rows:
            return NotFound()
        for row in rows:
            if row.allowed:
                continue
            if row.what.startswith("read"):
                return NotFound()
            if row.what.startswith("write "):
                name = row.what.removeprefix("write ").partition(",")[0]
                return Invalid([Entry("closed", pointer=pointer(name))])
            return self._planner.policy.refuse(visit.standing)
        return None

    def _dangling(self, plan: WritePlan, act: Act, connection: Connection) -> Problem | None:
        """Return the refusal of foreign keys that point at nothing, or at rows that the caller may not read."""
        entries = [
            Entry("no_such_row", pointer=pointer(name))
            for question in plan.foreign
            if not connection.rows(question.statement, act.bound)
            for name in question.fields
        ]
        return Invalid(entries) if entries else None


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Invalid([Entry("wrong_type", pointer="")])
    return body


def _keyed(body: Any, question: Question) -> Mapping[str, Any]:
    """Return the body of a row that is put where none is, with the key that its address says."""
    assert question.key is not None
    pairs = zip(question.resource.key, question.key, strict=True)
    key = {part.name: part.type.wire(value) if part.type.wire else value for part, value in pairs}
    return {**msgspec.to_builtins(key), **_object(body)}
