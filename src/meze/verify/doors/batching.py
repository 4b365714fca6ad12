"""Batches: each operation as a request of its own would be, and all undone where one is refused."""

from __future__ import annotations

from typing import Any

from meze.verify import wire
from meze.verify.bodies import body_of
from meze.verify.doors.pages import limit_of, without_links
from meze.verify.doors.several import changes, creations
from meze.verify.doors.writing import matching
from meze.verify.knock import Knock, Written
from meze.verify.outcome import Expected
from meze.verify.world import Row

Operation = dict[str, Any]


def knock(at: Knock) -> None:
    expected = Expected(at.sight, at.resource)
    _reads(at)
    good, bad = changes(at, expected) if not at.shut("update") else ([], [])
    made, refused = creations(at, expected)
    done = [_patch(at, row, body_of(at, values)) for row, values in good[:1]]
    done += [_operation("POST", f"/{at.resource.name}", body_of(at, values)) for values in made[:1]]
    for row, values in bad[:3]:
        written = _send(at, [*done, _patch(at, row, body_of(at, values))])
        at.status("An operation of a batch may not be done", expected.change(row, values).status, written.reply)
        at.unchanged("An operation of a batch may not be done", written)
    for values in refused[:2]:
        written = _send(at, [*done, _operation("POST", f"/{at.resource.name}", body_of(at, values))])
        at.status("An operation of a batch may not be done", expected.creation(values).status, written.reply)
        at.unchanged("An operation of a batch may not be done", written)
    fixed = [row for row in at.judge.world.of(at.resource) if not expected.removal(row).done]
    for row in at.some(fixed, 1, 2):
        headers = matching(at)
        operation = _operation("DELETE", _path(at, row), None) | ({"headers": headers} if headers else {})
        written = _send(at, [*done, operation])
        at.status("A row may not be deleted in a batch", expected.removal(row).status, written.reply)
        at.unchanged("A row may not be deleted in a batch", written)
    _references(at, expected)


def _reads(at: Knock) -> None:
    """Read a row, a hidden row and the list in batches."""
    shut = at.sight.refusal(at.resource, "read")
    rows = at.sight.visible(at.resource)
    if shut is not None:
        written = _send(at, [_operation("GET", f"/{at.resource.name}", None)])
        at.status("A list is given in a batch that is refused otherwise", shut, written.reply)
        return
    for row in at.some(at.sight.hidden(at.resource), 1, 2):
        reply = _send(at, [_operation("GET", _path(at, row), None)]).reply
        at.status("A hidden row is told in a batch", 404, reply)
    limit = min(limit_of(at), 20)
    asked = [_operation("GET", f"/{at.resource.name}?limit={limit}&count=true", None)]
    asked += [_operation("GET", _path(at, row), None) for row in rows[:1]]
    reply = _send(at, asked).reply
    if at.status("A batch of reads is not answered", 200, reply):
        first, *others = (each["body"] for each in reply.json["results"])
        items = [at.sight.json(at.resource, row) for row in rows[:limit]]
        at.same(
            "The list in a batch is not what this caller may read",
            items,
            [without_links(each) for each in first["items"]],
            reply,
        )
        at.same("`total` in a batch counts hidden rows", len(rows), first["total"], reply)
        for body in others:
            at.same(
                "The row in a batch is not as this caller may read it", at.sight.json(at.resource, rows[0]), body, reply
            )


def _references(at: Knock, expected: Expected) -> None:
    """Refer to a field of a row that is not shown to this caller."""
    fields = [field for field in expected.open_fields(creating=False) if not field.key]
    rows = [row for row in at.sight.visible(at.resource) if expected.change(row, {}).done]
    states = at.sight.states(at.resource)
    hidden = [name for name, state in states.items() if state == "closed"]
    if not fields or not rows or not hidden:
        return
    for name in at.some(hidden, 1, 3):
        patched = _patch(at, rows[0], {fields[0].name: {"$ref": f"/0/body/{name}"}})
        written = _send(at, [_operation("GET", _path(at, rows[0]), None), patched])
        at.status(f"A reference brings out {name}, which is hidden", 422, written.reply)
        at.unchanged("A reference to a hidden field", written)


def _send(at: Knock, operations: list[Operation]) -> Written:
    return at.write("POST", f"{at.scene.stage.prefix}/batch", {"operations": operations})


def _operation(method: str, path: str, body: Any) -> Operation:
    made: Operation = {"method": method, "path": path}
    return made if body is None else made | {"body": body}


def _patch(at: Knock, row: Row, body: Any) -> Operation:
    headers = matching(at)
    return _operation("PATCH", _path(at, row), body) | ({"headers": headers} if headers else {})


def _path(at: Knock, row: Row) -> str:
    return f"/{at.resource.name}/{wire.key_of(at.resource, row)}"
