"""Changing rows: as the rule says of the row as it is and as it would be; what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meze.verify.bodies import pointing_elsewhere, templates
from meze.verify.doors.missing import missing_key
from meze.verify.doors.writing import change, matching
from meze.verify.knock import Knock, bare
from meze.verify.outcome import Expected
from meze.verify.world import Row


def patch(at: Knock) -> None:
    """PATCH."""
    expected = Expected(at.sight, at.resource)
    for row in _chosen(at, expected):
        fields = expected.open_fields(creating=False)
        change(at, "Changing nothing of a row", "PATCH", row, {}, expected.change(row, {}))
        done = expected.change(row, {}).done
        for field in at.some(fields, 2 if done else 1, 12 if done else 1):
            values = {field.name: _other(at, row, field)}
            change(at, f"Changing {field.name} of a row", "PATCH", row, values, expected.change(row, values))
        for other in at.some(at.judge.world.of(at.resource), 1, 4) if done else ():
            values = {field.name: other.of(field) for field in fields}
            change(at, "Making a row like another", "PATCH", row, values, expected.change(row, values))
        for kind, values in at.some(pointing_elsewhere(at, expected), 1, 8) if done else ():
            change(at, f"Moving a row to {kind}", "PATCH", row, values, expected.change(row, values))
    _missing(at, "PATCH", {})


def put(at: Knock) -> None:
    """PUT on a row that is there."""
    expected = Expected(at.sight, at.resource)
    if at.resource.chosen_key:
        return  # another door's
    for row in _chosen(at, expected):
        whole = {field.name: row.of(field) for field in expected.open_fields(creating=False)}
        others = at.some([each for each in at.judge.world.of(at.resource) if each is not row], 0, 2)
        change(at, "Replacing a row by itself", "PUT", row, whole, expected.change(row, whole))
        for other in others:
            values = {name: other.of(at.resource.fields[name]) for name in whole}
            change(at, "Replacing a row by another", "PUT", row, values, expected.change(row, values))
    _missing(at, "PUT", {field.name: None for field in expected.open_fields(creating=False) if not field.required})


def _chosen(at: Knock, expected: Expected) -> list[Row]:
    rows = at.judge.world.rows(at.resource.table)
    if at.shut("update"):
        return at.some(rows, 1, 1)

    def mark(row: Row) -> Any:
        if row not in at.sight.visible(at.resource):
            return "hidden", at.judge.truth(at.actor, "update", at.resource, row)
        return expected.change(row, {}).status

    return templates(at, rows, mark, 1, 2)


def _other(at: Knock, row: Row, field: Any) -> Any:
    """Return a value that another row has in a field, or nothing where that may be."""
    values = [each.of(field) for each in at.judge.world.rows(row.table) if each.of(field) != row.of(field)]
    values = [value for value in values if value is not None or field.nullable]
    return at.random.choice(values) if values else row.of(field)


def _missing(at: Knock, method: str, body: Mapping[str, Any]) -> None:
    """Compare what is said of a hidden row with what is said of none."""
    hidden, key = at.some(at.sight.hidden(at.resource), 1, 1), missing_key(at)
    if not hidden or key is None or at.shut("update"):
        return
    one = at.ask(method, at.row_path(hidden[0]), body, headers=matching(at))
    other = at.ask(method, at.path(key), body, headers=matching(at))
    at.same("A hidden row is told apart from one that is missing", bare(other), bare(one), one)


__all__ = ["patch", "put"]
