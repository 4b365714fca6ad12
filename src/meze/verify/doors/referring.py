"""Rows that only rows refer to which this caller may not read: they stay, and the refusal names nothing of those."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ForeignKeyConstraint

from meze.verify import wire
from meze.verify.copies import copies, put_in
from meze.verify.doors.deleting import check_names
from meze.verify.doors.writing import matching
from meze.verify.knock import Knock
from meze.verify.sight import Sight
from meze.verify.world import Row, changes_between

_GIVING_WAY = ("CASCADE", "SET NULL", "SET DEFAULT")


def knock(at: Knock) -> None:
    if at.shut("delete") or len(at.resource.table.primary_key.columns) != 1:
        return
    visible = at.sight.visible(at.resource)
    rows = [row for row in visible if at.judge.truth(at.actor, "delete", at.resource, row) is True]
    (key,) = (column.key for column in at.resource.table.primary_key.columns)
    for row, (constraint, other) in zip(at.some(rows, 1, 3), _hidden_referrers(at), strict=False):
        parents, element = copies(at, row, 1), constraint.elements[0]
        (parent,) = parents.rows
        referring = copies(at, other, 1, {element.parent.key: parent[element.column.key]})
        if not put_in(at, [parents, referring]):
            continue
        try:
            _delete(at, (parent[key],))
        finally:
            at.scene.restored()


def _hidden_referrers(at: Knock) -> Iterator[tuple[ForeignKeyConstraint, Row]]:
    """Yield foreign keys that keep the rows they lead to, of tables of which this caller may read nothing."""
    for table in at.judge.world.tables:
        resource = at.judge.resources.of_table(table)
        rows = at.judge.world.rows(table)
        if not rows or (resource is not None and at.sight.refusal(resource, "read") is None):
            continue
        for constraint in table.foreign_key_constraints:
            gives_way = (constraint.ondelete or "").upper() in _GIVING_WAY
            if constraint.referred_table is at.resource.table and len(constraint.elements) == 1 and not gives_way:
                yield constraint, rows[0]


def _delete(at: Knock, key: tuple[object, ...]) -> None:
    before = at.scene.stage.stored()
    judge = at.judge.over(before)
    row = before.find(at.resource.table, key)
    allowed = row is not None and judge.allows(at.actor, "delete", at.resource, row)
    if row is None or not allowed or row not in Sight(judge, at.actor, at.scene.orders).visible(at.resource):
        return
    path = at.path(wire.key_of(at.resource, row))
    reply = at.ask("DELETE", path, headers=matching(at), moved=True)
    if at.refused("A row is deleted that others refer to", 409, "still_referenced", reply):
        check_names(at, reply)
    if changes_between(before, at.scene.stage.stored()):
        at.note("Deleting a row that others refer to changed something", "no change", "changes", reply)
