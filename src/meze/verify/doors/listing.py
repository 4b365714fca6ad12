"""The list: every row that may be read and no other, on every page, and their number."""

from __future__ import annotations

from meze.verify.conditions import Condition
from meze.verify.doors.pages import compare_items, compare_total, limit_of, walked
from meze.verify.knock import Knock


def knock(at: Knock) -> None:
    if at.closed("read", reply=at.get(at.path(limit=1, count="true"))) or at.shut("read"):
        return
    rows = at.sight.visible(at.resource)
    walked(at, at.path(limit=limit_of(at), count="true"), rows)
    walked(at, at.path(limit=5), rows)
    reply = at.get(at.path(limit=3, page=2, count="true"))
    if at.status("The second page is not given", 200, reply):
        compare_items(at, rows[3:6], reply)
        compare_total(at, len(rows), reply)


def count(at: Knock) -> None:
    """The number of rows counts none that is hidden, and says nothing of them."""
    if at.closed("read", reply=at.get(at.path(count="true"))) or at.shut("read"):
        return
    rows = at.sight.visible(at.resource)
    compare_total(at, len(rows), at.get(at.path(count="true", limit=1)))
    hidden = at.sight.hidden(at.resource)
    names = [part.name for part in at.resource.key if part.name in at.sight.askable(at.resource)]
    if len(names) != len(at.resource.key) or len(names) != 1:
        return
    for row in at.some(hidden, 1, 3):
        condition = Condition((), at.resource.key[0], "eq", (row,))
        reply = at.get(at.path_of(at.resource, query=[condition.argument, ("count", "true")]))
        compare_total(at, 0, reply)
        compare_items(at, [], reply)
