"""A cursor opens the list that it was made for, and nothing else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.oracle import Declared
from contracts.profiles import tries
from contracts.rules import Anyone, Data
from contracts.schema import SERVED, TABLES
from contracts.world import SECRET, Answer, Served, World

OPEN = {name: Declared({"read": Anyone()}) for name in SERVED}
CURSOR_CHARACTERS = string.ascii_letters + string.digits + "-_"
ASKED = {"limit": "2", "sort": "-length,title", "length__lt": "9", "home__isnull": "true"}


@pytest.fixture
def served(world: World) -> Served:
    data = Data()
    for name in SERVED:
        data.rows[name] = {id: dict.fromkeys(TABLES[name].columns) | {"id": id} for id in range(1, 30)}
    for id, row in data.rows["trips"].items():
        row |= {"length": id % 3, "title": f"trip {id % 4}"}
    for row in data.rows["stops"].values():
        row["place_id"] = 1
    world.fill(data)
    return world.serve(OPEN)


def cursor_of(served: Served, table: str = "trips", asked: dict[str, str] = ASKED) -> str:
    got = served.ask("ann", "GET", table, query=asked)
    return cursor_in(served, got.body["next"])


def cursor_in(served: Served, url: str) -> str:
    with served.app.test_request_context(url) as context:
        return context.request.args["cursor"]


def assert_bad_cursor(got: Answer) -> None:
    assert (got.status, got.code) == (400, "bad_cursor"), got
    assert [entry["parameter"] for entry in got.body["errors"]] == ["cursor"]


def test_a_cursor_opens_the_list_that_it_was_made_for(served: Served) -> None:
    got = served.ask("ann", "GET", "trips", query=ASKED | {"cursor": cursor_of(served)})
    assert len(got.body["items"]) == 2


def test_a_cursor_with_any_one_character_altered_is_refused(served: Served) -> None:
    """The last one counts like the others: base64 has spare bits there, which many readers overlook."""
    for sort in ("-length,title", "id", "title", "length"):
        asked = ASKED | {"sort": sort}
        cursor = cursor_of(served, asked=asked)
        for at, old in enumerate(cursor):
            new = CURSOR_CHARACTERS[(CURSOR_CHARACTERS.index(old) + 1) % len(CURSOR_CHARACTERS)]
            assert_bad_cursor(
                served.ask("ann", "GET", "trips", query=asked | {"cursor": cursor[:at] + new + cursor[at + 1 :]})
            )
        for new in CURSOR_CHARACTERS:
            if new != cursor[-1]:
                assert_bad_cursor(served.ask("ann", "GET", "trips", query=asked | {"cursor": cursor[:-1] + new}))


def test_a_cursor_that_was_cut_or_lengthened_is_refused(served: Served) -> None:
    cursor = cursor_of(served)
    cut = [cursor[:length] for length in range(len(cursor))]
    for altered in (*cut, cursor + "A", cursor + "=", cursor + "==", " " + cursor, cursor + " ", cursor + cursor):
        assert_bad_cursor(served.ask("ann", "GET", "trips", query=ASKED | {"cursor": altered}))


@tries(40)
@given(st.one_of(st.text(max_size=40), st.binary(max_size=60).map(lambda raw: raw.hex()), st.just("A" * 9000)))
def test_any_text_that_is_no_cursor_is_refused(served: Served, written: str) -> None:
    assert_bad_cursor(served.ask("ann", "GET", "trips", query=ASKED | {"cursor": written}))


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        pytest.param("trips", {"sort": "-length,-title"}, id="another-direction"),
        pytest.param("trips", {"sort": "title,-length"}, id="another-order-of-the-keys"),
        pytest.param("trips", {"sort": "-length"}, id="fewer-keys"),
        pytest.param("trips", {"length__lt": "8"}, id="another-value"),
        pytest.param("trips", {"length__lt": None}, id="without-a-filter"),
        pytest.param("trips", {"goal__isnull": "true"}, id="one-more-filter"),
        pytest.param("trips", {"length__lt": None, "length__lte": "9"}, id="another-operator"),
    ],
)
def test_a_cursor_of_another_filter_or_sort_is_refused(
    served: Served, table: str, changed: dict[str, str | None]
) -> None:
    asked = {name: text for name, text in (ASKED | changed).items() if text is not None}
    assert served.ask("ann", "GET", table, query=asked).status == 200
    assert_bad_cursor(served.ask("ann", "GET", table, query=asked | {"cursor": cursor_of(served)}))


def test_a_cursor_of_another_resource_is_refused(served: Served) -> None:
    asked = {"limit": "2"}
    for table in SERVED:
        cursor = cursor_of(served, table, asked)
        for other in SERVED:
            got = served.ask("ann", "GET", other, query=asked | {"cursor": cursor})
            if other == table:
                assert [item["id"] for item in got.body["items"]] == [3, 4]
            else:
                assert_bad_cursor(got)


def test_a_cursor_of_an_embedded_list_takes_no_filter_or_sort(served: Served) -> None:
    got = served.ask("ann", "GET", "places/1", query={"expand": "stops"})
    cursor = cursor_in(served, got.body["stops"]["next"])
    assert len(served.ask("ann", "GET", "stops", query={"cursor": cursor}).body["items"]) == 9
    for more in ({"sort": "-id"}, {"nights": "1"}, {"place_id": "1"}):
        assert_bad_cursor(served.ask("ann", "GET", "stops", query=more | {"cursor": cursor}))


def test_a_cursor_holds_nothing_that_can_be_read(served: Served) -> None:
    """Neither its text nor its length tells more than how much was sorted by."""
    assert cursor_of(served) != cursor_of(served), "each is sealed anew"
    assert "trip" not in cursor_of(served)
    assert SECRET not in cursor_of(served)


def test_what_shows_or_counts_rows_may_change_between_pages(served: Served) -> None:
    """A cursor is bound to resource, filter and sort; limit, fields, expand and count are the client's to change."""
    cursor = cursor_of(served)
    more = {"limit": "5", "fields": "id", "expand": "home", "count": "true"}
    got = served.ask("ann", "GET", "trips", query=ASKED | more | {"cursor": cursor})
    assert got.status == 200
    assert [set(item) for item in got.body["items"]] == [{"id", "home"}] * 5
