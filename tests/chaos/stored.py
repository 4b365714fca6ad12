"""What a database holds after a fault, read with Meze's own connections, and whether SQLite finds it sound."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from chaos.clients import FORBIDDEN
from chaos.ledger import Stored
from meze.databases import open_database

TRIGGERS = {
    "sqlite": (
        f"CREATE TRIGGER forbidden BEFORE INSERT ON entries WHEN NEW.marker LIKE '{FORBIDDEN} %' "
        "BEGIN SELECT RAISE(ROLLBACK, 'forbidden'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'forbidden' USING ERRCODE = 'check_violation'; END$$",
        "CREATE TRIGGER forbidden BEFORE INSERT ON entries FOR EACH ROW "
        f"WHEN (NEW.marker LIKE '{FORBIDDEN} %') EXECUTE FUNCTION forbid()",
    ),
}


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'entries.db'}"


def add_trigger(url: str) -> None:
    """Add the trigger that ends the transaction, once the tables are there."""
    database = open_database(url)
    with database.engine.begin() as connection:
        for sql in TRIGGERS[database.name]:
            connection.execute(text(sql))
    database.close()


def read_stored(url: str) -> Stored:
    """Return what is stored.

    Raises:
        AssertionError: SQLite says that the file is damaged.
    """
    database = open_database(url)
    try:
        with database.engine.connect() as connection:
            if database.name == "sqlite":
                found = connection.execute(text("PRAGMA integrity_check")).scalars().all()
                assert found == ["ok"], found
                assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            rows = connection.execute(text("SELECT marker, number, twin FROM entries")).all()
    finally:
        database.close()
    numbers = {marker: number for marker, number, _ in rows}
    return Stored(numbers, frozenset(marker for marker, number, twin in rows if number != twin))
