"""What one request may cost: time that grows with its length and no faster, memory that is given back, and a refusal
before the database is asked for what would be too much."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import time
from itertools import product
from time import process_time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import BindParameter, ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from contracts.kitchen import ANNA, Kitchen, refused
from meze import Caller, Meze, anyone, me, signed_in
from meze.errors import ENTRIES_SHOWN, Invalid
from meze.records.check import Checker

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Node(Base):
    """Refers to itself in three ways, so that there are more paths than one request may take."""

    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    name: Mapped[str | None] = mapped_column(index=True)
    words: Mapped[str | None] = mapped_column(Text)
    clock: Mapped[time | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"), index=True)
    twin_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    parent: Mapped[Node | None] = relationship(remote_side=[id], foreign_keys=[parent_id], back_populates="children")
    children: Mapped[list[Node]] = relationship(foreign_keys=[parent_id], back_populates="parent")
    twin: Mapped[Node | None] = relationship(remote_side=[id], foreign_keys=[twin_id])
    author: Mapped[Node | None] = relationship(remote_side=[id], foreign_keys=[author_id])


def declare_open(api: Meze) -> None:
    api.resource(Node, read=anyone, write=signed_in)


def declare_own(api: Meze) -> None:
    api.resource(Node, read=Node.owner_id == me.id)


ROWS = {
    "nodes": [
        {"id": 1, "name": "root", "clock": time(1)},
        {"id": 2, "name": "leaf", "clock": time(2), "parent_id": 1, "twin_id": 1, "author_id": 1},
    ]
}
STEPS = ("parent", "twin", "author")
PAIRS = ["__".join(path) for path in product(STEPS, repeat=2)]
"""Nine paths, which cross twelve relations."""
MANY = ["__".join(path) for path in product(STEPS, repeat=3)]
"""27 paths, which cross 39 relations."""
FAR = [f"{first}__{second}__{first}__{second}" for first, second in product(STEPS, repeat=2)][:8]
"""Eight paths, which cross 27 relations."""


@pytest.fixture
def nodes(serve: Serve) -> Kitchen:
    return serve(Base, declare_open, ROWS)


def suspect(kitchen: Kitchen, query: str) -> bool:
    """Say whether a list counts as one that may scan, before it was ever measured."""
    parts = kitchen.app.extensions["meze"].open()
    resource, caller = parts.resources.named("nodes"), Caller()
    standing = parts.policy.standing(caller)
    ask = parts.site.routes.parser.parse(tuple(parse_qsl(query)), parts.policy.view(resource, standing))
    return bool(parts.records.planner.rows(resource, standing, ask.shape).load.suspect)


@pytest.mark.parametrize(
    "query",
    [
        "name__contains=z&sort=name",
        "name__endswith=z&sort=-name",
        "name__startswith=z&sort=name",
        "name__ne=x&sort=name",
        "id__not_in=1,2",
        "words__gt=x",
        "sort=words",
        "count=true",
    ],
)
def test_a_list_that_no_index_leads_counts_as_a_scan(nodes: Kitchen, query: str) -> None:
    assert suspect(nodes, query)


@pytest.mark.parametrize("query", ["", "sort=name", "name__gte=x&sort=name", "name=x", "id__lt=5"])
def test_a_list_that_an_index_leads_does_not_count_as_a_scan(nodes: Kitchen, query: str) -> None:
    assert not suspect(nodes, query)


def test_a_list_whose_rule_asks_the_row_counts_as_a_scan(serve: Serve) -> None:
    assert suspect(serve(Base, declare_own, ROWS), "")


def bound_values() -> int:
    gc.collect()
    return sum(isinstance(each, BindParameter) for each in gc.get_objects())


def test_long_lists_of_values_leave_no_memory_taken(nodes: Kitchen) -> None:
    """Each length is a plan of its own; kept, six of them would hold these values for good."""
    assert nodes.get("/nodes?id__in=1,2").status_code == 200
    before = bound_values()

    for length in range(500, 506):
        answer = nodes.get(f"/nodes?id__in={','.join(['1'] * length)}")
        assert [row["id"] for row in answer.json["items"]] == [1]

    assert bound_values() - before < 500


def test_a_request_holds_at_most_a_thousand_values_in_all_its_lists(nodes: Kitchen) -> None:
    half = ",".join(["1"] * 500)

    assert len(nodes.get(f"/nodes?id__in={half}&twin_id__in={half}").json["items"]) == 0
    refused(nodes.get(f"/nodes?id__in={half}&twin_id__in={half}&id=1"), 422, "too_expensive")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("fields=" + ",".join(f"{path}__name" for path in MANY), id="fields"),
        pytest.param("expand=" + ",".join(MANY), id="expand"),
        pytest.param("&".join(f"{path}__name=x" for path in MANY), id="filters"),
        pytest.param("sort=" + ",".join(f"{path}__name" for path in FAR), id="sort"),
        pytest.param(
            f"expand={','.join(PAIRS)}&" + "&".join(f"{path}__twin__name=x" for path in PAIRS), id="in-all-together"
        ),
    ],
)
def test_a_request_crosses_a_bounded_number_of_relations(nodes: Kitchen, query: str) -> None:
    refused(nodes.get(f"/nodes?{query}"), 422, "too_expensive")


def test_relations_that_are_crossed_twice_count_once(nodes: Kitchen) -> None:
    names = ",".join(f"{path}__name" for path in PAIRS)

    answer = nodes.get(f"/nodes?expand={','.join(PAIRS)}&fields=id,{names}&sort={PAIRS[0]}__name&{PAIRS[1]}__id__gt=0")

    assert answer.status_code == 200, answer.text


def test_one_row_and_the_answer_to_a_write_cross_no_more(nodes: Kitchen) -> None:
    refused(nodes.get(f"/nodes/1?expand={','.join(MANY)}"), 422, "too_expensive")
    refused(nodes.patch(f"/nodes/1?expand={','.join(MANY)}", {"name": "x"}, ANNA), 422, "too_expensive")

    assert nodes.get("/nodes/1").json["name"] == "root"


def test_embedded_rows_of_all_relations_together_are_bounded(nodes: Kitchen) -> None:
    assert nodes.get("/nodes?limit=25&expand=children__children").status_code == 200
    for beside in ("parent__children__children", "parent__children", "children__twin__children"):
        refused(nodes.get(f"/nodes?limit=25&expand=children__children,{beside}"), 422, "too_expensive")


@pytest.mark.parametrize("operator", ["contains", "startswith", "endswith"])
def test_a_text_that_is_looked_for_inside_of_others_has_at_most_200_characters(nodes: Kitchen, operator: str) -> None:
    for path in ("words", "parent__words"):
        assert nodes.get(f"/nodes?{path}__{operator}={'a' * 200}").status_code == 200
        answer = nodes.get(f"/nodes?{path}__{operator}={'a' * 201}")
        refused(answer, 400, "bad_value", parameter=f"{path}__{operator}", entry="too_long")
    assert nodes.get(f"/nodes?words={'a' * 5000}").status_code == 200


def seconds_of(run: Callable[[], object]) -> float:
    """Return the least time of five: the others were disturbed."""
    taken = []
    for _ in range(5):
        started = process_time()
        run()
        taken.append(process_time() - started)
    return min(taken)


@pytest.mark.parametrize("written", ["0", "1", "-0"], ids=["zeros", "ones", "negative-zeros"])
def test_reading_a_number_takes_time_that_grows_with_its_length_alone(nodes: Kitchen, written: str) -> None:
    parse = nodes.app.extensions["meze"].resources.named("nodes").fields["id"].type.parse

    def read(length: int) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - the kind of error is what `parse` promises
            parse(written + written[-1] * length + "x")

    # 64 times as long: 4,096 times as slow where time grows with the square.
    assert seconds_of(lambda: read(16_384)) < 500 * seconds_of(lambda: read(256))


def test_a_key_and_a_filter_of_many_zeros_are_answered(nodes: Kitchen) -> None:
    zeros = "0" * 15_000

    refused(nodes.get(f"/nodes/{zeros}x"), 404, "not_found")
    refused(nodes.get(f"/nodes?id={zeros}x"), 400, "bad_value", parameter="id", entry="bad_format")
    assert [row["id"] for row in nodes.get(f"/nodes?id={zeros}1").json["items"]] == [1]


def test_a_near_name_is_looked_for_only_where_it_is_listed(nodes: Kitchen) -> None:
    parts = nodes.app.extensions["meze"].open()
    resource, standing = parts.resources.named("nodes"), parts.policy.standing(ANNA.caller)
    body: dict[str, Any] = {f"name{number}": 1 for number in range(300)}

    with pytest.raises(Invalid) as refusal:
        Checker(resource).patch(body, parts.policy.view(resource, standing), parts.policy.writable(resource, standing))

    suggested = [entry.params.get("nearest") for entry in refusal.value.entries]
    assert suggested == ["name"] * ENTRIES_SHOWN + [None] * (len(body) - ENTRIES_SHOWN)


def test_every_unknown_name_counts_though_few_are_listed(nodes: Kitchen) -> None:
    problem = refused(nodes.post("/nodes", {f"name{number}": 1 for number in range(20_000)}, ANNA), 422, "invalid")

    assert (problem["errors_total"], len(problem["errors"])) == (20_000, ENTRIES_SHOWN)


@pytest.mark.parametrize(
    ("operator", "found"), [pytest.param("in", [1], id="in"), pytest.param("not_in", [2], id="not-in")]
)
def test_a_thousand_values_that_are_stored_in_several_spellings(
    nodes: Kitchen, operator: str, found: list[int]
) -> None:
    answer = nodes.get(f"/nodes?clock__{operator}=" + ",".join(["01:00:00"] * 1000))

    assert answer.status_code == 200, answer.text
    assert [row["id"] for row in answer.json["items"]] == found
