"""Every statement, prepared once: on SQLite by the standard library's driver, on PostgreSQL by asyncpg.

SQLite is asked on the event loop's own thread. A statement takes microseconds there, less than handing it to another
thread would; a slow one would hold up everybody.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, Protocol

import asyncpg
from books import BookChange, BookQuery, BookToCreate
from msgspec import UNSET
from msgspec.structs import asdict

CONNECTIONS = 16
CREATED = ("title", "isbn", "genre", "pages", "price", "rating", "published", "author_id", "owner_id")
SORTS = {
    "published": "b.published, b.id",
    "-published": "b.published DESC, b.id DESC",
    "title": "b.title, b.id",
    "-title": "b.title DESC, b.id DESC",
}
AUTHOR = ", a.id, a.name, a.country"
Row = Sequence[Any]


class Refused(Exception):
    """The database's constraints do not allow it."""


class Storage(Protocol):
    async def read(self, book_id: int) -> Row | None: ...
    async def page(self, query: BookQuery) -> Sequence[Row]: ...
    async def create(self, book: BookToCreate, owner_id: int) -> Row: ...
    async def update(self, book_id: int, owner_id: int, change: BookChange) -> Row | None: ...
    async def close(self) -> None: ...


@cache
def page_statement(columns: str, asked: tuple[str, ...], sort: str, with_author: bool, place: str) -> str:
    """`place` names a parameter by its number, as `?{}` or `${}`."""
    conditions = [f"b.{column} {place.format(number)}" for number, column in enumerate(asked, 1)]
    where = f" WHERE {' AND '.join(conditions)}" if asked else ""
    author = " JOIN authors a ON a.id = b.author_id" if with_author else ""
    limit, offset = place.format(len(asked) + 1), place.format(len(asked) + 2)
    return (
        f"SELECT {columns}{AUTHOR if with_author else ''} FROM books b{author}{where} "
        f"ORDER BY {SORTS[sort]} LIMIT {limit} OFFSET {offset}"
    )


def asked_of(query: BookQuery) -> dict[str, str | date]:
    wanted = {"genre =": query.genre, "published <": query.published__lt}
    return {condition: value for condition, value in wanted.items() if value is not None}


def changed(change: BookChange) -> dict[str, Any]:
    return {name: value for name, value in asdict(change).items() if value is not UNSET}


class Sqlite:
    COLUMNS = (
        "b.id, b.title, b.isbn, b.genre, b.pages, printf('%.2f', b.price), b.rating, b.published, "
        "b.author_id, b.owner_id"
    )
    READ = f"SELECT {COLUMNS} FROM books b WHERE b.id = ?"
    CREATE = (
        f"INSERT INTO books AS b ({', '.join(CREATED)}) VALUES ({', '.join('?' * len(CREATED))}) RETURNING {COLUMNS}"
    ).replace("b.", "")

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._execute = self._connection.execute

    async def read(self, book_id: int) -> Row | None:
        row: Row | None = self._execute(self.READ, (book_id,)).fetchone()
        return row

    async def page(self, query: BookQuery) -> Sequence[Row]:
        asked = asked_of(query)
        statement = page_statement(self.COLUMNS, tuple(asked), query.sort, query.expand is not None, "?{}")
        values = [str(value) for value in asked.values()]
        return self._execute(statement, (*values, query.limit, query.offset)).fetchall()

    async def create(self, book: BookToCreate, owner_id: int) -> Row:
        values = (
            *(book.title, book.isbn, book.genre, book.pages, book.price, book.rating),
            *(book.published.isoformat(), book.author_id, owner_id),
        )
        row = self._write(self.CREATE, values)
        assert row is not None
        return row

    async def update(self, book_id: int, owner_id: int, change: BookChange) -> Row | None:
        changes = changed(change)
        if not changes:
            return await self.read(book_id)
        values = [str(value) if isinstance(value, date) else value for value in changes.values()]
        return self._write(update_on_sqlite(tuple(changes)), (*values, book_id, owner_id))

    def _write(self, statement: str, values: Sequence[Any]) -> Row | None:
        try:
            # Exhausting the cursor ends the statement, which commits it.
            rows: list[Row] = self._execute(statement, values).fetchall()
        except sqlite3.IntegrityError as error:
            raise Refused(str(error)) from error
        return rows[0] if rows else None

    async def close(self) -> None:
        self._connection.close()


@cache
def update_on_sqlite(names: tuple[str, ...]) -> str:
    sets = ", ".join(f"{name} = ?" for name in names)
    columns = Sqlite.COLUMNS.replace("b.", "")
    return f"UPDATE books SET {sets} WHERE id = ? AND owner_id = ? RETURNING {columns}"


class Connection:
    """One connection and what it has prepared."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}
        self.close = connection.close

    async def prepared(self, statement: str) -> Any:
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = await self._connection.prepare(statement)
        return found


class Postgresql:
    COLUMNS = "b.id, b.title, b.isbn, b.genre, b.pages, b.price::text, b.rating, b.published, b.author_id, b.owner_id"
    READ = f"SELECT {COLUMNS} FROM books b WHERE b.id = $1"
    CREATE = (
        f"INSERT INTO books AS b ({', '.join(CREATED)}) "
        f"VALUES ($1, $2, $3, $4, $5::text::numeric, $6, $7, $8, $9) RETURNING {COLUMNS}"
    )

    def __init__(self, connections: Sequence[asyncpg.Connection]) -> None:
        # The one that was used last is the next: asyncpg's own pool would ask the database to reset each in between.
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(Connection(connection))

    async def _fetch(self, statement: str, *values: Any) -> Sequence[Row]:
        connection = await self._free.get()
        try:
            rows: Sequence[Row] = await (await connection.prepared(statement)).fetch(*values)
            return rows
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Refused(str(error)) from error
        finally:
            self._free.put_nowait(connection)

    async def read(self, book_id: int) -> Row | None:
        rows = await self._fetch(self.READ, book_id)
        return rows[0] if rows else None

    async def page(self, query: BookQuery) -> Sequence[Row]:
        asked = asked_of(query)
        statement = page_statement(self.COLUMNS, tuple(asked), query.sort, query.expand is not None, "${}")
        return await self._fetch(statement, *asked.values(), query.limit, query.offset)

    async def create(self, book: BookToCreate, owner_id: int) -> Row:
        rows = await self._fetch(
            self.CREATE,
            *(book.title, book.isbn, book.genre, book.pages, book.price, book.rating),
            *(book.published, book.author_id, owner_id),
        )
        return rows[0]

    async def update(self, book_id: int, owner_id: int, change: BookChange) -> Row | None:
        changes = changed(change)
        if not changes:
            return await self.read(book_id)
        rows = await self._fetch(update_on_postgresql(tuple(changes)), book_id, owner_id, *changes.values())
        return rows[0] if rows else None

    async def close(self) -> None:
        while not self._free.empty():
            await self._free.get_nowait().close()


@cache
def update_on_postgresql(names: tuple[str, ...]) -> str:
    cast = {"price": "::text::numeric"}
    sets = ", ".join(f"{name} = ${number}{cast.get(name, '')}" for number, name in enumerate(names, 3))
    return f"UPDATE books b SET {sets} WHERE id = $1 AND owner_id = $2 RETURNING {Postgresql.COLUMNS}"


async def open_storage(url: str) -> Storage:
    if url.startswith("sqlite:///"):
        return Sqlite(url.removeprefix("sqlite:///"))
    return Postgresql([await asyncpg.connect(url) for _ in range(CONNECTIONS)])
