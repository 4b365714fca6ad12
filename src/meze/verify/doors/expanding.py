"""Related rows, to one and to many, nested, and the rest of a long list: those that may be read, as they may be."""

from __future__ import annotations

from typing import Any

from meze.resources.resource import Resource
from meze.verify.conditions import paths
from meze.verify.doors.pages import GREATEST_FOLLOWED, compare_items, limit_of, without_links
from meze.verify.knock import Knock
from meze.verify.sight import EMBEDDED, Shown
from meze.verify.world import Row


def knock(at: Knock) -> None:
    if at.shut("read"):
        return
    rows = at.sight.visible(at.resource)
    every = list(paths(at, at.resource, 2))
    near = [path for path, _ in every if len(path) == 1]
    far = [path for path, _ in every if len(path) == 2]
    for path in [*at.some(near, 2), *at.some(far, 1, 6)]:
        shown, limit = shown_along(path), min(limit_of(at), 20)
        reply = at.get(
            at.path(expand=",".join("__".join(path[: steps + 1]) for steps in range(len(path))), limit=limit)
        )
        compare_items(at, rows[:limit], reply, shown)
        if len(path) == 1 and at.resource.relations[path[0]].to_many and reply.status == 200:
            _follow(at, path[0], rows[:limit], reply.json["items"])
    for path in at.some(near, 1):
        for row in at.some(rows, 1, 3):
            reply = at.get(at.row_path(row, expand=path[0]))
            if at.status("A row with related rows is not given", 200, reply):
                expected = at.sight.json(at.resource, row, shown_along(path))
                at.same("Related rows are not as this caller may read them", expected, without_links(reply.json), reply)


def shown_along(path: tuple[str, ...]) -> Shown:
    return Shown(related={path[0]: shown_along(path[1:])}) if path else Shown()


def _follow(at: Knock, name: str, rows: tuple[Row, ...], items: list[Any]) -> None:
    """Follow `next` of a related list: what comes is the rest of it, under the same rule."""
    target, followed = at.sight.target(at.resource, name), 0
    for row, item in zip(rows, items, strict=False):
        following = item.get(name, {}).get("next")
        if following is None:
            continue
        followed += 1
        if followed > (GREATEST_FOLLOWED if at.closely else 1):
            return
        rest = at.sight.many(at.resource, name, row)[EMBEDDED:]
        _compare_rest(at, target, rest, following)
        _follow_as_others(at, name, row, following)


def _compare_rest(at: Knock, target: Resource, rest: list[Row], following: str) -> None:
    reply = at.get(following)
    if at.status("The rest of a related list is not given", 200, reply):
        got = [without_links(each) for each in reply.json["items"]]
        expected = [at.sight.json(target, each) for each in rest[: len(got) or EMBEDDED]]
        at.same("The rest of a related list is not what this caller may read", expected, got, reply)


def _follow_as_others(at: Knock, name: str, row: Row, following: str) -> None:
    """Let somebody else follow the link, who may not read the row that the list belongs to."""
    target = at.sight.target(at.resource, name)
    for other in at.scene.stage.actors:
        sight = at.scene.sight(other)
        if row in sight.visible(at.resource) or sight.refusal(target, "read") is not None:
            continue
        reply = at.ask("GET", following, actor=other)
        if reply.status == 200 and reply.json["items"]:
            at.note(
                f"{other.name} follows the rest of a related list whose row they may not read, and is given rows",
                "no rows",
                reply.told,
                reply,
            )
        return
