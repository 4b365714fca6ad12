"""`meze explain` in this process: who asks, what is asked, and what is printed of it."""

import itertools
import json
import sys

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from meze.accounts.people import NewPerson
from meze.cli import meze
from meze.cli.accounts import VISITOR
from meze.cli.find import load_meze
from meze.cli.schema import prepare_schema

PROGRAM = """\
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Caller, Meze, hidden, me, signed_in


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    public: Mapped[bool] = mapped_column(default=False)
    code: Mapped[str | None]


app = Flask(__name__)
api = Meze(app, Base, roles=("editor",))
mine = signed_in & (Trip.owner_id == me.id)
api.resource(Trip, read=Trip.public.is_(True) | mine, write=mine, fields={"code": hidden})
"""
_numbers = itertools.count()


class Program:
    """A program under a name of its own, since Python keeps what it imported, with an account and three trips."""

    def __init__(self, folder, monkeypatch, source=PROGRAM):
        (folder / "travel").mkdir()
        self.path = folder / "travel" / f"travel{next(_numbers)}.py"
        self.path.write_text(source)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder}/travel.db")
        monkeypatch.setattr(sys, "path", [*sys.path])  # finding the app puts its folder there

    def fill(self):
        installed = load_meze(str(self.path))
        list(prepare_schema(installed, dev=True))
        accounts = installed.open().accounts
        if accounts is not None:
            accounts.people.create(NewPerson("anna@example.com", "Anna", (), True), None, VISITOR)
        with installed.database.engine.begin() as connection:
            connection.execute(text("INSERT INTO trips VALUES (1, 1, 0, 'x'), (2, 2, 0, 'x'), (3, 2, 1, 'x')"))
        return self

    def run(self, *words):
        return CliRunner().invoke(meze, ["explain", "--app", str(self.path), *words])

    def says(self, *words):
        done = self.run("--json", *words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def trips(self):
        with load_meze(str(self.path)).database.engine.connect() as connection:
            return connection.execute(text("SELECT * FROM trips")).all()


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path, monkeypatch).fill()


def reasons(row):
    return [each["words"] for each in row["because"]]


def test_a_request_is_explained_as_whoever_is_named(program):
    line = next(at for at, each in enumerate(PROGRAM.splitlines(), 1) if "read=" in each)

    anna, nobody = (program.says("GET /api/v1/trips", *who) for who in (["--as", "Anna@example.com"], []))

    assert {row["key"]: reasons(row) for row in anna["rows"]} == {
        "1": ["signed in", "owner_id = me.id"],
        "3": ["public is true"],
    }
    assert [(group["rows"], group["keys"]) for group in anna["kept_out"]] == [(1, ["2"])]
    assert [row["key"] for row in nobody["rows"]] == ["3"]
    assert (anna["caller"], nobody["caller"]) == ("user 1 (Anna)", "nobody")
    assert anna["rules"][0]["line"] == f"{program.path}:{line}"


def test_the_text_shows_rules_sql_plan_and_time(program):
    done = program.run("GET /api/v1/trips?sort=-public", "--as", "anna@example.com")

    assert done.exit_code == 0
    for part in (
        "because of what is not true",
        "SELECT",
        "meze_me_id = 1",
        "plan: ",
        "parse ",
        "CREATE INDEX",
        "keys: 2",
    ):
        assert part in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("key", "who", "allowed", "because"),
    [
        pytest.param(
            "trips/2", "anna@example.com", False, ["role admin", "public is true", "owner_id = me.id"], id="no"
        ),
        pytest.param("/trips/1", "anna@example.com", True, ["signed in", "owner_id = me.id"], id="yes"),
        pytest.param("trips/2", "nobody", False, ["role admin", "public is true", "signed in"], id="nobody"),
    ],
)
def test_why_tells_of_one_row(program, key, who, allowed, because):
    (row,) = program.says("--why", key, "--as", who)["rows"]

    assert (row["allowed"], reasons(row)) == (allowed, because)
    assert row["clauses"][1]["looked_at"] == {"public": False}


def test_a_write_is_asked_about_and_not_done(program):
    before = program.trips()
    body = program.path.with_name("body.json")
    body.write_text('{"owner_id": 2}')

    given = program.says("PATCH /api/v1/trips/1", "--as", "anna@example.com", "--body", f"@{body}")
    wrong = program.says("PATCH /api/v1/trips/1", "--as", "anna@example.com", "--body", '{"code": "y"}')

    assert (given["status"], given["code"]) == (403, "forbidden")
    assert "trips.code exists and is hidden from everyone" in " ".join(wrong["faults"])
    assert program.trips() == before


def test_a_question_in_a_body_and_a_header_are_part_of_the_request(program):
    asked = program.says("POST /api/v1/trips/query", "--body", '{"where": {"id": 3}}')
    refused = program.says("GET /api/v1/trips/3", "--header", "Accept: text/html")

    assert [row["key"] for row in asked["rows"]] == ["3"]
    assert refused["status"] == 406


def test_a_program_that_knows_its_callers_itself_is_told_who_asks(tmp_path, monkeypatch):
    knows = PROGRAM.replace("Meze(app, Base,", "Meze(app, Base, identify=lambda request: Caller(2),")
    program = Program(tmp_path, monkeypatch, knows).fill()

    assert [row["key"] for row in program.says("GET /api/v1/trips", "--as", "2", "--role", "editor")["rows"]] == [
        "2",
        "3",
    ]
    assert [row["key"] for row in program.says("GET /api/v1/trips", "--header", "A: b")["rows"]] == ["2", "3"]
    done = program.run("GET /api/v1/trips", "--as", "anna@example.com")
    assert (done.exit_code, "--as 7" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "cause", "remedy"),
    [
        pytest.param([], "Name a request", "--why trips/7", id="nothing"),
        pytest.param(["GET /api/v1/trips", "--why", "trips/1"], "Name a request", "--why trips/7", id="both"),
        pytest.param(["GET"], "`GET` is no request", "GET /api/v1/trips", id="no-path"),
        pytest.param(["GET /api/v1/trip"], "answered by no rule", "Did you mean /api/v1/trips", id="misspelt"),
        pytest.param(["TRACE /api/v1/trips"], "TRACE is not explained", "GET", id="a-method"),
        pytest.param(["--why", "trips"], "names no row", "--why trips/7", id="no-key"),
        pytest.param(["GET /api/v1/trips", "--as", "who@example.com"], "no account who", "meze user list", id="who"),
        pytest.param(["GET /api/v1/trips", "--header", "x"], "`x` is no header", "Name: value", id="no-header"),
        pytest.param(["POST /api/v1/trips", "--body", "{"], "The body is no JSON", "--body", id="no-json"),
        pytest.param(["POST /api/v1/trips", "--body", "@none"], "none cannot be read", "Check its path", id="no-file"),
        pytest.param(
            ["GET /api/v1/trips", "--as", "anna@example.com", "--role", "editor"],
            "those of the account",
            "meze user role",
            id="roles-of-an-account",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused_with_a_remedy(program, words, cause, remedy):
    done = program.run(*words)

    assert (done.exit_code, done.stdout) == (1, "")
    assert cause in done.stderr.partition("→")[0]
    assert remedy in done.stderr.partition("→")[2]


def test_a_database_without_the_tables_is_named(tmp_path, monkeypatch):
    done = Program(tmp_path, monkeypatch).run("GET /api/v1/trips")

    assert done.exit_code == 1
    assert "meze db upgrade" in done.stderr


def test_an_api_key_is_told_which_scope_it_lacks(program):
    installed = load_meze(str(program.path))
    accounts = installed.open().accounts
    _, key = accounts.keys.create(accounts.people.find("anna@example.com"), "all", ["trips:create"])
    header = ["--header", f"Authorization: Bearer {key}"]

    (row,) = program.says("--why", "trips/3", *header)["rows"]
    refused = program.says("GET /api/v1/trips/3", *header)

    assert (row["allowed"], reasons(row)) == (False, ["key: needs scope trips:read"])
    assert (refused["status"], refused["code"]) == (403, "insufficient_scope")
    assert "do not reach trips:read" in " ".join(refused["faults"])
