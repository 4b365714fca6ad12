"""Lists that are asked for in a body: `and`, `or` and `not`, by QUERY and by POST to `/query`."""

from __future__ import annotations

from typing import Any

from meze.verify.conditions import Condition, on_field, paths
from meze.verify.doors.pages import compare_items, compare_total, limit_of
from meze.verify.knock import Knock
from meze.verify.sight import Sight
from meze.verify.world import Row

_ROUNDS = 2


def knock(at: Knock) -> None:
    if at.shut("read"):
        at.closed("read", reply=at.ask("QUERY", at.path(), {}))
        at.closed("read", reply=at.ask("POST", at.path("query"), {}))
        return
    known = _conditions(at)
    _ask(at, "QUERY", {}, lambda _: True)
    _ask(at, "POST", {}, lambda _: True)
    if not known:
        return
    for _ in range(_ROUNDS if at.closely else 1):
        one, other = at.random.choice(known), at.random.choice(known)
        member, second = {one.name: one.value}, {other.name: other.value}
        _ask(
            at,
            "QUERY",
            {"where": {"not": {"or": [member, {"not": second}]}}},
            lambda row, one=one, other=other: not _holds(at, one, row) and _holds(at, other, row),
        )
        if not at.closely:
            return
        _ask(at, "QUERY", {"where": {"not": member}}, lambda row, one=one: not _holds(at, one, row))
        _ask(
            at,
            "POST",
            {"where": {"or": [member, second]}},
            lambda row, one=one, other=other: _holds(at, one, row) or _holds(at, other, row),
        )


def _conditions(at: Knock) -> list[Condition]:
    known = [one for name in at.sight.askable(at.resource) for one in on_field(at, at.resource.fields[name])]
    for path, target in paths(at, at.resource, 1):
        known.append(Condition(path, None, "isnull", operand=True))
        names = at.sight.askable(target)
        if names:
            known += on_field(at, target.fields[at.random.choice(names)], path)
    return known


def _holds(at: Knock, condition: Condition, row: Row) -> bool:
    sight: Sight = at.sight
    return condition.holds(sight, at.resource, row)


def _ask(at: Knock, method: str, body: dict[str, Any], holds: Any) -> None:
    limit = limit_of(at)
    rows = [row for row in at.sight.visible(at.resource) if holds(row)]
    path = at.path() if method == "QUERY" else at.path("query")
    reply = at.ask(method, path, {**body, "count": True, "limit": limit})
    compare_total(at, len(rows), reply)
    compare_items(at, rows[:limit], reply)
