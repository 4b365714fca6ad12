"""The databases that Meze speaks to. What differs between them stays in this package.

Adding one is a module that satisfies `Database` and a row in DATABASES; `tests/databases` must pass with it unchanged.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from meze.databases.database import AlreadyRunning, Connection, Database, DatabaseError, Fault, FaultKind
from meze.databases.postgresql import PostgreSQL
from meze.databases.room import Room
from meze.databases.sqlite import SQLite
from meze.databases.statement import Statement
from meze.errors import Mistake

DATABASES: dict[str, Callable[..., Database]] = {"sqlite": SQLite, "postgresql": PostgreSQL}
"""By the first word of the URL, before any `+driver`."""

ALIASES = {"postgres": "postgresql"}
"""What platforms write in DATABASE_URL, and what SQLAlchemy calls it."""


def open_database(url: str, *, statement_seconds: float = 2.0, threads: int = 4, room: Room | None = None) -> Database:
    """Return the database at `url`, without connecting to it yet.

    A statement is ended after `statement_seconds`. `threads` is how many threads use it at once; twice as many
    connections are opened at most, since a thread that has one may need another. Who waits for a commit gives up their
    place in `room`, if they have one, meanwhile.

    Raises:
        Mistake: the URL cannot be read or names no database that Meze speaks to, or its driver is missing.
    """
    name, separator, rest = url.partition("://")
    name, plus, driver = name.partition("+")
    name = ALIASES.get(name, name)
    if name not in DATABASES or not separator:
        raise Mistake(
            f"no database is called {name!r} (the database URL begins with it)" if separator else "not a database URL",
            f"set DATABASE_URL to one of: {', '.join(f'{known}://…' for known in DATABASES)}",
        )
    try:
        parsed = make_url(f"{name}{plus}{driver}://{rest}")
    except (ArgumentError, ValueError) as error:
        raise Mistake(
            "the database URL cannot be read", "write it as name://user:password@host:port/database"
        ) from error
    return DATABASES[name](parsed, statement_seconds=statement_seconds, threads=threads, room=room or Room(threads))


__all__ = [
    "DATABASES",
    "AlreadyRunning",
    "Connection",
    "Database",
    "DatabaseError",
    "Fault",
    "FaultKind",
    "Room",
    "Statement",
    "open_database",
]
