"""Files of rows that refer to each other, that ask rules of each row, or that would tell what is hidden."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contracts.kitchen import ANNA, BEN, Kitchen, refused
from meze import Meze, anyone, me, signed_in

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Node(Base):
    """A tree whose keys clients choose."""

    __tablename__ = "nodes"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    parent_name: Mapped[str | None] = mapped_column(ForeignKey("nodes.name"))


class Branch(Base):
    """The same, where a row may only be hung under one that its caller may read."""

    __tablename__ = "branches"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    owner_id: Mapped[int]
    weight: Mapped[int] = mapped_column(default=1)
    parent_name: Mapped[str | None] = mapped_column(ForeignKey("branches.name"))


def declare(api: Meze) -> None:
    api.resource(Node, read=anyone, write=anyone)
    mine = signed_in & (Branch.owner_id == me.id)
    api.resource(Branch, read=mine, write=mine & (Branch.weight < 10), owner="owner_id")


@pytest.fixture
def trees(serve: Serve) -> Kitchen:
    return serve(Base, declare)


def send(kitchen: Kitchen, path: str, rows: Iterable[dict[str, Any]], person=None):
    body = "".join(json.dumps(row) + "\n" for row in rows)
    return kitchen.request("POST", path, person, data=body, headers={"Content-Type": "application/x-ndjson"})


def chain(count: int) -> list[dict[str, Any]]:
    return [{"name": f"n{at}", "parent_name": f"n{at - 1}" if at else None} for at in range(count)]


@pytest.mark.parametrize("order", ["parents first", "children first", "shuffled"])
@pytest.mark.parametrize("query", ["", "?on_conflict=update"])
def test_the_order_of_rows_that_refer_to_each_other_does_not_matter(trees: Kitchen, order: str, query: str) -> None:
    rows = chain(700)  # more than are written at once
    if order == "children first":
        rows.reverse()
    elif order == "shuffled":
        random.Random(4).shuffle(rows)  # noqa: S311 - an order, not a secret

    answer = send(trees, f"/nodes{query}", rows)

    assert answer.status_code == 201, answer.text
    assert answer.json == {"created": 700, "updated": 0}


def test_the_order_does_not_matter_under_a_rule_either(trees: Kitchen) -> None:
    answer = send(trees, "/branches", reversed(chain(300)), ANNA)

    assert answer.status_code == 201, answer.text
    assert send(trees, "/branches?on_conflict=update", reversed(chain(310)), ANNA).json == {
        "created": 10,
        "updated": 300,
    }


def test_rows_in_a_circle_are_refused_and_nothing_is_done(trees: Kitchen) -> None:
    circle = [{"name": "a", "parent_name": "b"}, {"name": "b", "parent_name": "c"}, {"name": "c", "parent_name": "a"}]

    problem = refused(send(trees, "/nodes", [{"name": "x"}, *circle]), 422, "invalid", entry="no_such_row")

    assert problem["errors"][0]["pointer"].endswith("/parent_name")
    assert trees.get("/nodes").json["items"] == []


def test_a_parent_that_is_in_no_row_is_told(trees: Kitchen) -> None:
    problem = refused(
        send(trees, "/nodes", [{"name": "b", "parent_name": "a"}, {"name": "c", "parent_name": "gone"}, {"name": "a"}]),
        422,
        "invalid",
    )

    assert [each["pointer"] for each in problem["errors"]] == ["/1/parent_name"]


def test_a_hidden_parent_is_one_that_is_missing(trees: Kitchen) -> None:
    assert send(trees, "/branches", [{"name": "bens"}], BEN).status_code == 201

    answers = [
        send(trees, "/branches", [{"name": "x"}, {"name": "y", "parent_name": name}], ANNA).json
        for name in ("bens", "none")
    ]

    hidden, missing = ({**answer, "request_id": ""} for answer in answers)
    assert hidden == missing
    assert hidden["errors"][0]["pointer"] == "/1/parent_name"


def test_one_row_that_a_rule_forbids_forbids_all(trees: Kitchen) -> None:
    rows = [{"name": f"n{at}", "weight": 20 if at == 450 else 1} for at in range(500)]

    assert refused(send(trees, "/branches", rows, ANNA), 403, "forbidden")["at"] == "/450"

    assert trees.get("/branches?count=true", ANNA).json["total"] == 0


def test_an_update_must_hold_to_the_rule_before_and_after(trees: Kitchen) -> None:
    assert send(trees, "/branches", [{"name": "a"}, {"name": "b"}], ANNA).status_code == 201

    after = send(trees, "/branches?on_conflict=update", [{"name": "b", "weight": 2}, {"name": "a", "weight": 10}], ANNA)

    assert refused(after, 403, "forbidden")["at"] == "/1"
    assert {row["weight"] for row in trees.get("/branches", ANNA).json["items"]} == {1}


def test_a_key_of_somebody_else_is_taken_and_theirs_is_not_changed(trees: Kitchen) -> None:
    assert send(trees, "/branches", [{"name": "bens", "weight": 3}], BEN).status_code == 201

    for query in ("", "?on_conflict=update"):
        answer = send(trees, f"/branches{query}", [{"name": "x"}, {"name": "bens", "weight": 4}], ANNA)
        refused(answer, 409, "already_exists", pointer="/1/name")

    assert trees.get("/branches", BEN).json["items"][0]["weight"] == 3
    assert trees.get("/branches", ANNA).json["items"] == []
