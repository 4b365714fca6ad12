"""`etag=true` on lists: each row carries what its own ETag says, whatever else of it is shown."""

from __future__ import annotations

import pytest

from contracts.kitchen import ANNA, HR, Kitchen, Label, Note, Person, Thing, refused


@pytest.mark.parametrize("shown", ["", "&fields=name", "&expand=things", "&fields=count&expand=things"])
def test_each_row_has_the_tag_of_its_own_address(kitchen: Kitchen, shown: str) -> None:
    kitchen.fill(Label, [{"name": "a", "count": 1}, {"name": "b", "count": 2}])

    items = kitchen.get(f"/labels?etag=true{shown}").json["items"]

    tags = [kitchen.get(f"/labels/{name}").headers["ETag"] for name in "ab"]
    assert [f'"{item["_etag"]}"' for item in items] == tags


def test_a_tag_covers_what_this_caller_may_read_and_nothing_else(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"id": 1, "owner_id": 1, "title": "t", "public": True, "secret": "s", "salary": 5}])

    def tag(person: Person | None = None) -> str:
        found: str = kitchen.get("/notes?etag=true", person).json["items"][0]["_etag"]
        return found

    nobody, hr = tag(), tag(HR)
    assert nobody == tag(ANNA) != hr
    with kitchen.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notes SET secret = 'other', salary = 6")
    assert tag() == nobody
    assert tag(HR) != hr


def test_without_it_nothing_is_added(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    for path in ("/labels", "/labels?etag=false"):
        assert set(kitchen.get(path).json["items"][0]) == {"name", "note", "count"}
    refused(kitchen.get("/labels?etag=yes"), 400, "bad_value", parameter="etag")
    refused(kitchen.get("/labels/a?etag=true"), 400, "unknown_parameter", parameter="etag")


def test_pages_that_follow_carry_tags_too_and_a_query_may_ask_for_them(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": number} for number in range(1, 4)])

    first = kitchen.get("/things?etag=true&limit=2&count=true").json
    second = kitchen.client.get(first["next"]).json
    asked = kitchen.request("QUERY", "/things", json={"etag": True}).json

    assert all(len(item["_etag"]) == 32 for item in first["items"] + second["items"])
    assert [item["_etag"] for item in asked["items"]] == [item["_etag"] for item in first["items"] + second["items"]]
