"""Entity tags and conditional requests (RFC 9110 §13)."""

from __future__ import annotations

import re

import pytest

from contracts.kitchen import ANNA, EDITOR, HR, Book, Kitchen, Label, Shelf, refused

STRONG = re.compile(r'"[\x21\x23-\x7e]+"')


@pytest.fixture
def tag(kitchen: Kitchen) -> str:
    """The entity tag of the label `jazz`."""
    return kitchen.post("/labels", {"name": "jazz", "count": 1}).headers["ETag"]


def test_it_is_strong_and_the_same_on_every_answer_that_shows_the_row(kitchen: Kitchen, tag: str) -> None:
    assert STRONG.fullmatch(tag)
    assert "." not in tag
    for answer in (
        kitchen.get("/labels/jazz"),
        kitchen.request("HEAD", "/labels/jazz"),
        kitchen.patch("/labels/jazz", {"count": 1}),
        kitchen.put("/labels/jazz", {"count": 1}),
        kitchen.get("/labels/jazz?fields=name"),
        kitchen.patch("/labels/jazz?fields=count", {}),
    ):
        assert answer.headers["ETag"] == tag


def test_it_changes_with_the_row(kitchen: Kitchen, tag: str) -> None:
    other = kitchen.patch("/labels/jazz", {"count": 2}).headers["ETag"]
    same = kitchen.patch("/labels/jazz", {"count": 1}).headers["ETag"]

    assert other != tag
    assert same == tag


def test_lists_and_problems_have_none(kitchen: Kitchen, tag: str) -> None:
    assert "ETag" not in kitchen.get("/labels").headers
    assert "ETag" not in kitchen.get("/labels/rock").headers
    assert "ETag" not in kitchen.delete("/labels/jazz").headers


def test_it_is_over_what_this_caller_may_read(kitchen: Kitchen) -> None:
    kitchen.add("/notes", {"title": "t", "public": True, "salary": 3}, HR)

    def tags() -> tuple[str, str]:
        return kitchen.get("/notes/1").headers["ETag"], kitchen.get("/notes/1", HR).headers["ETag"]

    before = tags()
    kitchen.patch("/notes/1", {"salary": 4}, HR)
    after = tags()

    assert before[0] != before[1]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_with_expand_it_has_a_part_for_the_body(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}])
    kitchen.fill(Book, [{"title": "T", "shelf_id": 1}])
    plain = kitchen.get("/books/1").headers["ETag"]

    before = kitchen.get("/books/1?expand=shelf").headers["ETag"]
    kitchen.patch("/shelves/1", {"name": "B"}, EDITOR, headers={"If-Match": "*"})
    after = kitchen.get("/books/1?expand=shelf").headers["ETag"]

    assert re.fullmatch(r'"[^".]+\.[^".]+"', before)
    assert before.split(".")[0] == after.split(".")[0] == plain[:-1]
    assert before != after


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("{tag}", id="itself"),
        pytest.param("W/{tag}", id="marked-weak-by-a-proxy"),
        pytest.param('"a", {tag} , "b"', id="one-of-several"),
        pytest.param("*", id="any"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_saves_the_answer(kitchen: Kitchen, tag: str, method: str, header: str) -> None:
    answer = kitchen.request(method, "/labels/jazz", headers={"If-None-Match": header.format(tag=tag)})

    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert "Content-Type" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]


@pytest.mark.parametrize("header", ['"other"', 'W/"other"', '"other", "another"', ""])
def test_if_none_match_of_another_tag_gets_the_row(kitchen: Kitchen, tag: str, header: str) -> None:
    assert kitchen.get("/labels/jazz", headers={"If-None-Match": header}).status_code == 200


def test_if_none_match_compares_both_parts(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}])
    kitchen.fill(Book, [{"title": "T", "shelf_id": 1}])
    plain = kitchen.get("/books/1").headers["ETag"]
    expanded = kitchen.get("/books/1?expand=shelf").headers["ETag"]

    def status(query: str, tag: str) -> int:
        return kitchen.get(f"/books/1{query}", headers={"If-None-Match": tag}).status_code

    assert status("", plain) == 304
    assert status("?expand=shelf", expanded) == 304
    assert status("", expanded) == 200
    assert status("?expand=shelf", plain) == 200


def test_if_none_match_does_not_tell_of_a_hidden_row(kitchen: Kitchen) -> None:
    tag = kitchen.post("/notes", {"title": "t"}, ANNA).headers["ETag"]

    for header in (tag, "*"):
        refused(kitchen.get("/notes/1", headers={"If-None-Match": header}), 404, "not_found")


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "header",
    [
        pytest.param("{tag}", id="itself"),
        pytest.param("W/{tag}", id="marked-weak-by-a-proxy"),
        pytest.param('"a", {tag}', id="one-of-several"),
        pytest.param("*", id="any"),
        pytest.param('{bare}.0123abcd"', id="with-a-part-for-the-body"),
    ],
)
def test_if_match_lets_a_change_through(kitchen: Kitchen, tag: str, method: str, header: str) -> None:
    body = None if method == "DELETE" else {"count": 2}

    answer = kitchen.request(
        method, "/labels/jazz", json=body, headers={"If-Match": header.format(tag=tag, bare=tag[:-1])}
    )

    assert answer.status_code in (200, 204), answer.text
    assert kitchen.stored(Label) == ([] if method == "DELETE" else [("jazz", None, 2)])


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("header", ['"other"', 'W/"other"', '"other.{bare}"', '""', '"x{bare}"', ""])
def test_if_match_of_another_tag_is_412_and_changes_nothing(
    kitchen: Kitchen, tag: str, method: str, header: str
) -> None:
    body = None if method == "DELETE" else {"count": 2}

    answer = kitchen.request(method, "/labels/jazz", json=body, headers={"If-Match": header.format(bare=tag[1:-1])})

    refused(answer, 412, "changed")
    assert kitchen.stored(Label) == [("jazz", None, 1)]


@pytest.mark.parametrize("header", ["abc", '"a', "W/", '"a" "b"', '"a\x7f"', "**", '"é', "'a'"])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_a_header_that_is_no_entity_tag_is_400_at_the_header(
    kitchen: Kitchen, tag: str, name: str, header: str
) -> None:
    method = "GET" if name == "If-None-Match" else "PATCH"

    answer = kitchen.request(method, "/labels/jazz", headers={name: header}, json=None if method == "GET" else {})

    refused(answer, 400, "malformed", header=name, entry="bad_format")


def test_of_two_changes_with_one_tag_the_second_is_412(kitchen: Kitchen, tag: str) -> None:
    first = kitchen.patch("/labels/jazz", {"count": 2}, headers={"If-Match": tag})
    second = kitchen.patch("/labels/jazz", {"count": 3}, headers={"If-Match": tag})

    assert first.status_code == 200
    refused(second, 412, "changed")
    assert kitchen.patch("/labels/jazz", {"count": 3}, headers={"If-Match": first.headers["ETag"]}).status_code == 200


def test_if_match_on_a_row_that_is_missing_or_hidden_is_404(kitchen: Kitchen) -> None:
    tag = kitchen.post("/notes", {"title": "t"}, ANNA).headers["ETag"]

    for path in ("/notes/1", "/notes/4711"):
        for method in ("PATCH", "PUT", "DELETE"):
            body = None if method == "DELETE" else {"title": "u"}
            answer = kitchen.request(method, path, EDITOR, json=body, headers={"If-Match": tag})
            refused(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_where_a_match_is_required_a_change_without_it_is_428(kitchen: Kitchen, method: str) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}])
    body = None if method == "DELETE" else {"name": "B"}

    answer = kitchen.request(method, "/shelves/1", EDITOR, json=body)

    refused(answer, 428, "precondition_required", header="If-Match", entry="required")
    assert kitchen.stored(Shelf) == [(1, "A")]
    tag = kitchen.get("/shelves/1").headers["ETag"]
    again = kitchen.request(method, "/shelves/1", EDITOR, json=body, headers={"If-Match": tag})
    assert again.status_code in (200, 204)


def test_the_tag_of_a_write_is_the_one_of_the_next_read(kitchen: Kitchen) -> None:
    made = kitchen.post("/articles", {"title": "T"}, ANNA)
    assert kitchen.get("/articles/1", ANNA).headers["ETag"] == made.headers["ETag"]

    changed = kitchen.patch("/articles/1", {"stars": 5}, ANNA, headers={"If-Match": made.headers["ETag"]})

    assert kitchen.get("/articles/1", ANNA).headers["ETag"] == changed.headers["ETag"]
