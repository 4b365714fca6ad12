"""Filters: by each operator of each field that may be asked about, and through relations."""

from __future__ import annotations

from meze.verify.conditions import Condition, on_field, paths
from meze.verify.doors.pages import compare_items, compare_total, limit_of
from meze.verify.knock import Knock

_STEPS = 2


def by_fields(at: Knock) -> None:
    """Filters on the resource's own fields."""
    if at.shut("read"):
        at.closed("read", reply=at.get(at.path(**{f"{at.resource.key[0].name}__isnull": "false"})))
        return
    asked = [
        condition for name in at.sight.askable(at.resource) for condition in on_field(at, at.resource.fields[name])
    ]
    for condition in at.some(asked, 2, 20):
        ask(at, condition)


def by_relations(at: Knock) -> None:
    """Filters through relations: a hidden related row counts as missing."""
    if at.shut("read"):
        return
    asked: list[Condition] = []
    for path, target in paths(at, at.resource, _STEPS):
        asked += [Condition(path, None, "isnull", operand=flag) for flag in (True, False)]
        fields = at.some(at.sight.askable(target), 1, 3 if len(path) == 1 else 1)
        for name in fields:
            asked += at.some(on_field(at, target.fields[name], path), 1, 3 if len(path) == 1 else 1)
    for condition in at.some(asked, 2, 16):
        ask(at, condition)
    together(at)


def together(at: Knock) -> None:
    """Two conditions under one relation mean one related row."""
    for name in at.some([each for each in at.sight.relations(at.resource) if at.resource.relations[each].to_many], 1):
        target = at.sight.target(at.resource, name)
        asked = [
            one
            for field in at.some(at.sight.askable(target), 2, 3)
            for one in at.some(on_field(at, target.fields[field], (name,)), 1, 1)
        ]
        if len(asked) < 2:
            continue
        pair = asked[:2]
        rows = [
            row
            for row in at.sight.visible(at.resource)
            if any(
                all(
                    Condition((), each.field, each.operator, each.probes, each.operand).holds(at.sight, target, related)
                    for each in pair
                )
                for related in at.sight.many(at.resource, name, row)
            )
        ]
        limit = limit_of(at)
        reply = at.get(
            at.path_of(at.resource, query=[*(each.argument for each in pair), ("count", "true"), ("limit", limit)])
        )
        compare_total(at, len(rows), reply)
        compare_items(at, rows[:limit], reply)


def ask(at: Knock, condition: Condition) -> None:
    """Ask for what fulfils a condition, and compare the rows and their number."""
    limit = limit_of(at)
    rows = [row for row in at.sight.visible(at.resource) if condition.holds(at.sight, at.resource, row)]
    query = [condition.argument, ("count", "true"), ("limit", limit)]
    reply = at.get(at.path_of(at.resource, query=query))
    compare_total(at, len(rows), reply)
    compare_items(at, rows[:limit], reply)
