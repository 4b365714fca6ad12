"""Lists, page by page, beside the rows that they must have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from meze.verify.client import Reply
from meze.verify.knock import Knock
from meze.verify.sight import WHOLE, Shown
from meze.verify.world import Row

_PAGES = 200
GREATEST_FOLLOWED = 3
"""How many links to the rest of a related list are followed from one page."""


def limit_of(at: Knock) -> int:
    """Return the greatest page that may be asked for."""
    return min(at.resource.page_limit or at.scene.stage.settings.page_limit, at.scene.stage.settings.page_limit)


def walked(at: Knock, path: str, rows: Iterable[Row], shown: Shown = WHOLE) -> None:
    """Compare all pages of a list, from `path` on, with the rows that it must have."""
    expected = [at.sight.json(at.resource, row, shown) for row in rows]
    got: list[Any] = []
    for reply in pages(at, path):
        said = reply.json
        if "total" in said:
            compare_total(at, len(expected), reply)
        here = said["items"]
        there = expected[len(got) : len(got) + len(here)]
        got += here
        if not _same_items(at, there, here, reply):
            return
        last = reply
    if len(got) < len(expected):
        at.note("The list ends before all rows were given that this caller may read", len(expected), len(got), last)


def pages(at: Knock, path: str) -> Iterator[Reply]:
    """Yield the answers from `path` on, as long as each names the next."""
    following: str | None = path
    for _ in range(_PAGES):
        if following is None:
            return
        reply = at.get(following)
        if not at.status("A page of the list is not given", 200, reply) or "items" not in (reply.json or {}):
            return
        yield reply
        following = reply.json["next"]


def compare_items(at: Knock, rows: Iterable[Row], reply: Reply, shown: Shown = WHOLE) -> bool:
    """Compare the items of one page with rows."""
    if not at.status("The list is not given", 200, reply):
        return False
    return _same_items(at, [at.sight.json(at.resource, row, shown) for row in rows], reply.json["items"], reply)


def compare_total(at: Knock, expected: int, reply: Reply) -> None:
    if at.status("The list is not given", 200, reply):
        at.same("`total` is not the number of rows that this caller may read", expected, reply.json.get("total"), reply)


def _same_items(at: Knock, expected: list[Any], got: list[Any], reply: Reply) -> bool:
    got = [without_links(each) for each in got]
    if expected == got:
        return True
    keys = [part.name for part in at.resource.key]

    def of(items: list[Any]) -> list[Any]:
        return [[each.get(name) for name in keys] for each in items]

    if of(expected) != of(got) and all(name in at.sight.readable(at.resource) for name in keys):
        extra = [each for each in of(got) if each not in of(expected)]
        what = (
            "The list gives rows that it must not have"
            if extra
            else "The list lacks rows, or has them in another order"
        )
        return at.same(what, of(expected), of(got), reply)
    one, other = next(
        ((one, other) for one, other in zip(expected, got, strict=False) if one != other), (expected, got)
    )
    return at.same("The list shows a row as this caller may not read it", one, other, reply)


def without_links(item: Any) -> Any:
    """Return an item with each `next` of its related lists as whether there is one."""
    if not isinstance(item, dict):
        return item
    made = {}
    for name, value in item.items():
        if isinstance(value, dict) and value.keys() == {"items", "next"}:
            value = {"items": [without_links(each) for each in value["items"]], "next": value["next"] is not None}
        elif isinstance(value, dict):
            value = without_links(value)
        made[name] = value
    return made
