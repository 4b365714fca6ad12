"""Chosen fields: of the rows themselves and of related ones."""

from __future__ import annotations

from typing import Any

from meze.verify.conditions import paths
from meze.verify.doors.pages import compare_items, limit_of, without_links
from meze.verify.knock import Knock
from meze.verify.sight import Shown


def knock(at: Knock) -> None:
    if at.shut("read"):
        at.closed("read", reply=at.get(at.path(fields=at.resource.key[0].name)))
        return
    rows, limit = at.sight.visible(at.resource), min(limit_of(at), 20)
    names = at.sight.readable(at.resource)
    if not names:
        return
    chosen = tuple(at.random.sample(names, min(3, len(names))))
    reply = at.get(at.path(fields=",".join(chosen), limit=limit))
    compare_items(at, rows[:limit], reply, Shown(chosen))
    near = list(paths(at, at.resource, 1))
    for (name,), target in at.some(near, 1, 4):
        inner = at.sight.readable(target)
        if not inner:
            continue
        field = at.random.choice(inner)
        reply = at.get(at.path(fields=f"{chosen[0]},{name}__{field}", limit=limit))
        compare_items(at, rows[:limit], reply, Shown(chosen[:1], {name: Shown((field,))}))
    for row in at.some(rows, 1, 2):
        reply = at.get(at.row_path(row, fields=",".join(chosen)))
        if at.status("A row of which some fields were asked for is not given", 200, reply):
            expected: Any = at.sight.json(at.resource, row, Shown(chosen))
            at.same("The row is not as this caller may read it", expected, without_links(reply.json), reply)
