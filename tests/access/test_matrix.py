"""The matrix tells of each kind of caller what a request of theirs would meet."""

import pytest
from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, anyone, hidden, me, role, signed_in
from meze.access.caller import Standing
from meze.access.matrix import every_kind, just, matrix
from meze.access.policy import Policy
from meze.resources.declare import Declaration, build, rules_of

KINDS = ["nobody", "signed in", "owner", "editor", "admin", "API key"]


class Base(DeclarativeBase):
    metadata = MetaData()


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    public: Mapped[bool]
    notes: Mapped[str]
    code: Mapped[str]
    owner: Mapped[Person] = relationship()
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    trip: Mapped[Trip] = relationship(back_populates="stops")


class Paper(Base):
    __tablename__ = "papers"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "paper"}  # noqa: RUF012 - SQLAlchemy's way


class Bill(Paper):
    __mapper_args__ = {"polymorphic_identity": "bill"}  # noqa: RUF012 - as above


MINE = signed_in & (Trip.owner_id == me.id)


def trips(fields=None, *, admin=True, owner="owner_id", lines=None, **rules):
    rules = {name: rules.get(name) for name in ("read", "create", "update", "delete", "write")}
    return Declaration(
        Trip,
        "app.py:1",
        rules=rules_of(**rules),
        owner=owner,
        fields=fields or {},
        admin=admin,
        lines=lines or {},
    )


def made(*declarations, kinds=None, keys=True):
    resources = build(declarations, Base.metadata, "sqlite", lambda _: 64)
    policy = Policy(resources, frozenset({"editor"}))
    return matrix(resources, policy, kinds or every_kind(policy), keys=keys)


def row(found, action, field=None, resource="trips"):
    """Return what is said of an action, by kind of caller, in one word or the words of the condition."""
    cells = found.of(resource)[field]
    return {cell.kind: cell.words or cell.verdict.value for cell in cells if cell.action == action}


def test_each_kind_of_caller_is_told_what_is_left_of_the_rule():
    found = made(trips(read=Trip.public | MINE, write=MINE))

    assert row(found, "read") == {
        "nobody": "public",
        "signed in": "public or owner_id = me.id",
        "owner": "allow",
        "editor": "public or owner_id = me.id",
        "admin": "allow",
        "API key": "scope trips:read",
    }
    assert row(found, "update") == {
        "nobody": "deny",
        "signed in": "owner_id = me.id",
        "owner": "allow",
        "editor": "owner_id = me.id",
        "admin": "allow",
        "API key": "scope trips:update",
    }


def test_whoever_makes_a_row_owns_it():
    assert row(made(trips(read=MINE, create=MINE)), "create")["signed in"] == "allow"
    assert row(made(trips(read=MINE, create=MINE, owner=None)), "create")["signed in"] == "owner_id = me.id"


def test_what_cannot_be_read_can_be_neither_changed_nor_deleted():
    found = made(trips(read=role("editor"), create=signed_in, update=signed_in, delete=Trip.public))

    assert row(found, "create")["signed in"] == "allow"
    assert row(found, "update")["signed in"] == "deny"
    assert row(found, "update")["editor"] == "allow"
    assert row(found, "delete")["editor"] == "public"


@pytest.mark.parametrize(
    ("read", "update", "said"),
    [
        pytest.param(Trip.public | MINE, MINE, "owner_id = me.id", id="the-write-implies-the-read"),
        pytest.param(MINE, Trip.public | MINE, "owner_id = me.id", id="the-read-implies-the-write"),
        pytest.param(Trip.public, MINE, "owner_id = me.id and public", id="neither-implies-the-other"),
        pytest.param(
            Trip.stops.any((Stop.id > 1) | (Stop.id == 0)), Trip.stops.any(Stop.id > 1), "stops has any (id > 1)",
            id="behind-a-relation",
        ),
        pytest.param(~Trip.public, Trip.public, "public and not public", id="a-negation-implies-nothing"),
    ],
)  # fmt: skip
def test_a_condition_is_said_once(read, update, said):
    assert row(made(trips(read=read, update=update, owner=None)), "update")["signed in"] == said


def test_what_no_rule_opens_is_denied_to_all_but_admins():
    assert row(made(trips()), "read") == dict.fromkeys(KINDS, "deny") | {
        "admin": "allow",
        "API key": "scope trips:read",
    }
    assert set(row(made(trips(admin=False)), "read").values()) == {"deny"}


def test_fields_with_rules_of_their_own_are_told_with_their_conditions():
    found = made(
        trips(
            read=anyone,
            write=signed_in,
            fields={
                "notes": FieldRules(read=MINE, write=role("editor")),
                "code": FieldRules(create_only=True),
                "public": hidden,
            },
        )
    )

    assert row(found, "read", "notes") == {
        "nobody": "deny", "signed in": "owner_id = me.id", "owner": "allow", "editor": "owner_id = me.id",
        "admin": "allow",
    }  # fmt: skip
    assert row(found, "write", "notes")["editor"] == "allow"
    assert row(found, "write", "notes")["owner"] == "deny"
    assert row(found, "read", "code")["nobody"] == "allow"
    assert row(found, "write", "code")["editor"] == "when the row is made"
    assert set(row(found, "read", "public").values()) == {"deny"}


def test_the_column_that_is_filled_is_closed_to_all():
    found = made(trips(read=anyone, write=signed_in, fields={"owner_id": FieldRules(read=signed_in)}))

    assert set(row(found, "write", "owner_id").values()) == {"deny"}
    assert row(found, "read", "owner_id")["signed in"] == "allow"


def test_what_makes_a_row_one_of_its_class_is_no_condition():
    bills = Declaration(Bill, "app.py:2", name="bills", rules=rules_of(anyone, None, None, None, role("editor")))
    found = made(bills)

    assert row(found, "read", resource="bills")["nobody"] == "allow"
    assert row(found, "update", resource="bills")["editor"] == "allow"


def test_what_relations_alone_lead_to_is_told_as_far_as_it_is_read():
    people = Declaration(
        Person, None, rules={"read": anyone}, fields={"email": FieldRules(read=role("admin"))}, served=False
    )
    found = made(trips(read=anyone), people)

    assert found.resources == ("trips", "people")
    assert {cell.action for cell in found.cells if cell.resource == "people"} == {"read"}
    assert row(found, "read", "email", "people") == {
        "nobody": "deny", "signed in": "deny", "editor": "deny", "admin": "allow",
    }  # fmt: skip
    assert made(Declaration(Stop, None, rules={"read": anyone}), people).resources == ("stops",)


def test_a_cell_knows_the_line_that_says_so():
    lines = {"read": "app.py:7", "write": "app.py:8", "fields": "app.py:9", "fields.notes": "app.py:10"}
    found = made(
        trips(
            {"notes": hidden, "code": hidden},
            read=anyone, write=MINE, lines=lines,
        )
    )  # fmt: skip

    said = {(cell.field, cell.action): cell.line for cell in found.cells}
    assert said[None, "read"] == "app.py:7"
    assert said[None, "delete"] == "app.py:8"
    assert said["notes", "read"] == "app.py:10"
    assert said["code", "write"] == "app.py:9"
    assert {cell.line for cell in made(trips(read=anyone)).cells} == {"app.py:1"}


def test_one_caller_is_told_of_rows_of_their_own_apart():
    anna = just("anna@example.com", Standing(True, False, frozenset()))
    found = made(trips(read=Trip.public | MINE, write=MINE), kinds=anna, keys=False)

    assert row(found, "update") == {"anna@example.com": "owner_id = me.id", "anna@example.com, owner": "allow"}
