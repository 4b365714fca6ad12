"""`meze access` in this process: what is shown of a program, as what, and how a committed document is compared."""

import itertools
import json
import re
import sys

import click
import pytest
from click.testing import CliRunner

from meze.access.matrix import every_kind, matrix
from meze.accounts.people import NewPerson
from meze.cli import access_shown, meze
from meze.cli.accounts import VISITOR
from meze.cli.find import load_meze
from meze.cli.schema import prepare_schema

PROGRAM = """\
from flask import Flask, jsonify
from flask.views import MethodView
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    public: Mapped[bool]
    kind: Mapped[str]
    notes: Mapped[str]
    code: Mapped[str]


app = Flask(__name__)
api = Meze(app, Base, roles=("editor", "编辑"))
mine = signed_in & (Trip.owner_id == me.id)

api.resource(
    Trip,
    read=Trip.public | mine | Trip.kind.in_(["a|b", "c`d"]),
    write=mine,
    owner="owner_id",
    fields={
        "notes": FieldRules(read=mine),
        "code": hidden,
    },
)


@app.get("/version")
def version():
    return "1"


class Upload(MethodView):
    def post(self):
        return ""


app.add_url_rule("/files/<name>", view_func=Upload.as_view("upload"))
"""
_numbers = itertools.count()


class Program:
    """A program under a name of its own, since Python keeps what it imported, and the command that is run on it."""

    def __init__(self, folder, url, monkeypatch):
        self.folder = folder / "shop"
        self.folder.mkdir()
        self.path = self.folder / f"shop{next(_numbers)}.py"
        self.path.write_text(PROGRAM)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setattr(sys, "path", [*sys.path])  # finding the app puts its folder there

    def run(self, *words):
        return CliRunner().invoke(meze, ["access", "--app", str(self.path), *words])

    def document(self):
        return self.run("--markdown").stdout.replace(self.path.name, "shop.py")

    def change(self, old, new):
        """Write the program anew with one part changed."""
        text = self.path.read_text()
        assert text.count(old) == 1
        self.path = self.folder / f"shop{next(_numbers)}.py"
        self.path.write_text(text.replace(old, new))


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path, f"sqlite:///{tmp_path}/shop.db", monkeypatch)


@pytest.fixture
def anywhere(tmp_path, monkeypatch, database_url):
    """The same, on each database in turn."""
    return Program(tmp_path, database_url, monkeypatch)


def refused(done, cause, remedy):
    assert done.exit_code == 1
    assert cause in done.stderr
    assert remedy in done.stderr.partition("→")[2]
    return True


def test_the_table_says_yes_no_or_on_which_rows(program):
    done = program.run()

    assert done.exit_code == 0
    assert done.stdout.splitlines()[:9] == [
        f"trips  {program.path.name}",
        "             read   create   update   delete",
        "  nobody     if a   no       no       no",
        "  signed in  if b   yes      if c     if c",
        "  owner      yes    yes      yes      yes",
        "  editor     if b   yes      if c     if c",
        "  编辑       if b   yes      if c     if c",
        "  admin      yes    yes      yes      yes",
        "  API key    :read  :create  :update  :delete",
    ]


def test_a_line_is_told_for_each_action_where_they_differ(program):
    said = {line.split()[0]: line for line in program.run().stdout.splitlines() if line.strip()}

    assert re.search(r"^  said in +:29 +:30 +:30 +:30$", program.run().stdout, re.MULTILINE)
    assert f"trips.notes  {program.path.name}:33" in said["trips.notes"]


def test_conditions_are_words_below_and_not_broken_in_a_pipe(program):
    whole = "public or owner_id = me.id or kind in ('a|b', 'c`d')"
    assert f"  b  {whole}\n" in program.run().stdout


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(program, width):
    meze_of_it = load_meze(str(program.path)).open()
    cells = matrix(meze_of_it.resources, meze_of_it.policy, every_kind(meze_of_it.policy))
    shown = access_shown.seen_from(program.folder, cells, ())

    lines = [click.unstyle(line) for line in access_shown.as_text(shown, width)]
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()).count("kind in ('a|b', 'c`d')") == 2


def test_views_of_the_program_are_told_as_outside(program):
    shown = program.run().stdout.replace(program.path.name, "shop.py").partition("Outside Meze")[2]

    assert shown.splitlines()[1:] == [
        "  /files/<name>  POST  shop.py:44",
        "  /version       GET   shop.py:39",
    ]


def test_the_markdown_is_the_same_on_every_machine_and_readable(program, tmp_path, monkeypatch):
    document = program.document()

    assert str(tmp_path) not in document
    assert document.endswith("|\n")
    assert "| nobody | `` public or kind in ('a\\|b', 'c`d') `` | no | no | no |" in document
    assert "| 编辑 |" in document
    assert "### trips.notes\n" in document
    assert "| `/version` | GET | `shop.py:39` |" in document
    monkeypatch.chdir(program.folder)
    assert program.document() == document


def test_json_has_every_cell_and_view(program):
    shown = json.loads(program.run("--json").stdout)

    (cell,) = [
        each
        for each in shown["cells"]
        if (each["field"], each["action"], each["caller"]) == (None, "update", "signed in")
    ]
    assert cell == {
        "resource": "trips",
        "field": None,
        "action": "update",
        "caller": "signed in",
        "verdict": "if",
        "condition": "owner_id = me.id",
        "line": f"{program.path.name}:30",
    }
    assert {each["caller"] for each in shown["cells"]} == {
        "nobody", "signed in", "owner", "editor", "编辑", "admin", "API key",
    }  # fmt: skip
    assert [each["rule"] for each in shown["outside"]] == ["/files/<name>", "/version"]


def test_a_committed_document_that_still_holds_says_nothing(program):
    committed = program.folder / "ACCESS.md"
    committed.write_text(program.run("--markdown").stdout)

    done = program.run("--check", str(committed))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_lines_that_moved_do_not_count(program):
    committed = program.folder / "ACCESS.md"
    name = program.path.name
    text = program.run("--markdown").stdout
    assert f"`{name}:29`" in text
    committed.write_text(text.replace(f"`{name}:29`", f"`{name}:17`"))

    assert program.run("--check", str(committed)).exit_code == 0


def test_a_rule_that_changed_is_shown_with_what_to_do(program):
    committed = program.folder / "ACCESS.md"
    committed.write_text(program.run("--markdown").stdout)
    old = program.path.name
    program.change("write=mine,", "write=signed_in,")
    committed.write_text(committed.read_text().replace(old, program.path.name))

    done = program.run("--check", str(committed))
    assert refused(done, f"no longer as {committed} says", f"meze access --markdown --app {program.path} > {committed}")
    changed = [line for line in done.stdout.splitlines() if re.match(r"[+-](?![+-])", line)]
    readable = "`` public or owner_id = me.id or kind in ('a\\|b', 'c`d') ``"
    assert changed[0] == f"-| signed in | {readable} | yes | `owner_id = me.id` | `owner_id = me.id` |"
    assert f"+| signed in | {readable} | yes | {readable} | {readable} |" in changed


def test_a_document_that_is_missing_is_a_mistake(program):
    assert refused(program.run("--check", "ACCESS.md"), "no file ACCESS.md", "meze access --markdown")


def test_one_role_is_told_and_one_that_is_not_declared_is_refused(program):
    shown = program.run("--as", "编辑").stdout

    assert [line.split()[0] for line in shown.splitlines()[2:4]] == ["编辑", "编辑,"]
    assert "nobody" not in shown
    assert refused(program.run("--as", "editr"), "'editr' is not declared", "Did you mean editor?")
    assert refused(program.run("--as", "zzz"), "'zzz' is not declared", "Use one of admin, editor, 编辑")


def test_one_account_is_told_by_the_roles_that_it_has(anywhere):
    installed = load_meze(str(anywhere.path))
    list(prepare_schema(installed, dev=True))
    accounts = installed.open().accounts
    with accounts.storage.writing() as work:
        accounts.people.add(work, NewPerson("Anna@example.com", None, ("admin",), verified=True), None)
        ben = accounts.people.add(work, NewPerson("ben@example.com"), None)

    shown = json.loads(anywhere.run("--as", "anna@EXAMPLE.com", "--json").stdout)["cells"]
    assert {each["verdict"] for each in shown if each["field"] != "code"} - {"allow"} == set()
    shown = json.loads(anywhere.run("--as", "ben@example.com", "--json").stdout)["cells"]
    assert {each["caller"] for each in shown} == {"ben@example.com", "ben@example.com, owner"}
    assert "if" in {each["verdict"] for each in shown}
    accounts.people.change(ben, VISITOR, disabled=True)
    assert "is disabled" in anywhere.run("--as", "ben@example.com").stderr
    assert refused(anywhere.run("--as", "cleo@example.com"), "no account cleo@example.com", "meze user list")


@pytest.mark.parametrize("words", [("--json", "--markdown"), ("--check", "A", "--as", "editor")])
def test_what_excludes_each_other_is_refused(program, words):
    assert program.run(*words).exit_code == 2


def test_colours_are_left_out_of_a_pipe_and_where_they_are_not_wanted(program, monkeypatch):
    coloured = CliRunner().invoke(meze, ["access", "--app", str(program.path)], color=True)
    assert "\x1b[32myes" in coloured.stdout
    assert "\x1b" not in program.run().stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in CliRunner().invoke(meze, ["access", "--app", str(program.path)], color=True).stdout
