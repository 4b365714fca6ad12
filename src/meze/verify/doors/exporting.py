"""Lists as files: every row that may be read, as CSV and as NDJSON, under the same filter."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from meze.verify.conditions import on_field
from meze.verify.knock import Knock
from meze.verify.world import Row


def ndjson(at: Knock) -> None:
    """NDJSON."""
    if at.closed("read", reply=at.get(at.path(format="ndjson"))) or at.shut("read"):
        return
    rows = list(at.sight.visible(at.resource))
    _lines(at, at.path(format="ndjson"), rows)
    for name in at.some(at.sight.askable(at.resource), 0, 1):
        for condition in at.some(on_field(at, at.resource.fields[name]), 0, 1):
            chosen = [row for row in rows if condition.holds(at.sight, at.resource, row)]
            _lines(at, at.path_of(at.resource, query=[condition.argument, ("format", "ndjson")]), chosen)
    for name in at.some(at.sight.relations(at.resource), 0, 2):
        if not at.resource.relations[name].to_many:
            reply = at.get(at.path(format="ndjson", expand=name))
            if at.status("The export with related rows is not given", 200, reply):
                got = [json.loads(line).get(name) for line in reply.body.splitlines()]
                target = at.sight.target(at.resource, name)
                related = [at.sight.one(at.resource, name, row) for row in rows]
                expected = [None if each is None else at.sight.json(target, each) for each in related]
                at.same("The export shows related rows that this caller may not read so", expected, got, reply)


def _lines(at: Knock, path: str, rows: list[Row]) -> None:
    reply = at.get(path)
    if at.status("The export is not given", 200, reply):
        got = [json.loads(line) for line in reply.body.splitlines()]
        _compare(at, [at.sight.json(at.resource, row) for row in rows], got, reply)


def as_csv(at: Knock) -> None:
    """CSV."""
    reply = at.ask("GET", at.path(), headers={"Accept": "text/csv"})
    if at.closed("read", reply=reply) or at.shut("read"):
        return
    if not at.status("The export is not given", 200, reply):
        return
    names = at.sight.readable(at.resource)
    table = list(csv.reader(io.StringIO(reply.body.decode(), newline="")))
    if not names:
        return
    at.same("The columns of the export are not the fields that this caller may read", names, table[:1][0], reply)
    expected = [
        [_cell(value) for value in at.sight.json(at.resource, row).values()] for row in at.sight.visible(at.resource)
    ]
    got = [[_unguarded(cell) for cell in row] for row in table[1:]]
    _compare(at, expected, got, reply)


def _compare(at: Knock, expected: list[Any], got: list[Any], reply: Any) -> None:
    if expected == got:
        return
    if len(expected) != len(got):
        at.note(
            "The export has not the rows that this caller may read", f"{len(expected)} rows", f"{len(got)} rows", reply
        )
        return
    wrong = next((one, other) for one, other in zip(expected, got, strict=True) if one != other)
    at.same("The export shows a row as this caller may not read it", *wrong, reply)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _unguarded(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _unguarded(cell: str) -> str:
    """Return a cell without the apostrophes that keep spreadsheets from running it."""
    return cell.lstrip("'")
