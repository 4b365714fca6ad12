"""Keys and unique values that hidden rows hold: a conflict tells that they are taken, and nothing more."""

from __future__ import annotations

from typing import Any

from meze.resources.resource import Field
from meze.verify.bodies import body_of, like
from meze.verify.client import Reply
from meze.verify.knock import Knock, bare
from meze.verify.outcome import Expected, unique_columns
from meze.verify.world import Row


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    if at.shut("create"):
        return
    for columns in unique_columns(at.resource.table):
        found = [at.resource.field_of(column) for column in columns]
        fields = [field for field in found if field is not None]
        open_names = {field.name for field in expected.open_fields(creating=True)}
        if len(fields) < len(columns) or any(field.name not in open_names for field in fields):
            continue
        _conflicts(at, expected, fields)


def _conflicts(at: Knock, expected: Expected, fields: list[Field]) -> None:
    """Make a row that has what a hidden row has, and one that has what a row has that may be read."""
    answers: list[Reply] = []
    hidden = [row for row in at.sight.hidden(at.resource) if None not in [row.of(field) for field in fields]]
    seen = [row for row in at.sight.visible(at.resource) if None not in [row.of(field) for field in fields]]
    for row in (*at.some(seen, 1, 1), *at.some(hidden, 1, 2)):
        values = _allowed(at, expected, fields, row)
        if values is None:
            continue
        written = at.write("POST", at.path(), body_of(at, values))
        at.unchanged("A value is taken that must be unique", written)
        if at.refused("A value is taken that must be unique", 409, "already_exists", written.reply):
            answers.append(written.reply)
    if len(answers) > 1:
        for other in answers[1:]:
            at.same("Which row holds a value is told by the conflict", bare(answers[0]), bare(other), other)


def _allowed(at: Knock, expected: Expected, fields: list[Field], row: Row) -> dict[str, Any] | None:
    """Return values of which a row might be made but for what `row` holds already."""
    for template in at.some(at.judge.world.of(at.resource), 6, 20):
        values = like(at, expected, template) | {field.name: row.of(field) for field in fields}
        if expected.creation(values).status == 409:
            return values
    return None
