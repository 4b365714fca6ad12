"""What a caller may not read is told by nothing that refers to it: relations, foreign keys, links, the role admin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import ForeignKey, and_
from sqlalchemy.orm import DeclarativeBase, Mapped, foreign, mapped_column, relationship

from contracts.kitchen import ADMIN, ANNA, HR, Kitchen, refused
from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Group(Base):
    __tablename__ = "groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    members: Mapped[list[Person]] = relationship(secondary="memberships", viewonly=True)
    flagged: Mapped[list[Person]] = relationship(
        primaryjoin=lambda: and_(Group.id == foreign(Person.group_id), Person.secret.is_(True)), viewonly=True
    )


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret: Mapped[bool] = mapped_column(default=False)
    ssn: Mapped[str | None] = mapped_column(unique=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))


class Membership(Base):
    __tablename__ = "memberships"
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    owner_id: Mapped[int | None]


class Claim(Base):
    """Refers to a person by a field that nobody may read."""

    __tablename__ = "claims"
    id: Mapped[int] = mapped_column(primary_key=True)
    ssn: Mapped[str | None] = mapped_column(ForeignKey("people.ssn"))


class Pay(Base):
    __tablename__ = "pays"
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    pin: Mapped[int]


class Salary(Base):
    __tablename__ = "salaries"
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    pin: Mapped[int]


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    stops: Mapped[list[Stop]] = relationship()


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))


ROWS = {
    "groups": [{"id": 1, "name": "g1"}, {"id": 2, "name": "g2"}],
    "people": [
        {"id": 1, "name": "p1", "ssn": "123", "secret": True, "group_id": 1},
        {"id": 2, "name": "p2", "ssn": "456", "secret": False, "group_id": 1},
    ],
    "memberships": [
        {"group_id": 1, "person_id": 1, "owner_id": ANNA.caller.id},
        {"group_id": 1, "person_id": 2, "owner_id": HR.caller.id},
    ],
    "pays": [{"id": 1, "amount": 5, "pin": 77}],
    "salaries": [{"id": 1, "amount": 5, "pin": 77}],
    "trips": [{"id": 1}],
    "stops": [{"id": number, "trip_id": 1} for number in range(1, 31)],
}


def declare(api: Meze) -> None:
    api.resource(Group, read=anyone)
    api.resource(Person, read=anyone, fields={"ssn": hidden, "secret": hidden})
    api.resource(Membership, read=role("hr"))
    api.resource(Claim, read=anyone, write=signed_in)
    narrow = {"amount": FieldRules(read=role("hr")), "pin": FieldRules(read=~anyone)}
    api.resource(Pay, read=anyone, admin=False, fields=narrow)
    api.resource(Salary, read=anyone, fields=narrow)
    api.resource(Trip, read=anyone)
    api.resource(Stop, read=anyone, fields={"trip_id": FieldRules(read=signed_in)})


def declare_memberships_of_ones_own(api: Meze) -> None:
    api.resource(Group, read=anyone)
    api.resource(Person, read=anyone)
    api.resource(Membership, read=Membership.owner_id == me.id)


@pytest.fixture
def people(serve: Serve) -> Kitchen:
    return serve(Base, declare, ROWS)


@pytest.mark.parametrize("query", ["expand=members", "members__id=2", "members__isnull=true", "fields=members__id"])
def test_a_relation_through_a_table_that_the_caller_may_not_read_is_not_there(people: Kitchen, query: str) -> None:
    refused(people.get("/memberships", ANNA), 403, "forbidden")
    refused(people.get(f"/groups?{query}", ANNA), 400, "unknown_field")


def test_a_relation_through_a_table_is_there_for_who_may_read_that_table(people: Kitchen) -> None:
    assert [row["id"] for row in people.get("/groups?members__id=2", HR).json["items"]] == [1]


def test_a_relation_goes_only_through_the_rows_between_that_the_caller_may_read(serve: Serve) -> None:
    kitchen = serve(Base, declare_memberships_of_ones_own, ROWS)

    shown = kitchen.get("/groups/1?expand=members", ANNA).json["members"]["items"]

    assert [row["id"] for row in shown] == [1]
    assert kitchen.get("/groups?members__id=2", ANNA).json["items"] == []
    assert [row["id"] for row in kitchen.get("/groups?members__id=2", HR).json["items"]] == [1]


@pytest.mark.parametrize("query", ["expand=flagged", "flagged__name=p1", "flagged__isnull=false"])
def test_a_relation_whose_condition_asks_a_hidden_field_is_not_there(people: Kitchen, query: str) -> None:
    refused(people.get(f"/groups?{query}", ANNA), 400, "unknown_field")


def test_a_foreign_key_to_a_hidden_field_tells_nothing_of_its_values(people: Kitchen) -> None:
    there, missing = (people.post("/claims", {"ssn": ssn}, ANNA) for ssn in ("123", "999"))

    for answer in (there, missing):
        refused(answer, 422, "invalid", pointer="/ssn", entry="no_such_row")
    assert people.add("/claims", {"ssn": None}, ANNA)["ssn"] is None


def test_admin_does_not_pass_field_rules_of_a_resource_that_gives_no_passage(people: Kitchen) -> None:
    assert people.get("/pays/1", ADMIN).json == {"id": 1}
    assert people.get("/pays/1", HR).json == {"id": 1, "amount": 5}


def test_admin_passes_field_rules_but_opens_no_field_that_is_hidden_from_everyone(people: Kitchen) -> None:
    assert people.get("/salaries/1", ADMIN).json == {"id": 1, "amount": 5}
    refused(people.get("/salaries?pin=77", ADMIN), 400, "unknown_field")


def test_the_next_link_of_embedded_rows_ends_for_whom_the_relation_is_hidden(people: Kitchen) -> None:
    following = people.get("/trips/1?expand=stops", ANNA).json["stops"]["next"]
    link = following.removeprefix("/api/v1")

    assert [row["id"] for row in people.get(link, ANNA).json["items"]] == list(range(21, 31))
    refused(people.get("/trips?expand=stops"), 400, "unknown_field")
    refused(people.get(link), 400, "bad_cursor")
