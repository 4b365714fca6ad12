"""Mass assignment: every column that is not the caller's to set. What is hidden is told as what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meze.resources.resource import Field
from meze.verify import wire
from meze.verify.bodies import body_of, like
from meze.verify.doors.writing import matching
from meze.verify.knock import Knock
from meze.verify.outcome import Expected, Values
from meze.verify.world import Row

_NOTHING = "zqxjkvwzq"


def on_create(at: Knock) -> None:
    """POST with a column that is closed."""
    expected = Expected(at.sight, at.resource)
    if at.shut("create"):
        return
    values = _best(at, expected)
    if values is None:
        return
    for field in _closed(at, expected, creating=True):
        for sent in _values(at, field, None):
            if field is at.resource.owner and sent == at.actor.caller.id:
                continue
            _refused(at, "POST", at.path(), body_of(at, values), field, sent)
    _unknown(at, "POST", at.path(), body_of(at, values))


def on_change(at: Knock) -> None:
    """PATCH and PUT with a column that is closed."""
    expected = Expected(at.sight, at.resource)
    if at.shut("update"):
        return
    rows = [row for row in at.sight.visible(at.resource) if expected.change(row, {}).done]
    for row in at.some(rows, 1, 1):
        for field in at.some(_closed(at, expected, creating=False), 4):
            for sent in at.some(_values(at, field, row), 1, 2):
                _refused(at, "PATCH", at.row_path(row), {}, field, sent)
            if at.sight.states(at.resource)[field.name] == "open":
                own = wire.shown(field, row.of(field))
                written = at.write("PATCH", at.row_path(row), {field.name: own}, headers=matching(at))
                at.status(f"{field.name} is sent back as it is, and refused", 200, written.reply)
        whole = {each.name: row.of(each) for each in expected.open_fields(creating=False)}
        if not at.resource.chosen_key and expected.change(row, whole).done:
            for field in at.some(_closed(at, expected, creating=False), 1, 3):
                for sent in at.some(_values(at, field, row), 1, 1):
                    _refused(at, "PUT", at.row_path(row), body_of(at, whole), field, sent)
        _unknown(at, "PATCH", at.row_path(row), {})


def _best(at: Knock, expected: Expected) -> Values | None:
    """Return values of which a row may be made, or such as fit the columns at least."""
    rows = at.some(at.judge.world.of(at.resource), 12, 40)
    made = [like(at, expected, row) for row in rows]
    return next((values for values in made if expected.creation(values).done), made[0] if made else None)


def _closed(at: Knock, expected: Expected, *, creating: bool) -> list[Field]:
    open_names = {field.name for field in expected.open_fields(creating=creating)}
    return [field for name, field in at.resource.fields.items() if name not in open_names]


def _values(at: Knock, field: Field, row: Row | None) -> Iterator[Any]:
    """Yield values, as JSON, that the field may hold and that the row does not."""
    own = None if row is None else row.of(field)
    others = [each.of(field) for each in at.judge.world.rows(at.resource.table)]
    others = [value for value in others if value is not None and value != own]
    for value in at.some(dict.fromkeys(map(repr, others)), 1, 2):
        yield next(wire.shown(field, each) for each in others if repr(each) == value)


def _refused(at: Knock, method: str, path: str, body: dict[str, Any], field: Field, sent: Any) -> None:
    written = at.write(method, path, {**body, field.name: sent}, headers=matching(at) if method != "POST" else {})
    reply = written.reply
    code = "unknown" if at.sight.states(at.resource)[field.name] == "closed" else "closed"
    what = f"{field.name} is not this caller's to set, and was sent"
    at.unchanged(what, written)
    if at.refused(what, 422, "invalid", reply):
        named = [(each.get("pointer"), each["code"]) for each in reply.json["errors"]]
        if (f"/{field.name}", code) not in named:
            at.note(what, f"/{field.name} {code}", str(named), reply)


def _unknown(at: Knock, method: str, path: str, body: dict[str, Any]) -> None:
    """Compare what is said of a hidden field with what is said of one that is not there."""
    headers = matching(at) if method != "POST" else {}
    hidden = [name for name, state in at.sight.states(at.resource).items() if state == "closed"]
    hidden = [name for name in hidden if not at.judge.may_write_field(at.actor, at.resource, name)]
    nothing = at.ask(method, path, {**body, _NOTHING: 1}, headers=headers)
    at.refused("A field that does not exist is taken", 422, "invalid", nothing)
    for name in at.some(hidden, 1, 4):
        reply = at.ask(method, path, {**body, name: 1}, headers=headers)
        said = [_plain(each) for each in (reply.json or {}).get("errors", ())]
        must = [_plain(each, name) for each in (nothing.json or {}).get("errors", ())]
        at.same(f"{name} is hidden, and told apart from what does not exist", must, said, reply)
        near = at.ask(method, path, {**body, f"{name[:-1]}x": 1}, headers=headers)
        if any(each.get("params", {}).get("nearest") == name for each in (near.json or {}).get("errors", ())):
            at.note(f"The answer suggests {name}, which is hidden", "no such hint", near.told, near)


def _plain(entry: dict[str, Any], name: str = _NOTHING) -> tuple[str, str]:
    return entry.get("pointer", "").replace(_NOTHING, name), entry["code"]
