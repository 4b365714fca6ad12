"""Models that are hard to make rows for: circles, self references, checks, composite keys, what is unique together."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Exact
from meze.databases.own import add_tables


class Mood(enum.Enum):
    CALM = "calm"
    WILD = "wild"


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"fk": "fk_%(table_name)s_%(column_0_name)s"})


tags_of_places = Table(
    "tags_of_places",
    Base.metadata,
    Column("place_id", ForeignKey("places.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", ForeignKey("tags.word", ondelete="CASCADE"), primary_key=True),
)


class Tag(Base):
    """A text key with a CHECK on how it is spelled."""

    __tablename__ = "tags"
    word: Mapped[str] = mapped_column(String(12), CheckConstraint("length(word) >= 3"), primary_key=True)
    weight: Mapped[int | None]
    places: Mapped[list[Place]] = relationship(secondary=tags_of_places, back_populates="tags")


class Place(Base):
    """Every common type, nullable; refers to itself; checks over one column, over two, and on what a text is."""

    __tablename__ = "places"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(60))
    code: Mapped[str] = mapped_column(String(3), CheckConstraint("length(code) = 2"), unique=True)
    height: Mapped[int | None] = mapped_column(CheckConstraint("height BETWEEN -400 AND 8849"))
    open: Mapped[bool | None]
    mood: Mapped[Mood | None]
    since: Mapped[date | None]
    until: Mapped[date | None]
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    opens: Mapped[time | None]
    stays: Mapped[timedelta | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))
    exact: Mapped[Decimal | None] = mapped_column(Exact(12, 2))
    ratio: Mapped[float | None]
    token: Mapped[uuid.UUID | None]
    notes: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    picture: Mapped[bytes | None] = mapped_column(LargeBinary(20))
    doubled: Mapped[int | None] = mapped_column(Computed("height * 2", persisted=True))
    email: Mapped[str | None] = mapped_column(String(60))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    parent: Mapped[Place | None] = relationship(back_populates="children", remote_side=[id])
    children: Mapped[list[Place]] = relationship(back_populates="parent")
    tags: Mapped[list[Tag]] = relationship(secondary=tags_of_places, back_populates="places")
    stops: Mapped[list[Stop]] = relationship(back_populates="place")
    __table_args__ = (CheckConstraint("until IS NULL OR since IS NULL OR since <= until"),)


class Stop(Base):
    """A composite key of which one part is a foreign key, and what is unique over several columns."""

    __tablename__ = "stops"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    night: Mapped[int | None]
    guest: Mapped[str] = mapped_column(Text, default="nobody")
    rank: Mapped[int] = mapped_column(server_default="1")
    place: Mapped[Place] = relationship(back_populates="stops")
    __table_args__ = (UniqueConstraint("place_id", "night"),)


class Ticket(Base):
    """A foreign key of two columns."""

    __tablename__ = "tickets"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    place_id: Mapped[int | None]
    number: Mapped[int | None]
    stop: Mapped[Stop | None] = relationship()
    __table_args__ = (ForeignKeyConstraint(["place_id", "number"], ["stops.place_id", "stops.number"]),)


class Hen(Base):
    """One of a circle in which one side may be null."""

    __tablename__ = "hens"
    id: Mapped[int] = mapped_column(primary_key=True)
    first_egg_id: Mapped[int | None] = mapped_column(ForeignKey("eggs.id", use_alter=True))


class Egg(Base):
    __tablename__ = "eggs"
    id: Mapped[int] = mapped_column(primary_key=True)
    hen_id: Mapped[int] = mapped_column(ForeignKey("hens.id"))


class Left(Base):
    """One of a circle in which no side may be null."""

    __tablename__ = "lefts"
    id: Mapped[int] = mapped_column(primary_key=True)
    right_id: Mapped[int] = mapped_column(ForeignKey("rights.id", use_alter=True), unique=True)


class Right(Base):
    __tablename__ = "rights"
    id: Mapped[int] = mapped_column(primary_key=True)
    left_id: Mapped[int] = mapped_column(ForeignKey("lefts.id"))


class Root(Base):
    """A self reference that may not be null."""

    __tablename__ = "roots"
    id: Mapped[int] = mapped_column(primary_key=True)
    root_id: Mapped[int] = mapped_column(ForeignKey("roots.id"))


class Animal(Base):
    """Single-table inheritance."""

    __tablename__ = "animals"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012 - SQLAlchemy's way


class Cat(Animal):
    lives: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012 - as above


add_tables(Base.metadata)


def with_arrays() -> MetaData:
    """Return tables that only PostgreSQL has."""
    metadata = MetaData()
    Table(
        "lists",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("words", ARRAY(String(20)), nullable=False),
        Column("numbers", ARRAY(Integer)),
    )
    add_tables(metadata)
    return metadata
