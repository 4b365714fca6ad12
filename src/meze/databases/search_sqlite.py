# ruff: noqa: S608  (these texts are made of our own constants and of quoted names of the user's tables)
"""Full-text search on SQLite: an FTS5 table that triggers keep.

A row's key is the FTS5 table's rowid where it is one whole number. For other keys a table gives each one a number,
since SQLite's own row numbers may change when the file is compacted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnClause,
    ColumnElement,
    FromClause,
    Integer,
    Table,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy import Connection as EngineConnection
from sqlalchemy import column as named_column
from sqlalchemy import table as named_table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import IdentifierPreparer

from meze.databases.search_sqlite_words import letters_statements, meaning, words_expression

WHILE_FILLING = {"hashsize": 64 * 1024 * 1024, "automerge": 0}
AFTERWARDS = {"hashsize": 1024 * 1024, "automerge": 4}
"""Settings of FTS5: how many bytes it collects before it writes, and how soon it merges what it wrote."""


class SQLiteSearch:
    """An FTS5 table of words, cut by our triggers, so that its own tokenizer has only to part them."""

    def create_statements(self, table: Table, columns: Sequence[Column[Any]], dialect: Dialect) -> list[str]:
        names = Names(table, dialect)
        return [
            *(f"DROP TRIGGER IF EXISTS {name}" for name in names.triggers),
            *letters_statements(),
            *names.empty_index(),
            *_triggers(names, columns),
        ]

    def exists(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> bool:
        names = Names(table, connection.dialect)
        stored = connection.execute(
            text("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = :table"), {"table": table.name}
        )
        return set(_triggers(names, columns)) <= set(stored.scalars())

    def rebuild(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> None:
        """Fill the index by a function of ours, which is a hundred times faster than the triggers."""
        names = Names(table, connection.dialect)
        for statement in names.empty_index():
            connection.exec_driver_sql(statement)
        words = f"meze_words({_together(names, columns, 't')})"
        if names.numbered:
            fill = f"SELECT t.{names.key_columns[0]}, {words} FROM {names.table} AS t ORDER BY 1"
        else:
            keys = ", ".join(names.key_columns)
            connection.exec_driver_sql(
                f"INSERT INTO {names.keys} ({names.key_list}) SELECT {keys} FROM {names.table} ORDER BY {keys}"
            )
            fill = f"SELECT k.id, {words} FROM {names.keys} AS k JOIN {names.table} AS t ON {names.same_key('k', 't')}"
        names.set_options(connection, WHILE_FILLING)
        connection.exec_driver_sql(f"INSERT INTO {names.index} (rowid, words) {fill}")
        names.set_options(connection, AFTERWARDS)

    def matching(
        self,
        source: FromClause,
        table: Table,
        columns: Sequence[Column[Any]],  # noqa: ARG002  (the index knows them)
        query: ColumnElement[str],
    ) -> ColumnElement[bool]:
        index = named_table(f"meze_{table.name}_fts", named_column("rowid"))
        found = literal_column(Names.quoted(index.name)).bool_op("MATCH")(query)
        key = [source.c[column.key] for column in table.primary_key.columns]
        if _is_numbered(table):
            return key[0].in_(select(index.c.rowid).where(found))
        places: list[ColumnClause[Any]] = [named_column(f"k{place}") for place in range(len(key))]
        keys = named_table(f"meze_{table.name}_fts_keys", named_column("id"), *places)
        matches = select(*keys.c[1:]).join(index, index.c.rowid == keys.c.id).where(found)
        return key[0].in_(matches) if len(key) == 1 else tuple_(*key).in_(matches)

    def query(self, words: list[tuple[str, bool]]) -> str:
        return " AND ".join(f'"{word}"*' if beginning else f'"{word}"' for word, beginning in words) or '""'


class Names:
    """The quoted names that the SQL of one index is written with."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        prepare: IdentifierPreparer = dialect.identifier_preparer
        self.quote_column = prepare.format_column
        self.table = prepare.format_table(table)
        self.index = self.quoted(f"meze_{table.name}_fts")
        self.keys = self.quoted(f"meze_{table.name}_fts_keys")
        self.triggers = tuple(self.quoted(f"meze_{table.name}_fts_{event}") for event in ("insert", "update", "delete"))
        self.key_columns = tuple(prepare.format_column(column) for column in table.primary_key.columns)
        self.key_list = ", ".join(f"k{place}" for place in range(len(self.key_columns)))
        self.numbered = _is_numbered(table)

    @staticmethod
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def empty_index(self) -> list[str]:
        """Return the SQL that makes the FTS5 table anew; emptying a full one takes longer than filling it."""
        made = [
            f"DROP TABLE IF EXISTS {self.index}",
            f"CREATE VIRTUAL TABLE {self.index} USING"
            " fts5(words, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1 2')",
        ]
        if self.numbered:
            return made
        return [
            *made,
            f"DROP TABLE IF EXISTS {self.keys}",
            f"CREATE TABLE {self.keys} (id INTEGER PRIMARY KEY, {self.key_list}, UNIQUE ({self.key_list}))",
        ]

    def set_options(self, connection: EngineConnection, options: Mapping[str, int]) -> None:
        for option, value in options.items():
            connection.exec_driver_sql(f"INSERT INTO {self.index} ({self.index}, rank) VALUES ('{option}', {value})")

    def same_key(self, ours: str, row: str) -> str:
        return " AND ".join(f"{ours}.k{place} = {row}.{name}" for place, name in enumerate(self.key_columns))

    def number(self, row: str) -> str:
        """Return the SQL of the row's number in the index."""
        if self.numbered:
            return f"{row}.{self.key_columns[0]}"
        return f"(SELECT k.id FROM {self.keys} AS k WHERE {self.same_key('k', row)})"


def _is_numbered(table: Table) -> bool:
    key = list(table.primary_key.columns)
    return len(key) == 1 and isinstance(key[0].type, Integer)


def _together(names: Names, columns: Sequence[Column[Any]], row: str) -> str:
    return " || ' ' || ".join(f"coalesce({row}.{names.quote_column(column)}, '')" for column in columns)


def _triggers(names: Names, columns: Sequence[Column[Any]]) -> list[str]:
    """Return the SQL of the three triggers, as SQLite keeps it."""
    insert, update, delete = names.triggers
    watched = dict.fromkeys([*names.key_columns, *map(names.quote_column, columns)])
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in watched)
    remove = f"DELETE FROM {names.index} WHERE rowid = {names.number('OLD')};"
    add = (
        f"INSERT OR REPLACE INTO {names.index} (rowid, words)"
        f" VALUES ({names.number('NEW')}, {words_expression(_together(names, columns, 'NEW'))});"
    )
    if not names.numbered:
        remove += f" DELETE FROM {names.keys} AS k WHERE {names.same_key('k', 'OLD')};"
        new_key = ", ".join(f"NEW.{name}" for name in names.key_columns)
        add = f"INSERT OR IGNORE INTO {names.keys} ({names.key_list}) VALUES ({new_key}); {add}"
    note = f"/* words {meaning()} */"
    return [
        f"CREATE TRIGGER {insert} AFTER INSERT ON {names.table} BEGIN {note} {add} END",
        f"CREATE TRIGGER {update} AFTER UPDATE OF {', '.join(watched)} ON {names.table} WHEN {changed}"
        f" BEGIN {note} {remove} {add} END",
        f"CREATE TRIGGER {delete} AFTER DELETE ON {names.table} BEGIN {remove} END",
    ]
