"""A database for one run, of the same kind as the user's own, gone at the end whatever happens."""

from __future__ import annotations

import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, exc, inspect, text

from meze.databases import Database, open_database
from meze.databases.search import declared
from meze.errors import Mistake
from meze.settings import masked_url

_OTHER = "Name an empty database for it: --database-url URL"
_LOCALE = """
SELECT pg_encoding_to_char(d.encoding) AS encoding, datcollate, datctype, datlocprovider AS provider,
       coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale
FROM pg_database d WHERE datname = current_database()
"""
_PROVIDERS = {"i": "icu ICU_LOCALE", "b": "builtin BUILTIN_LOCALE"}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Lend a folder, and let SIGTERM end the `with` as Ctrl-C does, so that nothing stays behind."""
    with tempfile.TemporaryDirectory(prefix="meze-verify-", ignore_cleanup_errors=True) as folder:
        if threading.current_thread() is not threading.main_thread():
            yield Path(folder)
            return
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            yield Path(folder)
        finally:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def temporary_database(own: str, given: str | None, folder: Path) -> Iterator[str]:
    """Lend the URL of an empty database of the kind of `own`, the user's database, which is not touched.

    On PostgreSQL it is made on the same server, with the same locale and extensions. `given` is the URL of an empty
    database to use instead; it is emptied at the end.

    Raises:
        Mistake: the server cannot be reached or does not let one be made, or the given one is not empty.
    """
    if given is not None:
        with _emptied(given) as url:
            yield url
    elif own.startswith("sqlite"):
        yield f"sqlite:///{folder / 'verify.db'}"
    else:
        with _on_server(own) as url:
            yield url


@contextmanager
def _on_server(own: str) -> Iterator[str]:
    name = f"meze_verify_{secrets.token_hex(6)}"
    server = open_database(own)
    reached = False
    try:
        try:
            with _maintaining(server.engine) as connection:
                reached = True  # from here on it may be there, also where somebody ends us before we hear of it
                connection.execute(text(_creation(connection, name)))
                extensions = connection.execute(text("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'"))
                names = list(extensions.scalars())
        except exc.DBAPIError as error:
            raise Mistake(f"No database can be made beside {masked_url(own)}: {_first_line(error)}.", _OTHER) from error
        url = server.engine.url.set(database=name).render_as_string(hide_password=False)
        _add_extensions(url, names)
        yield url
    finally:
        if reached:
            with _maintaining(server.engine) as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        server.close()


def _creation(connection: Connection, name: str) -> str:
    found = connection.execute(text(_LOCALE)).mappings().one()
    parts = [f"CREATE DATABASE {name} TEMPLATE template0 ENCODING {_quoted(found['encoding'])}"]
    parts.append(f"LC_COLLATE {_quoted(found['datcollate'])} LC_CTYPE {_quoted(found['datctype'])}")
    if found["provider"] in _PROVIDERS:
        parts.append(f"LOCALE_PROVIDER {_PROVIDERS[found['provider']]} {_quoted(found['locale'])}")
    return " ".join(parts)


def _add_extensions(url: str, names: list[str]) -> None:
    database = open_database(url)
    try:
        with _maintaining(database.engine) as connection:
            for each in names:
                # One that may not be added is missed by what needs it, which then says so.
                with suppress(exc.DBAPIError):
                    connection.execute(text(f'CREATE EXTENSION IF NOT EXISTS "{each}"'))
    finally:
        database.close()


@contextmanager
def _emptied(given: str) -> Iterator[str]:
    database = open_database(given)
    try:
        names = _named(database.engine)
    except exc.DBAPIError as error:
        database.close()
        raise Mistake(f"{masked_url(given)} cannot be reached: {_first_line(error)}.", _OTHER) from error
    if names:
        database.close()
        raise Mistake(
            f"{masked_url(given)} is not empty: it has {names[0]}.",
            "Give a database without tables, views and sequences; whatever verify makes there is dropped at the end.",
        )
    try:
        yield given
    finally:
        _drop_everything(database.engine)
        database.close()


def _named(engine: Engine) -> list[str]:
    """Return what the database has and would lose, in words."""
    found = inspect(engine)
    hidden = ("information_schema", "pg_catalog")
    schemas = [each for each in found.get_schema_names() if each not in hidden]
    kinds = {"the table": found.get_table_names, "the view": found.get_view_names}
    if engine.dialect.name == "postgresql":
        kinds |= {
            "the materialized view": found.get_materialized_view_names,
            "the sequence": found.get_sequence_names,
        }
    return [f"{kind} {name}" for kind, names in kinds.items() for schema in schemas for name in sorted(names(schema))]


def _drop_everything(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        with _maintaining(engine) as connection:
            for statement in (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
                "DROP SCHEMA public CASCADE",
                "CREATE SCHEMA public",
            ):
                connection.execute(text(statement))
        return
    path = Path(str(engine.url.database))
    engine.dispose()
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)


@contextmanager
def _maintaining(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        yield connection


def make_schema(database: Database, metadata: MetaData) -> None:
    """Make every table and index, the full-text ones too, and let rows be put in in any order.

    On PostgreSQL foreign keys become deferrable (they still are checked at once where nobody defers them), and numbers
    that the database always gives may be given. Both serve to make rows, and to bring them back.

    Raises:
        Mistake: the database refuses what the models say.
    """
    try:
        with database.changing_schema() as connection:
            if database.name == "postgresql":
                _make_schemas(connection, metadata)
            metadata.create_all(connection)
            for index in declared(metadata):
                index.create(connection)
            if database.name == "postgresql":
                _loosen(connection)
    except Exception as error:
        cause = error.__cause__ if isinstance(error.__cause__, exc.DBAPIError) else error
        if not isinstance(cause, exc.DBAPIError):
            raise
        raise Mistake(
            f"The tables cannot be made on an empty database: {_first_line(cause)}.",
            "What the models use (a function, a type) has to come with the models, or with an extension. "
            f"Or have it ready: {_OTHER[0].lower()}{_OTHER[1:]}",
        ) from error


def _make_schemas(connection: Connection, metadata: MetaData) -> None:
    for name in sorted({table.schema for table in metadata.tables.values() if table.schema}):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_identifier(connection, name)}"))


def _loosen(connection: Connection) -> None:
    keys = connection.execute(
        text("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND NOT condeferrable")
    )
    for table, name in list(keys):
        connection.execute(
            text(f"ALTER TABLE {table} ALTER CONSTRAINT {_identifier(connection, name)} DEFERRABLE INITIALLY IMMEDIATE")
        )
    numbered = connection.execute(
        text("SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attidentity = 'a' AND attnum > 0")
    )
    for table, name in list(numbered):
        column = _identifier(connection, name)
        connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN {column} SET GENERATED BY DEFAULT"))


def _identifier(connection: Connection, name: Any) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(str(name))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _first_line(error: exc.DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0].rstrip(".")
