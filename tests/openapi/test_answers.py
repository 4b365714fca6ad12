"""Answers of the running app fit what the document says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

EDITOR = {"authorization": "Bearer ed"}
ANNA = {"authorization": "Bearer anna"}
ADMIN = {"authorization": "Bearer admin"}


@pytest.fixture
def fits(document: dict[str, Any], valid: Callable[[Any, Any], bool]) -> Callable[[TestResponse], bool]:
    """Say whether an answer has a described status, the headers that it needs, and a body of the described shape."""

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = document["components"][kind][name]
        return node

    def check(answer: TestResponse) -> bool:
        template = re.sub(r"^(/api/v1/\w+)/(?!query$).+", r"\1/{key}", answer.request.path)
        operation = document["paths"][template][answer.request.method.lower()]
        described = resolved(operation["responses"][str(answer.status_code)])
        for name, header in described["headers"].items():
            needed = resolved(header)
            if name not in answer.headers:
                assert not needed.get("required"), name
            elif needed["schema"]["type"] == "string":
                assert valid(needed["schema"], answer.headers[name]), name
        if "content" not in described:
            return answer.data == b""
        return valid(described["content"][answer.mimetype]["schema"], answer.json)

    return check


READS = (
    "/api/v1/dishes",
    "/api/v1/dishes?fields=id,name&count=true&limit=2",
    "/api/v1/dishes?expand=goes_with,companions,tags,portions",
    "/api/v1/dishes?fields=tags__code,goes_with__name",
    "/api/v1/dishes?limit=1&page=2",
    "/api/v1/dishes/1?expand=companions__tags",
    "/api/v1/tags",
    "/api/v1/tags/a~1b~2~0c",
    "/api/v1/portions/1,L?expand=dish",
    "/api/v1/visits",
    "/api/v1/dishes/404",
    "/api/v1/dishes?limit=0",
    "/api/v1/dishes?nothing=1",
    "/api/v1/dishes?nothing__at__all=1",
    "/api/v1/dishes?cursor=x",
    "/api/v1/dishes?limit=50&expand=companions__companions__companions",
)


@pytest.mark.parametrize("headers", [{}, ANNA, EDITOR, ADMIN], ids=["nobody", "anna", "editor", "admin"])
@pytest.mark.parametrize("path", READS)
def test_reads_answer_as_described(
    client: FlaskClient, fits: Callable[[TestResponse], bool], path: str, headers: dict[str, str]
) -> None:
    assert fits(client.get(path, headers=headers))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"accept": "text/html"}, 406),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": "bad"}, 400),
        ({"accept-language": "zh"}, 200),
        ({"x-request-id": "a b"}, 200),
    ],
)
def test_headers_of_a_read_are_answered_as_described(
    client: FlaskClient, fits: Callable[[TestResponse], bool], headers: dict[str, str], status: int
) -> None:
    answer = client.get("/api/v1/dishes/1", headers=headers)

    assert answer.status_code == status
    assert fits(answer)


WHOLE = {
    "name": "Soup",
    "count": 2,
    "related": None,
    "price": "1.50",
    "exact": "1.0001",
    "weight": 0.5,
    "served": True,
    "on_day": "2026-05-31",
    "at_moment": "2026-05-31T12:00:00.5+02:00",
    "at_time": "12:30",
    "takes": "PT90M",
    "code": "018F3B0C-7F3E-7CC2-9D6B-2F6F0A2F5B1E",
    "photo": "TWV6ZQ==",
    "notes": {"hot": [1, 2.5, None]},
    "mood": "glad, very",
    "rank": 10,
    "goes_with_id": 1,
}
BODIES: tuple[tuple[str, str, str, Any, int], ...] = (
    ("created with every field", "POST", "dishes", WHOLE, 201),
    ("created with what is required", "POST", "dishes", {"name": "Bread"}, 201),
    ("created without what is required", "POST", "dishes", {}, 422),
    ("of another type", "POST", "dishes", {"name": 1, "count": "x", "price": True, "mood": "cross"}, 422),
    ("null where there must be a value", "POST", "dishes", {"name": None}, 422),
    ("unknown", "POST", "dishes", {"name": "x", "nothing": 1}, 422),
    ("hidden", "POST", "dishes", {"name": "x", "secret_hash": "y"}, 422),
    ("an array", "POST", "dishes", [], 422),
    ("too long", "POST", "dishes", {"name": "x" * 41}, 422),
    ("emptied", "PATCH", "dishes/2", {"weight": None, "notes": None}, 200),
    ("nothing", "PATCH", "dishes/2", {}, 200),
    ("replaced", "PUT", "dishes/3", {"name": "Stew"}, 200),
    ("replaced without what is required", "PUT", "dishes/3", {"count": 1}, 422),
    ("of a chosen key", "POST", "tags", {"code": "new/tag"}, 201),
    ("of a taken key", "POST", "tags", {"code": "hot"}, 409),
    ("of a composite key", "POST", "portions", {"dish_id": 2, "size": "S"}, 201),
    ("unguarded", "PATCH", "portions/1,L", {"grams": 1}, 428),
)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
def test_bodies_are_answered_as_described(
    client: FlaskClient,
    document: dict[str, Any],
    valid: Callable[[Any, Any], bool],
    fits: Callable[[TestResponse], bool],
    method: str,
    path: str,
    body: Any,
    status: int,
) -> None:
    answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=EDITOR)
    template = f"/api/v1/{path.partition('/')[0]}" + ("/{key}" if "/" in path else "")
    described = document["paths"][template][method.lower()]["requestBody"]["content"]["application/json"]["schema"]

    assert answer.status_code == status, answer.text
    assert valid(described, body) is (status not in (422,))
    assert fits(answer)


ASKED: tuple[tuple[str, Any, int], ...] = (
    ("nothing", {}, 200),
    ("everything", {"where": {}, "count": True, "limit": 2, "fields": ["id", "name"], "sort": ["-id"]}, 200),
    ("or", {"where": {"or": [{"name": "Dish 1"}, {"price__lt": 2, "not": {"rank": 10}}]}}, 200),
    ("a field called as a parameter", {"where": {"count": 1}}, 200),
    ("lists", {"where": {"name__in": ["a, b", "c"], "price__not_in": ["1.50", 2]}}, 200),
    ("flags", {"where": {"name__isnull": False, "goes_with__isnull": True}}, 200),
    ("paths", {"where": {"and": [{"tags__code": "hot", "goes_with__name__in": ["Dish 1"]}]}}, 200),
    ("embedded rows", {"expand": ["tags"], "where": {"not": {"not": {"id__gt": 3}}}}, 200),
    ("an unknown field", {"where": {"or": [{"nothing": 1}]}}, 400),
    ("a hidden field", {"where": {"secret_hash": "x"}}, 400),
    ("an unknown operator", {"where": {"name__near": "x"}}, 400),
    ("an unknown path", {"where": {"tags__nothing": "x"}}, 400),
    ("an unknown member", {"wher": {}}, 400),
    ("no alternative", {"where": {"or": []}}, 400),
    ("null", {"where": {"weight": None}}, 400),
    ("a number as text", {"where": {"count": "1"}}, 400),
    ("a list that is none", {"where": {"name__in": "a"}}, 400),
    ("an array", [], 422),
)


@pytest.mark.parametrize(("body", "status"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_lists_asked_for_in_a_body_answer_as_described(
    client: FlaskClient,
    document: dict[str, Any],
    valid: Callable[[Any, Any], bool],
    fits: Callable[[TestResponse], bool],
    body: Any,
    status: int,
) -> None:
    answer = client.post("/api/v1/dishes/query", json=body)
    described = document["paths"]["/api/v1/dishes/query"]["post"]["requestBody"]["content"]["application/json"]

    assert answer.status_code == status, answer.text
    assert valid(described["schema"], body) is (status == 200)
    assert fits(answer)


@pytest.mark.parametrize(
    ("address", "options", "status"),
    [
        ("query?cursor=x", {"json": {}}, 400),
        ("query?page=2", {"json": {}}, 200),
        ("query?limit=2", {"json": {}}, 400),
        ("query", {"data": "{}", "content_type": "text/plain"}, 415),
        ("query", {"json": {"where": {"or": [{}] * 101}}}, 422),
        ("query", {"json": {}, "headers": {"accept": "text/html"}}, 406),
    ],
)
def test_what_a_body_cannot_help_answers_as_described(
    client: FlaskClient, fits: Callable[[TestResponse], bool], address: str, options: dict[str, Any], status: int
) -> None:
    answer = client.post(f"/api/v1/dishes/{address}", **options)

    assert answer.status_code == status, answer.text
    assert fits(answer)


def test_the_example_of_a_query_is_answered(client: FlaskClient, document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Query"):
            path = next(each for each, item in document["paths"].items() if f"schemas/{name}'" in str(item))
            answer = client.post(path, json=schema["examples"][0], headers=ADMIN)
            assert answer.status_code == 200, (path, answer.text)


def test_a_form_may_send_back_what_it_fetched(
    client: FlaskClient, document: dict[str, Any], valid: Callable[[Any, Any], bool]
) -> None:
    fetched = client.get("/api/v1/dishes/4", headers=EDITOR).json
    described = document["paths"]["/api/v1/dishes/{key}"]["put"]["requestBody"]["content"]["application/json"]["schema"]

    assert valid(described, fetched)
    assert client.put("/api/v1/dishes/4", json=fetched, headers=EDITOR).status_code == 200


def changes(client: FlaskClient) -> Iterator[tuple[int, TestResponse]]:
    """Make a row that answers nothing to its maker, and change rows in ways that are refused."""
    yield 201, client.post("/api/v1/wishes", json={"text": "Ice"})
    yield 201, client.post("/api/v1/visits", json={"seats": 2}, headers=ANNA)
    yield 401, client.post("/api/v1/visits", json={"seats": 2})
    yield 403, client.post("/api/v1/dishes", json={"name": "x"}, headers=ANNA)
    yield 404, client.delete("/api/v1/dishes/404", headers=EDITOR)
    yield 412, client.patch("/api/v1/dishes/1", json={}, headers={**EDITOR, "if-match": '"old"'})
    yield 415, client.patch("/api/v1/dishes/1", data="{}", content_type="text/plain", headers=EDITOR)
    yield 400, client.post("/api/v1/dishes", data="{", content_type="application/json", headers=EDITOR)
    yield 204, client.delete("/api/v1/dishes/25", headers=EDITOR)


def test_changes_are_answered_as_described(client: FlaskClient, fits: Callable[[TestResponse], bool]) -> None:
    for status, answer in changes(client):
        assert answer.status_code == status, answer.text
        assert fits(answer)


def test_the_links_of_a_new_row_lead_to_it(client: FlaskClient, document: dict[str, Any]) -> None:
    links = document["paths"]["/api/v1/dishes"]["post"]["responses"]["201"]["links"]
    made = client.post("/api/v1/dishes", json={"name": "Tea"}, headers=EDITOR)

    assert set(links) == {"getDish", "replaceDish", "updateDish", "deleteDish"}
    assert {link["parameters"]["key"] for link in links.values()} == {"$response.body#/id"}
    assert made.headers["Location"].endswith(f"/{made.json['id']}")
