"""The table of requests: what each method does on a collection and on one row of it."""

from __future__ import annotations

import pytest

from contracts.kitchen import ANNA, EDITOR, HR, Drop, Kitchen, Label, Thing, refused

ROW_METHODS = {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
COLLECTION_METHODS = {"GET", "HEAD", "QUERY", "POST", "PATCH", "DELETE", "OPTIONS"}


def methods(allow: str) -> set[str]:
    return {each.strip() for each in allow.split(",")}


def test_a_list_holds_items_and_next_and_no_total(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a"}, {"name": "b"}])

    answer = kitchen.get("/labels")

    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json == {
        "items": [{"name": "a", "note": None, "count": None}, {"name": "b", "note": None, "count": None}],
        "next": None,
    }


def test_next_is_a_relative_url_that_leads_on(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": name} for name in "abc"])

    first = kitchen.get("/labels?limit=2").json
    second = kitchen.client.get(first["next"]).json

    assert first["next"].startswith("/api/v1/labels?")
    assert [row["name"] for row in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_post_answers_201_with_the_row_its_address_and_its_entity_tag(kitchen: Kitchen) -> None:
    answer = kitchen.post("/labels", {"name": "jazz", "count": 3})

    assert answer.status_code == 201
    assert answer.json == {"name": "jazz", "note": None, "count": 3}
    assert answer.headers["Location"] == "/api/v1/labels/jazz"
    there = kitchen.client.get(answer.headers["Location"])
    assert (there.json, there.headers["ETag"]) == (answer.json, answer.headers["ETag"])


def test_one_row_is_a_bare_object(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "jazz"}])

    answer = kitchen.get("/labels/jazz")

    assert answer.status_code == 200
    assert answer.json == {"name": "jazz", "note": None, "count": None}
    assert answer.headers["ETag"].startswith('"')


@pytest.mark.parametrize("path", ["/labels", "/labels/jazz"])
def test_head_has_the_headers_of_get_and_no_body(kitchen: Kitchen, path: str) -> None:
    kitchen.fill(Label, [{"name": "jazz"}])

    get, head = kitchen.get(path), kitchen.request("HEAD", path)

    unlike = {"x-request-id"}
    assert head.status_code == 200
    assert head.data == b""
    assert {k: v for k, v in head.headers.items() if k.lower() not in unlike} == {
        k: v for k, v in get.headers.items() if k.lower() not in unlike
    }


def test_patch_changes_what_it_names_and_keeps_the_rest(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "jazz", "note": "old", "count": 1}])

    answer = kitchen.patch("/labels/jazz", {"count": 2})

    assert (answer.status_code, answer.json) == (200, {"name": "jazz", "note": "old", "count": 2})
    assert answer.headers["ETag"] == kitchen.get("/labels/jazz").headers["ETag"]


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_patch_takes_both_media_types(kitchen: Kitchen, media_type: str) -> None:
    kitchen.fill(Label, [{"name": "jazz"}])

    answer = kitchen.request("PATCH", "/labels/jazz", data=b'{"count": 2}', content_type=media_type)

    assert (answer.status_code, answer.json["count"]) == (200, 2)


def test_an_empty_patch_changes_nothing_and_answers_with_the_row(kitchen: Kitchen) -> None:
    row = kitchen.add("/articles", {"title": "One"}, ANNA)

    answer = kitchen.patch(f"/articles/{row['id']}", {}, ANNA)

    assert (answer.status_code, answer.json) == (200, row)


def test_put_sets_what_it_names_and_clears_the_rest(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "jazz", "note": "old", "count": 1}])

    answer = kitchen.put("/labels/jazz", {"count": 2})

    assert (answer.status_code, answer.json) == (200, {"name": "jazz", "note": None, "count": 2})


def test_delete_answers_204_without_a_body_and_the_row_is_gone(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "jazz"}, {"name": "rock"}])

    answer = kitchen.delete("/labels/jazz")

    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    refused(kitchen.get("/labels/jazz"), 404, "not_found")
    assert [row[0] for row in kitchen.stored(Label)] == ["rock"]


@pytest.mark.parametrize(
    ("path", "allowed"), [("/things", COLLECTION_METHODS), ("/things/1", ROW_METHODS)], ids=["collection", "row"]
)
def test_options_answers_204_with_what_is_allowed(kitchen: Kitchen, path: str, allowed: set[str]) -> None:
    answer = kitchen.request("OPTIONS", path)

    assert (answer.status_code, answer.data) == (204, b"")
    assert methods(answer.headers["Allow"]) == allowed


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/things", COLLECTION_METHODS),
        ("BREW", "/things", COLLECTION_METHODS),
        ("POST", "/things/1", ROW_METHODS),
        ("BREW", "/things/1", ROW_METHODS),
    ],
)
def test_a_wrong_method_is_405_with_what_is_allowed(
    kitchen: Kitchen, method: str, path: str, allowed: set[str]
) -> None:
    answer = kitchen.request(method, path)

    refused(answer, 405, "method_not_allowed")
    assert methods(answer.headers["Allow"]) == allowed


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/things", "/things/1"])
def test_trace_and_connect_are_405_with_what_is_allowed(kitchen: Kitchen, method: str, path: str) -> None:
    answer = kitchen.request(method, path)

    refused(answer, 405, "method_not_allowed")
    assert methods(answer.headers["Allow"]) == (COLLECTION_METHODS if path == "/things" else ROW_METHODS)


@pytest.mark.parametrize(
    "path", ["/nothing", "/nothing/1", "/auth/login", "/users", "/things/", "//api/v1//things", "/THINGS"]
)
def test_what_is_not_served_is_404(kitchen: Kitchen, path: str) -> None:
    refused(kitchen.get(path), 404, "not_found")


@pytest.mark.parametrize("key", ["1x", "1,2", "-", "9" * 30, "%20", "1.0", "x/y"])
def test_a_key_of_the_wrong_shape_is_404(kitchen: Kitchen, key: str) -> None:
    kitchen.fill(Thing, [{"id": 1}])

    refused(kitchen.get(f"/things/{key}"), 404, "not_found")


def test_the_address_of_a_hidden_row_and_of_a_missing_one_answer_alike(kitchen: Kitchen) -> None:
    row = kitchen.add("/notes", {"title": "mine"}, ANNA)

    hidden, missing = kitchen.get(f"/notes/{row['id']}"), kitchen.get("/notes/4711")

    assert refused(hidden, 404, "not_found") | {"request_id": ""} == refused(missing, 404, "not_found") | {
        "request_id": ""
    }


def test_a_resource_is_served_under_the_name_that_it_was_given(kitchen: Kitchen) -> None:
    car = kitchen.add("/cars", {"doors": 3})

    assert kitchen.get(f"/cars/{car['id']}").status_code == 200
    assert kitchen.get(f"/vehicles/{car['id']}").json["kind"] == "car"


def test_a_class_of_a_hierarchy_shows_its_own_rows_only(kitchen: Kitchen) -> None:
    vehicle, car = kitchen.add("/vehicles", {"wheels": 2}), kitchen.add("/cars", {"doors": 3})

    assert [row["id"] for row in kitchen.get("/cars").json["items"]] == [car["id"]]
    assert [row["id"] for row in kitchen.get("/vehicles").json["items"]] == [vehicle["id"], car["id"]]
    refused(kitchen.get(f"/cars/{vehicle['id']}"), 404, "not_found")
    refused(kitchen.patch(f"/cars/{vehicle['id']}", {"doors": 1}), 404, "not_found")


def test_an_action_without_a_rule_is_closed(kitchen: Kitchen) -> None:
    for method, path in [("GET", "/sealed"), ("GET", "/sealed/1"), ("DELETE", "/sealed/1")]:
        assert refused(kitchen.request(method, path), 401, "unauthenticated")
        assert refused(kitchen.request(method, path, ANNA), 403, "forbidden")


def test_the_answer_to_a_write_that_may_not_be_read_is_an_empty_object(kitchen: Kitchen) -> None:
    answer = kitchen.post("/drops", {"said": "psst"})

    assert (answer.status_code, answer.json) == (201, {})
    assert "ETag" not in answer.headers
    assert kitchen.stored(Drop) == [(1, "psst")]
    assert kitchen.get(answer.headers["Location"].removeprefix("/api/v1"), HR).json == {"id": 1, "said": "psst"}


def test_the_answer_to_a_write_holds_what_the_writer_may_read(kitchen: Kitchen) -> None:
    assert kitchen.post("/notes", {"title": "t"}, ANNA).json == {
        "id": 1,
        "owner_id": ANNA.caller.id,
        "title": "t",
        "public": False,
    }


def test_writes_take_fields_and_expand(kitchen: Kitchen) -> None:
    shelf = kitchen.add("/shelves", {"name": "A"}, EDITOR)

    made = kitchen.post("/books?fields=title,shelf__name", {"title": "T", "shelf_id": shelf["id"]}, EDITOR)
    changed = kitchen.patch("/books/1?expand=shelf", {"title": "U"}, EDITOR)
    replaced = kitchen.put("/books/1?fields=id", {"title": "V"}, EDITOR)

    assert made.json == {"title": "T", "shelf": {"name": "A"}}
    assert changed.json["shelf"] == shelf
    assert replaced.json == {"id": 1}


def test_a_write_by_nobody_is_401_and_by_one_who_may_not_403(kitchen: Kitchen) -> None:
    for person, status, code in [(None, 401, "unauthenticated"), (ANNA, 403, "forbidden")]:
        refused(kitchen.post("/books", {"title": "T"}, person), status, code)
        refused(kitchen.patch("/books/1", {"title": "T"}, person), status, code)
        refused(kitchen.put("/books/1", {"title": "T"}, person), status, code)
        refused(kitchen.delete("/books/1", person), status, code)


def test_a_visible_row_that_may_not_be_changed_is_403_and_stays(kitchen: Kitchen) -> None:
    kitchen.add("/notes", {"title": "t", "public": True}, ANNA)

    for method in ("PATCH", "PUT"):
        refused(kitchen.request(method, "/notes/1", EDITOR, json={"title": "u"}), 403, "forbidden")
    refused(kitchen.delete("/notes/1", EDITOR), 403, "forbidden")

    assert kitchen.get("/notes/1").json["title"] == "t"


def test_credentials_that_are_not_good_are_401_even_where_anyone_may_read(kitchen: Kitchen) -> None:
    answer = kitchen.get("/things", headers={"Authorization": "Bearer nobody-we-know"})

    refused(answer, 401, "bad_credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
