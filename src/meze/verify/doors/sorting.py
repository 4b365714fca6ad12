"""Sorts, walked through cursors, by own fields and by those of related rows: hidden ones count as missing."""

from __future__ import annotations

from collections.abc import Sequence

from meze.verify.conditions import paths
from meze.verify.doors.pages import compare_items, limit_of, walked
from meze.verify.knock import Knock
from meze.verify.sight import Order

_STEPS = 2


def knock(at: Knock) -> None:
    if at.shut("read"):
        at.closed("read", reply=at.get(at.path(sort=at.resource.key[0].name)))
        return
    own = [
        Order((), name, at.random.random() < 0.5)
        for name in at.sight.askable(at.resource)
        if at.resource.fields[name].type.sortable
    ]
    for order in at.some(own, 1, 5):
        _walk(at, (order,))
    if len(own) > 1 and at.closely:
        _walk(at, at.random.sample(own, 2))
    for order in at.some(_related(at), 1, 5):
        _walk(at, (order,))


def _related(at: Knock) -> list[Order]:
    found = []
    for path, target in paths(at, at.resource, _STEPS):
        if any(_many(at, path)):
            continue
        names = [name for name in at.sight.askable(target) if target.fields[name].type.sortable]
        found += [Order(path, name, at.random.random() < 0.5) for name in at.some(names, 1, 2)]
    return found


def _many(at: Knock, path: tuple[str, ...]) -> list[bool]:
    resource, found = at.resource, []
    for name in path:
        found.append(resource.relations[name].to_many)
        resource = at.sight.target(resource, name)
    return found


def _walk(at: Knock, sort: Sequence[Order]) -> None:
    rows = at.sight.ordered(at.resource, at.sight.visible(at.resource), sort)
    written = ",".join(map(str, sort))
    limit = min(limit_of(at), max(2, len(rows) // 3))
    walked(at, at.path(sort=written, limit=limit), rows)
    compare_items(at, rows[2:4], at.get(at.path(sort=written, limit=2, page=2)))
