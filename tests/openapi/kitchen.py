"""An app with all that a description must tell: each kind of column, key and relation, and what nobody may see."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Caller, Exact, FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.databases.search import SearchIndex
from meze.installation import Installation

HIDDEN = ("secret_hash", "internal_note", "ledger", "vault")
"""Names that no caller may learn: hidden fields, a relation to what nobody may read, and that resource's field."""

CALLERS = {
    "Bearer anna": Caller(1, "anna@example.com", "Anna", frozenset(), credentials=True),
    "Bearer ben": Caller(2, None, "Ben", frozenset(), credentials=True),
    "Bearer ed": Caller(3, None, "Ed", frozenset({"editor"}), credentials=True),
    "Bearer admin": Caller(4, None, "Adm", frozenset({"admin"}), credentials=True),
}


class Mood(enum.Enum):
    GLAD = "glad, very"
    SAD = 'so "sad"'


class Rank(enum.IntEnum):
    LOW = 1
    HIGH = 10


def make(url: str, folder: Path) -> Installation:
    """Return the app's installation, with its tables made and a few rows in them."""

    class Base(DeclarativeBase):
        pass

    tagged = sa.Table(
        "tagged",
        Base.metadata,
        sa.Column("dish_id", sa.ForeignKey("dishes.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag_code", sa.ForeignKey("tags.code", ondelete="CASCADE"), primary_key=True),
    )

    class Dish(Base):
        __tablename__ = "dishes"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(40), doc="What the menu says.")
        count: Mapped[int] = mapped_column(sa.Integer, default=1)
        related: Mapped[str | None] = mapped_column(sa.String(10))
        price: Mapped[Decimal | None] = mapped_column(sa.Numeric(8, 2))
        exact: Mapped[Decimal | None] = mapped_column(Exact(18, 4))
        weight: Mapped[float | None]
        served: Mapped[bool | None]
        on_day: Mapped[date | None]
        at_moment: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
        at_time: Mapped[time | None]
        takes: Mapped[timedelta | None]
        code: Mapped[uuid.UUID | None]
        photo: Mapped[bytes | None] = mapped_column(sa.LargeBinary(100))
        notes: Mapped[Any | None] = mapped_column(sa.JSON)
        mood: Mapped[Mood | None] = mapped_column(sa.Enum(Mood))
        rank: Mapped[Rank] = mapped_column(sa.Enum(Rank), default=Rank.LOW)
        version: Mapped[int] = mapped_column(default=1)
        chef_only: Mapped[str | None] = mapped_column(sa.String(20))
        secret_hash: Mapped[str | None]
        goes_with_id: Mapped[int | None] = mapped_column(sa.ForeignKey("dishes.id", ondelete="SET NULL"), index=True)
        goes_with: Mapped[Dish | None] = relationship(remote_side="Dish.id", back_populates="companions")
        companions: Mapped[list[Dish]] = relationship(back_populates="goes_with")
        tags: Mapped[list[Tag]] = relationship(secondary=tagged, back_populates="dishes")
        portions: Mapped[list[Portion]] = relationship(back_populates="dish")
        ledger: Mapped[list[Ledger]] = relationship(viewonly=True)
        __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form

    class Tag(Base):
        __tablename__ = "tags"
        code: Mapped[str] = mapped_column(sa.String(30), primary_key=True)
        dishes: Mapped[list[Dish]] = relationship(secondary=tagged, back_populates="tags")

    class Portion(Base):
        __tablename__ = "portions"
        dish_id: Mapped[int] = mapped_column(sa.ForeignKey("dishes.id", ondelete="CASCADE"), primary_key=True)
        size: Mapped[str] = mapped_column(sa.String(5), primary_key=True)
        grams: Mapped[int | None]
        dish: Mapped[Dish] = relationship(back_populates="portions")

    class Visit(Base):
        __tablename__ = "visits"
        token: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        owner_id: Mapped[int] = mapped_column(sa.ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
        seats: Mapped[int] = mapped_column(sa.SmallInteger)
        internal_note: Mapped[str | None]

    class Ledger(Base):
        __tablename__ = "ledger"
        id: Mapped[int] = mapped_column(primary_key=True)
        vault: Mapped[str]
        dish_id: Mapped[int] = mapped_column(sa.ForeignKey("dishes.id", ondelete="CASCADE"))

    class Wish(Base):
        __tablename__ = "wishes"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(sa.String(100))

    app = Flask(__name__, instance_path=str(folder / "instance"))
    settings = {"database_url": url, "secret_key": "k" * 40}
    api = Meze(
        app,
        Base,
        roles=("editor", "chef"),
        identify=lambda r: CALLERS.get(r.headers.get("authorization", ""), Caller()),
        settings=settings,
    )
    api.resource(
        Dish,
        read=anyone,
        write=role("editor"),
        search=["name"],
        page_limit=50,
        fields={"secret_hash": hidden, "chef_only": FieldRules(read=role("chef"))},
    )
    api.resource(Tag, read=anyone, write=role("editor"))
    api.resource(Portion, read=anyone, write=role("editor"), require_match=True)
    mine = signed_in & (Visit.owner_id == me.id)
    api.resource(Visit, read=mine, write=mine, owner="owner_id", fields={"internal_note": hidden})
    api.resource(Ledger, admin=False)
    api.resource(Wish, create=anyone, admin=False)
    installation: Installation = app.extensions["meze"]
    Base.metadata.create_all(installation.database.engine)
    dishes = Base.metadata.tables["dishes"]
    SearchIndex(dishes, (dishes.c.name,)).ensure(installation.database)
    return installation
