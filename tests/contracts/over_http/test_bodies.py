"""Bodies of writes: what may be sent, what is filled in, and what is refused where."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contracts.kitchen import ADMIN, ANNA, BEN, EDITOR, HR, Article, Kitchen, Label, Note, Shelf, Thing, refused


def test_every_kind_of_default_is_filled_in(kitchen: Kitchen) -> None:
    row = kitchen.add("/articles", {"title": "Two Words"}, ANNA)

    assert row["author"] == "anonymous"
    assert row["slug"] == "two-words"
    assert re.fullmatch(r"[0-9a-f-]{36}", row["code"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", row["made_at"])
    assert row["state"] == "draft"
    assert (row["stars"], row["double"], row["changed"], row["version"]) == (3, 6, 0, 1)
    assert row["position"] is None


def test_each_row_gets_a_default_of_its_own(kitchen: Kitchen) -> None:
    first, second = (kitchen.add("/articles", {"title": str(index)}, ANNA) for index in range(2))

    assert first["code"] != second["code"]


def test_what_is_sent_stands_before_the_default(kitchen: Kitchen) -> None:
    sent = {
        "title": "T",
        "slug": "s",
        "author": "anna",
        "code": "c",
        "made_at": "2020-01-02T03:04:05Z",
        "state": "live",
        "stars": 5,
        "changed": 9,
    }

    row = kitchen.add("/articles", sent, ANNA)

    assert {name: row[name] for name in sent} == sent
    assert row["double"] == 10


def test_a_change_sets_onupdate_and_counts_the_version(kitchen: Kitchen) -> None:
    kitchen.add("/articles", {"title": "T"}, ANNA)

    patched = kitchen.patch("/articles/1", {"stars": 1}, ANNA).json
    again = kitchen.patch("/articles/1", {"changed": 3}, ANNA).json

    assert (patched["changed"], patched["version"], patched["double"]) == (7, 2, 2)
    assert (again["changed"], again["version"]) == (3, 3)


def test_put_gives_what_is_absent_its_default_and_keeps_what_is_not_the_clients(kitchen: Kitchen) -> None:
    made = kitchen.add(
        "/articles", {"title": "T", "author": "anna", "position": 4, "stars": 5, "state": "live", "slug": "s"}, ANNA
    )

    row = kitchen.put("/articles/1", {"title": "New Title"}, ANNA).json

    assert (row["author"], row["position"], row["stars"], row["state"]) == ("anonymous", None, 3, "draft")
    assert row["slug"] == "new-title"
    assert row["code"] != made["code"]
    assert (row["id"], row["version"], row["double"]) == (1, 2, 6)


def test_put_keeps_the_owner_and_what_the_caller_may_not_write(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"owner_id": 1, "title": "t", "public": True, "secret": "s", "salary": 9}])

    assert kitchen.put("/notes/1", {"title": "u"}, ANNA).status_code == 200

    assert kitchen.stored(Note) == [(1, 1, "u", False, "s", 9)]


def test_put_requires_what_has_no_default(kitchen: Kitchen) -> None:
    kitchen.add("/articles", {"title": "T"}, ANNA)

    refused(kitchen.put("/articles/1", {"stars": 1}, ANNA), 422, "invalid", pointer="/title", entry="required")
    assert kitchen.get("/articles/1").json["stars"] == 3


def test_null_in_a_patch_is_sql_null_and_refused_where_there_is_none(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "words": "x", "whole": 3, "data": {"a": 1}}])
    kitchen.add("/articles", {"title": "T"}, ANNA)

    assert kitchen.patch("/things/1", {"words": None, "data": None}).json["words"] is None
    assert [row["id"] for row in kitchen.get("/things?words__isnull=true&data__isnull=true").json["items"]] == [1]
    refused(kitchen.patch("/articles/1", {"title": None}, ANNA), 422, "invalid", pointer="/title", entry="required")
    refused(kitchen.patch("/articles/1", {"stars": None}, ANNA), 422, "invalid", pointer="/stars", entry="required")


def test_a_json_column_is_one_value_that_a_patch_replaces_whole(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "data": {"a": {"b": 1}, "c": 2}}])

    assert kitchen.patch("/things/1", {"data": {"a": {"d": None}}}).json["data"] == {"a": {"d": None}}
    assert kitchen.get("/things/1").json["data"] == {"a": {"d": None}}


@pytest.mark.parametrize("value", [0, "", False, [], {}, [None], "null", 1.5, 2**60, {"": {"": [1, [2]]}}, "日本"])
def test_a_json_column_keeps_any_value(kitchen: Kitchen, value: Any) -> None:
    row = kitchen.add("/things", {"data": value})

    assert row["data"] == value
    assert type(row["data"]) is type(value)
    assert kitchen.get("/things?data__isnull=false").json["items"][0]["data"] == value


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/labels"), ("PATCH", "/labels/a"), ("PUT", "/labels/a")], ids=str.lower
)
def test_an_unknown_field_is_422_at_its_pointer(kitchen: Kitchen, method: str, path: str) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    for name, pointer in [("x", "/x"), ("a/b", "/a~1b"), ("a~b", "/a~0b"), ("", "/"), ("things", "/things")]:
        answer = kitchen.request(method, path, json={"name": "a" if method != "POST" else "b", name: 1})
        refused(answer, 422, "invalid", pointer=pointer, entry="unknown")
    assert kitchen.stored(Label) == [("a", None, None)]


def test_every_fault_is_told_at_once_and_nothing_is_written(kitchen: Kitchen) -> None:
    body = {"title": "x" * 121, "stars": "many", "double": 3, "nothing": 1, "author": None}

    problem = refused(kitchen.post("/articles", body, ANNA), 422, "invalid")

    assert {(entry["pointer"], entry["code"]) for entry in problem["errors"]} == {
        ("/title", "too_long"),
        ("/stars", "wrong_type"),
        ("/double", "closed"),
        ("/nothing", "unknown"),
        ("/author", "required"),
    }
    assert problem["errors_total"] == 5
    assert problem["detail"] == "5 fields are not valid."
    assert kitchen.stored(Article) == []


def test_a_hundred_faults_are_listed_and_all_are_counted(kitchen: Kitchen) -> None:
    problem = refused(kitchen.post("/labels", {f"x{index}": 1 for index in range(250)}), 422, "invalid")

    assert problem["errors_total"] == 251
    assert len(problem["errors"]) == 100


def test_an_entry_tells_the_limit_in_params(kitchen: Kitchen) -> None:
    problem = refused(kitchen.post("/articles", {"title": "x" * 121}, ANNA), 422, "invalid")

    assert problem["errors"] == [
        {"pointer": "/title", "code": "too_long", "params": {"max": 120}, "detail": "At most 120 characters."}
    ]
    assert problem["detail"] == "1 field is not valid."


def test_a_form_may_send_back_what_it_fetched(kitchen: Kitchen) -> None:
    fetched = kitchen.add("/articles", {"title": "T"}, ANNA)
    note = kitchen.add("/notes", {"title": "t"}, ANNA)

    assert kitchen.patch("/articles/1", fetched, ANNA).status_code == 200
    assert kitchen.put("/articles/1", kitchen.get("/articles/1").json, ANNA).status_code == 200
    assert kitchen.patch("/notes/1", note, ANNA).json == note
    assert kitchen.put("/notes/1", note, ANNA).json == note


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/articles/1", {"title": "T", "id": 2}, "/id"),
        ("/articles/1", {"title": "T", "id": "1"}, "/id"),
        ("/articles/1", {"title": "T", "double": 7}, "/double"),
        ("/articles/1", {"title": "T", "version": 5}, "/version"),
        ("/articles/1", {"title": "T", "version": None}, "/version"),
        ("/notes/1", {"title": "t", "owner_id": 2}, "/owner_id"),
        ("/vehicles/1", {"kind": "car"}, "/kind"),
        ("/labels/a", {"name": "b"}, "/name"),
    ],
)
def test_another_value_for_a_closed_field_is_422(
    kitchen: Kitchen, method: str, path: str, body: dict[str, Any], pointer: str
) -> None:
    kitchen.add("/articles", {"title": "T"}, ANNA)
    kitchen.add("/notes", {"title": "t"}, ANNA)
    kitchen.add("/vehicles", {})
    kitchen.add("/labels", {"name": "a"})
    before = kitchen.get(path, ANNA).json

    refused(kitchen.request(method, path, ANNA, json=body), 422, "invalid", pointer=pointer, entry="closed")

    assert kitchen.get(path, ANNA).json == before


def test_a_closed_field_cannot_be_given_on_create(kitchen: Kitchen) -> None:
    for path, body, pointer in [
        ("/articles", {"title": "T", "id": 7}, "/id"),
        ("/articles", {"title": "T", "version": 1}, "/version"),
        ("/articles", {"title": "T", "double": 6}, "/double"),
        ("/vehicles", {"kind": "car"}, "/kind"),
        ("/notes", {"title": "t", "owner_id": BEN.caller.id}, "/owner_id"),
    ]:
        refused(kitchen.post(path, body, ANNA), 422, "invalid", pointer=pointer, entry="closed")


def test_the_owner_is_the_caller_and_may_be_sent_as_such(kitchen: Kitchen) -> None:
    assert kitchen.add("/notes", {"title": "t"}, ANNA)["owner_id"] == ANNA.caller.id
    assert kitchen.add("/notes", {"title": "t", "owner_id": BEN.caller.id}, BEN)["owner_id"] == BEN.caller.id


def test_a_field_for_one_role_is_read_and_written_by_that_role(kitchen: Kitchen) -> None:
    assert kitchen.add("/notes", {"title": "t", "salary": 5}, HR)["salary"] == 5
    assert kitchen.patch("/notes/1", {"salary": 6}, HR).json["salary"] == 6
    assert kitchen.patch("/notes/1", {"salary": 7}, ADMIN).json["salary"] == 7
    kitchen.add("/notes", {"title": "t"}, ANNA)
    refused(kitchen.patch("/notes/2", {"salary": 6}, ANNA), 422, "invalid", pointer="/salary", entry="unknown")
    refused(kitchen.post("/notes", {"title": "t", "salary": 6}, ANNA), 422, "invalid", pointer="/salary")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/remarks", {"note_id": 4711}, "/note_id"),
        ("/remarks", {"note_id": 1}, "/note_id"),
        ("/things", {"parent_id": 4711}, "/parent_id"),
        ("/bookings", {"hall": "a", "number": 2}, "/number"),
        ("/bookings", {"hall": "a", "number": 2}, "/hall"),
    ],
    ids=["nothing", "a-hidden-row", "nothing-in-its-own-table", "second-of-two", "first-of-two"],
)
def test_a_foreign_key_to_nothing_or_to_a_hidden_row_is_422(
    kitchen: Kitchen, path: str, body: dict[str, Any], pointer: str
) -> None:
    kitchen.add("/notes", {"title": "private"}, ANNA)
    kitchen.add("/seats", {"hall": "a", "number": 1})

    refused(kitchen.post(path, body, BEN), 422, "invalid", pointer=pointer, entry="no_such_row")

    row = kitchen.add(path, {}, BEN)
    refused(kitchen.patch(f"{path}/{row['id']}", body, BEN), 422, "invalid", pointer=pointer, entry="no_such_row")


def test_a_foreign_key_to_a_hidden_row_and_to_nothing_answer_alike(kitchen: Kitchen) -> None:
    kitchen.add("/notes", {"title": "private"}, ANNA)

    hidden, missing = (kitchen.post("/remarks", {"note_id": key}, BEN).json for key in (1, 4711))

    assert hidden | {"request_id": ""} == missing | {"request_id": ""}


def test_half_of_a_foreign_key_of_two_columns_points_nowhere(kitchen: Kitchen) -> None:
    assert kitchen.add("/bookings", {"hall": "a"}) == {"id": 1, "hall": "a", "number": None}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [({"title": "T"}, {"/slug"}), ({"title": "U", "author": "a", "position": 1}, {"/author", "/position"})],
    ids=["one-column", "two-columns"],
)
def test_a_value_that_is_taken_is_409_at_its_fields_and_never_names_the_constraint(
    kitchen: Kitchen, body: dict[str, Any], pointers: set[str]
) -> None:
    kitchen.add("/articles", {"title": "T", "author": "a", "position": 1}, ANNA)
    kitchen.add("/articles", {"title": "Z", "author": "b", "position": 2}, ANNA)

    for answer in (
        kitchen.post("/articles", body, ANNA),
        kitchen.patch("/articles/2", {**body, "slug": "t"} if "/slug" in pointers else body, ANNA),
        kitchen.put("/articles/2", body, ANNA),
    ):
        problem = refused(answer, 409, "already_exists")
        assert {(each["pointer"], each["code"]) for each in problem["errors"]} == {
            (pointer, "already_exists") for pointer in pointers
        }
        assert "one_article" not in answer.text
        assert "UNIQUE" not in answer.text
    assert kitchen.get("/articles/2").json["slug"] == "z"
    assert len(kitchen.stored(Article)) == 2


def test_a_check_of_the_database_is_422_and_never_names_the_constraint(kitchen: Kitchen) -> None:
    answer = kitchen.post("/articles", {"title": "T", "stars": 9}, ANNA)

    refused(answer, 422, "invalid")
    assert "stars_are_few" not in answer.text
    assert kitchen.stored(Article) == []


def test_a_row_that_others_point_at_is_409_still_referenced(kitchen: Kitchen) -> None:
    shelf = kitchen.post("/shelves", {"name": "A"}, EDITOR)
    kitchen.add("/books", {"title": "T", "shelf_id": 1}, EDITOR)

    answer = kitchen.delete("/shelves/1", EDITOR, headers={"If-Match": shelf.headers["ETag"]})

    refused(answer, 409, "still_referenced")
    assert len(kitchen.stored(Shelf)) == 1
    kitchen.delete("/books/1", EDITOR)
    answer = kitchen.delete("/shelves/1", EDITOR, headers={"If-Match": shelf.headers["ETag"]})
    assert answer.status_code == 204


@pytest.mark.parametrize("value", ["1", 1.5, True, [], {}, None])
def test_a_patch_that_fails_leaves_the_row_as_it_was(kitchen: Kitchen, value: Any) -> None:
    kitchen.add("/articles", {"title": "T"}, ANNA)
    before = kitchen.stored(Article)

    refused(kitchen.patch("/articles/1", {"title": "U", "stars": value}, ANNA), 422, "invalid", pointer="/stars")

    assert kitchen.stored(Article) == before


def test_moving_a_row_to_a_foreign_parent_and_giving_it_away_are_refused(kitchen: Kitchen) -> None:
    kitchen.add("/notes", {"title": "anna's"}, ANNA)
    kitchen.add("/notes", {"title": "ben's"}, BEN)
    kitchen.add("/remarks", {"note_id": 2, "said": "x"}, BEN)

    refused(kitchen.patch("/remarks/1", {"note_id": 1}, BEN), 422, "invalid", pointer="/note_id", entry="no_such_row")
    refused(kitchen.patch("/notes/2", {"owner_id": 1}, BEN), 422, "invalid", pointer="/owner_id", entry="closed")

    assert kitchen.get("/remarks/1", BEN).json["note_id"] == 2
    assert kitchen.get("/notes/2", BEN).json["owner_id"] == BEN.caller.id
