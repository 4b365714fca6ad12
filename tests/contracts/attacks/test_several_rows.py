"""Writes of several rows and batches, used to get at what single requests do not give."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from contracts.attacks.conftest import Rows
from contracts.kitchen import ANNA, BEN, HR, Kitchen, refused
from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Folder(Base):
    __tablename__ = "folders"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner_id: Mapped[int]
    open: Mapped[bool] = mapped_column(default=False)
    papers: Mapped[list[Paper]] = relationship(back_populates="folder")


class Paper(Base):
    __tablename__ = "papers"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))
    folder_name: Mapped[str] = mapped_column(ForeignKey("folders.name"), index=True)
    grade: Mapped[int | None]
    hash: Mapped[str | None] = mapped_column(String(40))
    folder: Mapped[Folder] = relationship(back_populates="papers")


class Node(Base):
    """Shown where it is open itself, or what it hangs from is."""

    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))
    open: Mapped[bool] = mapped_column(default=False)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"), index=True)
    parent: Mapped[Node | None] = relationship(remote_side=[id])


def declare(api: Meze) -> None:
    mine = signed_in & (Folder.owner_id == me.id)
    api.resource(Folder, read=Folder.open.is_(True) | mine, write=mine, owner="owner_id")
    papers = Paper.folder.has(Folder.owner_id == me.id)
    api.resource(
        Paper,
        read=Paper.folder.has(Folder.open.is_(True) | (Folder.owner_id == me.id)),
        write=papers,
        fields={"grade": FieldRules(read=anyone, write=role("hr")), "hash": hidden},
    )
    api.resource(Node, read=Node.open.is_(True) | Node.parent.has(Node.open.is_(True)), write=signed_in)


ROWS: Rows = {
    "nodes": [
        {"id": 91, "title": "top", "open": True, "parent_id": None},
        {"id": 92, "title": "leaf", "open": False, "parent_id": 91},
    ],
    "folders": [
        {"name": "anna", "owner_id": 1, "open": False},
        {"name": "ben", "owner_id": 2, "open": False},
        {"name": "public", "owner_id": 2, "open": True},
    ],
    "papers": [
        {"id": number, "title": f"t{number}", "folder_name": "anna", "grade": 1, "hash": "h"}
        for number in range(1, 101)
    ]
    + [
        {"id": 101, "title": "ben's", "folder_name": "ben", "grade": 5, "hash": "secret"},
        {"id": 102, "title": "seen", "folder_name": "public", "grade": 5, "hash": "secret"},
    ],
}


@pytest.fixture
def kitchen(serve: Any) -> Kitchen:
    made: Kitchen = serve(Base, declare, ROWS)
    if made.engine.dialect.name == "postgresql":
        with made.engine.begin() as connection:
            connection.exec_driver_sql("ALTER SEQUENCE papers_id_seq RESTART WITH 1000")
    return made


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one | {"request_id": ""} == other | {"request_id": ""}


def test_one_foreign_row_among_a_hundred_undoes_all(kitchen: Kitchen) -> None:
    before = kitchen.stored(Paper)
    mine = [{"id": number, "title": "new"} for number in range(1, 100)]

    hidden_row = refused(kitchen.patch("/papers", [*mine, {"id": 101, "title": "x"}], ANNA), 404, "not_found")
    missing = refused(kitchen.patch("/papers", [*mine, {"id": 999, "title": "x"}], ANNA), 404, "not_found")
    refused(kitchen.patch("/papers", [*mine, {"id": 102, "title": "x"}], ANNA), 403, "forbidden")

    assert same(hidden_row, missing)
    assert kitchen.stored(Paper) == before


def test_no_row_is_moved_to_a_hidden_parent_or_to_one_of_somebody_else(kitchen: Kitchen) -> None:
    def moved(folder: str) -> dict[str, Any]:
        rows = [{"id": 1, "title": "new"}, {"id": 2, "folder_name": folder}]
        answer = kitchen.patch("/papers", rows, ANNA)
        return refused(answer, 422, "invalid", pointer="/1/folder_name", entry="no_such_row")

    assert same(moved("ben"), moved("nowhere"))
    refused(kitchen.patch("/papers", [{"id": 2, "folder_name": "public"}], ANNA), 403, "forbidden")
    made = [{"title": "a", "folder_name": "anna"}, {"title": "b", "folder_name": "ben"}]
    refused(kitchen.post("/papers", made, ANNA), 422, "invalid", pointer="/1/folder_name", entry="no_such_row")
    assert len(kitchen.stored(Paper)) == 102


@pytest.mark.parametrize("field", ["grade", "hash", "nope", "owner_id"])
def test_arrays_set_no_closed_field_and_tell_hidden_ones_from_none(kitchen: Kitchen, field: str) -> None:
    code = "closed" if field == "grade" else "unknown"
    for rows, send in (
        ([{"title": "a", "folder_name": "anna"}, {"title": "b", "folder_name": "anna", field: 9}], kitchen.post),
        ([{"id": 1, "title": "x"}, {"id": 2, field: 9}], kitchen.patch),
    ):
        refused(send("/papers", rows, ANNA), 422, "invalid", pointer=f"/1/{field}", entry=code)
    assert {row[3] for row in kitchen.stored(Paper)} == {1, 5}
    refused(kitchen.post("/folders", [{"name": "x", "owner_id": 2}], ANNA), 422, "invalid", pointer="/0/owner_id")


def test_the_count_of_deleted_rows_tells_nothing_of_hidden_ones(kitchen: Kitchen) -> None:
    assert kitchen.delete("/papers?title=ben's", ANNA).json == {"deleted": 0}
    assert kitchen.delete("/papers?title=nothing", ANNA).json == {"deleted": 0}
    refused(kitchen.delete("/papers?hash=secret", ANNA), 400, "unknown_field")
    refused(kitchen.delete("/papers?id__gt=100", ANNA), 403, "forbidden")
    assert len(kitchen.stored(Paper)) == 102
    assert kitchen.delete("/papers?folder__name=anna&id__lte=3", ANNA).json == {"deleted": 3}


def test_a_reference_brings_out_only_what_was_shown(kitchen: Kitchen) -> None:
    for body, member in (("/papers/1", "hash"), ("/papers/1?fields=id", "title"), ("/folders/anna", "papers")):
        operations = [
            {"method": "GET", "path": body},
            {"method": "PATCH", "path": "/papers/2", "body": {"title": {"$ref": f"/0/body/{member}"}}},
        ]
        answer = kitchen.post("/batch", {"operations": operations}, ANNA)
        refused(answer, 422, "invalid", pointer="/operations/1/body/title/$ref", entry="unknown")
    assert kitchen.stored(Paper)[1][1] == "t2"


def test_what_is_read_in_a_batch_follows_what_the_batch_itself_closed(kitchen: Kitchen) -> None:
    operations = [
        {"method": "PATCH", "path": "/folders/ben", "body": {"open": True}},
        {"method": "GET", "path": "/papers/101"},
    ]
    refused(kitchen.post("/batch", {"operations": operations}, ANNA), 404, "not_found")
    assert kitchen.post("/batch", {"operations": operations}, BEN).status_code == 200
    assert kitchen.get("/papers/101", ANNA).status_code == 200


def test_a_key_that_a_hidden_row_holds_is_taken_and_no_more_is_told(kitchen: Kitchen) -> None:
    for tried in (
        kitchen.put("/folders/ben", {}, ANNA),
        kitchen.put("/folders/ben", {}, ANNA, headers={"If-None-Match": "*"}),
        kitchen.post("/folders", {"name": "ben"}, ANNA),
    ):
        problem = refused(tried, 409, "already_exists", pointer="/name")
        assert "ben" not in str(problem)
    refused(kitchen.put("/folders/ben", {}, ANNA, headers={"If-Match": "*"}), 412, "changed")
    refused(kitchen.put("/folders/new", {}, ANNA, headers={"If-Match": "*"}), 412, "changed")
    refused(kitchen.put("/folders/public", {}, ANNA), 403, "forbidden")
    refused(kitchen.put("/folders/ben", {}), 401, "unauthenticated")
    assert [row[:2] for row in kitchen.stored(Folder)] == [("anna", 1), ("ben", 2), ("public", 2)]
    assert kitchen.put("/folders/new", {}, ANNA).status_code == 201


def test_a_row_that_its_own_array_hides_is_not_shown(kitchen: Kitchen) -> None:
    """The answer holds what may be read once all is written, not what could be read on the way."""
    assert kitchen.patch("/nodes", [{"id": 92, "title": "child"}], ANNA).json["items"][0]["title"] == "child"

    rows = [{"id": 92, "title": "again"}, {"id": 91, "open": False}]
    answer = kitchen.patch("/nodes", rows, ANNA)

    assert (answer.status_code, answer.json) == (200, {"items": [{}, {}]})
    assert [row[1] for row in kitchen.stored(Node)] == ["top", "again"]


def test_a_row_of_the_programs_own_is_not_reached_past_its_route(serve: Any) -> None:
    def views(app: Flask) -> None:
        app.add_url_rule("/api/v1/papers/<int:id>", "guarded", lambda id: {"guarded": id}, methods=["GET"])

    kitchen: Kitchen = serve(Base, declare, ROWS, views)

    assert kitchen.get("/papers/1", ANNA).json == {"guarded": 1}
    read = [{"method": "GET", "path": "/papers/1"}]
    refused(kitchen.post("/batch", {"operations": read}, ANNA), 422, "invalid", pointer="/operations/0/path")
    written = [{"method": "PATCH", "path": "/papers/1", "body": {"title": "x"}}]
    assert kitchen.post("/batch", {"operations": written}, ANNA).status_code == 200
    encoded = [{"method": "GET", "path": "/%70apers/%31"}]
    refused(kitchen.post("/batch", {"operations": encoded}, ANNA), 422, "invalid", pointer="/operations/0/path")


def test_who_may_write_but_not_read_is_told_nothing_by_arrays(serve: Any) -> None:
    kitchen: Kitchen = serve(
        Base, lambda api: (api.resource(Folder, create=anyone, read=role("hr"), owner=None), api.resource(Paper)), ROWS
    )

    taken = [{"name": "y", "owner_id": 1}, {"name": "ben", "owner_id": 1}]
    answer = kitchen.post("/folders", [{"name": "x", "owner_id": 1}], ANNA)
    assert (answer.status_code, answer.json) == (201, {"items": [{}]})
    refused(kitchen.post("/folders", taken, ANNA), 409, "already_exists")
    assert kitchen.get("/folders/x", HR).status_code == 200
    refused(kitchen.get("/folders/y", HR), 404, "not_found")
