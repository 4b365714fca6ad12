"""What starting costs: a command waits for the imports that it needs, and for no others."""

import json
import subprocess
import sys

import click
import pytest

import meze
from meze.cli import COMMANDS
from meze.cli import meze as commands

# What takes long to import, and nobody needs who only asks for help or for the version.
HEAVY = {"alembic", "argon2", "asyncio", "cryptography", "flask", "granian", "jinja2", "pydantic", "sqlalchemy"}

# What few requests need, and no server that has answered none yet.
LATER = {
    "alembic",
    "email_validator",
    "meze.openapi.document",
    "meze.verify",
    "pyotp",
    "pytest",
    "rich",
    "schemathesis",
    "segno",
    "structlog",
    "webauthn",
}

# What is PostgreSQL's alone.
POSTGRESQL = {"psycopg", "sqlalchemy.dialects.postgresql"}

# What stands in the workers of a server: the process that directs them would hold it once more, for nothing.
WORKERS_OWN = {"alembic", "argon2", "cryptography", "flask", "jinja2", "meze.app", "msgspec", "psycopg", "sqlalchemy"}


def imported_by(source: str, **process: object) -> set[str]:
    """Return the names of all modules that a process of its own has imported when it has run `source`."""
    told = "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))"
    done = subprocess.run(
        [sys.executable, "-c", f"{told}\n{source}"], capture_output=True, text=True, check=True, **process
    )
    return set(json.loads(done.stderr))


def among(loaded: set[str], names: set[str]) -> set[str]:
    """Return those of `names` that were imported, as a module or as a package."""
    return {name for name in names if any(each == name or each.startswith(f"{name}.") for each in loaded)}


def test_importing_meze_loads_nothing_of_it_until_a_name_is_used():
    loaded = imported_by("import meze")

    assert among(loaded, HEAVY) == set()
    assert {name for name in loaded if name.startswith("meze.")} == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_what_says_only_what_meze_is_loads_nothing_heavy(words):
    loaded = imported_by(f"import meze; from meze.cli import meze; meze({words}, 'meze')")

    assert "meze.cli.group" in loaded
    assert among(loaded, HEAVY) == set()
    assert {name for name in loaded if name.startswith("meze.")} == {"meze.cli", "meze.cli.group", "meze.errors"}


def test_a_server_on_a_database_that_has_everything_starts_without_what_is_used_later(staff):
    loaded = imported_by(
        "from meze.cli.loading import prepared; prepared('app.py', dev=False)",
        cwd=staff.folder,
        env=staff.environment(),
    )

    assert {"flask", "meze.app", "meze.databases.schema"} <= loaded
    assert among(loaded, LATER) == set()
    assert among(loaded, POSTGRESQL) == set(), "it is on SQLite"


def test_the_process_that_directs_the_workers_holds_nothing_of_the_app():
    loaded = imported_by("import meze.cli.serve")

    assert "granian.server.mp" in loaded
    assert among(loaded, WORKERS_OWN) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_meze_says_of_a_command_what_its_own_help_says(name):
    command = commands.get_command(click.Context(commands), name)

    assert command.name == name
    assert COMMANDS[name].line == command.get_short_help_str(limit=120)


def test_every_public_name_is_found_where_it_is_said_to_be():
    assert sorted(meze.PLACES) == sorted(meze.__all__)
    assert set(meze.__all__) <= set(dir(meze))
    for name, place in meze.PLACES.items():
        assert getattr(meze, name) is getattr(sys.modules[place], name)
