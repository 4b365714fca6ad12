"""`meze check`: faults, warnings and notes about a program, and its exit code."""

from __future__ import annotations

import json
import secrets
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from meze.cli import meze

PROGRAM = """\
from flask import Flask
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone, role


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    stars: Mapped[int]


class Reply(Base):
    __tablename__ = "replies"
    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("notes.id", ondelete="CASCADE"), index=True)


app = Flask(__name__)
api = Meze(app, Base, roles=["editor"])
api.resource(Note, read=anyone, write=role("editor"))
api.resource(Reply)
"""


HOOK = """

@app.after_request
def stamp(response):
    return response
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Path]:
    """A program in an empty folder, whose database has all that it needs."""
    path = tmp_path / f"notes_{secrets.token_hex(4)}.py"  # a module of that name is imported once in a process
    path.write_text(textwrap.dedent(PROGRAM))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # finding the app puts its folder there
    yield path
    if path.stem in sys.modules:
        sys.modules[path.stem].app.extensions["meze"].database.close()


def run(path: Path, *words: str) -> Result:
    return CliRunner().invoke(meze, [*words, "--app", str(path)])


def findings(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = run(path, "check", "--json", *words)
    return done.exit_code, json.loads(done.stdout)


def of(document: dict[str, Any], section: str) -> list[dict[str, Any]]:
    return [each for each in document["findings"] if each["section"] == section]


def test_a_fault_is_told_with_its_remedy_and_exits_with_1(program: Path) -> None:
    run(program, "db", "upgrade")

    done = run(program, "check")

    assert done.exit_code == 1
    assert "fault: No index leads to notes.stars: clients filter and sort by it." in done.stdout
    assert "CREATE INDEX ix_notes_stars ON notes (stars)" in done.stdout
    assert "meze db upgrade. Or waive it: MEZE_LINT_WAIVE=notes.stars" in done.stdout
    assert "1 fault, 2 warnings." in done.stdout


def test_warnings_alone_are_no_failure(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEZE_LINT_WAIVE", "notes.stars")
    run(program, "db", "upgrade")

    code, document = findings(program)

    assert (code, document["ok"]) == (0, True)
    (closed,) = of(document, "access")
    (cascade,) = of(document, "cascades")
    assert closed["level"] == cascade["level"] == "warning"
    assert closed["what"].startswith("replies has no rules")
    assert closed["where"] == f"{program}:27"
    assert "replies (replies.note_id, ON DELETE CASCADE)" in cascade["what"]
    assert [each["level"] for each in of(document, "indexes")] == ["note"]


def test_what_the_database_lacks_is_a_fault(program: Path) -> None:
    code, document = findings(program)

    assert code == 1
    lacking = {each["what"]: each for each in of(document, "schema")}
    assert lacking["The table notes is missing."]["level"] == "fault"
    assert lacking["The table notes is missing."]["remedy"] == "Add it with: meze db upgrade"


def test_a_waiver_that_waives_nothing_is_a_fault(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEZE_LINT_WAIVE", "notes.stars,notes.star")
    run(program, "db", "upgrade")

    code, document = findings(program)

    assert code == 1
    (bad,) = (each for each in of(document, "indexes") if each["level"] == "fault")
    assert "MEZE_LINT_WAIVE names 'notes.star'." in bad["what"]
    assert "notes.stars" in bad["remedy"]


def test_every_setting_is_shown_with_its_source_and_no_secret(program: Path, database_url: str) -> None:
    (program.parent / "pyproject.toml").write_text("[tool.meze]\npage_limit = 50\n")

    _, document = findings(program)
    done = run(program, "check")

    shown = {each["name"]: (each["value"], each["source"]) for each in document["settings"]}
    assert shown["MEZE_PAGE_LIMIT"] == ("50", "pyproject.toml")
    assert shown["SECRET_KEY"] == ("***", "environment")
    assert shown["MEZE_THREADS"] == ("4", "default")
    assert "kV1c0" not in done.stdout


def test_production_is_asked_for_what_it_needs(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    (program.parent / ".env").write_text("MEZE_LINT_WAIVE=notes.stars\n")
    run(program, "db", "upgrade")

    _, here = findings(program)
    code, production = findings(program, "--production")

    assert of(here, "configuration") == []
    assert code == 1
    faults = {each["what"] for each in of(production, "configuration")}
    assert {"SECRET_KEY is not set.", "MEZE_PUBLIC_URL is not set.", "MEZE_REGISTRATION is not set."} <= faults


def test_a_name_that_is_no_setting_is_a_warning(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEZE_PAGE_LIMITT", "3")

    _, document = findings(program)

    (unknown,) = of(document, "configuration")
    assert unknown["level"] == "warning"
    assert "MEZE_PAGE_LIMITT" in unknown["what"]


def test_it_says_that_requests_come_through_the_quick_door(program: Path) -> None:
    run(program, "db", "upgrade")

    assert "Door\n  WSGI, the quick one\n" in run(program, "check").stdout
    assert findings(program)[1]["door"] == {"name": "wsgi", "closed_by": None, "where": None}


def test_it_names_the_line_that_closed_the_quick_door(program: Path) -> None:
    program.write_text(program.read_text() + HOOK)
    line = program.read_text().splitlines().index("@app.after_request") + 1

    said = run(program, "check").stdout
    told = findings(program)[1]["door"]

    assert f"  Flask: the quick one is closed by the after_request function stamp ({program.name}:{line})\n" in said
    assert told == {"name": "flask", "closed_by": "the after_request function stamp", "where": f"{program.name}:{line}"}
