"""Put a row at a key that the client chose: make it, or replace it where the caller may read one there.

That a hidden row holds the key is told as any other taken value is, and no more than making a row there would tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from meze.access.caller import Caller
from meze.databases import DatabaseError
from meze.errors import AlreadyExists, Changed, Entry, Forbidden, Invalid, NotFound, Problem, Text, Unauthenticated
from meze.query.ask import Selection
from meze.records.check import pointer
from meze.records.records import Records, Within
from meze.records.shape import digest, encode, no_related
from meze.records.visit import Answer, Match, Visit, keyed
from meze.records.writes import Act
from meze.resources.resource import Resource

_ATTEMPTS = 2
"""A key that is taken at the first may be another's who was faster, and be there to be replaced at the second."""
_SECONDS = 60.0
_EXISTS = Text("There is a row at this key already.", "这个键上已有一行。")
_OTHER_KEY = Text("Must be the key in the address, or be left out.", "必须与地址中的键相同，或不发送。")


@dataclass(frozen=True, slots=True)
class Placing:
    """What a caller may do at a key: `changing` what is there, `making` what is not; one of the two at least."""

    changing: Visit | None
    making: Visit | None

    @property
    def visit(self) -> Visit:
        visit = self.changing or self.making
        assert visit is not None
        return visit


def placing(records: Records, resource: Resource, caller: Caller) -> Placing:
    """Let a caller in who wants to put a row at a key.

    Raises:
        Unauthenticated, Forbidden: there is no row that such a caller could make or replace.
    """
    changing, refusal = _admitted(records, resource, caller, "update")
    making = None
    if resource.chosen_key:
        making, _ = _admitted(records, resource, caller, "create")
    if making is not None:
        writable = records.planner.policy.writable(resource, making.standing)
        making = making if all(part.name in writable for part in resource.key) else None
    if changing is None and making is None:
        assert refusal is not None
        raise refusal
    return Placing(changing, making)


def place(
    records: Records,
    allowed: Placing,
    key: list[Any],
    body: Mapping[str, Any],
    match: Match | None,
    unless: Match | None,
    selection: Selection,
) -> tuple[Answer, bool]:
    """Put a row at `key`, and return it with whether it is new. `unless` is what `If-None-Match` names.

    Raises:
        Changed: the row is not the one that `match` asks for, or one that `unless` excludes.
        AlreadyExists: a row that the caller may not read holds the key.
    """
    visit = allowed.visit
    with records.lending.writing(visit) as connection:
        within = records.within(records.lending.within(connection, _SECONDS), connection)
        for attempt in range(_ATTEMPTS):
            tag = _tag_at(within, visit, key)
            if tag is not None:
                if unless is not None and (unless.any or tag in unless.tags):
                    raise Changed(_EXISTS)
                if allowed.changing is None:
                    raise records.planner.policy.refuse(visit.standing)
                return within.records.writes.put(allowed.changing, key, body, match, selection), False
            if match is not None:
                raise Changed
            if allowed.making is None:
                raise NotFound
            try:
                return within.records.writes.do(_making(within, allowed.making, key, body, selection)), True
            except AlreadyExists as problem:
                if attempt + 1 == _ATTEMPTS or not _is_about_key(problem, visit.resource):
                    raise
    raise AssertionError("the last attempt returns or raises")


def _admitted(records: Records, resource: Resource, caller: Caller, action: str) -> tuple[Visit | None, Problem | None]:
    try:
        return records.visit(resource, caller, action), None
    except (Unauthenticated, Forbidden) as problem:
        return None, problem


def _tag_at(within: Within, visit: Visit, key: list[Any]) -> str | None:
    """Lock the row at a key and return its entity tag, None where there is none that the caller may read."""
    planner = within.records.planner
    with within.lending.reading(visit) as connection:
        plan = planner.row(visit.resource, visit.standing)
        rows = connection.rows(plan.locked, keyed(key) | visit.me)
    return digest(encode(plan.whole.build(rows[0], no_related))) if rows else None


def _making(within: Within, visit: Visit, key: list[Any], body: Mapping[str, Any], selection: Selection) -> Act:
    """Plan the making of a row whose key stands in the address, and perhaps in the body too."""
    given = {
        part.name: msgspec.to_builtins(part.type.wire(value) if part.type.wire else value)
        for part, value in zip(visit.resource.key, key, strict=True)
    }
    writes = within.records.writes
    # What cannot be a key at all is told by the check of the whole body.
    differing = writes.differing_in(visit.resource, body, key)
    entries = [Entry("closed", pointer=pointer(part.name), text=_OTHER_KEY) for part in differing]
    try:
        act = writes.creating(visit, given | dict(body), selection)
    except Invalid as invalid:
        raise Invalid([*entries, *invalid.entries]) from None
    if entries:
        raise Invalid(entries)
    return act


def _is_about_key(problem: Problem, resource: Resource) -> bool:
    cause = problem.__cause__
    return isinstance(cause, DatabaseError) and set(cause.fault.columns) == {part.column.name for part in resource.key}
