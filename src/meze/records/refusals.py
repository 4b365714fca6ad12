"""Tell what keeps a write from being done, where its one statement wrote nothing or a row is to be compared before it.

Each question is asked of the database only then. A row that may not be read is told as one that is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn

import msgspec

from meze.access.policy import Policy
from meze.databases import Connection
from meze.errors import Changed, Entry, Invalid, NotFound, Problem
from meze.records.check import Draft, pointer
from meze.records.plan import Planner
from meze.records.run import Values
from meze.records.shape import digest, encode, no_related
from meze.records.visit import Match, Visit, keyed
from meze.records.write import ChangePlan, FieldQuestion, WritePlan, ask_fields
from meze.resources.resource import Resource


class Refusals:
    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._policy: Policy = planner.policy

    def compare(self, visit: Visit, key: list[Any], match: Match | None, draft: Draft, connection: Connection) -> None:
        """Lock the row, and compare it with what the client believes it to be."""
        plan = self._planner.row(visit.resource, visit.standing)
        rows = connection.rows(plan.locked, keyed(key) | visit.me)
        if not rows:
            raise NotFound
        shown = plan.whole.build(rows[0], no_related)
        if match is not None and not match.any and digest(encode(shown)) not in match.tags:
            raise Changed
        sure = self._writable(visit, key, tuple(draft.unsure), connection)
        entries = [draft.unsure[name] for name in sure]
        closed = {name: sent for name, sent in draft.closed.items() if name not in sure}
        entries += _closed(_differing(visit.resource, shown, closed))
        if entries:
            raise Invalid(entries)

    def create(self, visit: Visit, plan: WritePlan, bound: Values, connection: Connection) -> NoReturn:
        """Raise what kept a row from being made."""
        entries = self.dangling(plan, bound, connection)
        if plan.fields is not None and not entries:
            allowed, refused = _answers(plan.fields, bound, connection)
            entries = _closed(refused) if allowed else []
        if entries:
            raise Invalid(entries)
        raise self._policy.refuse(visit.standing)

    def update(
        self,
        visit: Visit,
        key: list[Any],
        plan: ChangePlan,
        sent: Mapping[str, Any],
        bound: Values,
        connection: Connection,
    ) -> frozenset[str]:
        """Raise what kept a row from being changed, or return what is to be left out so that it can be.

        Those are fields that are not the caller's to write in this row, and of which nothing was `sent` but what the
        caller is shown of them, or nothing at all: they are kept.
        """
        if not connection.rows(plan.allowed, bound):
            raise self.absent_or_forbidden(visit, key, connection)
        refused: list[str] = []
        if plan.write.fields is not None:
            _, refused = _answers(plan.write.fields, bound, connection)
        entries = self.dangling(plan.write, bound, connection, refused)
        again = {name: sent[name] for name in refused if name in sent}
        if again:
            entries += _closed(_differing(visit.resource, self._shown(visit, key, connection), again))
        if entries:
            raise Invalid(entries)
        if not refused:
            raise self._policy.refuse(visit.standing)
        return frozenset(refused)

    def dangling(
        self, plan: WritePlan, bound: Values, connection: Connection, kept: Collection[str] = ()
    ) -> list[Entry]:
        """Return what is wrong with the foreign keys, those of `kept` aside: to nothing and to a hidden row are the
        same."""
        return [
            Entry("no_such_row", pointer=pointer(name))
            for question in plan.foreign
            if not any(name in kept for name in question.fields) and not connection.rows(question.statement, bound)
            for name in question.fields
        ]

    def absent_or_forbidden(self, visit: Visit, key: list[Any], connection: Connection) -> Problem:
        plan = self._planner.row(visit.resource, visit.standing)
        visible = connection.rows(plan.statement, keyed(key) | visit.me)
        return self._policy.refuse(visit.standing) if visible else NotFound()

    def _writable(self, visit: Visit, key: list[Any], names: tuple[str, ...], connection: Connection) -> list[str]:
        """Return those of `names` that the caller may write in a row as it is."""
        if not names:
            return []
        asked = ask_fields(self._planner, visit.resource, visit.standing, "write", names)
        rows = connection.rows(asked, keyed(key) | visit.me)
        return [name for name, may in zip(names, rows[0], strict=True) if may] if rows else []

    def _shown(self, visit: Visit, key: list[Any], connection: Connection) -> Any:
        plan = self._planner.row(visit.resource, visit.standing)
        rows = connection.rows(plan.statement, keyed(key) | visit.me)
        if not rows:
            raise NotFound
        return plan.whole.build(rows[0], no_related)


def _answers(question: FieldQuestion, bound: Values, connection: Connection) -> tuple[bool, list[str]]:
    """Return whether the rule of the action holds, and the fields whose own rules do not."""
    rows = connection.rows(question.statement, bound)
    if not rows:
        raise NotFound
    allowed, *may = rows[0]
    return bool(allowed), [name for name, each in zip(question.names, may, strict=True) if not each]


def _closed(names: Iterable[str]) -> list[Entry]:
    return [Entry("closed", pointer=pointer(name)) for name in names]


def _differing(resource: Resource, shown: Any, sent: Mapping[str, Any]) -> list[str]:
    """Return the names of what was sent that a row, as it is shown, does not have so."""
    return [
        name
        for name, value in sent.items()
        if not hasattr(shown, name) or _on_wire(resource, name, value) != _meaning(getattr(shown, name))
    ]


def _on_wire(resource: Resource, name: str, value: Any) -> Any:
    """Return a value as the row would show it. JSON is compared by its meaning, not by how it is spelt."""
    wire = resource.fields[name].type.wire
    shown = value if value is None or wire is None else wire(value)
    return _meaning(shown)


def _meaning(shown: Any) -> Any:
    return msgspec.json.decode(shown) if isinstance(shown, msgspec.Raw) else shown
