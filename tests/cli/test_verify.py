"""`meze verify` in this process: what is tried, what is printed, and how it ends."""

import itertools
import json
import sys

import pytest
from click.testing import CliRunner

from meze.cli import meze

PROGRAM = """\
from flask import Flask, request
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone, me, signed_in


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    title: Mapped[str]


app = Flask(__name__)
api = Meze(app, Base)
api.resource(Trip, read=signed_in & (Trip.owner_id == me.id), owner="owner_id")
"""
LEAK = """

@app.get("/api/v1/trips/<int:key>")
def every_trip(key):
    from sqlalchemy import select

    with app.extensions["meze"].database.engine.connect() as connection:
        row = connection.execute(select(Trip).where(Trip.id == key)).mappings().one()
    return dict(row)
"""
_numbers = itertools.count()


class Program:
    """A program under a name of its own, since Python keeps what it imported."""

    def __init__(self, folder, monkeypatch, source=PROGRAM):
        (folder / "tried").mkdir()
        self.path = folder / "tried" / f"tried{next(_numbers)}.py"
        self.path.write_text(source)
        self.database = folder / "own.db"
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{self.database}")
        monkeypatch.setattr(sys, "path", [*sys.path])  # finding the app puts its folder there

    def run(self, *words):
        return CliRunner().invoke(meze, ["verify", "--app", str(self.path), "--no-fuzz", *words])


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path, monkeypatch)


def test_a_sound_program_passes_and_its_own_database_is_not_touched(program):
    done = program.run("--json", "--door", "get", "--door", "create")

    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert report["ok"] is True
    assert report["findings"] == []
    assert report["resources"] == ["trips"]
    assert report["requests"] > 20
    assert report["rows"]["trips"] > 0
    assert not program.database.exists()
    assert "/api/v1/trips" not in done.stderr  # the log of requests says nothing of them


def test_a_leak_is_told_and_ends_with_1(tmp_path, monkeypatch):
    program = Program(tmp_path, monkeypatch, PROGRAM + LEAK)
    done = program.run("--door", "get", "--first")

    assert done.exit_code == 1
    assert "trips, one row by its key:" in done.stdout
    assert "as nobody." in done.stdout
    assert "curl -i http://localhost:8000/api/v1/trips/" in done.stdout
    again = f"meze verify --app {program.path} --seed 1 --door get --first --no-fuzz"
    assert done.stdout.rstrip().endswith(f"The same run again: {again}")


def test_those_that_are_not_shown_are_found_by_the_line_that_is_shown(tmp_path, monkeypatch):
    program = Program(tmp_path, monkeypatch, PROGRAM + LEAK)
    done = program.run("--door", "get", "--seed", "5", "--seconds", "20")

    narrowed = f"meze verify --app {program.path} --seed 5 --door get --resource trips\n"
    assert f"more of this door here: {narrowed}" in done.stdout
    assert "--seed 5 --door get --seconds 20.0 --no-fuzz" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--door", "gets"], "Did you mean get?"),
        (["--resource", "trip"], "Did you mean trips?"),
        (["--as", "zoe"], "There are: nobody, alice, bob"),
    ],
    ids=["door", "resource", "caller"],
)
def test_a_name_that_there_is_not_is_refused_with_those_there_are(program, words, said):
    done = program.run(*words)

    assert done.exit_code == 1
    assert said in done.stderr


def test_the_same_seed_finds_the_same(tmp_path, monkeypatch):
    first = Program(tmp_path, monkeypatch, PROGRAM + LEAK).run("--json", "--door", "get", "--seed", "5")
    (tmp_path / "again").mkdir()
    second = Program(tmp_path / "again", monkeypatch, PROGRAM + LEAK).run("--json", "--door", "get", "--seed", "5")

    requests = [[each["request"] for each in json.loads(done.stdout)["findings"]] for done in (first, second)]
    assert requests[0] == requests[1] != []
