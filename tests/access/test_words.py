"""A rule in words: the same from a Rule as from the expression that the user wrote."""

from datetime import date
from enum import Enum

import pytest
from sqlalchemy import Column, ForeignKey, Integer, String, Table, and_, bindparam, case, cast, func, or_
from sqlalchemy import Enum as EnumType
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze.access.caller import Standing
from meze.access.read import RuleReader
from meze.access.rule import fold, or_admin
from meze.access.terms import anyone, me, role, signed_in
from meze.access.words import expression_words, words


class Base(DeclarativeBase):
    pass


class Mood(Enum):
    CALM = "calm"


friends = Table(
    "friends",
    Base.metadata,
    Column("trip_id", ForeignKey("trips.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)
likes = Table(
    "likes",
    Base.metadata,
    Column("fan_id", ForeignKey("trips.id"), primary_key=True),
    Column("idol_id", ForeignKey("trips.id"), primary_key=True),
)


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int] = mapped_column("owner_id")
    title: Mapped[str] = mapped_column(String)
    starts_on: Mapped[date | None]
    public: Mapped[bool]
    mood: Mapped[Mood] = mapped_column(EnumType(Mood))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("trips.id"))
    parent: Mapped["Trip | None"] = relationship(remote_side=[id], back_populates="children")
    children: Mapped[list["Trip"]] = relationship(back_populates="parent")
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip", foreign_keys="Stop.trip_id")
    tags: Mapped[list["Tag"]] = relationship(secondary=friends)
    idols: Mapped[list["Trip"]] = relationship(
        secondary=likes, primaryjoin=id == likes.c.fan_id, secondaryjoin=id == likes.c.idol_id, back_populates="fans"
    )
    fans: Mapped[list["Trip"]] = relationship(
        secondary=likes, primaryjoin=id == likes.c.idol_id, secondaryjoin=id == likes.c.fan_id, back_populates="idols"
    )


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    back_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    nights: Mapped[int]
    trip: Mapped[Trip] = relationship(back_populates="stops", foreign_keys=[trip_id])
    back: Mapped[Trip] = relationship(foreign_keys=[back_id])


MINE = signed_in & (Trip.owner == me.id)

OF_A_TRIP = [
    (anyone, "anyone"),
    (~anyone, "nobody"),
    (signed_in, "signed in"),
    (~role("editor"), "not role editor"),
    (Trip.public, "public"),
    (~Trip.public, "not public"),
    (Trip.public.is_(True), "public is true"),
    (Trip.owner.is_(None), "owner is null"),
    (Trip.public.is_(True) | MINE, "public is true or (signed in and owner = me.id)"),
    (~(Trip.public | MINE), "not (public or (signed in and owner = me.id))"),
    ((Trip.public & signed_in) & (Trip.id > 1), "public and signed in and id > 1"),
    (and_(Trip.public, or_(Trip.id == 2, signed_in)), "public and (id = 2 or signed in)"),
    (Trip.title.in_(["a", "it's"]), """title in ('a', "it's")"""),
    (~Trip.title.in_(["a"]), "title not in ('a')"),
    (Trip.title.between("a", "b"), "title between 'a' and 'b'"),
    (Trip.title.startswith("a_", autoescape=True), "title starts with 'a/_' escape '/'"),
    (~Trip.title.contains("x"), "title does not contain 'x'"),
    (Trip.title.icontains("x"), "title contains (any case) 'x'"),
    (Trip.title == "two\nlines", r"title = 'two\nlines'"),
    (Trip.title == "东京", "title = '东京'"),
    (Trip.mood == Mood.CALM, "mood = 'CALM'"),
    (Trip.starts_on > date(2026, 1, 2), "starts_on > 2026-01-02"),
    (Trip.starts_on.is_distinct_from(None), "starts_on is distinct from null"),
    ((Trip.id + 1) * 2 > -Trip.owner, "(id + 1) * 2 > -owner"),
    (func.lower(Trip.title) == "x", "lower(title) = 'x'"),
    (func.extract("year", Trip.starts_on) > 2000, "extract(year from starts_on) > 2000"),
    (case((Trip.public, 1), else_=0) == 1, "case when public then 1 else 0 end = 1"),
    (cast(Trip.title, Integer) > 3, "cast(title as Integer()) > 3"),
    (Trip.id == bindparam("now", callable_=lambda: 1, type_=Integer), "id = (computed)"),
    (~Trip.stops.any(), "not (stops has any)"),
    (Trip.stops.any(Stop.nights > 1), "stops has any (nights > 1)"),
    (Trip.stops.any(Stop.nights > Trip.id), "stops has any (nights > trips.id)"),
    (Trip.tags.any(Tag.name == "x"), "tags has any (name = 'x')"),
    (Trip.parent.has(Trip.public), "parent has (public)"),
    (Trip.children.any(Trip.public), "children has any (public)"),
    (Trip.idols.any(Trip.public), "idols has any (public)"),
    (Trip.fans.any(Trip.public), "fans has any (public)"),
    (Trip.stops.any(Stop.back.has(Trip.owner == me.id)), "stops has any (back has (owner = me.id))"),
]  # fmt: skip

OF_A_STOP = [
    (Stop.trip.has(), "trip exists"),
    (Stop.trip == None, "trip_id is null"),  # noqa: E711 - SQLAlchemy's operator
    (Stop.trip.has(Trip.public | MINE), "trip has (public or (signed in and owner = me.id))"),
    (Stop.back.has(Trip.public & MINE), "back has (public and signed in and owner = me.id)"),
    (Stop.trip.has(Trip.stops.any(Stop.nights > 2)), "trip has (stops has any (nights > 2))"),
]


@pytest.mark.parametrize(
    ("model", "written", "said"),
    [pytest.param(model, *row, id=row[1]) for model, rows in ((Trip, OF_A_TRIP), (Stop, OF_A_STOP)) for row in rows],
)
def test_a_rule_and_the_expression_that_it_was_read_from_have_the_same_words(model, written, said):
    assert expression_words(written) == said
    assert words(RuleReader(model.__table__, None).read(written)) == said


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(False, False, frozenset()), "public"),
        (Standing(True, True, frozenset()), "public or owner = me.id"),
        (Standing(True, True, frozenset({"admin"})), "anyone"),
    ],
)
def test_a_folded_rule_says_what_is_left_of_it(standing, said):
    rule = RuleReader(Trip.__table__, None).read(Trip.public | MINE)

    assert words(fold(or_admin(rule), standing)) == said


def test_the_passage_of_the_role_admin_comes_first():
    rule = RuleReader(Trip.__table__, None).read(Trip.public | MINE)

    assert words(or_admin(rule)) == "role admin or public or (signed in and owner = me.id)"
