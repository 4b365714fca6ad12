"""Several rows in one request: all of it or nothing, and every row under the same rules."""

from __future__ import annotations

from typing import Any

from meze.verify import wire
from meze.verify.bodies import body_of, like
from meze.verify.conditions import Condition
from meze.verify.doors.deleting import holds_fast
from meze.verify.doors.writing import matching, rows_made
from meze.verify.knock import Knock, Written
from meze.verify.outcome import Expected, Values
from meze.verify.sight import Sight
from meze.verify.world import Row, World


def create(at: Knock) -> None:
    """An array of new rows."""
    expected = Expected(at.sight, at.resource)
    good, bad = creations(at, expected)
    if at.shut("create"):
        written = at.write("POST", at.path(), [body_of(at, values) for values in bad[:1]] or [{}])
        at.status("Making several rows: no such caller may make any", at.sight.forbidden, written.reply)
        at.unchanged("Making several rows", written)
        return
    for values in good[:1]:
        written = at.write("POST", at.path(), [body_of(at, values)])
        if at.status("Making several rows that may be made", 201, written.reply):
            made = [each for each in rows_made(at, "Making several rows", written) if each.before is None]
            at.same("Making several rows: other rows were made than asked", 1, len(made), written.reply)
    for values in bad[:2]:
        rows = [body_of(at, each) for each in (*good[:1], values)]
        written = at.write("POST", at.path(), rows)
        at.status("One of several rows may not be made", expected.creation(values).status, written.reply)
        at.unchanged("One of several rows may not be made", written)


def creations(at: Knock, expected: Expected) -> tuple[list[Values], list[Values]]:
    """Return values of which rows may be made, and such as may not."""
    made = [like(at, expected, row) for row in at.some(at.judge.world.of(at.resource), 10, 20)]
    outcomes = [(values, expected.creation(values).status) for values in made]
    kinds = {status: values for values, status in outcomes if status not in (201, 409)}
    return [values for values, status in outcomes if status == 201], list(kinds.values())


def patch(at: Knock) -> None:
    """An array of changes, each with the key of its row."""
    expected = Expected(at.sight, at.resource)
    readable = at.sight.readable(at.resource)
    if any(part.name not in readable for part in at.resource.key):
        return
    if at.shut("update"):
        written = at.write("PATCH", at.path(), [{}])
        at.status("Changing several rows: no such caller may change any", at.sight.forbidden, written.reply)
        return
    good, bad = changes(at, expected)
    _tags(at, [row for row, _ in good])
    if at.resource.require_match:
        return
    good = good[:1] + [each for each in good[1:2] if _still(at, expected, good[0], each)]
    keyed = [_keyed(at, row) | body_of(at, values) for row, values in good]
    if keyed:
        written = at.write("PATCH", at.path(), keyed)
        if at.status("Changing several rows that may be changed", 200, written.reply):
            keys = {row.key for row, _ in good}
            other = [each for each in written.changes if each.table is at.resource.table and each.key not in keys]
            if other:
                at.note("Changing several rows: others were changed too", "none", repr(other[0].key), written.reply)
    for row, values in bad:
        alone = not good or not _still(at, expected, good[0], (row, values))
        written = at.write("PATCH", at.path(), [*([] if alone else keyed[:1]), _keyed(at, row) | body_of(at, values)])
        at.status("One of several rows may not be changed", expected.change(row, values).status, written.reply)
        at.unchanged("One of several rows may not be changed", written)


def _tags(at: Knock, rows: list[Row]) -> None:
    """Send the tags of rows along: one that is stale lets nothing be changed."""
    for row in rows[:1]:
        written = at.write("PATCH", at.path(), [_keyed(at, row) | {"_etag": "0000000000000000"}])
        at.refused("A row of several is changed that is not as its tag says", 412, "changed", written.reply)
        at.unchanged("A row of several is not as its tag says", written)
        tag = at.get(at.row_path(row)).etag
        if tag is not None:
            written = at.write("PATCH", at.path(), [_keyed(at, row) | {"_etag": tag.strip('"')}])
            at.status("A row of several is as its tag says, and is not changed", 200, written.reply)
        if at.resource.require_match:
            written = at.write("PATCH", at.path(), [_keyed(at, row)])
            at.refused("A row of several is changed without its tag", 428, "precondition_required", written.reply)
            at.unchanged("A row of several came without its tag", written)


def changes(at: Knock, expected: Expected) -> tuple[list[tuple[Row, Values]], list[tuple[Row, Values]]]:
    """Return changes that may be made, and for each way of being refused one that may not."""
    good: list[tuple[Row, Values]] = []
    bad: dict[int, tuple[Row, Values]] = {}
    fields = expected.open_fields(creating=False)
    for row in at.some(at.judge.world.of(at.resource), 20):
        field = at.random.choice(fields) if fields else None
        other = at.random.choice(at.judge.world.of(at.resource))
        values = {} if field is None else {field.name: other.of(field)}
        status = expected.change(row, values).status
        if status == 200:
            good.append((row, values))
        elif status != 409:
            bad.setdefault(status, (row, values))
    return good, list(bad.values())


def _still(at: Knock, expected: Expected, first: tuple[Row, Values], second: tuple[Row, Values]) -> bool:
    """Say whether a change comes to the same once another was made: rules may ask other rows of the same table."""
    world, (row, values) = at.judge.world, first
    rows = {table: world.rows(table) for table in world.tables}
    rows[row.table] = tuple(expected.changed_row(row, values) if each is row else each for each in rows[row.table])
    after = Expected(Sight(at.judge.over(World(rows)), at.actor, at.scene.orders), at.resource)
    return after.change(*second).status == expected.change(*second).status


def _keyed(at: Knock, row: Row) -> dict[str, Any]:
    return {part.name: wire.shown(part, row.of(part)) for part in at.resource.key}


def delete(at: Knock) -> None:
    """Deleting by a filter."""
    if at.resource.require_match:
        written = at.write("DELETE", at.path(**{f"{at.resource.key[0].name}__isnull": "false"}), headers=matching(at))
        at.status("Rows that need If-Match are deleted by a filter", 405, written.reply)
        at.unchanged("Rows that need If-Match are deleted by a filter", written)
        return
    key = at.resource.key[0]
    if at.shut("delete"):
        written = at.write("DELETE", at.path(**{f"{key.name}__isnull": "false"}))
        at.status("Deleting by a filter: no such caller may delete any row", at.sight.forbidden, written.reply)
        at.unchanged("Deleting by a filter", written)
        return
    if key.name not in at.sight.askable(at.resource) or len(at.resource.key) > 1:
        return
    visible = at.sight.visible(at.resource)
    free = [row for row in visible if at.judge.truth(at.actor, "delete", at.resource, row) is True]
    fast = [row for row in visible if row not in free]
    loose = [row for row in free if not holds_fast(at, row)]
    hidden = list(at.sight.hidden(at.resource))
    if hidden:
        written = _where(at, hidden[:3])
        at.status("Deleting hidden rows by a filter", 200, written.reply)
        at.same("Deleting hidden rows by a filter: it tells of them", {"deleted": 0}, written.reply.json, written.reply)
        at.unchanged("Deleting hidden rows by a filter", written)
    if loose:
        chosen = loose[:2]
        written = _where(at, [*chosen, *hidden[:2]])
        if at.status("Deleting rows by a filter that may be deleted", 200, written.reply):
            at.same(
                "Not the rows were deleted that may be", {"deleted": len(chosen)}, written.reply.json, written.reply
            )
            gone = {each.key for each in written.changes if each.table is at.resource.table and each.after is None}
            missing = {row.key for row in chosen} - gone
            others = {row.key for row in hidden} & gone if not _refers_to_itself(at) else set()
            if missing or others:
                at.note(
                    "Other rows were deleted than the filter asks for",
                    len(chosen),
                    sorted(map(str, gone)),
                    written.reply,
                )
    if fast:
        written = _where(at, [*loose[:1], fast[0]])
        at.status("One of the rows of a filter may not be deleted", at.sight.forbidden, written.reply)
        at.unchanged("One of the rows of a filter may not be deleted", written)


def _where(at: Knock, rows: list[Row]) -> Written:
    condition = Condition((), at.resource.key[0], "in", tuple(rows))
    return at.write("DELETE", at.path_of(at.resource, query=[condition.argument]))


def _refers_to_itself(at: Knock) -> bool:
    table = at.resource.table
    return any(constraint.referred_table is table for constraint in table.foreign_key_constraints)
