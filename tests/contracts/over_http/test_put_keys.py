"""PUT on keys that clients choose: it makes a row where there is none, and replaces one that is there."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from contracts.kitchen import ANNA, Kitchen, Label, Parcel, Thing, refused

KEY = "0191b2c3-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("path", "body", "row"),
    [
        ("/labels/jazz", {"count": 3}, {"name": "jazz", "note": None, "count": 3}),
        ("/labels/a~1b~2c~0d", {}, {"name": "a/b,c~d", "note": None, "count": None}),
        (f"/parcels/{KEY}", {"weight": 2}, {"id": KEY, "weight": 2}),
        ("/seats/main,7", {"comfort": 1}, {"hall": "main", "number": 7, "comfort": 1}),
    ],
    ids=["text", "escaped-text", "uuid", "composite"],
)
def test_put_makes_the_row_and_then_replaces_it(kitchen: Kitchen, path: str, body: Any, row: Any) -> None:
    made, again = kitchen.put(path, body), kitchen.put(path, body)

    assert (made.status_code, made.json) == (201, row)
    there = kitchen.client.get(made.headers["Location"])
    assert (there.status_code, there.json, there.headers["ETag"]) == (200, row, made.headers["ETag"])
    assert (again.status_code, again.json, again.headers["ETag"]) == (200, row, made.headers["ETag"])
    assert "Location" not in again.headers


def test_the_body_may_repeat_the_key_and_say_no_other(kitchen: Kitchen) -> None:
    assert kitchen.put("/labels/jazz", {"name": "jazz"}).status_code == 201
    assert kitchen.put("/labels/jazz", {"name": "jazz", "count": 1}).status_code == 200
    assert kitchen.put(f"/parcels/{KEY}", {"id": KEY.upper()}).status_code == 201
    for path in ("/labels/jazz", "/labels/new"):
        refused(kitchen.put(path, {"name": "rock"}), 422, "invalid", pointer="/name", entry="closed")
    assert [row[0] for row in kitchen.stored(Label)] == ["jazz"]


def test_every_fault_is_told_at_once(kitchen: Kitchen) -> None:
    problem = refused(kitchen.put("/labels/" + "x" * 41, {"count": "many", "nope": 1}), 422, "invalid")

    assert {each["pointer"] for each in problem["errors"]} == {"/name", "/count", "/nope"}
    refused(kitchen.put("/parcels/no-uuid", {}), 404, "not_found")


def test_if_none_match_only_makes(kitchen: Kitchen) -> None:
    only_new = {"If-None-Match": "*"}

    assert kitchen.put("/labels/jazz", {"count": 1}, headers=only_new).status_code == 201
    refused(kitchen.put("/labels/jazz", {"count": 2}, headers=only_new), 412, "changed")
    assert kitchen.stored(Label) == [("jazz", None, 1)]
    tag = kitchen.get("/labels/jazz").headers["ETag"]
    refused(kitchen.put("/labels/jazz", {"count": 2}, headers={"If-None-Match": tag}), 412, "changed")
    assert kitchen.put("/labels/jazz", {"count": 2}, headers={"If-None-Match": '"other"'}).status_code == 200


def test_if_none_match_holds_where_the_database_numbers_the_rows_too(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "words": "old"}])

    refused(kitchen.put("/things/1", {"words": "new"}, headers={"If-None-Match": "*"}), 412, "changed")
    refused(kitchen.put("/things/2", {"words": "new"}, headers={"If-None-Match": "*"}), 404, "not_found")
    refused(kitchen.put("/things/2", {"words": "new"}), 404, "not_found")
    assert [row[:1] for row in kitchen.stored(Thing)] == [(1,)]


def test_if_match_never_makes(kitchen: Kitchen) -> None:
    for tag in ('"a"', "*"):
        refused(kitchen.put("/labels/jazz", {}, headers={"If-Match": tag}), 412, "changed")
    assert kitchen.stored(Label) == []
    made = kitchen.put("/labels/jazz", {})
    assert kitchen.put("/labels/jazz", {"count": 1}, headers={"If-Match": made.headers["ETag"]}).status_code == 200
    refused(kitchen.put("/labels/jazz", {"count": 2}, headers={"If-Match": made.headers["ETag"]}), 412, "changed")


def test_fields_and_expand_hold_for_the_new_row_too(kitchen: Kitchen) -> None:
    answer = kitchen.put("/labels/jazz?fields=count&expand=things", {"count": 1})

    assert (answer.status_code, answer.json) == (201, {"count": 1, "things": {"items": [], "next": None}})


def test_of_two_at_once_one_makes_and_the_other_replaces(kitchen: Kitchen) -> None:
    for attempt in range(10):
        key, statuses, start = str(uuid.UUID(int=attempt)), [], threading.Barrier(2)

        def put(key: str = key, found: list[int] = statuses, start: threading.Barrier = start) -> None:
            start.wait()
            found.append(Kitchen(kitchen.app).put(f"/parcels/{key}", {"weight": 1}, ANNA).status_code)

        threads = [threading.Thread(target=put) for _ in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(statuses) == [200, 201]
    assert len(kitchen.stored(Parcel)) == 10
