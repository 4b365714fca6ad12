"""Whatever some caller may see is described, whichever roles it takes; what none may see is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import FieldRules, Meze, anyone, hidden, role, signed_in

MANY = tuple(f"r{number}" for number in range(12))


def describe(folder: Path, fields: dict[str, FieldRules] | None = None, **rules: Any) -> dict[str, Any]:
    """Return the document of one resource `notes` with a field `text`, under these rules."""

    class Base(DeclarativeBase):
        pass

    class Note(Base):
        __tablename__ = "notes"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]

    app = Flask(__name__, instance_path=str(folder / "instance"))
    settings = {"database_url": f"sqlite:///{folder / 'x.db'}", "secret_key": "k" * 40}
    api = Meze(app, Base, roles=("a", "b", *MANY), settings=settings)
    api.resource(Note, fields=fields, **rules)
    made: dict[str, Any] = app.extensions["meze"].openapi()
    app.extensions["meze"].database.close()
    return made


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        pytest.param(FieldRules(read=role("a")), True, id="one-role"),
        pytest.param(FieldRules(read=role("a") & role("b")), True, id="two-roles-together"),
        pytest.param(FieldRules(read=role("a") & ~role("b")), True, id="a-role-without-another"),
        pytest.param(FieldRules(read=~signed_in), True, id="strangers-only"),
        pytest.param(FieldRules(read=role("admin")), True, id="admins-alone"),
        pytest.param(FieldRules(read=~anyone), False, id="hidden-from-everyone"),
        pytest.param(hidden, False, id="hidden"),
    ],
)
def test_a_field_is_named_if_some_caller_may_read_it(tmp_path: Path, rule: FieldRules, told: bool) -> None:
    document = describe(tmp_path, {"text": rule}, read=anyone)

    assert ("text" in document["components"]["schemas"]["Note"]["properties"]) is told
    assert ("notes.text" in document["components"]["parameters"]) is told


def test_a_resource_with_rules_over_many_roles_is_described(tmp_path: Path) -> None:
    rule = role(MANY[0])
    for name in MANY[1:]:
        rule |= role(name)
    document = describe(tmp_path, read=rule, delete=rule & role("a"))

    assert document["paths"]["/api/v1/notes"]["get"]["security"] == [{"bearer": []}, {"cookie": []}]
    assert "delete" in document["paths"]["/api/v1/notes/{key}"]


def test_a_closed_resource_is_described_for_admins_unless_they_are_kept_out(tmp_path: Path) -> None:
    assert "/api/v1/notes" in describe(tmp_path)["paths"]
    assert "/api/v1/notes" not in describe(tmp_path, admin=False)["paths"]


def test_a_field_that_only_some_may_write_is_not_required(tmp_path: Path) -> None:
    document = describe(tmp_path, {"text": FieldRules(write=role("a"))}, read=anyone, write=signed_in)
    created = document["components"]["schemas"]["NoteCreate"]

    assert "text" in created["properties"]
    assert "required" not in created


def test_a_field_that_nobody_may_read_is_not_named_though_it_may_be_written(tmp_path: Path) -> None:
    document = describe(tmp_path, {"text": hidden}, read=anyone, write=signed_in)

    assert document["components"]["schemas"]["NoteCreate"]["properties"] == {}


def test_what_may_be_written_but_not_read_cannot_be_changed(tmp_path: Path) -> None:
    document = describe(tmp_path, create=anyone, update=anyone, admin=False)

    assert set(document["paths"]["/api/v1/notes"]) == {"parameters", "post"}
    assert "/api/v1/notes/{key}" not in document["paths"]
    assert list(document["components"]["schemas"]["NoteCreate"]["properties"]) == ["text"]
