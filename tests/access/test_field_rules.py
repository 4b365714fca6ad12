"""What the rules of fields come to for each kind of caller: open, closed, or a question to the row."""

import pytest
from sqlalchemy import ForeignKey, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze.access.caller import ADMIN, Standing
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY, NOBODY_AT_ALL, Compared, lower
from meze.access.terms import anyone, me, role, signed_in
from meze.errors import Mistake, UnknownField
from meze.query.view import resolve, resolve_shown
from meze.resources.declare import Declaration, build
from meze.resources.resource import FieldRules, hidden


class Base(DeclarativeBase):
    metadata = MetaData()


class Home(Base):
    __tablename__ = "homes"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    people: Mapped[list["Person"]] = relationship(back_populates="home")


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner_id: Mapped[int] = mapped_column(Integer)
    salary: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[int] = mapped_column(Integer)
    home_id: Mapped[int | None] = mapped_column(ForeignKey("homes.id"))
    home: Mapped[Home | None] = relationship(back_populates="people")
    __mapper_args__ = {"version_id_col": version, "polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012 - SQLAlchemy's own form


NOBODY = Standing(False, False, frozenset())
ANNA = Standing(True, True, frozenset())
HR = Standing(True, True, frozenset({"hr"}))
ADA = Standing(True, True, frozenset({ADMIN}))
MINE = Person.owner_id == me.id


def policy_of(fields, **said):
    declared = [
        Declaration(Home, "app.py:1", rules={"read": anyone}),
        Declaration(Person, "app.py:2", rules={"read": anyone, "update": anyone}, fields=fields, **said),
    ]
    resources = build(declared, Base.metadata, "sqlite", lambda _: 64)
    return Policy(resources, frozenset({"hr"})), resources.named("people"), resources.named("homes")


@pytest.mark.parametrize(
    ("standing", "shown", "asked"),
    [
        pytest.param(NOBODY, False, False, id="nobody-owns-no-row"),
        pytest.param(ANNA, True, False, id="a-caller-may-own-some"),
        pytest.param(HR, True, True, id="a-role-reads-all"),
        pytest.param(ADA, True, True, id="an-admin-passes"),
    ],
)
def test_a_field_is_shown_or_asked_about_as_far_as_it_may_be_read(standing, shown, asked):
    policy, people, _ = policy_of({"salary": FieldRules(read=MINE | role("hr"))})

    view = policy.view(people, standing)

    assert ("salary" in view.fields, "salary" in view.askable) == (shown, asked)
    assert ("salary" in policy.writable(people, standing)) is shown, "it may be written where it may be read"
    assert list(policy.conditional(people, "read", standing)) == (["salary"] if shown and not asked else [])


def test_what_is_left_of_the_rule_of_a_field():
    policy, people, _ = policy_of({"salary": FieldRules(read=MINE | role("hr"), write=role("hr"))})

    left = policy.field_rule(people, "salary", "read", ANNA)

    assert isinstance(left, Compared)
    assert str(lower(left, {})) == "people.owner_id = :meze_me_id"
    assert policy.field_rule(people, "salary", "read", HR) == EVERYBODY
    assert policy.field_rule(people, "salary", "write", ANNA) == NOBODY_AT_ALL
    assert policy.field_rule(people, "kind", "write", NOBODY) == EVERYBODY


@pytest.mark.parametrize(
    ("rules", "said", "admin_reads"),
    [
        pytest.param(FieldRules(read=MINE), {}, True, id="admins-pass-what-asks-the-row"),
        pytest.param(FieldRules(read=MINE), {"admin": False}, False, id="where-they-pass-at-all"),
        pytest.param(FieldRules(read=~anyone & MINE), {}, False, id="but-not-what-lets-nobody-pass"),
        pytest.param(hidden, {}, False, id="nor-what-is-hidden"),
    ],
)
def test_admins(rules, said, admin_reads):
    policy, people, _ = policy_of({"salary": rules}, **said)

    assert (policy.field_rule(people, "salary", "read", ADA) == EVERYBODY) is admin_reads


def test_a_relation_over_a_foreign_key_that_is_hidden_on_some_rows_is_closed():
    policy, people, homes = policy_of({"home_id": FieldRules(read=MINE | role("hr"))})

    assert "home" not in policy.view(people, ANNA).relations
    assert "people" not in policy.view(homes, ANNA).relations
    assert "home" in policy.view(people, HR).relations
    assert "people" in policy.view(homes, HR).relations


def test_the_nearest_name_is_one_that_may_be_used_so():
    policy, people, homes = policy_of({"salary": FieldRules(read=MINE)})
    view = policy.view(people, ANNA)

    with pytest.raises(UnknownField) as asked:
        resolve("salaries", view, "sort")
    with pytest.raises(UnknownField) as shown:
        resolve_shown("salaries", view, "fields")

    assert "nearest" not in asked.value.params
    assert shown.value.params["nearest"] == "salary"
    assert resolve_shown("people__salary", policy.view(homes, ANNA), "fields")[0].field == "salary"
    with pytest.raises(UnknownField):
        resolve("people__salary", policy.view(homes, ANNA), "sort")


@pytest.mark.parametrize(
    ("name", "what"), [("id", "part of the key"), ("version", "the version"), ("kind", "the discriminator")]
)
def test_what_every_row_is_known_by_is_not_hidden_on_some(name, what):
    with pytest.raises(Mistake) as caught:
        policy_of({name: FieldRules(read=signed_in & MINE)})

    assert what in caught.value.cause
    assert caught.value.where == "app.py:2"
    policy_of({name: FieldRules(read=role("hr"))})
