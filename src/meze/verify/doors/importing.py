"""Files of rows: every row of a file under the rules, or none of them stored."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from meze.verify import wire
from meze.verify.bodies import body_of
from meze.verify.doors.several import changes, creations
from meze.verify.knock import Knock, Written
from meze.verify.outcome import Expected

_NDJSON = "application/x-ndjson"


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    good, bad = creations(at, expected)
    if at.shut("create"):
        written = _send(at, [{}])
        at.status("A file is taken though no such caller may make any row", at.sight.forbidden, written.reply)
        at.unchanged("A file of rows", written)
        return
    for values in good[:1]:
        written = _send(at, [body_of(at, values)])
        if at.status("A file of rows that may be made is refused", 201, written.reply):
            at.same("A file of rows: the count", {"created": 1, "updated": 0}, written.reply.json, written.reply)
    for values in bad[:2]:
        rows = [body_of(at, each) for each in (*good[:1], values)]
        for written in (_send(at, rows), _send_csv(at, rows)):
            at.status("A row of a file may not be made", expected.creation(values).status, written.reply)
            at.unchanged("A row of a file may not be made", written)
    _update(at, expected)


def _update(at: Knock, expected: Expected) -> None:
    """Files that change rows by their keys."""
    readable = at.sight.readable(at.resource)
    if at.shut("update") or at.resource.require_match or any(part.name not in readable for part in at.resource.key):
        return
    good, bad = changes(at, expected)
    done = [_keyed(at, row) | body_of(at, values) for row, values in good[:1]]
    for row, values in bad:
        status = expected.change(row, values).status
        # What is not there to be changed is made, which a hidden row does not let.
        must: tuple[int, ...] = (403, 401, 409, 422) if status == 404 else (status,)
        written = _send(at, [*done, _keyed(at, row) | body_of(at, values)], on_conflict="update")
        at.status("A row of a file may not be changed", must, written.reply)
        at.unchanged("A row of a file may not be changed", written)


def _keyed(at: Knock, row: Any) -> dict[str, Any]:
    return {part.name: wire.shown(part, row.of(part)) for part in at.resource.key}


def _send(at: Knock, rows: list[dict[str, Any]], **parameters: str) -> Written:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return at.write("POST", at.path(**parameters), raw=content, headers={"Content-Type": _NDJSON})


def _send_csv(at: Knock, rows: list[dict[str, Any]]) -> Written:
    names = [name for name in rows[0] if not isinstance(rows[0][name], dict | list)]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else wire.text(row[name]) for name in names])
    return at.write("POST", at.path(), raw=text.getvalue().encode(), headers={"Content-Type": "text/csv"})
