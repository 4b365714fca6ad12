"""PUT on a key that is the client's to choose: a row is made, or replaced where it may be read and changed."""

from __future__ import annotations

from typing import Any

from meze.verify.bodies import as_stored, body_of, like, templates
from meze.verify.doors.missing import fresh
from meze.verify.doors.writing import compare, compare_row, matching
from meze.verify.knock import Knock
from meze.verify.outcome import Expected, Outcome, Values, unique_columns
from meze.verify.world import Row


def knock(at: Knock) -> None:
    if not at.resource.chosen_key:
        return
    expected = Expected(at.sight, at.resource)
    rows = at.judge.world.of(at.resource)

    def mark(row: Row) -> Any:
        return _outcome(at, expected, row, _body(at, expected, row)).status, row in at.sight.visible(at.resource)

    for row in templates(at, rows, mark, 1, 2):
        values = _body(at, expected, row)
        _replace(at, expected, row, values)
        _only_new(at, expected, row, values)
    for row in at.some(rows, 1, 3):
        _make(at, expected, like(at, expected, row))


def _body(at: Knock, expected: Expected, row: Row) -> dict[str, Any]:
    """Return the values of another row beside the key of this one."""
    other = at.random.choice(at.judge.world.of(at.resource)) if at.random.random() < 0.5 else row
    fields = expected.open_fields(creating=False)
    unique = {column.key for columns in unique_columns(at.resource.table) for column in columns}
    return {field.name: (row if field.column.key in unique else other).of(field) for field in fields}


def _outcome(at: Knock, expected: Expected, row: Row, values: Values) -> Outcome:
    """Return what PUT on a row's key must come to: replacing it, or trying to make what is there already."""
    may_change, may_make = _may(at, expected)
    if not may_change and not may_make:
        return Outcome(at.sight.forbidden, "no such caller may make or replace any row")
    if row in at.sight.visible(at.resource):
        if not may_change:
            return Outcome(at.sight.forbidden, "the row may be read and not be changed")
        return expected.change(row, values)
    if not may_make:
        return Outcome(404, "the row may not be read")
    return expected.creation(dict(values) | {part.name: row.of(part) for part in at.resource.key})


def _may(at: Knock, expected: Expected) -> tuple[bool, bool]:
    """Return whether there may be rows that the caller can replace, and such as they can make."""
    may_change = at.sight.refusal(at.resource, "update") is None
    return may_change, at.sight.refusal(at.resource, "create") is None and _sets_key(at, expected)


def _sets_key(at: Knock, expected: Expected) -> bool:
    open_names = {field.name for field in expected.open_fields(creating=True)}
    return all(part.name in open_names for part in at.resource.key)


def _replace(at: Knock, expected: Expected, row: Row, values: Values) -> None:
    outcome = _outcome(at, expected, row, values)
    written = at.write("PUT", at.row_path(row), body_of(at, values), headers=matching(at))
    if row not in at.sight.visible(at.resource) and at.resource.require_match:
        at.unchanged("Putting a row at a key that is taken", written)
        return
    what = "Putting a row at the key of another"
    if compare(at, what, outcome, written):
        compare_row(at, what, values, row, written)


def _only_new(at: Knock, expected: Expected, row: Row, values: Values) -> None:
    """`If-None-Match: *` only makes rows, and tells of a hidden one no more than that its key is taken."""
    outcome = _outcome(at, expected, row, values)
    written = at.write("PUT", at.row_path(row), body_of(at, values), headers={"If-None-Match": "*"})
    at.unchanged("If-None-Match: * on a key that is taken", written)
    seen = row in at.sight.visible(at.resource)
    must = 412 if seen and any(_may(at, expected)) else outcome.status
    at.status("If-None-Match: * on a key that is taken", must, written.reply)


def _make(at: Knock, expected: Expected, values: dict[str, Any]) -> None:
    if not _sets_key(at, expected) or at.sight.refusal(at.resource, "create") is not None:
        return
    for part in at.resource.key:
        made = fresh(at, part) if part.foreign is None else None
        if made is not None:
            values[part.name] = as_stored(at, part, made)
    outcome = expected.creation(values)
    if outcome.status == 409:
        return
    row = expected.new_row(values)
    body = body_of(at, {name: value for name, value in values.items() if not at.resource.fields[name].key})
    written = at.write("PUT", at.row_path(row), body)
    if compare(at, "Putting a row at a new key", outcome, written):
        compare_row(at, "Putting a row at a new key", values, None, written)
