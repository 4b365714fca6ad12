"""Related lists longer than what an answer embeds: the rest, for who may read the row that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meze.resources.resource import Resource
from meze.verify.callers import Actor
from meze.verify.client import Reply
from meze.verify.copies import copies, put_in
from meze.verify.doors.pages import without_links
from meze.verify.knock import Knock
from meze.verify.sight import EMBEDDED, Sight
from meze.verify.world import Row

_CROWD = EMBEDDED + 5
_PAGES = 5


def knock(at: Knock) -> None:
    if at.shut("read") or not at.closely:
        return
    for name in at.sight.relations(at.resource):
        relation, target = at.resource.relations[name], at.sight.target(at.resource, name)
        pair = _parent_and_child(at, name) if relation.to_many and relation.through is None else None
        if pair is None or not put_in(at, [copies(at, pair[1], _CROWD)]):
            continue
        try:
            _compare(at, name, target, pair[0])
        finally:
            at.scene.restored()


def _parent_and_child(at: Knock, name: str) -> tuple[Row, Row] | None:
    """Return a row that this caller may read with one related to it; best one that not everybody may read."""
    found = [
        (row, related[0]) for row in at.sight.visible(at.resource) if (related := at.sight.many(at.resource, name, row))
    ]
    hidden = [pair for pair in found if any(True for _ in _others(at, pair[0]))]
    return next(iter(hidden or found), None)


def _others(at: Knock, parent: Row) -> Iterator[Actor]:
    for other in at.scene.stage.actors:
        if parent not in at.scene.sight(other).visible(at.resource):
            yield other


def _compare(at: Knock, name: str, target: Resource, parent: Row) -> None:
    """Follow the rest of the list as this caller, and as those who may not read the row that it belongs to."""
    judge = at.judge.over(at.scene.stage.stored())
    sight = Sight(judge, at.actor, at.scene.orders)
    now = judge.world.find(parent.table, parent.key)
    if now is None or now not in sight.visible(at.resource):
        return
    expected = [sight.json(target, row) for row in sight.many(at.resource, name, now)]
    reply = at.ask("GET", at.row_path(parent, expand=name), moved=True)
    if not at.status("A row with a long list of related rows is not given", 200, reply):
        return
    embedded = reply.json[name]
    following, got = embedded["next"], [without_links(each) for each in embedded["items"]]
    for other in _others(at, parent) if following is not None else ():
        _follow_as(at, other, target, following)
    for _ in range(_PAGES):
        if following is None:
            break
        reply = at.ask("GET", following, moved=True)
        if not at.status("The rest of a related list is not given", 200, reply):
            return
        got += [without_links(each) for each in reply.json["items"]]
        following = reply.json["next"]
    at.same(
        "A related list, with the rest of it, is not what this caller may read",
        _keys(target, expected),
        _keys(target, got),
        reply,
    )


def _follow_as(at: Knock, other: Actor, target: Resource, following: str) -> None:
    if at.scene.sight(other).refusal(target, "read") is not None:
        return
    reply: Reply = at.ask("GET", following, actor=other, moved=True)
    if reply.status == 200 and reply.json["items"]:
        what = f"{other.name} may not read the row that a related list belongs to, and is given the rest of the list"
        at.note(what, "no rows", reply.told, reply)


def _keys(target: Resource, items: list[Any]) -> list[Any]:
    return [[each.get(part.name) for part in target.key] for each in items]
