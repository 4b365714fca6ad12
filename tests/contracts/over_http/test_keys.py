"""Keys in addresses: text with its escapes, UUIDs, and keys of several parts."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from contracts.kitchen import Kitchen, Label, Seat, refused

AWKWARD = [
    pytest.param("a/b", "a~1b", id="slash"),
    pytest.param("a,b", "a~2b", id="comma"),
    pytest.param("a~b", "a~0b", id="tilde"),
    pytest.param("~1", "~01", id="what-looks-like-an-escape"),
    pytest.param("~0~1~2/,~", "~00~01~02~1~2~0", id="all-of-them"),
    pytest.param("a b", "a b", id="space"),
    pytest.param(" a ", " a ", id="spaces-around-it"),
    pytest.param("50%", "50%", id="percent"),
    pytest.param("%2F", "%2F", id="what-looks-like-percent-encoding"),
    pytest.param("?x=1#y", "?x=1#y", id="query-and-fragment"),
    pytest.param("日本", "日本", id="japanese"),
    pytest.param("..", "..", id="dots"),
    pytest.param("a.b", "a.b", id="dot-within"),
    pytest.param("é", "é", id="combining-accent"),
    pytest.param("a\\b", "a\\b", id="backslash"),
    pytest.param("a\nb", "a\nb", id="line-feed"),
    pytest.param("🙂", "🙂", id="beyond-the-basic-plane"),
]


@pytest.mark.parametrize(("name", "escaped"), AWKWARD)
def test_a_text_key_stands_in_its_address_escaped(kitchen: Kitchen, name: str, escaped: str) -> None:
    made = kitchen.post("/labels", {"name": name})

    assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"/api/v1/labels/{quote(escaped, safe='')}"
    assert kitchen.client.get(made.headers["Location"]).json["name"] == name
    assert kitchen.client.patch(made.headers["Location"], json={"count": 1}).json["count"] == 1
    assert kitchen.client.delete(made.headers["Location"]).status_code == 204
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize("key", ["%00", "a%00b", "%FF", "%ED%A0%80", "x" * 41, "x" * 5000])
def test_a_text_key_that_no_row_can_have_is_404(kitchen: Kitchen, key: str) -> None:
    refused(kitchen.get(f"/labels/{key}"), 404, "not_found")


def test_a_uuid_key_is_lower_case_and_found_in_either_case(kitchen: Kitchen) -> None:
    upper = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"

    made = kitchen.post("/parcels", {"id": upper, "weight": 3})

    assert made.json == {"id": upper.lower(), "weight": 3}
    assert made.headers["Location"] == f"/api/v1/parcels/{upper.lower()}"
    assert kitchen.get(f"/parcels/{upper}").json == made.json


@pytest.mark.parametrize("key", ["1", "a0eebc99", "not-a-uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "%00"])
def test_a_uuid_key_of_another_shape_is_404(kitchen: Kitchen, key: str) -> None:
    refused(kitchen.get(f"/parcels/{key}"), 404, "not_found")


def test_the_parts_of_a_composite_key_are_joined_by_commas(kitchen: Kitchen) -> None:
    made = kitchen.post("/seats", {"hall": "North/1, left", "number": 7})

    assert made.headers["Location"] == "/api/v1/seats/North~11~2%20left,7"
    assert kitchen.get("/seats/North~11~2%20left,7").json == {"hall": "North/1, left", "number": 7, "comfort": None}
    assert kitchen.get("/seats/North~11~2%20left%2C7").status_code == 200
    assert kitchen.put("/seats/North~11~2%20left,7", {"comfort": 2}).json["comfort"] == 2
    assert kitchen.delete("/seats/North~11~2%20left,7").status_code == 204


@pytest.mark.parametrize("key", ["a", "a,1,2", "a,x", "a,", ",1", "1,a"])
def test_a_composite_key_of_another_shape_is_404(kitchen: Kitchen, key: str) -> None:
    kitchen.fill(Seat, [{"hall": "a", "number": 1}])

    refused(kitchen.get(f"/seats/{key}"), 404, "not_found")


def test_a_list_is_ordered_by_the_whole_key(kitchen: Kitchen) -> None:
    kitchen.fill(Seat, [{"hall": hall, "number": number} for hall in "ba" for number in (2, 1)])

    down = kitchen.get("/seats?sort=-hall").json["items"]

    assert [(row["hall"], row["number"]) for row in down] == [("b", 2), ("b", 1), ("a", 2), ("a", 1)]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/labels", {}, "/name"),
        ("/seats", {"hall": "a"}, "/number"),
        ("/parcels", {"weight": 1}, "/id"),
        ("/labels", {"name": None}, "/name"),
    ],
)
def test_a_key_that_the_client_chooses_is_required(
    kitchen: Kitchen, path: str, body: dict[str, object], pointer: str
) -> None:
    refused(kitchen.post(path, body), 422, "invalid", pointer=pointer, entry="required")


def test_a_key_that_is_taken_is_409_at_its_fields(kitchen: Kitchen) -> None:
    kitchen.fill(Seat, [{"hall": "a", "number": 1}])

    problem = refused(kitchen.post("/seats", {"hall": "a", "number": 1}), 409, "already_exists")

    assert {entry["pointer"] for entry in problem["errors"]} == {"/hall", "/number"}
