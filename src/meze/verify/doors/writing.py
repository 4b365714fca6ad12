"""Writes beside what they must come to: the answer, and the rows afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meze.resources.resource import DefaultKind
from meze.verify.bodies import body_of
from meze.verify.knock import Knock, Written
from meze.verify.outcome import Outcome, is_checked
from meze.verify.sight import Sight
from meze.verify.world import Change, Row


def matching(at: Knock) -> dict[str, str]:
    """Return the header without which rows of the resource cannot be changed."""
    return {"If-Match": "*"} if at.resource.require_match else {}


def compare(at: Knock, what: str, outcome: Outcome, written: Written) -> bool:
    """Compare a write of one row with what it must come to; say whether it was done as it must be."""
    reply = written.reply
    if outcome.done and reply.status in (409, 422) and is_checked(at.resource.table) and not written.changes:
        return False  # the database has conditions of its own
    if not at.status(f"{what}: {outcome.why}", outcome.status, reply):
        return False
    if not outcome.done:
        at.unchanged(what, written)
        if outcome.fields:
            named = {each.get("pointer", "")[1:]: each["code"] for each in reply.json.get("errors", ())}
            at.same(f"{what}: other fields are named than those at fault", dict(outcome.fields), named, reply)
        return False
    return True


def rows_made(at: Knock, what: str, written: Written) -> tuple[Change, ...]:
    """Return what a write changed, apart from the memberships that it must give to whoever makes tenants."""
    tenants = at.judge.evaluator.tenants
    if tenants is None:
        return written.changes
    changes, unfounded = tenants.apart_from_founders(written.changes, at.actor.caller)
    if unfounded:
        at.note(f"{what}: who made it is no member of it", "a membership", repr(unfounded[0]), written.reply)
    return changes


def compare_row(at: Knock, what: str, values: Mapping[str, Any], before: Row | None, written: Written) -> None:
    """Compare what was stored with what was asked, and the answer with what the caller may now read."""
    changes = rows_made(at, what, written)
    own = [each for each in changes if each.table is at.resource.table and each.after is not None]
    if before is not None:
        own = [each for each in own if each.key == before.key]
    others = [each for each in changes if each not in own]
    if others or len(own) > 1:
        at.note(
            f"{what}: other rows were changed too",
            "one row",
            [repr(each.after or each.before) for each in others],
            written.reply,
        )
        return
    if before is None and not own:
        at.note(f"{what}: no row was made", "a row", "none", written.reply)
        return
    after = own[0].after if own else before
    assert after is not None
    expected = {at.resource.fields[name].column.key: value for name, value in values.items()}
    if before is None and at.resource.owner is not None:
        expected[at.resource.owner.column.key] = at.actor.caller.id
    got = {name: after[name] for name in expected}
    if got != expected:
        at.same(f"{what}: what is stored is not what was asked", _told(expected), _told(got), written.reply)
    if own and before is not None:
        _check_columns(at, what, own[0], set(expected), written)
    _compare_answer(at, what, after, written)


def _check_columns(at: Knock, what: str, change: Change, asked: set[str], written: Written) -> None:
    """Let nothing have changed but what was asked, and what changes by itself."""
    fields = at.resource.fields.values()
    moving = {field.column.key for field in fields if field.onupdate.kind is not DefaultKind.NONE or field.generated}
    moving |= {each.column.key for each in at.resource.beyond}
    more = set(change.columns) - asked - moving
    if more:
        at.note(f"{what}: fields were changed that were not named", sorted(asked), sorted(more), written.reply)


def _compare_answer(at: Knock, what: str, after: Row, written: Written) -> None:
    judge = at.judge.over(written.world)
    if judge.allows(at.actor, "read", at.resource, after):
        expected = Sight(judge, at.actor, at.scene.orders).json(at.resource, after)
    else:
        expected = {}
    at.same(
        f"{what}: the answer is not the row as this caller may now read it", expected, written.reply.json, written.reply
    )


def _told(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in values.items()}


def create(at: Knock, what: str, values: Mapping[str, Any], outcome: Outcome) -> None:
    """Make a row, and compare."""
    written = at.write("POST", at.path(), body_of(at, values))
    if compare(at, what, outcome, written):
        compare_row(at, what, values, None, written)


def change(at: Knock, what: str, method: str, row: Row, values: Mapping[str, Any], outcome: Outcome) -> Written:
    """Change a row, and compare."""
    written = at.write(method, at.row_path(row), body_of(at, values), headers=matching(at))
    if compare(at, what, outcome, written):
        compare_row(at, what, values, row, written)
    return written
