"""The rule holds for the row as it will be stored, and a write means the same whatever fills its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, Computed, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contracts.kitchen import ANNA, HR, Kitchen, refused
from meze import FieldRules, Meze, anyone, me, role, signed_in

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Employee(Base):
    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind", "polymorphic_identity": "employee"}


class Manager(Employee):
    level: Mapped[int | None] = mapped_column(default=1)
    changed: Mapped[int | None] = mapped_column(default=1, onupdate=2)
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "manager"}


class Form(Base):
    __tablename__ = "forms"
    id: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    name: Mapped[str | None]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    price: Mapped[int] = mapped_column(default=1)
    quantity: Mapped[int] = mapped_column(default=1)
    total: Mapped[int | None] = mapped_column(Computed("price * quantity", persisted=True))


class Step(Base):
    """Defaults that are written as text in the table."""

    __tablename__ = "steps"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    level: Mapped[int] = mapped_column(server_default="0")
    public: Mapped[bool] = mapped_column(server_default=text("false"))
    word: Mapped[str] = mapped_column(server_default="it's")


class Share(Base):
    __tablename__ = "shares"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    ratio: Mapped[float] = mapped_column(server_default="0.5")


class Leaf(Base):
    __tablename__ = "leaves"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    public: Mapped[bool] = mapped_column(server_default="0")


def names_compared_by(collation: str) -> tuple[type[DeclarativeBase], Any]:
    class Collated(DeclarativeBase):
        pass

    class Name(Collated):
        __tablename__ = "names"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(50, collation=collation))
        note: Mapped[str | None]

    return Collated, Name


@pytest.mark.parametrize("create", [signed_in, Employee.name != "boss"], ids=["rule-of-the-caller", "rule-of-the-row"])
def test_columns_of_subclasses_fill_themselves_through_the_base(serve: Serve, create: Any) -> None:
    def declare(api: Meze) -> None:
        api.resource(Employee, read=anyone, create=create, update=signed_in, delete=signed_in)
        api.resource(Manager, name="managers", read=anyone)

    kitchen = serve(Base, declare, {"employees": [{"id": 90, "kind": "manager", "name": "m", "level": 3}]})

    made = kitchen.add("/employees", {"name": "x"}, ANNA)
    changed = kitchen.patch("/employees/90", {"name": "y"}, ANNA)

    assert changed.status_code == 200, changed.text
    assert kitchen.get("/managers/90").json == {"id": 90, "kind": "manager", "name": "y", "level": 3, "changed": 2}
    stored = kitchen.stored(Employee)
    assert (made["id"], "employee", "x", 1, 1) in stored


@pytest.mark.parametrize("data", [None, {"a": 2.0, "b": [1, None]}, [], 0], ids=str)
def test_a_closed_json_value_may_be_sent_back_as_it_was_and_not_otherwise(serve: Serve, data: Any) -> None:
    def declare(api: Meze) -> None:
        api.resource(Form, read=anyone, write=signed_in, fields={"data": FieldRules(write=role("hr"))})

    kitchen = serve(Base, declare, {"forms": [{"id": 1, "data": data}]})

    assert kitchen.patch("/forms/1", kitchen.get("/forms/1").json, ANNA).status_code == 200
    for other in ({"a": 3}, None if data is not None else False):
        refused(kitchen.patch("/forms/1", {"data": other}, ANNA), 422, "invalid", pointer="/data", entry="closed")
    assert kitchen.get("/forms/1").json["data"] == data
    assert kitchen.patch("/forms/1", {"data": None}, HR).json["data"] is None


def test_a_closed_json_value_is_compared_by_what_it_means(serve: Serve) -> None:
    def declare(api: Meze) -> None:
        api.resource(Form, read=anyone, write=signed_in, fields={"data": FieldRules(write=role("hr"))})

    kitchen = serve(Base, declare, {"forms": [{"id": 1, "data": {"a": 2.0, "b": 1}}]})

    assert kitchen.patch("/forms/1", {"data": {"b": 1, "a": 2}}, ANNA).status_code == 200


def declare_orders(api: Meze) -> None:
    api.resource(Order, read=anyone, write=(Order.owner_id == me.id) & (Order.total < 100), owner="owner_id")


def test_a_rule_over_a_computed_column_is_asked_of_its_new_value(serve: Serve) -> None:
    kitchen = serve(Base, declare_orders, {"orders": [{"id": 90, "owner_id": 1, "price": 2, "quantity": 3}]})

    refused(kitchen.patch("/orders/90", {"price": 1000}, ANNA), 403, "forbidden")
    refused(kitchen.post("/orders", {"price": 10, "quantity": 10}, ANNA), 403, "forbidden")

    assert kitchen.get("/orders/90").json["total"] == 6
    assert kitchen.patch("/orders/90", {"price": 33}, ANNA).json["total"] == 99
    assert kitchen.add("/orders", {"price": 9, "quantity": 11}, ANNA)["total"] == 99
    assert len(kitchen.stored(Order)) == 2


def declare_steps(api: Meze) -> None:
    api.resource(Step, read=anyone, create=Step.level >= 1, update=anyone)
    api.resource(Leaf, read=anyone, create=Leaf.public.is_(False))
    api.resource(Share, read=anyone, create=Share.ratio >= 1)


def test_a_default_that_is_text_in_the_table_is_a_value_of_its_column_to_rules(serve: Serve) -> None:
    kitchen = serve(Base, declare_steps)

    refused(kitchen.post("/steps", {"name": "left out"}, ANNA), 403, "forbidden")
    refused(kitchen.post("/steps", {"name": "sent", "level": 0}, ANNA), 403, "forbidden")
    refused(kitchen.post("/shares", {"name": "left out"}, ANNA), 403, "forbidden")
    refused(kitchen.post("/shares", {"name": "sent", "ratio": 0.5}, ANNA), 403, "forbidden")

    assert kitchen.stored(Step) == kitchen.stored(Share) == []
    assert kitchen.add("/leaves", {"name": "x"}, ANNA)["public"] is False


def test_a_replacement_gives_back_the_defaults_that_are_text_in_the_table(serve: Serve) -> None:
    kitchen = serve(Base, declare_steps)
    made = kitchen.add("/steps", {"name": "x", "level": 3, "public": True, "word": "y"}, ANNA)

    answer = kitchen.put(f"/steps/{made['id']}", {"name": "z"}, ANNA)

    assert answer.status_code == 200, answer.text
    assert answer.json == {"id": made["id"], "name": "z", "level": 0, "public": False, "word": "it's"}


@pytest.mark.parametrize("spelling", ["admin", "ADMIN", "Admin"])
def test_a_rule_compares_the_row_as_it_would_be_by_its_columns_collation(
    serve: Serve, database_url: str, spelling: str
) -> None:
    """SQLite brings a collation in which letter case makes no difference; of PostgreSQL's only ICU's could do that."""
    any_case = database_url.startswith("sqlite")
    base, name = names_compared_by("NOCASE" if any_case else "C")
    kitchen = serve(base, lambda api: api.resource(name, read=anyone, write=name.name != "admin"))
    bob = kitchen.add("/names", {"name": "bob"}, ANNA)
    path = f"/names/{bob['id']}"

    made, renamed = kitchen.post("/names", {"name": spelling}, ANNA), kitchen.patch(path, {"name": spelling}, ANNA)

    if any_case or spelling == "admin":
        refused(made, 403, "forbidden")
        refused(renamed, 403, "forbidden")
        assert kitchen.patch(path, {"note": "x"}, ANNA).json["name"] == "bob"
    else:
        assert (made.status_code, renamed.status_code) == (201, 200)
