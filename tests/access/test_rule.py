"""A rule becomes what is left of it for one kind of caller, and then SQL over whatever stands for the row."""

import pytest
from sqlalchemy import Boolean, ForeignKey, Integer, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze.access.caller import Caller, Standing, standing_of
from meze.access.read import RuleReader
from meze.access.rule import EVERYBODY, NOBODY_AT_ALL, crosses, fold, lower, or_admin, roles_in
from meze.access.terms import anyone, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner_id: Mapped[int] = mapped_column(Integer)
    contact: Mapped[str | None] = mapped_column(String)
    public: Mapped[bool] = mapped_column(Boolean)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("trips.id"))
    parent: Mapped["Trip | None"] = relationship(remote_side=[id])
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    trip: Mapped[Trip] = relationship(back_populates="stops")


NOBODY = Standing(False, False, frozenset())
ANNA = Standing(True, True, frozenset())
UNVERIFIED = Standing(True, False, frozenset())
EDITOR = Standing(True, False, frozenset({"editor"}))
MINE = Trip.owner_id == me.id


def read(written, model=Trip):
    return RuleReader(model.__table__, None).read(written)


def sql(written, standing, model=Trip, over=None):
    """Return the rule's SQL on one line, over the model's own table or over `over`."""
    table = model.__table__
    folded = fold(read(written, model), standing)
    return " ".join(str(lower(folded, {} if over is None else {table: over})).split())


@pytest.mark.parametrize(
    ("written", "standing", "expected"),
    [
        pytest.param(anyone, NOBODY, EVERYBODY, id="anyone-is-everybody"),
        pytest.param(signed_in, NOBODY, NOBODY_AT_ALL, id="nobody-is-not-signed-in"),
        pytest.param(signed_in, ANNA, EVERYBODY, id="a-caller-is-signed-in"),
        pytest.param(role("editor"), EDITOR, EVERYBODY, id="a-role-that-is-held"),
        pytest.param(role("editor"), ANNA, NOBODY_AT_ALL, id="a-role-that-is-not"),
        pytest.param(~role("editor"), ANNA, EVERYBODY, id="not-a-role"),
        pytest.param(~(signed_in & role("editor")), EDITOR, NOBODY_AT_ALL, id="not-both"),
        pytest.param(~(signed_in | role("editor")), NOBODY, EVERYBODY, id="neither"),
        pytest.param(MINE, NOBODY, NOBODY_AT_ALL, id="compared-with-a-null-me"),
        pytest.param(~MINE, NOBODY, NOBODY_AT_ALL, id="its-negation-is-not-true-either"),
        pytest.param(~(MINE | Trip.public), NOBODY, NOBODY_AT_ALL, id="nor-inside-a-negated-or"),
        pytest.param(Trip.owner_id.is_distinct_from(me.id), NOBODY, NOBODY_AT_ALL, id="is-distinct-from-null-me"),
        pytest.param(func.coalesce(Trip.owner_id, me.id) == 1, NOBODY, NOBODY_AT_ALL, id="a-null-me-inside-a-function"),
        pytest.param(me.id.is_(None), NOBODY, NOBODY_AT_ALL, id="asking-me-for-null"),
        pytest.param(Trip.contact == me.email, UNVERIFIED, NOBODY_AT_ALL, id="an-unverified-address"),
        pytest.param(signed_in | MINE, ANNA, EVERYBODY, id="or-is-decided-by-one"),
        pytest.param(role("editor") & MINE, ANNA, NOBODY_AT_ALL, id="and-is-decided-by-one"),
        pytest.param(Trip.stops.any(Stop.trip.has(MINE)), NOBODY, NOBODY_AT_ALL, id="inside-related-rows"),
        pytest.param(~Trip.stops.any(Stop.trip.has(MINE)), NOBODY, EVERYBODY, id="no-related-row-with-a-null-me"),
    ],
)
def test_what_the_caller_decides_is_gone(written, standing, expected):
    assert fold(read(written), standing) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(signed_in & MINE, "trips.owner_id = :meze_me_id", id="a-comparison-is-left"),
        pytest.param(Trip.public | MINE, "trips.public OR trips.owner_id = :meze_me_id", id="an-or"),
        pytest.param(~Trip.public, "NOT trips.public", id="a-negated-column"),
        pytest.param(~(Trip.public & MINE), "NOT (trips.public AND trips.owner_id = :meze_me_id)", id="a-negated-and"),
        pytest.param(Trip.contact == me.email, "trips.contact = :meze_me_email", id="an-address"),
    ],
)
def test_what_is_left_is_sql_over_the_row(written, expected):
    assert sql(written, ANNA) == expected


def test_a_rule_over_an_alias_asks_the_alias_and_leaves_inner_rows_alone():
    other = Trip.__table__.alias("other")

    found = sql(Trip.stops.any(Stop.trip.has(Trip.public)), ANNA, over=other)

    assert found == (
        "EXISTS (SELECT 1 FROM stops, trips AS other WHERE other.id = stops.trip_id AND (EXISTS (SELECT 1 FROM trips "
        "WHERE trips.id = stops.trip_id AND trips.public)))"
    )


def test_a_rule_reaches_the_row_inside_functions():
    other = Trip.__table__.alias("other")

    found = sql(func.coalesce(Trip.contact, func.lower(me.email)) == "x", ANNA, over=other)

    assert found == "coalesce(other.contact, lower(:meze_me_email)) = :coalesce_1"


def test_a_rule_over_a_self_reference_keeps_both_rows_apart():
    row = select(*(column.label(column.key) for column in Trip.__table__.c)).subquery("row")

    found = sql(Trip.parent.has(Trip.public), ANNA, over=row)

    assert "FROM trips AS trips_1" in found
    assert "trips_1.id = row.parent_id AND trips_1.public" in found


def test_a_rule_knows_its_roles_and_whether_it_crosses():
    rule = read((role("editor") & MINE) | ~Trip.stops.any(Stop.trip.has(role("guide"))))

    assert roles_in(rule) == {"editor", "guide"}
    assert crosses(rule)
    assert not crosses(read(MINE))


def test_an_admin_passes():
    admin = Standing(True, False, frozenset({"admin"}))

    assert fold(or_admin(read(MINE)), admin) == EVERYBODY
    assert fold(or_admin(read(MINE)), ANNA) != EVERYBODY


def test_a_standing_holds_no_identity_and_only_declared_roles():
    anna = Caller(7, "anna@example.com", "Anna", frozenset({"editor", "stray"}))
    ben = Caller(8, "ben@example.com", "Ben", frozenset({"editor"}))

    assert standing_of(anna, frozenset({"editor"})) == standing_of(ben, frozenset({"editor"}))
