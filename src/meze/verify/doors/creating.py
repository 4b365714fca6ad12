"""Making rows: as the rule of create says of the row as it would be, and pointing only at what may be read."""

from __future__ import annotations

from typing import Any

from meze.verify.bodies import like, pointing_elsewhere, templates
from meze.verify.doors.writing import create
from meze.verify.knock import Knock
from meze.verify.outcome import Expected
from meze.verify.world import Row


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    rows = at.judge.world.of(at.resource)
    if at.shut("create"):
        values = like(at, expected, rows[0]) if rows else {}
        create(at, "Making a row", values, expected.creation(values))
        return

    def mark(row: Row) -> Any:
        outcome = expected.creation(like(at, expected, row))
        return outcome.status, tuple(outcome.fields or ())

    for row in templates(at, rows, mark, 1, 3):
        values = like(at, expected, row)
        create(at, "Making a row", values, expected.creation(values))
        for kind, other in at.some(pointing_elsewhere(at, expected), 1, 6):
            pointed = values | {name: value for name, value in other.items() if name in values}
            create(at, f"Making a row that points at {kind}", pointed, expected.creation(pointed))
