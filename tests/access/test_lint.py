"""Each column that clients and rules ask about is led by an index, or told with the index that it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.access.lint import Lint, lint

SETTINGS = {"database_url": "sqlite://", "secret_key": "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"}


class Base(DeclarativeBase):
    pass


tagged = Table(
    "tagged",
    Base.metadata,
    Column("trip_id", ForeignKey("trips.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(String(20), unique=True)


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    title: Mapped[str] = mapped_column(String(50), index=True)
    public: Mapped[bool]
    cost: Mapped[int]
    notes: Mapped[str]
    draft: Mapped[bool]
    season: Mapped[str] = mapped_column(String(9))
    year: Mapped[int]
    tags: Mapped[list[Tag]] = relationship(secondary=tagged)
    stops: Mapped[list[Stop]] = relationship(back_populates="trip")
    __table_args__ = (
        UniqueConstraint("season", "year"),
        Index("of_drafts", "draft", sqlite_where=Column("draft"), postgresql_where=Column("draft")),
    )


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    nights: Mapped[int]
    trip: Mapped[Trip] = relationship(back_populates="stops")


def found(*waivers: str, trips: dict[str, Any] | None = None, stops: dict[str, Any] | None = None) -> Lint:
    api = Meze(app := Flask(__name__), Base, roles=["editor"], settings=SETTINGS)
    mine = signed_in & (Trip.owner_id == me.id)
    api.resource(Tag, read=anyone)
    api.resource(Trip, **({"read": Trip.public.is_(True) | mine, "write": mine} if trips is None else trips))
    if stops is not None:
        api.resource(Stop, **stops)
    meze = app.extensions["meze"]
    parts = meze.open()
    try:
        return lint(parts.resources, parts.policy, meze.metadata, waivers, meze.database.dialect)
    finally:
        meze.database.close()


def names(of: Lint) -> set[str]:
    return {each.name for each in of.missing}


def test_what_begins_an_index_is_led_and_the_rest_is_told() -> None:
    trips = {"trips.owner_id", "trips.public", "trips.cost", "trips.notes", "trips.draft", "trips.year"}

    # `season` begins a unique constraint, in which `year` is the second; the index of drafts holds some rows only.
    assert names(found()) == trips | {"tagged.tag_id"}


def test_each_is_told_with_what_asks_it_and_what_mends_it() -> None:
    (owner,) = (each for each in found().missing if each.name == "trips.owner_id")
    (between,) = (each for each in found().missing if each.name == "tagged.tag_id")

    assert owner.why == ("clients filter and sort by it", "the read rule of trips asks it")
    assert owner.create_index == "CREATE INDEX ix_trips_owner_id ON trips (owner_id)"
    assert "index=True" in owner.declare
    assert between.why == ("the relation trips.tags follows it",)


def test_the_far_side_of_a_relation_is_asked() -> None:
    stops = {"read": signed_in, "fields": {"nights": hidden}}

    (key,) = (each for each in found(stops=stops).missing if each.table == "stops")

    assert key.name == "stops.trip_id"
    assert "the relation trips.stops follows it" in key.why
    assert "the database looks here when a row of trips goes" in key.why


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        pytest.param(FieldRules(), True, id="open"),
        pytest.param(FieldRules(read=role("editor")), True, id="open-to-some"),
        pytest.param(FieldRules(read=~role("editor")), True, id="open-to-others"),
        pytest.param(FieldRules(read=Trip.owner_id == me.id), False, id="shown-on-some-rows-only"),
        pytest.param(hidden, False, id="hidden"),
    ],
)
def test_a_field_is_asked_where_some_caller_may_ask_about_it(rules: FieldRules, told: bool) -> None:
    trips = {"read": anyone, "admin": False, "fields": {"cost": rules}}

    assert ("trips.cost" in names(found(trips=trips))) is told


def test_a_hidden_column_in_a_rule_is_asked_by_the_rule() -> None:
    trips = {"read": Trip.public.is_(True), "fields": {"public": hidden}}

    (public,) = (each for each in found(trips=trips).missing if each.name == "trips.public")

    assert public.why == ("the read rule of trips asks it",)


def test_a_rule_that_is_asked_of_one_row_needs_no_index() -> None:
    trips = {"read": anyone, "update": Trip.cost == 1, "fields": {"cost": hidden}}

    assert "trips.cost" not in names(found(trips=trips))


def test_a_resource_that_nobody_may_read_is_not_asked() -> None:
    assert {each.table for each in found(trips={"admin": False}).missing} == {"tagged"}


def test_a_column_and_a_table_are_waived_by_name() -> None:
    of = found("trips.cost", "tagged")

    assert not names(of) & {"trips.cost", "tagged.tag_id"}
    assert {each.name for each in of.waived} == {"trips.cost", "tagged.tag_id"}
    assert of.bad_waivers == ()


@pytest.mark.parametrize(
    ("waiver", "cause", "remedy"),
    [
        pytest.param("trip.cost", "No table is named 'trip'.", "Did you mean 'trips'?", id="no-such-table"),
        pytest.param("trips.costs", "has no column 'costs'", "Did you mean 'trips.cost'?", id="no-such-column"),
        pytest.param("trips.title", "has an index", "Take the waiver out.", id="led"),
        pytest.param("stops.nights", "is never asked", "Take the waiver out.", id="not-asked"),
        pytest.param("tags", "Every column of tags", "Take the waiver out.", id="a-table-that-needs-none"),
    ],
)
def test_a_waiver_that_waives_nothing_is_told(waiver: str, cause: str, remedy: str) -> None:
    (bad,) = found(waiver).bad_waivers

    assert bad.name == waiver
    assert cause in bad.cause
    assert remedy in bad.remedy


def test_texts_that_clients_may_look_inside_of_are_named() -> None:
    assert dict(found().folded)["trips"] == ("title", "notes", "season")
    assert "trips" not in dict(found("trips").folded)
