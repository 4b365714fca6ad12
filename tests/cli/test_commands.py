"""The command line as programs and people meet it: finding the app, exit codes, and what goes where."""

import contextlib
import json
import sqlite3

import click
import pytest

from meze.cli import meze


def commands(group, path=("meze",)):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        full = (*path, name)
        yield pytest.param(command, " ".join(full), id=" ".join(full[1:]))
        if isinstance(command, click.Group):
            yield from commands(command, full)


@pytest.mark.parametrize(("command", "name"), list(commands(meze)))
def test_every_command_says_what_it_does_and_shows_an_example(command, name):
    assert command.help.strip().endswith(".")
    assert "Example" in command.epilog
    assert name in command.epilog


def test_help_and_version_need_no_app(project):
    (project.folder / "app.py").unlink()

    assert "serve" in project.run("--help").stdout
    assert project.run("--version").stdout.startswith("Meze 0.")


def test_an_unknown_command_is_an_error_of_use(project):
    done = project.run("sevre")

    assert done.returncode == 2
    assert "sevre" in done.stderr


@pytest.mark.parametrize("words", [("serve",), ("openapi",), ("db", "status")], ids=" ".join)
def test_no_app_says_where_was_looked(project, words):
    (project.folder / "app.py").unlink()

    done = project.run(*words)

    assert done.returncode == 1
    assert f"{project.folder}/wsgi.py and {project.folder}/app.py" in done.stderr
    assert "--app" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("target", "says"),
    [
        pytest.param("shop.py", "/shop.py", id="file"),
        pytest.param("shop", "Could not import 'shop'", id="module"),
        pytest.param("app.py:shop", "'shop'", id="name"),
    ],
)
def test_an_app_that_is_named_and_missing_is_said_to_be(project, target, says):
    done = project.run("openapi", "--app", target)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_app_is_found_as_flask_finds_it(project):
    source = (project.folder / "app.py").read_text()
    factory = source.replace("app = Flask(__name__)", "").replace(
        "api = ", "def create_app():\n    app = Flask(__name__)\n    api = "
    )
    project.write(
        factory.split("@app.get")[0].replace("\napi.resource", "\n    api.resource") + "    return app\n", "made.py"
    )
    (project.folder / "app.py").rename(project.folder / "wsgi.py")

    found = project.run("openapi")
    by_flag = project.run("openapi", "--app", "made.py")
    project.environ["FLASK_APP"] = "made"
    by_variable = project.run("openapi")
    project.environ.clear()
    (project.folder / ".flaskenv").write_text("FLASK_APP=made:create_app()\n")
    (project.folder / "wsgi.py").unlink()
    by_file = project.run("openapi")

    for done in (found, by_flag, by_variable, by_file):
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["openapi"].startswith("3.1")


def test_a_flask_app_without_meze_is_told_how_to_get_one(project):
    project.write("from flask import Flask\n\napp = Flask(__name__)\n")

    done = project.run("openapi")

    assert done.returncode == 1
    assert "Meze(app, Base)" in done.stderr


def test_an_error_in_the_program_is_shown_from_its_own_first_line(project):
    project.write("import json\n\njson.loads('{')\n")

    done = project.run("openapi")

    assert done.returncode == 1
    assert f'File "{project.folder}/app.py", line 3' in done.stderr
    assert "JSONDecodeError" in done.stderr
    assert "flask/cli.py" not in done.stderr


def test_an_import_that_fails_inside_the_app_is_shown_with_its_line(project):
    project.write("import no_such_module\n")

    done = project.run("openapi")

    assert done.returncode == 1
    assert "app.py" in done.stderr
    assert "No module named 'no_such_module'" in done.stderr


def test_errors_are_coloured_for_nobody_who_did_not_ask(project):
    project.environ["NO_COLOR"] = "1"

    assert "\x1b" not in project.run("db", "check").stdout + project.run("serve", "--app", "x.py").stderr


def test_a_bad_setting_is_one_cause_and_one_remedy(project):
    project.environ["MEZE_PAGE_LIMIT"] = "many"

    done = project.run("serve")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: MEZE_PAGE_LIMIT (environment): 'many' cannot be used.")
    assert done.stderr.count("→") == 1


def test_the_database_is_compared_upgraded_and_then_current(project):
    before = project.run("db", "check", "--json")
    status = project.run("db", "status")
    upgrade = project.run("db", "upgrade")
    again = project.run("db", "upgrade")
    after = project.run("db", "check", "--json")

    told = json.loads(before.stdout)
    assert before.returncode == 1
    assert "meze db upgrade" in before.stderr
    assert told["current"] is False
    assert any(change["table"] == "notes" and change["adds_only"] for change in told["changes"])
    assert (status.returncode, "notes" in status.stdout) == (0, True)
    assert (upgrade.returncode, "notes" in upgrade.stdout) == (0, True)
    assert (again.returncode, again.stdout.startswith("Nothing to add")) == (0, True)
    assert (after.returncode, json.loads(after.stdout)["changes"]) == (0, [])


def test_a_column_that_rows_would_not_fit_is_left_and_said_to_be(project):
    project.run("db", "upgrade")
    with contextlib.closing(sqlite3.connect(project.folder / "instance" / "meze.db")) as database, database:
        database.execute("INSERT INTO notes (id) VALUES (1)")
    source = (project.folder / "app.py").read_text()
    key = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    project.write(source.replace(key, key + "    text: Mapped[str]\n    colour: Mapped[str | None]\n"))

    upgrade = project.run("db", "upgrade", "--json")
    serve = project.run("serve", "--port", "0")

    told = json.loads(upgrade.stdout)
    assert upgrade.returncode == 1
    assert [change["column"] for change in told["added"]] == ["colour"]
    assert [change["column"] for change in told["left"]] == ["text"]
    assert serve.returncode == 1
    assert "text" in serve.stderr
    assert "server_default" in serve.stderr


def test_a_database_that_cannot_be_reached_is_named_without_its_password(project):
    project.environ["DATABASE_URL"] = "postgresql://ann:hunter2@127.0.0.1:1/notes"

    done = project.run("db", "status")

    assert done.returncode == 1
    assert "postgresql://ann:***@127.0.0.1:1/notes cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr
