"""Aggregates: counts, sums and groups of the rows that may be read, and of no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from meze.resources.resource import Field
from meze.verify import wire
from meze.verify.conditions import on_field, paths
from meze.verify.doors.pages import limit_of
from meze.verify.knock import Knock
from meze.verify.world import Row

_KEYED = ("integer", "text", "boolean", "enum", "date", "uuid")
"""The kinds whose JSON tells equal values apart."""


def knock(at: Knock) -> None:
    if at.closed("read", reply=at.get(at.path(aggregate="count"))) or at.shut("read"):
        return
    rows = at.sight.visible(at.resource)
    _totals(at, rows)
    groupable = [
        ((), at.resource.fields[name])
        for name in at.sight.askable(at.resource)
        if at.resource.fields[name].type.name in _KEYED
    ]
    for _, field in at.some(groupable, 1, 5):
        _grouped(at, rows, (), field)
    for path, target in paths(at, at.resource, 2):
        resource, single = at.resource, True
        for name in path:
            single = single and not resource.relations[name].to_many
            resource = at.sight.target(resource, name)
        names = [name for name in at.sight.askable(target) if target.fields[name].type.name in _KEYED]
        if single and names and (at.closely or at.random.random() < 0.3):
            _grouped(at, rows, path, target.fields[at.random.choice(names)])
    _filtered(at, rows)


def _totals(at: Knock, rows: Sequence[Row]) -> None:
    asked = ["count"]
    expected: dict[str, Any] = {"count": len(rows)}
    for name in at.some(at.sight.askable(at.resource), 1, 3):
        field = at.resource.fields[name]
        values = [row.of(field) for row in rows if row.of(field) is not None]
        asked.append(f"count:{name}")
        expected[f"count_{name}"] = len(values)
        if field.type.name == "integer" and len(asked) < 8:
            asked += [f"sum:{name}", f"max:{name}", f"min:{name}"]
            expected |= {
                f"sum_{name}": sum(values) if values else None,
                f"max_{name}": max(values, default=None),
                f"min_{name}": min(values, default=None),
            }
    reply = at.get(at.path(aggregate=",".join(asked)))
    if at.status("Aggregates are not given", 200, reply):
        at.same(
            "An aggregate is not that of the rows that this caller may read", [expected], reply.json["groups"], reply
        )


def _filtered(at: Knock, rows: Sequence[Row]) -> None:
    for name in at.some(at.sight.askable(at.resource), 1, 1):
        for condition in at.some(on_field(at, at.resource.fields[name]), 1, 1):
            expected = sum(condition.holds(at.sight, at.resource, row) for row in rows)
            reply = at.get(at.path_of(at.resource, query=[("aggregate", "count"), condition.argument]))
            if at.status("Aggregates under a filter are not given", 200, reply):
                at.same("Hidden rows are counted", [{"count": expected}], reply.json["groups"], reply)


def _grouped(at: Knock, rows: Sequence[Row], path: tuple[str, ...], field: Field) -> None:
    member = "__".join((*path, field.name))
    counted: Counter[Any] = Counter()
    for row in rows:
        resource = at.resource
        found: Row | None = row
        for name in path:
            resource, found = at.sight.target(resource, name), at.sight.one(resource, name, found)
        counted[None if found is None else wire.shown(field, found.of(field))] += 1
    reply = at.get(at.path(aggregate="count", group=member, limit=limit_of(at)))
    if not at.status("Groups are not given", 200, reply):
        return
    got = {each[member]: each["count"] for each in reply.json["groups"]}
    if reply.json["next"] is None:
        at.same("The groups are not those of the rows that this caller may read", _named(counted), _named(got), reply)
    elif any(counted.get(value) != number for value, number in got.items()):
        at.same("A group is not that of the rows that this caller may read", _named(counted), _named(got), reply)


def _named(counted: Any) -> dict[str, int]:
    return {str(value): number for value, number in counted.items()}
