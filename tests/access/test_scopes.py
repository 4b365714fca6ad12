"""What the scopes of an API key do not reach is closed on every way that leads there; the rules hold beside them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import User, anyone, me, role, signed_in
from meze.access.caller import Caller
from meze.access.policy import Policy
from meze.access.rule import NOBODY_AT_ALL
from meze.access.scopes import ScopeFault, permits, scope_faults, vocabulary
from meze.accounts.declared import declarations
from meze.databases.own import add_tables
from meze.errors import Forbidden, InsufficientScope, Invalid, Unauthenticated, UnknownField
from meze.query.ask import WHOLE
from meze.query.cursor import CursorSeal
from meze.query.parse import Limits, ListParser, parse_one
from meze.records.cost import Slots
from meze.records.plan import Planner
from meze.records.records import Records
from meze.records.run import Runner
from meze.resources.declare import Declaration, build
from meze.resources.resource import ACTIONS

ANNA = 1


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    title: Mapped[str]
    owner: Mapped[User] = relationship(User)
    stops: Mapped[list[Stop]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    trip: Mapped[Trip] = relationship(back_populates="stops")


MINE = signed_in & (Trip.owner_id == me.id)
DECLARED = (
    Declaration(
        Trip, None, owner="owner_id", rules={"read": anyone, "create": MINE, "update": MINE, "delete": role("editor")}
    ),
    Declaration(Stop, None, rules=dict.fromkeys(ACTIONS, signed_in)),
)


class World:
    """Anna's trip 1 with its stop 1, asked and changed with a key of hers."""

    def __init__(self, database):
        self.resources = build((*DECLARED, *declarations()), Base.metadata, database.name, database.integer_bits)
        self.policy = Policy(self.resources, frozenset({"editor"}))
        seal = CursorSeal(["a secret of more than thirty-two characters"])
        self.parser = ListParser(Limits(20, 100), seal, database.fold_value, self.resources)
        planner = Planner(self.resources, self.policy, database)
        self.records = Records(planner, Runner(seal, "/api/v1"), Slots(4))

    def visit(self, name, action, *scopes, roles=frozenset()):
        caller = Caller(id=ANNA, roles=roles, credentials=True, key=1, scopes=frozenset(scopes))
        return self.records.visit(self.resources.named(name), caller, action)

    def get(self, visit, **arguments):
        selection = parse_one(list(arguments.items()), self.records.view(visit))
        return json.loads(self.records.reads.get(visit, [1], selection).body)

    def page(self, visit, **arguments):
        ask = self.parser.parse(list(arguments.items()), self.records.view(visit))
        return json.loads(self.records.reads.page(visit, ask, lambda cursor: cursor).body)["items"]

    def create(self, name, body, *scopes):
        return json.loads(self.records.writes.create(self.visit(name, "create", *scopes), body, WHOLE).body)

    def rule(self, name, action, *scopes):
        standing = self.policy.standing(Caller(id=ANNA, key=1, scopes=frozenset(scopes)))
        return self.policy.rule(self.resources.named(name), action, standing)


@pytest.fixture
def world(database):
    add_tables(Base.metadata)
    Base.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(User.__table__.insert(), {"email": "anna@example.com", "name": "Anna"})
        connection.execute(Trip.__table__.insert(), {"owner_id": ANNA, "title": "Rome"})
        connection.execute(Stop.__table__.insert(), {"trip_id": 1})
    return World(database)


@pytest.mark.parametrize(
    ("scopes", "actions"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["read"], ["read"], id="read"),
        pytest.param(["write"], ACTIONS, id="write-includes-read"),
        pytest.param(["admin"], ACTIONS, id="admin"),
        pytest.param(["trips:read"], ["read"], id="one-action"),
        pytest.param(["trips:create"], ["create"], id="to-create-is-not-to-read"),
        pytest.param(["trips:update"], ["read", "update"], id="to-update-is-to-read"),
        pytest.param(["trips:delete"], ["read", "delete"], id="to-delete-is-to-read"),
        pytest.param(["trips:write"], ACTIONS, id="all-of-one-resource"),
        pytest.param(["trips:create", "read"], ["read", "create"], id="together"),
        pytest.param(["stops:write", "trip:read", "trips:reads", "trips:", "auth/trips:read"], [], id="of-others"),
    ],
)
def test_scopes_permit(scopes, actions):
    assert [each for each in ACTIONS if permits(frozenset(scopes), "trips", each)] == list(actions)


def test_no_limit_permits_everything():
    assert all(permits(None, "trips", each) for each in ACTIONS)


def test_a_scope_that_is_none_is_told_with_the_nearest():
    scopes = ["read", "trips:update", "auth/events:read", "reed", "trip:update", "trips:publish", "z" * 1000]

    assert scope_faults(scopes, ["trips", "auth/events"]) == [
        ScopeFault(3, "reed", "read"),
        ScopeFault(4, "trip:update", "trips:update"),
        ScopeFault(5, "trips:publish", None),
        ScopeFault(6, "z" * 1000, None),
    ]


def test_every_scope_of_the_vocabulary_is_good():
    names = ["trips", "auth/events"]

    assert len(vocabulary(names)) == 3 + 2 * 5
    assert scope_faults(sorted(vocabulary(names)), names) == []


@pytest.mark.parametrize(
    ("name", "action", "scopes", "needed"),
    [
        pytest.param("trips", "read", [], "trips:read", id="to-read"),
        pytest.param("trips", "update", ["trips:read"], "trips:update", id="to-update-what-may-be-read"),
        pytest.param("stops", "delete", ["trips:write", "read"], "stops:delete", id="another-resource"),
        pytest.param("users", "read", ["trips:write"], "users:read", id="users"),
        pytest.param("auth/events", "read", ["users:read"], "auth/events:read", id="events"),
    ],
)
def test_a_key_whose_scopes_fall_short_is_told_which_one_it_needs(world, name, action, scopes, needed):
    with pytest.raises(InsufficientScope) as raised:
        world.visit(name, action, *scopes)

    assert f"'{needed}'" in raised.value.as_json("en", "")["detail"]


def test_what_the_rules_forbid_is_no_question_of_scopes(world):
    for scopes in ([], ["write"], ["trips:delete"]):
        with pytest.raises(Forbidden) as raised:
            world.visit("trips", "delete", *scopes)
        assert not isinstance(raised.value, InsufficientScope)

    with pytest.raises(InsufficientScope):
        world.visit("trips", "delete", "read", roles=frozenset({"editor"}))
    assert world.visit("trips", "delete", "trips:delete", roles=frozenset({"editor"}))


def test_nobody_is_asked_to_sign_in_as_before(world):
    with pytest.raises(Unauthenticated):
        world.records.visit(world.resources.named("stops"), Caller(), "read")


def test_relations_that_lead_beyond_the_scopes_are_not_there(world):
    narrow, wide = world.visit("trips", "read", "trips:read"), world.visit("trips", "read", "read")

    assert world.get(narrow) == {"id": 1, "owner_id": 1, "title": "Rome"}
    for arguments in ({"expand": "stops"}, {"expand": "owner"}, {"fields": "owner__name"}):
        with pytest.raises(UnknownField):
            world.get(narrow, **arguments)
    for arguments in ({"stops__id": "1"}, {"owner__name": "Anna"}, {"sort": "owner__name"}):
        with pytest.raises(UnknownField):
            world.page(narrow, **arguments)

    assert world.get(wide, expand="stops,owner")["stops"]["items"] == [{"id": 1, "trip_id": 1}]
    assert world.get(wide, expand="owner")["owner"] == {"id": 1, "name": "Anna"}
    assert [each["id"] for each in world.page(wide, stops__id="1", owner__name="Anna")] == [1]


def test_a_foreign_key_leads_only_to_what_the_scopes_let_be_read(world):
    with pytest.raises(Invalid) as raised:
        world.create("stops", {"trip_id": 1}, "stops:write")
    assert [(each.pointer, each.code) for each in raised.value.entries] == [("/trip_id", "no_such_row")]

    assert world.create("stops", {"trip_id": 1}, "stops:write", "trips:read")["trip_id"] == 1


def test_a_key_that_may_only_create_is_not_shown_what_it_made(world):
    assert world.create("trips", {"title": "Oslo"}, "trips:create") == {}
    assert world.create("trips", {"title": "Bergen"}, "trips:write")["title"] == "Bergen"

    titles = [each["title"] for each in world.page(world.visit("trips", "read", "read"))]
    assert titles == ["Rome", "Oslo", "Bergen"]


def test_rules_inside_of_the_scopes_hold(world):
    assert world.rule("trips", "update", "trips:update") == world.rule("trips", "update", "admin") != NOBODY_AT_ALL
    assert world.rule("trips", "create", "trips:update") == NOBODY_AT_ALL


def test_a_row_is_judged_within_the_scopes_from_python_too(world):
    trip, resource = Trip(id=1, owner_id=ANNA, title="Rome"), world.resources.named("trips")

    def can(action, scopes):
        return world.records.can(resource, Caller(id=ANNA, scopes=scopes), action, trip)

    assert can("update", None)
    assert can("update", frozenset({"trips:update"}))
    assert not can("update", frozenset({"trips:read"}))


def test_plans_are_not_told_apart_by_scopes_that_decide_nothing(world):
    def standing(*scopes):
        return world.policy.standing(Caller(id=ANNA, scopes=frozenset(scopes)))

    assert standing("read", "gone:read", "x") == standing("read")
    assert standing("write", "trips:read") == standing("admin") == world.policy.standing(Caller(id=ANNA))
    assert standing("read") != standing("trips:read")
