"""Deleting rows: only what may be read and deleted; what refers to a row is named only to who may read it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Table

from meze.verify.bodies import templates
from meze.verify.doors.writing import matching
from meze.verify.knock import Knock
from meze.verify.outcome import Expected
from meze.verify.world import Row


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    rows = at.judge.world.rows(at.resource.table)

    def mark(row: Row) -> Any:
        outcome = expected.removal(row)
        return (
            outcome.status,
            at.judge.truth(at.actor, "delete", at.resource, row),
            outcome.done and holds_fast(at, row),
        )

    chosen = at.some(rows, 1, 1) if at.shut("delete") else templates(at, rows, mark, 1, 2)
    for row in chosen:
        outcome = expected.removal(row)
        written = at.write("DELETE", at.row_path(row), headers=matching(at))
        reply = written.reply
        if not outcome.done:
            at.status(f"Deleting a row: {outcome.why}", outcome.status, reply)
            at.unchanged("Deleting a row", written)
            continue
        held = holds_fast(at, row)
        if not at.status(f"Deleting a row: {outcome.why}", (204, 409) if held else 204, reply):
            continue
        if reply.status == 409:
            at.unchanged("Deleting a row that others refer to", written)
            check_names(at, reply)
        elif not any(
            each.table is row.table and each.key == row.key and each.after is None for each in written.changes
        ):
            at.note("Deleting a row: it is still there", "no row", repr(row), reply)
        elif any(
            each.table is row.table and each.key != row.key and not _refers(row.table, row.table)
            for each in written.changes
        ):
            at.note("Deleting a row: other rows were changed too", "one row", len(written.changes), reply)


def holds_fast(at: Knock, row: Row) -> bool:
    """Say whether rows may refer to this one, or to what is deleted with it, in a way that keeps it."""
    return _holds(at, row, set())


def _holds(at: Knock, row: Row, seen: set[int]) -> bool:
    seen.add(id(row))
    for table in at.judge.world.tables:
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table is not row.table:
                continue
            pairs = [(element.parent.key, element.column.key) for element in constraint.elements]
            for each in at.judge.world.rows(table):
                if id(each) in seen or any(each[own] != row[other] for own, other in pairs):
                    continue
                how = (constraint.ondelete or "").upper()
                if how not in ("CASCADE", "SET NULL", "SET DEFAULT"):
                    return True
                if how == "CASCADE" and _holds(at, each, seen):
                    return True
    return False


def check_names(at: Knock, reply: Any) -> None:
    """Note where a refusal names a resource of which this caller may read no row."""
    text = reply.body.decode()
    for other in at.judge.resources.served:
        if (
            other is not at.resource
            and at.sight.refusal(other, "read") is not None
            and re.search(rf"\b{other.name}\b", text)
        ):
            at.note("The refusal names a resource that this caller may not read", "no such name", reply.told, reply)


def _refers(table: Table, other: Table) -> bool:
    return any(constraint.referred_table is other for constraint in table.foreign_key_constraints)
