"""One row by its key: as it may be read, or the answer of a row that is not there."""

from __future__ import annotations

from meze.verify.doors.missing import missing_key
from meze.verify.knock import Knock, bare


def knock(at: Knock) -> None:
    rows = at.judge.world.rows(at.resource.table)
    if at.shut("read"):
        for row in at.some(rows, 1, 2):
            at.closed("read", reply=at.get(at.row_path(row)))
        return
    key = missing_key(at)
    nothing = None if key is None else bare(at.get(at.path(key)))
    visible = {id(row) for row in at.sight.visible(at.resource)}
    for row in rows:
        reply = at.get(at.row_path(row))
        if id(row) not in visible:
            if at.refused(
                "A row that this caller may not read is told apart from one that is missing", 404, "not_found", reply
            ):
                at.same(
                    "The 404 of a hidden row differs from that of a missing one",
                    nothing or bare(reply),
                    bare(reply),
                    reply,
                )
        elif at.status("A row that this caller may read is not given", 200, reply):
            at.same("The row is not as this caller may read it", at.sight.json(at.resource, row), reply.json, reply)
