"""If-Match: compared with the row as this caller may read it, before anything is written."""

from __future__ import annotations

from meze.verify.knock import Knock
from meze.verify.outcome import Expected

_STALE = '"0000000000000000"'


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    if at.shut("update"):
        return
    visible = at.sight.visible(at.resource)
    for row in at.some([row for row in visible if expected.change(row, {}).done], 1, 2):
        for method, body in (("PATCH", {}), ("DELETE", None)):
            if method == "DELETE" and not expected.removal(row).done:
                continue
            written = at.write(method, at.row_path(row), body, headers={"If-Match": _STALE})
            at.refused("A row that is not as If-Match says is changed", 412, "changed", written.reply)
            at.unchanged("A row that is not as If-Match says", written)
            if at.resource.require_match:
                written = at.write(method, at.row_path(row), body)
                at.refused("A row is changed without If-Match", 428, "precondition_required", written.reply)
                at.unchanged("A row that needs If-Match", written)
        tag = at.get(at.row_path(row)).etag
        if tag is not None:
            written = at.write("PATCH", at.row_path(row), {}, headers={"If-Match": tag})
            at.status("The tag that GET gave is not taken for If-Match", 200, written.reply)
    for row in at.some(at.sight.hidden(at.resource), 1, 2):
        for tag in ("*", _STALE):
            written = at.write("PATCH", at.row_path(row), {}, headers={"If-Match": tag})
            at.status("A hidden row is told by If-Match", 404, written.reply)
            at.unchanged("A hidden row", written)
