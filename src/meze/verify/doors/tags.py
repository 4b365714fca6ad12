"""Entity tags, over what this caller may read of a row and nothing else. 304 and HEAD tell no more than GET."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, update

from meze.resources.resource import Field
from meze.verify.client import Reply
from meze.verify.judge import Judge
from meze.verify.knock import Knock, bare
from meze.verify.sight import Sight
from meze.verify.world import Row

_DIFFER = frozenset(("x-request-id", "date", "content-length", "ratelimit", "ratelimit-policy"))


def not_modified(at: Knock) -> None:
    """304 for what was not changed, and only to who may read it."""
    if at.shut("read"):
        return
    known = {}
    for row in at.some(at.sight.visible(at.resource), 2, 4):
        reply = at.get(at.row_path(row))
        if reply.status != 200:
            continue
        if reply.etag is None:
            at.note("A row comes without an ETag", "ETag", "none", reply)
            continue
        known[row] = reply.etag
        again = at.get(at.row_path(row), If_None_Match=reply.etag)
        if at.status("What was not changed is sent again", 304, again):
            at.same("304 comes with a body", b"", again.body, again)
        at.status(
            "304 for a row that the tag does not stand for", 200, at.get(at.row_path(row), If_None_Match='"other"')
        )
    for row in at.some(at.sight.hidden(at.resource), 2, 4):
        owner = next((each for each in at.scene.stage.actors if row in at.scene.sight(each).visible(at.resource)), None)
        tags = ["*", *known.values()]
        if owner is not None:
            tags.append(at.ask("GET", at.row_path(row), actor=owner).etag or "*")
        for tag in dict.fromkeys(tags[:1] + tags[-1:]):
            reply = at.get(at.row_path(row), If_None_Match=tag)
            at.status("A hidden row is told by its entity tag", 404, reply)


def head(at: Knock) -> None:
    """HEAD says what GET says, without the body."""
    rows = at.judge.world.rows(at.resource.table)
    paths = [at.path(limit=2), at.path(count="true", sort=at.resource.key[0].name)]
    paths += [at.row_path(row) for row in at.some(rows, 2, 5)]
    for path in paths:
        got, said = at.get(path), at.ask("HEAD", path)
        if at.status("HEAD is answered otherwise than GET", got.status, said):
            at.same("HEAD comes with a body", b"", said.body, said)
            one, other = (
                {name: value for name, value in each.headers.items() if name not in _DIFFER} for each in (got, said)
            )
            at.same("HEAD has other headers than GET", one, other, said)
            length = said.headers.get("content-length")
            if length is not None:
                at.same("HEAD tells another length than GET has", str(len(got.body)), length, said)


def contents(at: Knock) -> None:
    """The tag changes with what this caller may read, and with nothing else; so do the answers."""
    if at.shut("read") or not at.closely:
        return
    for row in at.some(at.sight.visible(at.resource), 0, 2):
        before = at.get(at.row_path(row))
        for name in at.some(at.resource.fields, 0, 12) if before.status == 200 else ():
            field = at.resource.fields[name]
            other = _other_value(at, field, row)
            if other is None or field.key or field.foreign is not None or not _store(at, field, row, other):
                continue
            try:
                after = at.ask("GET", at.row_path(row), moved=True)
            finally:
                world = at.scene.restored()
            now = world.find(row.table, row.key)
            if now is not None:
                _compare(at, name, (row, before), (now, after), at.judge.over(world))


def _compare(at: Knock, name: str, was: tuple[Row, Reply], now: tuple[Row, Reply], judge: Judge) -> None:
    """Compare what is said of a row before and after a field was changed past the API."""
    (row, before), (changed, after) = was, now
    if not judge.allows(at.actor, "read", at.resource, changed):
        at.status("A row that was hidden meanwhile is given", 404, after)
        return
    known = judge.readable_fields(at.actor, at.resource, changed)
    if known != at.judge.readable_fields(at.actor, at.resource, row):
        return
    if known[name] in ("open", "shown"):
        if before.etag == after.etag:
            at.note(f"The ETag is the same though {name} was changed", "another ETag", after.etag, after)
    elif at.sight.json(at.resource, row) == Sight(judge, at.actor, at.scene.orders).json(at.resource, changed):
        at.same(f"The ETag tells that {name} was changed, which is hidden", before.etag, after.etag, after)
        at.same(f"The answer tells that {name} was changed, which is hidden", bare(before), bare(after), after)


def _other_value(at: Knock, field: Field, row: Row) -> Any:
    """Return a value that another row has in this field, for it fits there."""
    if field.generated and field.type.name != "integer":
        return None
    values = [each.of(field) for each in at.judge.world.rows(row.table) if each.of(field) not in (None, row.of(field))]
    return at.random.choice(values) if values else None


def _store(at: Knock, field: Field, row: Row, value: Any) -> bool:
    """Put a value in past the API; say whether the database took it."""
    table = row.table
    key = and_(*(column == part for column, part in zip(table.primary_key.columns, row.key, strict=True)))
    try:
        with at.scene.stage.database.engine.begin() as connection:
            connection.execute(update(table).where(key).values({field.column: value}))
    except Exception:  # whatever the database has against it, the next value may do
        return False
    return True
