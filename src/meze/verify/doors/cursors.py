"""Cursors: nobody's but the question's they were given for, never forged, and each caller reads on as themselves."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

from meze.verify.client import Reply
from meze.verify.doors.pages import compare_items
from meze.verify.knock import Knock

_LIMIT = 3


def knock(at: Knock) -> None:
    if at.shut("read"):
        return
    rows = at.sight.visible(at.resource)
    first = at.get(at.path(limit=_LIMIT))
    cursor = cursor_of(first)
    if cursor is None:
        return
    _forged(at, cursor)
    _elsewhere(at, cursor)
    compare_items(at, rows[_LIMIT : 2 * _LIMIT], at.get(at.path(limit=_LIMIT, cursor=cursor)))
    _of_others(at)


def cursor_of(reply: Reply) -> str | None:
    following = (reply.json or {}).get("next") if reply.status == 200 else None
    return None if following is None else parse_qs(urlsplit(following).query)["cursor"][0]


def _forged(at: Knock, cursor: str) -> None:
    for place in {len(cursor) // 3, len(cursor) // 2, len(cursor) - 2}:
        other = "A" if cursor[place] != "A" else "B"
        reply = at.get(at.path(limit=_LIMIT, cursor=f"{cursor[:place]}{other}{cursor[place + 1 :]}"))
        at.refused("A cursor that was tampered with is taken", 400, "bad_cursor", reply)
    made_up = base64.urlsafe_b64encode(b'["x", 1]').decode().rstrip("=")
    at.refused("A cursor that was made up is taken", 400, "bad_cursor", at.get(at.path(cursor=made_up)))


def _elsewhere(at: Knock, cursor: str) -> None:
    """Take the cursor to another sort, another filter and another resource."""
    names = [name for name in at.sight.askable(at.resource) if at.resource.fields[name].type.sortable]
    key = at.resource.key[0].name
    asked = [at.path(limit=_LIMIT, cursor=cursor, sort=f"-{name}") for name in names[:1]]
    if key in names:
        asked.append(at.path_of(at.resource, query=[(f"{key}__isnull", "false"), ("limit", 3), ("cursor", cursor)]))
    others = [each for each in at.judge.resources.served if each is not at.resource]
    asked += [
        at.path_of(other, query=[("cursor", cursor)]) for other in others if at.sight.refusal(other, "read") is None
    ][:1]
    for path in asked:
        at.refused("A cursor is taken for another question than its own", 400, "bad_cursor", at.get(path))


def _of_others(at: Knock) -> None:
    """Go on where another caller's page ended: what follows is what this caller may read, and no more."""
    for other in at.scene.stage.actors:
        if other is at.actor or not at.closely:
            continue
        sight = at.scene.sight(other)
        if sight.refusal(at.resource, "read") is not None or sight.visible(at.resource) == at.sight.visible(
            at.resource
        ):
            continue
        theirs = sight.ordered(at.resource, sight.visible(at.resource), ())
        if len(theirs) <= _LIMIT:
            continue
        cursor = cursor_of(at.ask("GET", at.path(limit=_LIMIT), actor=other))
        if cursor is None:
            continue
        everything = at.sight.ordered(at.resource, at.judge.world.of(at.resource), ())
        after = everything[everything.index(theirs[_LIMIT - 1]) + 1 :]
        mine = {id(row) for row in at.sight.visible(at.resource)}
        rows = [row for row in after if id(row) in mine]
        compare_items(at, rows[:_LIMIT], at.get(at.path(limit=_LIMIT, cursor=cursor)))
        return
