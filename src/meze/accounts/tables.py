"""Meze's own tables, in the metadata of the user's models: foreign keys reach them, and one history holds both."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Identity, Integer, MetaData, String, Table
from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.orm import registry

USERS = "meze_users"


class User:
    """A person who can sign in. Relate to it: `owner: Mapped[User] = relationship()`.

    Others may read `id` and `name`. The class is mapped to the table of the last `Meze(app, Base)` of the process.
    """

    id: int
    email: str
    name: str | None
    created_at: datetime


_mapped: list[registry] = []


def add_tables(metadata: MetaData) -> Table:
    """Put Meze's tables into `metadata`, unless they are there, and map User to them. Returns the table of users.

    Ids are never given twice (AUTOINCREMENT; an identity on PostgreSQL).
    """
    table = metadata.tables.get(USERS)
    if table is None:
        table = Table(
            USERS,
            metadata,
            Column("id", Integer, Identity(), primary_key=True),
            Column("email", String(320), nullable=False, unique=True),
            Column("name", String(200)),
            Column("created_at", DateTime(timezone=True), nullable=False, default=lambda: datetime.now(UTC)),
            sqlite_autoincrement=True,
        )
    _map_user(table)
    return table


def _map_user(table: Table) -> None:
    mapper = sqlalchemy_inspect(User, raiseerr=False)
    if mapper is not None and mapper.local_table is table:
        return
    while _mapped:
        _mapped.pop().dispose()
    mapping = registry(metadata=table.metadata)
    mapping.map_imperatively(User, table)
    _mapped.append(mapping)
