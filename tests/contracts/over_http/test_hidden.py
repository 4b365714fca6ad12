"""What may not be read may not be asked about: a hidden field answers exactly as one that does not exist."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from contracts.kitchen import ADMIN, ANNA, BEN, EDITOR, Kitchen, Note, Person, refused

NOWHERE = {"secret": "secrat", "salary": "salaru"}
"""For each field that is hidden, a name of the same shape that no model has."""

FORMS = [
    "{}=1",
    "{}__eq=1",
    "{}__ne=1",
    "{}__in=1,2",
    "{}__isnull=true",
    "{}__contains=a",
    "{}__gt=1",
    "{}__nothing=1",
    "{}__id=1",
    "sort={}",
    "sort=-{}",
    "sort=title,{}",
    "fields={}",
    "fields=id,{}",
    "expand={}",
]


def masked(answer: TestResponse, name: str) -> tuple[int, str, dict[str, str]]:
    """Return all that can be told of an answer, without the request id and the name that was asked for."""
    text = answer.text.replace(answer.headers["X-Request-ID"], "ID").replace(name, "NAME")
    headers = {k: v for k, v in answer.headers.items() if k not in ("X-Request-ID", "Content-Length")}
    return answer.status_code, text, headers


@pytest.fixture
def noted(kitchen: Kitchen) -> Kitchen:
    """A note of Anna's that everyone may read, a remark on it, and a note of Ben's that only he may."""
    kitchen.fill(
        Note,
        [
            {"owner_id": 1, "title": "t", "public": True, "secret": "1", "salary": 1},
            {"owner_id": 2, "title": "u", "public": False, "secret": "x", "salary": 2},
        ],
    )
    kitchen.add("/remarks", {"note_id": 1, "said": "x"}, ANNA)
    return kitchen


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("field", "people"), [("secret", [None, ANNA, EDITOR, ADMIN]), ("salary", [None, ANNA])])
def test_in_a_query_string(noted: Kitchen, form: str, field: str, people: list[Person | None]) -> None:
    for person in people:
        for prefix, path in [("", "/notes"), ("note__", "/remarks")]:
            query = form.replace("{}", prefix + "{}")
            hidden = noted.get(f"{path}?{query.format(field)}", person)
            missing = noted.get(f"{path}?{query.format(NOWHERE[field])}", person)

            assert hidden.status_code == 400
            assert masked(hidden, field) == masked(missing, NOWHERE[field])


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, "1"])
@pytest.mark.parametrize("field", ["secret", "salary"])
def test_in_a_body(noted: Kitchen, field: str, value: Any) -> None:
    for method, path in [("POST", "/notes"), ("PATCH", "/notes/1"), ("PUT", "/notes/1")]:
        hidden = noted.request(method, path, ANNA, json={"title": "t", field: value})
        missing = noted.request(method, path, ANNA, json={"title": "t", NOWHERE[field]: value})

        refused(hidden, 422, "invalid", pointer=f"/{field}", entry="unknown")
        assert masked(hidden, field) == masked(missing, NOWHERE[field])
    assert noted.stored(Note)[0][4:] == ("1", 1)


def test_in_no_answer(noted: Kitchen) -> None:
    for person in (None, ANNA, EDITOR, ADMIN):
        for path in ("/notes", "/notes/1", "/remarks?expand=note", "/remarks/1?expand=note", "//openapi.json"):
            assert "secret" not in noted.get(path, person).text


def test_a_near_name_is_looked_for_among_readable_fields_alone(noted: Kitchen) -> None:
    for query in ("secre=1", "sort=secret_", "fields=salari"):
        problem = refused(noted.get(f"/notes?{query}", ANNA), 400, "unknown_field")
        assert "nearest" not in problem["errors"][0]["params"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
def test_a_hidden_row_answers_as_a_missing_one(noted: Kitchen, method: str) -> None:
    body = {"title": "changed"} if method in ("PATCH", "PUT") else None
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"x"'}, {"If-None-Match": "*"}):
        for query in ("", "?fields=id", "?expand=remarks"):
            if method == "DELETE" and query:
                continue
            hidden = noted.request(method, f"/notes/2{query}", ANNA, json=body, headers=headers)
            missing = noted.request(method, f"/notes/4711{query}", ANNA, json=body, headers=headers)

            assert hidden.status_code == 404
            assert masked(hidden, "/notes/2") == masked(missing, "/notes/4711")
    assert noted.stored(Note)[1] == (2, 2, "u", False, "x", 2)


def test_a_hidden_row_is_in_no_list_total_or_relation(noted: Kitchen) -> None:
    noted.fill(Note, [{"owner_id": 2, "title": "t"} for _ in range(3)])

    mine = noted.get("/notes?count=true", ANNA).json

    assert (mine["total"], [row["id"] for row in mine["items"]]) == (1, [1])
    assert noted.get("/notes?count=true", BEN).json["total"] == 5
    assert noted.get("/notes?title=u&count=true", ANNA).json == {"items": [], "next": None, "total": 0}
    assert noted.get("/remarks?note__title=u", ANNA).json["items"] == []


def test_a_body_for_a_hidden_row_is_looked_at_no_sooner_than_for_a_missing_one(noted: Kitchen) -> None:
    for body in ({"title": 5}, {"nothing": 1}, {"owner_id": 9}, {"id": 2}, {"id": 4711}):
        hidden, missing = noted.patch("/notes/2", body, ANNA), noted.patch("/notes/4711", body, ANNA)
        assert masked(hidden, "-") == masked(missing, "-")
