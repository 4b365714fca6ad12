"""Full-text search over some columns of one table, with the same meaning on every database.

    index = SearchIndex(cities, (cities.c.name, cities.c.alternate_names))
    index.ensure(database)                                          # make it, once
    select(cities).where(index.matching(cities, database))          # takes the bind `meze_q`
    index.query("São Paulo")                                        # what to give for it

`words.py` says what the meaning is. The index is kept by the database itself, so rows that another program writes are
found like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, FromClause, MetaData, String, Table, TypeDecorator, bindparam
from sqlalchemy import Connection as EngineConnection
from sqlalchemy.engine import Dialect

from meze.databases.database import Database
from meze.databases.search_postgresql import PostgreSQLSearch
from meze.databases.search_sqlite import SQLiteSearch
from meze.databases.words import query_words

BIND = "meze_q"
DECLARED = "meze_search"


class Search(Protocol):
    """How one kind of database keeps and asks a full-text index."""

    def create_statements(self, table: Table, columns: Sequence[Column[Any]], dialect: Dialect) -> list[str]:
        """Return the SQL that makes the index, or makes it again; it may be empty until `rebuild`."""
        ...

    def exists(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> bool:
        """Tell whether the database has this index, over these columns and with this meaning."""
        ...

    def rebuild(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> None:
        """Index every row that the table holds now."""
        ...

    def matching(
        self, source: FromClause, table: Table, columns: Sequence[Column[Any]], query: ColumnElement[str]
    ) -> ColumnElement[bool]:
        """Return the condition that a row of `source` has the words of `query`."""
        ...

    def query(self, words: list[tuple[str, bool]]) -> str:
        """Write a query in the database's own language: words, each with whether a longer one will do.

        No words match nothing.
        """
        ...


SEARCH: dict[str, Search] = {"sqlite": SQLiteSearch(), "postgresql": PostgreSQLSearch()}
"""By the name of the database."""


class QueryText(TypeDecorator[str]):
    """The words of a query, which each database is given in its own query language."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str:
        words = (value or "").split()
        return SEARCH[dialect.name].query([(word.removesuffix("*"), word.endswith("*")) for word in words])


@dataclass(frozen=True)
class SearchIndex:
    """A full-text index over `columns` of `table`."""

    table: Table
    columns: tuple[Column[Any], ...]

    def create_statements(self, database: Database) -> list[str]:
        return SEARCH[database.name].create_statements(self.table, self.columns, database.dialect)

    def exists(self, database: Database) -> bool:
        """Tell whether the database has this index, over these columns and with this meaning."""
        with database.engine.connect() as connection:
            return self.exists_on(connection)

    def exists_on(self, connection: EngineConnection) -> bool:
        return SEARCH[connection.dialect.name].exists(connection, self.table, self.columns)

    def rebuild(self, connection: EngineConnection) -> None:
        """Index every row that the table holds now, on a connection of `changing_schema`."""
        SEARCH[connection.dialect.name].rebuild(connection, self.table, self.columns)

    def create(self, connection: EngineConnection) -> None:
        """Make the index and fill it, on a connection of `changing_schema`."""
        search = SEARCH[connection.dialect.name]
        for statement in search.create_statements(self.table, self.columns, connection.dialect):
            connection.exec_driver_sql(statement)
        search.rebuild(connection, self.table, self.columns)

    def ensure(self, database: Database) -> None:
        """Make the index and fill it, unless it is there already."""
        if not self.exists(database):
            with database.changing_schema() as connection:
                self.create(connection)

    def declare(self) -> None:
        """Make the index a part of the schema: `schema.pending` tells if the database lacks it, `apply` makes it."""
        self.table.metadata.info.setdefault(DECLARED, {})[self.table.fullname] = self

    def matching(self, source: FromClause, database: Database) -> ColumnElement[bool]:
        """Return the condition that a row of `source` (the table or an alias of it) has the words of `meze_q`."""
        query = bindparam(BIND, type_=QueryText())
        return SEARCH[database.name].matching(source, self.table, self.columns, query)

    def query(self, text: str) -> str | None:
        """Return what to give for `meze_q` to find what a person typed; None where that holds no word."""
        words = [f"{word}*" if beginning else word for word, beginning in query_words(text)]
        return " ".join(words) or None


def declared(metadata: MetaData) -> list[SearchIndex]:
    """Return the indexes that were declared on the tables of `metadata`."""
    return list(metadata.info.get(DECLARED, {}).values())
