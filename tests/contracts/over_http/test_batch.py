"""`POST /batch`: several operations in one transaction, on generated resources only."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from contracts.kitchen import ANNA, BEN, EDITOR, Kitchen, Label, Note, Person, Shelf, Thing, refused


def op(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"method": method, "path": path, **({} if body is None else {"body": body}), **more}


def batch(kitchen: Kitchen, *operations: Any, person: Person | None = None) -> TestResponse:
    return kitchen.post("/batch", {"operations": list(operations)}, person)


def test_each_result_is_what_a_request_of_its_own_gets(kitchen: Kitchen) -> None:
    answer = batch(
        kitchen,
        op("POST", "/labels", {"name": "a", "count": 1}),
        op("GET", "/labels/a"),
        op("PATCH", "/labels/a", {"count": 2}),
        op("PUT", "/labels/b", {"count": 3}),
        op("GET", "/labels?count__gte=2&fields=name&sort=-name"),
        op("DELETE", "/labels/a"),
    )

    assert answer.status_code == 200, answer.text
    results = answer.json["results"]
    row = {"name": "a", "note": None, "count": 1}
    tag = results[0]["etag"]
    assert results[0] == {"status": 201, "body": row, "etag": tag, "location": "/api/v1/labels/a"}
    assert results[1] == {"status": 200, "body": row, "etag": tag, "location": None}
    assert (results[2]["status"], results[2]["body"]["count"]) == (200, 2)
    assert results[2]["etag"] != tag
    assert (results[3]["status"], results[3]["location"]) == (201, "/api/v1/labels/b")
    page = {"items": [{"name": "b"}, {"name": "a"}], "next": None}
    assert results[4] == {"status": 200, "body": page, "etag": None, "location": None}
    assert results[5] == {"status": 204, "body": None, "etag": None, "location": None}
    assert kitchen.stored(Label) == [("b", None, 3)]
    assert kitchen.get("/labels/b").headers["ETag"] == results[3]["etag"]


def test_references_take_values_from_earlier_results(kitchen: Kitchen) -> None:
    answer = batch(
        kitchen,
        op("POST", "/things", {"words": "top", "ratio": 1.5, "data": {"list": [1, {"deep": "x"}]}}),
        op("POST", "/things", {"parent_id": {"$ref": "/0/body/id"}, "words": {"$ref": "/0/body/data/list/1/deep"}}),
        op("PATCH", "/things/1", {"ratio": {"$ref": "/0/body/ratio"}, "data": [{"$ref": "/0/body/data"}]}),
        op("POST", "/things", [{"parent_id": {"$ref": "/1/body/parent_id"}}, {"words": {"$ref": "/1/location"}}]),
        op("POST", "/things", {"data": {"$ref": "x", "beside": 1}, "words": {"$ref": "/3/body/items/1/words"}}),
    )

    assert answer.status_code == 200, answer.text
    bodies = [result["body"] for result in answer.json["results"]]
    assert (bodies[1]["parent_id"], bodies[1]["words"]) == (bodies[0]["id"], "x")
    assert (bodies[2]["ratio"], bodies[2]["data"]) == (1.5, [{"list": [1, {"deep": "x"}]}])
    assert bodies[3]["items"][0]["parent_id"] == bodies[0]["id"]
    assert bodies[4]["data"] == {"$ref": "x", "beside": 1}
    assert bodies[4]["words"] == answer.json["results"][1]["location"]


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("/1/body/id", "own"),
        ("/2/body/id", "later"),
        ("/99/body/id", "none"),
        ("/0/body/nope", "missing"),
        ("/0/body/id/x", "into a number"),
        ("/0/headers", "missing"),
        ("0/body/id", "form"),
        ("/00/body/id", "form"),
        ("/0/body/~2", "form"),
        ("", "form"),
        (7, "type"),
        (None, "type"),
    ],
)
def test_a_reference_to_nothing_is_told_at_its_place_and_undoes_all(
    kitchen: Kitchen, reference: Any, place: str
) -> None:
    answer = batch(
        kitchen,
        op("POST", "/things", {"words": "a"}),
        op("POST", "/things", {"data": [{"x/y": {"$ref": reference}}]}),
        op("POST", "/things", {}),
    )

    refused(answer, 422, "invalid", pointer="/operations/1/body/data/0/x~1y/$ref")
    assert kitchen.stored(Thing) == []


def test_a_failure_undoes_all_and_points_into_the_batch(kitchen: Kitchen) -> None:
    good = op("POST", "/labels", {"name": "a"})

    invalid = refused(batch(kitchen, good, op("POST", "/labels", {"name": 7, "x": 1})), 422, "invalid")
    assert {each["pointer"] for each in invalid["errors"]} == {"/operations/1/body/name", "/operations/1/body/x"}
    assert invalid["at"] == "/operations/1"
    refused(batch(kitchen, good, good), 409, "already_exists", pointer="/operations/1/body/name")
    refused(batch(kitchen, good, op("GET", "/labels/nope")), 404, "not_found")
    refused(batch(kitchen, good, op("GET", "/labels?limit=0")), 400, "bad_value", pointer="/operations/1/path")
    refused(batch(kitchen, good, op("GET", "/labels?nope=1")), 400, "unknown_field", pointer="/operations/1/path")
    refused(batch(kitchen, good, op("POST", "/labels/a", {})), 405, "method_not_allowed")
    refused(batch(kitchen, good, op("POST", "/articles", {"title": "x"})), 401, "unauthenticated")
    refused(batch(kitchen, good, op("POST", "/labels")), 400, "malformed")
    array = [{"name": "b"}, {"name": "a"}]
    nested = refused(batch(kitchen, good, op("POST", "/labels", array)), 409, "already_exists")
    assert nested["errors"][0]["pointer"] == "/operations/1/body/1/name"
    assert nested["at"] == "/operations/1/body/1"
    assert kitchen.stored(Label) == []


def test_if_match_guards_an_operation(kitchen: Kitchen) -> None:
    tag = kitchen.post("/shelves", {"name": "x"}, EDITOR).headers["ETag"]

    def rename(*headers: dict[str, str]) -> TestResponse:
        operations = [op("PATCH", "/shelves/1", {"name": f"n{at}"}, headers=each) for at, each in enumerate(headers)]
        return batch(kitchen, *operations, person=EDITOR)

    missing = rename({})
    refused(missing, 428, "precondition_required", pointer="/operations/0/headers/if-match", entry="required")
    refused(rename({"If-Match": tag}, {"if-match": tag}), 412, "changed")
    refused(rename({"If-None-Match": "*"}), 422, "invalid", pointer="/operations/0/headers/If-None-Match")
    assert [row[1] for row in kitchen.stored(Shelf)] == ["x"]
    assert rename({"If-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/auth/me",
        "/users",
        "/users/1",
        "/batch",
        "/auth%2fme",
        "/%61uth/me",
        "/labels/../auth/me",
        "/labels/..",
        "/labels/%2e%2e",
        "/labels/.",
        "/./labels",
        "//labels",
        "//example.com/labels",
        "http://example.com/labels",
        "/api/v1/labels",
        "/nothing",
        "labels",
        "",
        "/",
        "/labels/",
        "/labels/a/b",
        "/labels/a%2Fb",
        "/labels%2Fa",
        "/labels%00",
        "/lab els",
        "/labels/a\nb",
        "/labels\\a",
        "/labels#x",
        "/labels?name=%ff",
        "/labels/%ff",
        "/labels/%zz",
        "/labels/\ud800",
        7,
        None,
        ["/labels"],
        "/" + "x" * 20_000,
    ],
    ids=lambda path: repr(path)[:40],
)
def test_only_generated_resources_can_be_reached(kitchen: Kitchen, path: Any) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    for method in ("GET", "DELETE"):
        answer = batch(kitchen, op("DELETE", "/labels/a"), {"method": method, "path": path})
        refused(answer, 422, "invalid", pointer="/operations/1/path")
    assert len(kitchen.stored(Label)) == 1


@pytest.mark.parametrize("path", ["/labels?format=csv", "/labels?format=ndjson"])
def test_files_are_not_among_results(kitchen: Kitchen, path: str) -> None:
    refused(batch(kitchen, op("GET", path)), 422, "invalid", pointer="/operations/0/path")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/operations"),
        ({"operations": {}}, "/operations"),
        ({"operations": []}, "/operations"),
        ({"operations": [op("GET", "/labels")] * 101}, "/operations"),
        ({"operations": [op("GET", "/labels")], "atomic": False}, "/atomic"),
        ({"operations": [7]}, "/operations/0"),
        ({"operations": [{"path": "/labels"}]}, "/operations/0/method"),
        ({"operations": [op("QUERY", "/labels")]}, "/operations/0/method"),
        ({"operations": [op("get", "/labels")]}, "/operations/0/method"),
        ({"operations": [op("OPTIONS", "/labels")]}, "/operations/0/method"),
        ({"operations": [op("GET", "/labels", {"x": 1})]}, "/operations/0/body"),
        ({"operations": [op("DELETE", "/labels/a", {})]}, "/operations/0/body"),
        ({"operations": [op("GET", "/labels", id="x")]}, "/operations/0/id"),
        ({"operations": [op("GET", "/labels", headers={"Authorization": "x"})]}, "/operations/0/headers/Authorization"),
        ({"operations": [op("GET", "/labels", headers=[])]}, "/operations/0/headers"),
        ({"operations": [op("GET", "/labels", headers={"if-match": 1})]}, "/operations/0/headers/if-match"),
    ],
)
def test_a_list_that_is_none_is_refused_before_anything_is_done(kitchen: Kitchen, body: Any, pointer: str) -> None:
    refused(kitchen.post("/batch", body), 422, "invalid", pointer=pointer)


def test_all_that_is_wrong_with_the_list_is_told_at_once(kitchen: Kitchen) -> None:
    answer = batch(kitchen, op("X", "/nope"), op("GET", "//"), op("POST", "/labels", {"note": {"$ref": "/5"}}), 7)

    problem = refused(answer, 422, "invalid")
    assert [each["pointer"] for each in problem["errors"]] == [
        "/operations/0/method",
        "/operations/0/path",
        "/operations/1/path",
        "/operations/2/body/note/$ref",
        "/operations/3",
    ]


def test_a_batch_is_posted_and_nothing_else(kitchen: Kitchen) -> None:
    assert kitchen.request("OPTIONS", "/batch").headers["Allow"] == "POST, OPTIONS"
    for method in ("GET", "PUT", "DELETE", "QUERY"):
        answer = kitchen.request(method, "/batch")
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST, OPTIONS"
    refused(kitchen.request("POST", "/batch", data="x", content_type="text/plain"), 415, "unsupported_media_type")
    cut = kitchen.request("POST", "/batch", data=b'{"operations": [', content_type="application/json")
    refused(cut, 400, "malformed")
    refused(kitchen.post("/batch?x=1", {"operations": []}), 400, "malformed")


def test_a_body_of_great_depth_is_refused_and_nothing_breaks(kitchen: Kitchen) -> None:
    for deep in (500, 900, 5000, 100_000):
        data = '{"operations":[{"method":"POST","path":"/things","body":' + "[" * deep + "]" * deep + "}]}"
        answer = kitchen.request("POST", "/batch", data=data.encode(), content_type="application/json")
        assert answer.status_code in (400, 422), answer.text


def test_references_cannot_bring_in_more_than_a_body_may_hold(kitchen: Kitchen) -> None:
    large = op("POST", "/things", {"data": "x" * 100_000})
    many = op("POST", "/things", {"data": [{"$ref": "/0/body/data"}] * 1000})

    refused(batch(kitchen, large, many), 422, "too_expensive")
    assert kitchen.stored(Thing) == []


def test_rules_hold_for_every_operation(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"id": 1, "owner_id": 1, "title": "a"}, {"id": 2, "owner_id": 2, "title": "b"}])
    mine = op("PATCH", "/notes/1", {"title": "x"})

    hidden = refused(batch(kitchen, mine, op("PATCH", "/notes/2", {"title": "x"}), person=ANNA), 404, "not_found")
    missing = refused(batch(kitchen, mine, op("PATCH", "/notes/9", {"title": "x"}), person=ANNA), 404, "not_found")
    assert hidden | {"request_id": ""} == missing | {"request_id": ""}
    assert [row[2] for row in kitchen.stored(Note)] == ["a", "b"]
    seen = batch(kitchen, mine, op("GET", "/notes?count=true"), person=BEN)
    refused(seen, 404, "not_found")
    shown = batch(kitchen, mine, op("GET", "/notes?count=true"), person=ANNA).json["results"][1]["body"]
    assert (shown["total"], [row["title"] for row in shown["items"]]) == (1, ["x"])
