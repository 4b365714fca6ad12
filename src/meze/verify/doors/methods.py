"""OPTIONS and methods that mean nothing: 204 and 405, with the same `Allow`, whatever row is named."""

from __future__ import annotations

from meze.verify.doors.missing import missing_key
from meze.verify.knock import Knock, bare


def knock(at: Knock) -> None:
    rows = at.judge.world.rows(at.resource.table)
    key = missing_key(at)
    paths = [at.path(), *(at.row_path(row) for row in at.some(rows, 1, 3)), *([at.path(key)] if key else [])]
    allowed = set()
    for path in paths:
        said, refused = at.ask("OPTIONS", path), at.ask("TRACE", path)
        at.status("OPTIONS is not answered", 204, said)
        at.refused("A method that means nothing is not refused", 405, "method_not_allowed", refused)
        at.same(
            "`Allow` is not the same in both answers", said.headers.get("allow"), refused.headers.get("allow"), said
        )
        if path != at.path():
            allowed.add((said.headers.get("allow"), str(bare(said))))
    if len(allowed) > 1:
        at.note("OPTIONS tells rows apart", "one answer", sorted(map(str, allowed)), said)
