"""Each peer is asked the same in its own words, and what it answers is read as the others would have said it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from bench import pocketbase
from bench.applications import APPLICATIONS, DJANGO, FASTAPI, MEZE, POCKETBASE
from bench.comparison import refusals
from bench.data import BookRow, UserRow, books, token_of, user_id_of, users
from bench.own_calls import own_call
from bench.workload import NEW_ISBN, Call, workloads

CALLS = {workload.name: workload.calls[0] for workload in workloads(1)}


def test_every_peer_is_pinned_and_has_its_folder():
    for application in APPLICATIONS.values():
        assert application.folder.is_dir()
        assert set(application.databases) <= {"sqlite", "postgresql"}


def test_what_an_application_accepts_is_something_that_is_asked():
    for application in APPLICATIONS.values():
        assert application.accepts <= set(refusals())


def test_a_list_with_authors_is_an_operation_of_its_own_at_some():
    with_authors = CALLS["R3"]

    assert FASTAPI.call(with_authors).path.startswith("/api/v1/books/with-author?genre=")
    assert "expand" not in FASTAPI.call(with_authors).path
    assert DJANGO.call(with_authors) == with_authors
    assert FASTAPI.call(CALLS["R2"]) == CALLS["R2"]


@pytest.mark.parametrize("user_id", [1, 1_000])
def test_a_token_tells_whose_it_is(user_id):
    assert user_id_of(token_of(user_id)) == user_id


def test_an_unknown_token_is_nobodys():
    assert user_id_of("reader-0000") is None
    assert user_id_of("") is None


def test_a_user_of_meze_has_an_account():
    row = MEZE.stored(next(users()))

    assert (row["id"], row["email_canonical"], row["email_verified"]) == (1, "reader1@example.org", True)


def test_pocketbase_is_asked_for_a_book_by_its_own_key():
    found = POCKETBASE.call(Call("GET", "/api/v1/books/18161"))

    assert found == Call("GET", "/api/collections/books/records/000000000018161")


def test_pocketbase_is_asked_for_a_page_with_the_same_conditions_order_and_length():
    path = "/api/v1/books?genre=music&published__lt=1992-01-01&sort=-published&limit=20&expand=author"
    parts = urlsplit(POCKETBASE.call(Call("GET", path)).path)

    assert parts.path == "/api/collections/books/records"
    assert parse_qs(parts.query) == {
        "filter": ['genre = "music" && published < "1992-01-01"'],
        "skipTotal": ["1"],
        "sort": ["-published,-id"],
        "perPage": ["20"],
        "expand": ["author_id"],
    }


def test_who_creates_at_pocketbase_names_the_owner():
    created = own_call(POCKETBASE, CALLS["R4"], {CALLS["R4"].token: "a.session.token"})
    body = json.loads(created.body)

    assert body == json.loads(CALLS["R4"].body) | {
        "author_id": pocketbase.key(json.loads(CALLS["R4"].body)["author_id"]),
        "owner_id": pocketbase.key(user_id_of(CALLS["R4"].token)),
    }
    assert body["isbn"] == NEW_ISBN
    assert created.token == "a.session.token"


def test_a_patch_at_pocketbase_names_no_owner():
    assert json.loads(POCKETBASE.call(CALLS["R5"]).body) == json.loads(CALLS["R5"].body)


def test_a_book_that_pocketbase_answers_is_read_as_the_row_it_was_made_of():
    """One in five books has no rating, which PocketBase keeps as 0: it has no NULL."""
    for book in [book for book, _ in zip(books(), range(50), strict=False)]:
        answered = {"collectionId": "pbc_1", "collectionName": "books", **POCKETBASE.stored(book)}

        assert POCKETBASE.row(answered) == book._asdict()


def test_an_author_that_pocketbase_expands_stands_in_the_row():
    author = {
        "collectionId": "pbc_2",
        "collectionName": "authors",
        "id": pocketbase.key(7),
        "name": "N",
        "country": "DE",
    }
    answered = {**POCKETBASE.stored(next(books())), "expand": {"author_id": author}}

    assert POCKETBASE.row(answered)["author"] == {"id": 7, "name": "N", "country": "DE"}


def test_rows_are_stored_with_the_keys_of_the_application():
    user = POCKETBASE.stored(UserRow(3, "a@example.org", "A"))
    book = POCKETBASE.stored(BookRow(1, "T", "978", "g", 1, "3.00", None, "1950-01-01", 2, 3))

    assert book["owner_id"] == user["id"] == "000000000000003"
    assert (book["published"], book["rating"]) == ("1950-01-01 00:00:00.000Z", 0)
