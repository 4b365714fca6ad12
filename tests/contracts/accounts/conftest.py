"""Accounts over HTTP: one deployment on each kind of database for all tests of a worker, others as tests need them.

Nobody shares an account or an address: limits count by both.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from contracts.accounts.deployment import Deployment, add_tables, deployed
from contracts.accounts.mailbox import Mailbox

Deploy = Callable[..., Deployment]
NewDatabase = Callable[..., str]
DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    server = Mailbox()
    yield server
    server.close()


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """Make an empty database of a kind, or a copy of another, which stays until the run ends, and return its URL."""

    def make(kind: str, copied: str | None = None) -> str:
        if kind == "sqlite":
            path = tmp_path_factory.mktemp("accounts") / "meze.db"
            if copied is not None:
                shutil.copy(str(make_url(copied).database), path)
            return f"sqlite:///{path}"
        beside: str = request.getfixturevalue("worker_database")
        name = f"{make_url(beside).database}_{secrets.token_hex(3)}"
        template = "template0" if copied is None else str(make_url(copied).database)
        with psycopg.connect(beside, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        # The worker's own database is gone before this ends.
        maintenance = make_url(beside).set(database="postgres").render_as_string(hide_password=False)
        request.addfinalizer(lambda: _drop(maintenance, name))
        return make_url(beside).set(database=name).render_as_string(hide_password=False)

    return make


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def ready_database(
    new_database: NewDatabase, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Make a database of a kind that has the program's tables: a copy of one that `meze db upgrade` added them to."""
    upgraded: dict[str, str] = {}

    def make(kind: str) -> str:
        if kind not in upgraded:
            upgraded[kind] = new_database(kind)
            add_tables(tmp_path_factory.mktemp("upgraded"), upgraded[kind], mailbox)
        return new_database(kind, upgraded[kind])

    return make


@pytest.fixture(scope="session")
def standing(
    ready_database: Callable[[str], str], mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Deployment]]:
    """Return a deployment that all tests share, by database and registration, started when it is first asked for."""
    with contextlib.ExitStack() as stack:
        started: dict[tuple[str, str], Deployment] = {}

        def on(database: str, registration: str) -> Deployment:
            if (database, registration) not in started:
                started[database, registration] = stack.enter_context(
                    deployed(
                        tmp_path_factory.mktemp("deployment"),
                        ready_database(database),
                        mailbox,
                        servers=2 if registration == "open" else 1,
                        MEZE_REGISTRATION=registration,
                    )
                )
            return started[database, registration]

        yield on


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def served(standing: Callable[[str, str], Deployment], database_kind: str) -> Deployment:
    """The shared deployment, on each kind of database in turn. Registration is open."""
    return standing(database_kind, "open")


@pytest.fixture(params=[1, 2], ids=["one-process", "two-processes"])
def processes(request: pytest.FixtureRequest, served: Deployment) -> list[str]:
    """The addresses that a test of a race calls in turn: of one process, and of two on the same database."""
    count: int = request.param
    return served.urls[:count]


@pytest.fixture
def served_verified(standing: Callable[[str, str], Deployment], database_kind: str) -> Deployment:
    """The shared deployment where an account is made once its address is proved."""
    return standing(database_kind, "verified")


@pytest.fixture
def deploy(
    new_database: NewDatabase, ready_database: Callable[[str], str], mailbox: Mailbox, tmp_path: Path
) -> Iterator[Deploy]:
    """Serve the program with settings of a test's own: `deploy(servers=1, MEZE_REGISTRATION="verified")`.

    It is on a new database, of the kind that `database` names, or at `database_url`, where an earlier deployment was.
    """
    with contextlib.ExitStack() as stack:

        def start(
            *, database: str = "sqlite", database_url: str | None = None, flags: tuple[str, ...] = (), **options: object
        ) -> Deployment:
            folder = tmp_path / secrets.token_hex(4)
            url = database_url or (new_database if "--dev" in flags else ready_database)(database)
            made = deployed(folder, url, mailbox, flags=flags, **options)  # type: ignore[arg-type]  # passed on
            return stack.enter_context(made)

        yield start
