"""Compare the tables that models declare with those that a database has, and add what is missing.

Only what adds is ever done here: a table, a column that old rows can do without, an index, a full-text index. What
would change or lose stored values is told, and left to a migration that a person writes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, exc, inspect
from sqlalchemy import Connection as EngineConnection
from sqlalchemy.schema import sort_tables

from meze.databases.columns import add_column, fits_old_rows
from meze.databases.database import Database, DatabaseError
from meze.databases.search import SearchIndex, declared

SENTENCES = {
    "add_table": "The table {table} is missing.",
    "add_column": "The column {table}.{column} is missing.",
    "add_index": "An index on {table} ({columns}) is missing.",
    "add_search": "The full-text index on {table} ({columns}) is missing.",
    "add_constraint": "A unique constraint on {table} ({columns}) is missing.",
    "add_fk": "A foreign key on {table} ({columns}) is missing.",
    "remove_column": "The column {table}.{column} is in the database only.",
    "remove_index": "An index on {table} ({columns}) is in the database only.",
    "remove_constraint": "A unique constraint on {table} ({columns}) is in the database only.",
    "remove_fk": "A foreign key on {table} ({columns}) is in the database only.",
    "modify_type": "The column {table}.{column} has another type in the database.",
    "modify_nullable": "The column {table}.{column} takes nulls in the models or in the database, not in both.",
}
"""What each kind of difference is called in words, by Alembic's name for it."""

DONE = {
    "add_table": "Added the table {table}.",
    "add_column": "Added the column {table}.{column}.",
    "add_index": "Added an index on {table} ({columns}).",
    "add_search": "Added the full-text index on {table} ({columns}).",
}
"""What is said once a difference was mended, for those that `apply` mends."""


@dataclass(frozen=True)
class Change:
    """One difference between the models and the database.

    `kind` is a key of SENTENCES. `adds_only`: making it keeps every stored value, and cannot fail on one. `text` says
    what is missing, `done` that it was added.
    """

    kind: str
    table: str
    column: str | None
    adds_only: bool
    text: str
    done: str = ""


Found = tuple[Change, Any]
"""A change, and what is to be made for it: SQLAlchemy's Table, Column or Index, or our SearchIndex."""


def pending(database: Database, metadata: MetaData) -> list[Change]:
    """Return how the database differs from `metadata`, in the order to make the changes in.

    Tables that `metadata` does not know are another program's, and are not looked at.

    Raises:
        DatabaseError: the database cannot be reached (GONE), or is busy.
    """
    with _explaining(database), database.engine.connect() as connection:
        return [change for change, _ in _compare(connection, metadata)]


def is_complete(database: Database, metadata: MetaData) -> bool:
    """Tell quickly that every table, column and index of `metadata` is there. False means: ask `pending` what is not.

    This is what a server asks before it serves. It says nothing of types, nor of what is in the database only.

    Raises:
        DatabaseError: as `pending`.
    """
    with _explaining(database), _without_warnings(), database.engine.connect() as connection:
        found, tables = inspect(connection), metadata.tables.values()
        if any(table.schema for table in tables) or not {each.name for each in tables} <= set(found.get_table_names()):
            return False
        for table in tables:
            columns = {column["name"] for column in found.get_columns(table.name)}
            if not {column.name for column in table.columns} <= columns:
                return False
            indexes = [
                (each["name"], bool(each["unique"]), each["column_names"]) for each in found.get_indexes(table.name)
            ]
            wanted = [(each.name, bool(each.unique), [part.name for part in each.columns]) for each in table.indexes]
            if any(each not in indexes for each in wanted):
                return False
        return all(index.exists_on(connection) for index in declared(metadata))


def apply(database: Database, metadata: MetaData, changes: Iterable[Change]) -> None:
    """Make those of `changes` that only add and that no other process has made meanwhile, all or none.

    Raises:
        DatabaseError: the database cannot be reached, or somebody else holds a table for too long.
    """
    wanted = {change for change in changes if change.adds_only}
    if not wanted:
        return
    with _explaining(database), database.changing_schema() as connection:
        for change, element in _compare(connection, metadata):
            if change in wanted:
                _make(connection, element)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Leave out SQLAlchemy's of indexes over expressions, which cannot be compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        yield


@contextmanager
def _explaining(database: Database) -> Iterator[None]:
    try:
        yield
    except exc.SQLAlchemyError as error:
        fault = database.fault(error)
        if fault is None:
            raise
        raise DatabaseError(fault) from error


def _compare(connection: EngineConnection, metadata: MetaData) -> list[Found]:
    from alembic.autogenerate import compare_metadata  # only commands compare, and importing it takes a while
    from alembic.migration import MigrationContext

    known = {table.name for table in metadata.tables.values()}

    def is_compared(name: str | None, kind: str, parents: Any) -> bool:  # noqa: ARG001  (Alembic gives it)
        if kind == "table":
            return name in known
        return kind != "index" or not str(name).startswith("meze_") or not str(name).endswith("_fts")

    with _without_warnings():
        context = MigrationContext.configure(connection, opts={"include_name": is_compared})
        differences = list(_flat(compare_metadata(context, metadata)))
    found = list(_changes(connection, metadata, differences))
    missing = {change.table for change, _ in found if change.kind == "add_table"}
    for index in declared(metadata):
        if index.table.name in missing or not index.exists_on(connection):
            found.append(_found("add_search", index.table.name, index, adds=True, columns=index.columns))
    return found


def _flat(differences: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield each difference on its own: those of one column come in a list."""
    for difference in differences:
        if isinstance(difference, list):
            yield from difference
        else:
            yield difference


def _changes(
    connection: EngineConnection, metadata: MetaData, differences: Sequence[tuple[Any, ...]]
) -> Iterator[Found]:
    # Alembic hands out copies of the tables, without their indexes.
    tables = [metadata.tables[difference[1].key] for difference in differences if difference[0] == "add_table"]
    for table in sort_tables(tables):
        yield _found("add_table", table.name, table, adds=True)
    new_tables = {table.name for table in tables}
    told_wrongly = _keys_without_options(differences) if connection.dialect.name == "sqlite" else set()
    new_columns = {difference[3] for difference in differences if difference[0] == "add_column"}
    for difference in differences:
        kind = difference[0]
        if kind in ("add_column", "remove_column"):
            column = difference[3]
            adds = kind == "add_column" and fits_old_rows(connection, column)
            yield _found(kind, difference[2], column, column=column.name, adds=adds)
        elif kind in ("modify_type", "modify_nullable"):
            yield _found(kind, difference[2], None, column=difference[3])
        elif kind in SENTENCES and kind != "add_table":
            element = difference[1]
            comes_along = kind == "add_fk" and set(element.columns) <= new_columns
            if element.table.name not in new_tables and not comes_along and _key(difference) not in told_wrongly:
                # A unique index can fail on the rows that are there.
                adds = kind == "add_index" and not element.unique
                yield _found(kind, element.table.name, element, adds=adds, columns=element.columns)


def _key(difference: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return what a foreign key points from and to, for a difference that is one."""
    if not difference[0].endswith("_fk"):
        return None
    return difference[1].table.name, *((each.parent.name, each.target_fullname) for each in difference[1].elements)


def _keys_without_options(differences: Sequence[tuple[Any, ...]]) -> set[Any]:
    """Return the foreign keys that are told both as missing and as too many.

    Of a key that was added with its column, SQLAlchemy cannot read ON DELETE back from SQLite.
    """
    missing, extra = ({_key(each) for each in differences if each[0] == kind} for kind in ("add_fk", "remove_fk"))
    return (missing & extra) - {None}


def _found(
    kind: str, table: str, element: Any, *, column: str | None = None, adds: bool = False, columns: Iterable[Any] = ()
) -> Found:
    names = ", ".join(str(part.name) for part in columns)
    words = {"table": table, "column": column, "columns": names}
    text, done = SENTENCES[kind].format_map(words), DONE.get(kind, "").format_map(words)
    return Change(kind, table, column, adds, text, done), element


def _make(connection: EngineConnection, element: Any) -> None:
    if isinstance(element, Table):
        element.create(connection)
    elif isinstance(element, Column):
        add_column(connection, element)
    elif isinstance(element, Index | SearchIndex):
        element.create(connection)
