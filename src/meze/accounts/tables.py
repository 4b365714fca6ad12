"""Meze's own tables, in the metadata of the user's models: foreign keys reach them, and one history holds both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import DateTime, Identity, MetaData, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import NullType

USERS = "meze_users"


class _Base(DeclarativeBase):
    pass


class User(_Base):
    """A person who can sign in. Relate to it: `owner: Mapped[User] = relationship()`. Others may read `id` and `name`.

    Ids are never given twice (AUTOINCREMENT; an identity on PostgreSQL).
    """

    __tablename__ = USERS
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


def add_tables(metadata: MetaData) -> None:
    """Let foreign keys of `metadata` reach Meze's tables, and `create_all` make them.

    It is one Table for every metadata of the process, so that `relationship(User)` finds its foreign key in each.
    """
    table = cast(Table, User.__table__)
    if USERS in metadata.tables:
        return
    metadata._add_table(USERS, None, table)
    # SQLAlchemy gives a foreign key's column its type when the other table is made, which was before this.
    columns = (column for each in metadata.tables.values() for column in each.columns)
    for column in columns:
        for key in column.foreign_keys:
            if key.target_fullname == f"{USERS}.id" and isinstance(column.type, NullType):
                column.type = table.c.id.type
