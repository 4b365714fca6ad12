"""A cascade of the database is told where its rule does not follow from that of the row which is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Meze, User, anyone, me, role, signed_in
from meze.access.cascades import Cascade, cascades

SETTINGS = {"database_url": "sqlite://", "secret_key": "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"}


def told(declare: Callable[..., None], on_delete: str = "CASCADE") -> list[Cascade]:
    """Return the cascades of trips, their stops and the photos of those, with the rules that `declare` gives them."""

    class Base(DeclarativeBase):
        pass

    class Trip(Base):
        __tablename__ = "trips"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"))
        public: Mapped[bool]

    class Stop(Base):
        __tablename__ = "stops"
        id: Mapped[int] = mapped_column(primary_key=True)
        trip_id: Mapped[int | None] = mapped_column(ForeignKey("trips.id", ondelete=on_delete))
        by_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"))
        trip: Mapped[Trip] = relationship()

    class Photo(Base):
        __tablename__ = "photos"
        id: Mapped[int] = mapped_column(primary_key=True)
        stop_id: Mapped[int] = mapped_column(ForeignKey("stops.id", ondelete="CASCADE"))
        stop: Mapped[Stop] = relationship()

    api = Meze(app := Flask(__name__), Base, roles=["editor"], settings=SETTINGS)
    declare(api, Trip, Stop, Photo)
    parts = app.extensions["meze"].open()
    try:
        return cascades(parts.resources, parts.policy, User.__table__)
    finally:
        app.extensions["meze"].database.close()


def brief(found: list[Cascade]) -> list[tuple[str, str, str]]:
    return [(each.parent, each.resource, each.lacking) for each in found]


def test_the_same_rule_through_the_relation_follows_also_from_an_account() -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        mine = signed_in & (trip.owner_id == me.id)
        api.resource(trip, read=anyone, write=mine)
        api.resource(stop, read=anyone, write=stop.trip.has(mine))
        api.resource(photo, read=anyone, write=photo.stop.has(stop.trip.has(mine)))

    assert told(declare) == []


def test_a_narrower_rule_of_the_child_does_not_follow_and_is_said_in_words() -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        api.resource(trip, read=anyone, write=signed_in & (trip.owner_id == me.id))
        api.resource(stop, read=anyone, write=signed_in & (stop.by_id == me.id))

    found = told(declare)

    assert {each.parent for each in found} == {"trips", "an account"}
    (of_trips,) = (each for each in found if each.parent == "trips")
    assert (of_trips.resource, of_trips.way, of_trips.on_delete) == ("stops", ("stops.trip_id",), "CASCADE")
    assert "by_id = me.id" in of_trips.lacking
    assert "owner_id = me.id" in of_trips.parent_rule


def test_a_child_without_a_rule_is_reached_through_a_table_between() -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        api.resource(trip, read=anyone, write=role("editor"))
        api.resource(photo, read=anyone)

    (found,) = (each for each in told(declare) if each.parent == "trips")

    assert found.resource == "photos"
    assert found.way == ("stops.trip_id", "photos.stop_id")


def test_a_key_that_is_set_to_null_asks_the_rule_to_update() -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        api.resource(trip, read=anyone, write=role("editor"))
        api.resource(stop, read=anyone, update=role("editor"))

    assert [each for each in told(declare, "SET NULL") if each.parent == "trips"] == []
    assert [each.action for each in told(declare) if each.parent == "trips"] == ["delete"]


@pytest.mark.parametrize(
    ("parent", "child", "follows"),
    [
        pytest.param("role", "signed in", True, id="who-has-a-role-is-signed-in"),
        pytest.param("mine", "signed in", True, id="who-is-equal-is-signed-in"),
        pytest.param("anyone", "signed in", False, id="anyone-may-be-nobody"),
        pytest.param("signed in", "role", False, id="signed-in-is-no-role"),
        pytest.param("public or role", "role", False, id="one-alternative-is-not-enough"),
        pytest.param("role and public", "its trip is public", True, id="a-part-of-what-is-certain"),
        pytest.param("mine", "its trip is not mine", False, id="the-opposite"),
        pytest.param("not public", "its trip is not public", True, id="the-same-negation"),
        pytest.param("not public", "its trip is public", False, id="the-other-negation"),
        pytest.param("the first", "its trip is the first", True, id="the-key-that-points-there"),
        pytest.param("the first", "its trip is the second", False, id="another-value"),
        pytest.param("the first", "it is the first", False, id="another-column"),
    ],
)
def test_what_follows_from_what(parent: str, child: str, follows: bool) -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        simple = {"anyone": anyone, "signed in": signed_in, "role": role("editor")}
        of_trips = simple | {
            "mine": trip.owner_id == me.id,
            "public or role": trip.public | role("editor"),
            "role and public": role("editor") & trip.public,
            "not public": ~trip.public & signed_in,
            "the first": trip.id == 1,
        }
        of_stops = simple | {
            "its trip is public": stop.trip.has(trip.public),
            "its trip is not public": stop.trip.has(~trip.public),
            "its trip is not mine": stop.trip.has(trip.owner_id != me.id),
            "its trip is the first": stop.trip_id == 1,
            "its trip is the second": stop.trip_id == 2,
            "it is the first": stop.id == 1,
        }
        api.resource(trip, read=anyone, delete=of_trips[parent])
        api.resource(stop, read=anyone, delete=of_stops[child])

    found = [each.resource for each in told(declare) if each.parent == "trips"]

    assert found == ([] if follows else ["stops"])


def test_what_refuses_the_delete_is_no_cascade() -> None:
    def declare(api: Meze, trip: Any, stop: Any, photo: Any) -> None:
        api.resource(trip, read=anyone, write=anyone)
        api.resource(stop, read=anyone)

    assert brief([each for each in told(declare, "RESTRICT") if each.parent == "trips"]) == []
