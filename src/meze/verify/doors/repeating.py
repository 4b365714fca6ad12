"""Idempotency-Key: the same answer once more, to the same caller alone, and only as long as they may read it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, delete
from sqlalchemy.exc import IntegrityError

from meze.verify.bodies import body_of
from meze.verify.doors.several import creations
from meze.verify.knock import Knock
from meze.verify.outcome import Expected
from meze.verify.world import Change, changes_between

_HEADER = "Idempotency-Key"


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    if at.shut("create") or at.actor.caller.id is None or not at.closely:
        return
    good, _ = creations(at, expected)
    if not good:
        return
    body, key = body_of(at, good[0]), f"verify-{at.random.getrandbits(64)}"
    headers = {_HEADER: key}
    try:
        first = at.ask("POST", at.path(), body, headers=headers)
        again = at.ask("POST", at.path(), body, headers=headers)
        if not at.status("A request with Idempotency-Key is not done", 201, first):
            return
        at.same(
            "The same request is not answered alike the second time",
            (first.status, first.body),
            (again.status, again.body),
            again,
        )
        found = changes_between(at.scene.stage.world, at.scene.stage.stored())
        made = [each for each in found if each.table is at.resource.table and each.before is None]
        at.same("A request that was sent twice made other than one row", 1, len(made), again)
        other = at.ask("POST", at.path(), {**body, "zqxjkvwzq": 1}, headers=headers)
        at.refused("Another request is answered under the key of the first", 422, "key_reused", other)
        _as_others(at, body, headers, first.body)
        _when_gone(at, body, headers, made)
    finally:
        at.scene.stage.restore()


def _as_others(at: Knock, body: object, headers: dict[str, str], first: bytes) -> None:
    """Let others send it under the same key."""
    for other in at.scene.stage.actors:
        if other.caller.id in (None, at.actor.caller.id):
            continue
        reply = at.ask("POST", at.path(), body, headers=headers, actor=other, moved=True)
        if reply.headers.get("idempotency-replayed") or (reply.body == first and reply.status == 201):
            at.note(f"The answer to another's key is given to {other.name}", "no replay", reply.told, reply)
        return


def _when_gone(at: Knock, body: object, headers: dict[str, str], made: Sequence[Change]) -> None:
    """Take the row away, and send it once more."""
    if len(made) != 1:
        return
    table = at.resource.table
    key = and_(*(column == part for column, part in zip(table.primary_key.columns, made[0].key, strict=True)))
    try:
        with at.scene.stage.database.engine.begin() as connection:
            connection.execute(delete(table).where(key))
    except IntegrityError:
        return  # something was made with it that refers to it, and keeps it
    reply = at.ask("POST", at.path(), body, headers=headers)
    if reply.status == 201 and reply.json:
        at.note("An answer is repeated though its row may not be read any more", 404, reply.told, reply)
