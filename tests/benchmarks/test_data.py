"""Every machine and every run measures on the same rows and the same calls."""

import functools
import hashlib
import json
from collections import Counter
from itertools import chain

import pytest
from bench.data import AUTHORS, BOOKS, USERS, BookRow, authors, books, token_of, users
from bench.workload import NEW_ISBN, TITLES, workloads

WORKLOADS = {workload.name: workload for workload in workloads()}


@functools.cache
def stored() -> tuple[BookRow, ...]:
    """Every book, made where a test first asks: each worker of a parallel run reads this file, few run its tests."""
    return tuple(books())


def test_the_rows_are_the_same_everywhere():
    """A changed digest means that results from before and after cannot be compared: say so where they are kept."""
    digest = hashlib.sha256()
    for row in chain(authors(), users(), stored()):
        digest.update(repr(tuple(row)).encode())

    assert digest.hexdigest() == "8404136e67bb4655b7fe659acda8855a9e3275d7b402fab0e54c48925d3b4893"


def test_the_calls_are_the_same_everywhere():
    digest = hashlib.sha256("".join(workload.text() for workload in WORKLOADS.values()).encode())

    assert digest.hexdigest() == "bc7ec2af27c0ef644152b416c36af7b87de35da66ee84ef7b5e84f449940de91"


def test_there_are_as_many_rows_as_the_bars_were_set_for():
    assert (AUTHORS, BOOKS, USERS) == (5_000, 100_000, 1_000)
    assert [sum(1 for _ in rows) for rows in (authors(), stored(), users())] == [AUTHORS, BOOKS, USERS]


def test_every_book_keeps_its_constraints():
    isbns = set()
    for book in stored():
        assert 1 <= book.author_id <= AUTHORS
        assert 1 <= book.owner_id <= USERS
        assert book.pages > 0
        assert book.rating is None or 0 <= book.rating <= 5
        assert len(book.title) <= 200
        isbns.add(book.isbn)

    assert len(isbns) == BOOKS
    assert {len(isbn) for isbn in isbns} == {13}


def test_a_patch_bears_the_token_of_the_books_owner():
    owners = {book.id: book.owner_id for book in stored()}

    for call in WORKLOADS["R5"].calls:
        assert call.token == token_of(owners[int(call.path.rpartition("/")[2])])


def test_a_create_has_one_place_for_its_isbn_and_it_is_as_long_as_an_isbn():
    """The load generator replaces it in the finished request, whose Content-Length is already written."""
    assert len(NEW_ISBN) == 13
    for call in WORKLOADS["R4"].calls:
        assert call.body.count(NEW_ISBN) == 1
        assert json.loads(call.body)["isbn"] == NEW_ISBN


def test_the_mix_is_seventy_twenty_ten():
    assert Counter(call.method for call in WORKLOADS["R6"].calls) == {"GET": 1_400, "POST": 400, "PATCH": 200}


def test_a_page_of_any_call_is_full():
    genres = Counter()
    for book in stored():
        if book.published < "1957-01-01":
            genres[book.genre] += 1

    assert min(genres.values()) >= 20
    for call in (*WORKLOADS["R2"].calls, *WORKLOADS["R3"].calls):
        assert call.path.partition("published__lt=")[2][:10] >= "1957-01-01"


@pytest.mark.parametrize("name", TITLES)
def test_a_line_of_a_workload_file_has_four_parts(name):
    text = WORKLOADS[name].text()

    assert text.endswith("\n")
    assert [line.count("\t") for line in text.splitlines()] == [3] * 2_000
