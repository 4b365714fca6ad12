"""Writes that try to slip past a rule: each is refused, and leaves every row as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.oracle import Declared
from contracts.rules import (
    Anyone,
    Column,
    Compare,
    Constant,
    Data,
    Distinct,
    Either,
    Every,
    Flag,
    IsNull,
    IsTruth,
    Me,
    Not,
    OneOf,
    Related,
    Row,
    Rule,
    SignedIn,
)
from contracts.schema import SERVED, TABLES
from contracts.strategies import NOTHING
from contracts.world import PEOPLE, Answer, Served, World

ANN, BEN = 1, 2


def own(depth: int = 0) -> Rule:
    return Every((SignedIn(), Compare(Column(depth, "owner_id"), "==", Me("id"))))


PUBLIC = IsTruth(Column(0, "public"), True)
OPEN = {name: Declared({"read": Anyone()}) for name in SERVED}
DESIGN = OPEN | {
    "trips": Declared(dict.fromkeys(("create", "update", "delete"), own()) | {"read": Either((PUBLIC, own()))}),
    "stops": Declared(
        {"read": Related("trip", Either((PUBLIC, own())))}
        | dict.fromkeys(("create", "update", "delete"), Related("trip", own()))
    ),
}


def row(table: str, id: int, **values: Any) -> Row:
    return dict.fromkeys(TABLES[table].columns) | {"id": id} | values


def rows_of_the_day() -> Data:
    """Ann has trip 1, which is hers alone, and trip 2, which is public; ben has 3, hidden from ann, and 4, public."""
    data = Data()
    for id, owner, public in ((1, ANN, False), (2, ANN, True), (3, BEN, False), (4, BEN, True)):
        data.rows["trips"][id] = row("trips", id, owner_id=owner, public=public, title=f"trip {id}", length=id)
        data.rows["stops"][id] = row("stops", id, trip_id=id, place_id=1, nights=id)
    data.rows["places"][1] = row("places", 1, name="root", height=5, open=True)
    data.rows["places"][2] = row("places", 2, name="leaf", height=3, parent_id=1, open=False)
    data.rows["users"] = {
        each.id: {"id": each.id, "name": name.title()} for name, each in PEOPLE.items() if each.id is not None
    }
    return data


@pytest.fixture
def attempt(world: World) -> Callable[..., Answer]:
    """Send a write under some rules, and see to it that nothing changed unless it was answered with success."""
    data = rows_of_the_day()
    world.fill(data)

    def send(declared: dict[str, Declared], who: str, method: str, path: str, body: Row | None = None) -> Answer:
        got = world.serve(declared).ask(who, method, path, body)
        if got.status >= 300:
            assert world.stored() == data
        return got

    return send


Attempt = Callable[..., Answer]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        pytest.param("PATCH", "stops/1", {"trip_id": 4}, 403, "forbidden", id="to-anothers-public-trip"),
        pytest.param("PATCH", "stops/1", {"trip_id": 3}, 422, "invalid", id="to-anothers-hidden-trip"),
        pytest.param("PUT", "stops/1", {"trip_id": 4, "place_id": 1}, 403, "forbidden", id="by-replacing-it"),
        pytest.param("PUT", "stops/1", {"place_id": 1}, 403, "forbidden", id="to-no-trip-by-leaving-it-out"),
        pytest.param("PATCH", "stops/1", {"trip_id": None}, 403, "forbidden", id="to-no-trip"),
        pytest.param("PATCH", "stops/4", {"trip_id": 1}, 403, "forbidden", id="out-of-anothers-trip"),
        pytest.param("PATCH", "stops/3", {"trip_id": 1}, 404, "not_found", id="out-of-a-hidden-trip"),
        pytest.param("POST", "stops", {"trip_id": 4, "place_id": 1}, 403, "forbidden", id="born-in-anothers-trip"),
        pytest.param("POST", "stops", {"trip_id": 3, "place_id": 1}, 422, "invalid", id="born-in-a-hidden-trip"),
        pytest.param("DELETE", "stops/4", None, 403, "forbidden", id="deleting-from-anothers-trip"),
        pytest.param("DELETE", "stops/3", None, 404, "not_found", id="deleting-from-a-hidden-trip"),
        pytest.param("PATCH", "trips/1", {"owner_id": BEN}, 403, "forbidden", id="giving-a-trip-away"),
        pytest.param("PATCH", "trips/1", {"owner_id": None}, 403, "forbidden", id="leaving-a-trip-to-nobody"),
        pytest.param("PUT", "trips/1", {"title": "x"}, 403, "forbidden", id="leaving-it-to-nobody-by-replacing-it"),
        pytest.param("PATCH", "trips/4", {"owner_id": ANN}, 403, "forbidden", id="taking-a-trip"),
        pytest.param("PATCH", "trips/3", {"owner_id": ANN}, 404, "not_found", id="taking-a-hidden-trip"),
        pytest.param("POST", "trips", {"owner_id": BEN}, 403, "forbidden", id="making-a-trip-for-another"),
    ],
)
def test_a_row_cannot_be_moved_or_given_across_a_rule(
    attempt: Attempt, method: str, path: str, body: Row | None, status: int, code: str
) -> None:
    got = attempt(DESIGN, "ann", method, path, body)
    assert (got.status, got.code) == (status, code), got


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PATCH", "stops/1", {"trip_id": 2}, id="between-ones-own-trips"),
        pytest.param("PATCH", "stops/1", {"trip_id": 1, "nights": 9}, id="sent-back-as-it-was"),
        pytest.param("PATCH", "trips/1", {"owner_id": ANN}, id="owner-sent-back"),
        pytest.param("PUT", "stops/2", {"trip_id": 1, "place_id": 2}, id="replaced-and-moved"),
    ],
)
def test_what_the_rule_allows_before_and_after_is_done(
    world: World, attempt: Attempt, method: str, path: str, body: Row
) -> None:
    got = attempt(DESIGN, "ann", method, path, body)
    assert got.status == 200, got
    table, _, id = path.partition("/")
    stored = world.stored().rows[table][int(id)]
    assert {name: stored[name] for name in body} == body


STORED_STOPS_AT_PLACE_1 = Related("stops", Compare(Column(0, "place_id"), "==", Constant(1)))
LONGER_THAN_A_STOP = Related("stops", Compare(Column(1, "length"), ">", Column(0, "nights")))
AS_LONG_AS_A_TWIN = Related("home", Related("homing", Compare(Column(0, "length"), "==", Constant(7))))
LOWER_THAN_ITS_PARENT = Related("parent", Compare(Column(1, "height"), "<", Column(0, "height")), apart=True)
PARENT_IS_ITS_OWN_ROOT = Related("parent", IsNull(Column(0, "parent_id"), False))


def writing(table: str, rule: Rule) -> dict[str, Declared]:
    return OPEN | {table: Declared({"read": Anyone()} | dict.fromkeys(("create", "update", "delete"), rule))}


@pytest.mark.parametrize(
    ("table", "rule", "method", "path", "body"),
    [
        pytest.param(
            "trips", STORED_STOPS_AT_PLACE_1, "POST", "trips", {"title": "x"}, id="a-new-row-has-no-related-rows-yet"
        ),
        pytest.param(
            "stops",
            Related("trip", Related("stops", Compare(Column(0, "nights"), "==", Constant(9)))),
            "PATCH",
            "stops/1",
            {"nights": 9},
            id="the-values-sent-do-not-stand-in-for-a-stored-row-out-and-back",
        ),
        pytest.param(
            "stops",
            Related("trip", Related("stops", Compare(Column(0, "nights"), "==", Constant(9)))),
            "POST",
            "stops",
            {"trip_id": 1, "nights": 9},
            id="nor-those-of-a-new-one",
        ),
        pytest.param(
            "places",
            Related("children", IsTruth(Column(0, "open"), True)),
            "PATCH",
            "places/1",
            {"open": True, "parent_id": 1},
            id="nor-where-a-row-is-made-its-own-parent",
        ),
        pytest.param(
            "places",
            Related("parent", Compare(Column(0, "height"), "==", Constant(8))),
            "PATCH",
            "places/2",
            {"height": 8, "parent_id": 2},
            id="nor-where-it-is-made-its-own-child",
        ),
        pytest.param(
            "trips", LONGER_THAN_A_STOP, "PATCH", "trips/1", {"length": 1}, id="compared-with-related-rows-afterwards"
        ),
        pytest.param(
            "places", LOWER_THAN_ITS_PARENT, "PATCH", "places/2", {"height": 6}, id="compared-with-another-of-its-table"
        ),
        pytest.param(
            "places",
            LOWER_THAN_ITS_PARENT,
            "POST",
            "places",
            {"height": 6, "parent_id": 1},
            id="compared-with-another-of-its-table-when-new",
        ),
        pytest.param(
            "places",
            Not(Related("parent", OneOf(Column(0, "height"), (5, 6), False))),
            "POST",
            "places",
            {"parent_id": 1},
            id="a-negated-rule-over-a-stored-parent",
        ),
        pytest.param(
            "trips", Not(Flag(Column(0, "public"))), "PATCH", "trips/1", {"public": None}, id="null-is-not-false"
        ),
        pytest.param(
            "trips",
            Not(Compare(Column(0, "owner_id"), "==", Me("id"))),
            "POST",
            "trips",
            {"owner_id": None, "title": "x"},
            id="a-null-owner-is-not-another-owner",
        ),
        pytest.param(
            "trips",
            Distinct(Column(0, "owner_id"), Me("id"), True),
            "POST",
            "trips",
            {"owner_id": BEN},
            id="distinct-owner",
        ),
    ],
)
def test_a_value_sent_does_not_meet_a_rule_through_an_inner_table(
    attempt: Attempt, table: str, rule: Rule, method: str, path: str, body: Row
) -> None:
    got = attempt(writing(table, rule), "ann", method, path, body)
    assert (got.status, got.code) == (403, "forbidden"), got


ALWAYS = Either((IsNull(Column(0, "title"), False), IsNull(Column(0, "title"), True)))


@pytest.mark.parametrize("who", ["nobody", "ben"])
@pytest.mark.parametrize(
    "around",
    [
        pytest.param(lambda compared: compared, id="as-it-is"),
        pytest.param(Not, id="negated"),
        pytest.param(lambda compared: Not(Not(compared)), id="negated-twice"),
        pytest.param(lambda compared: Not(Every((compared, ALWAYS))), id="inside-a-negated-and"),
        pytest.param(lambda compared: Not(Either((compared, Flag(Column(0, "public"))))), id="inside-a-negated-or"),
        pytest.param(lambda compared: Not(Every((compared, Anyone()))), id="beside-words-that-are-negated"),
    ],
)
def test_a_comparison_with_a_null_me_lets_nothing_be_written(
    attempt: Attempt, who: str, around: Callable[[Rule], Rule]
) -> None:
    """Nobody has no id, ben no verified e-mail: neither `==`, `!=` nor IS NULL comes of it."""
    attribute, column = ("id", "owner_id") if who == "nobody" else ("email", "email")
    declared = writing("trips", around(Compare(Column(0, column), "==", Me(attribute))))
    for body in ({"title": "x"}, {"owner_id": ANN, "email": "ann@example.org"}, {"owner_id": None, "email": None}):
        for method, path in (("POST", "trips"), ("PATCH", "trips/1"), ("PUT", "trips/4")):
            got = attempt(declared, who, method, path, body)
            assert (got.status, got.code) == ((401, "unauthenticated") if who == "nobody" else (403, "forbidden")), got
    assert attempt(declared, who, "DELETE", "trips/1").status in (401, 403)


@pytest.mark.parametrize("table", ["stops", "places"])
def test_a_foreign_key_to_a_hidden_row_answers_as_one_to_nothing(world: World, table: str) -> None:
    """Through another resource, and through the row's own (self-reference)."""
    data = rows_of_the_day()
    data.rows["places"][3] = row("places", 3, name="hidden", open=False)
    world.fill(data)
    seen = Declared({"read": IsTruth(Column(0, "open"), True)} | dict.fromkeys(("create", "update"), Anyone()))
    everything = Declared(dict.fromkeys(("read", "create", "update"), Anyone()))
    served = world.serve(OPEN | {"places": seen, "stops": everything})
    column = "place_id" if table == "stops" else "parent_id"
    for method, path in (("POST", table), ("PATCH", f"{table}/1"), ("PUT", f"{table}/1")):
        hidden, nothing = (served.ask("ann", method, path, {column: id}) for id in (3, NOTHING))
        assert (hidden.status, hidden.code) == (422, "invalid"), hidden
        assert [(each["pointer"], each["code"]) for each in hidden.body["errors"]] == [(f"/{column}", "no_such_row")]
        assert hidden.body | {"request_id": ""} == nothing.body | {"request_id": ""}
        assert world.stored() == data


def test_a_foreign_key_to_a_row_that_is_hidden_by_now_may_be_sent_back_as_it_is(world: World) -> None:
    """A form sends back what it fetched; only what is new in it is asked about."""
    data = rows_of_the_day()
    data.rows["stops"][1]["place_id"] = 2
    world.fill(data)
    seen = Declared({"read": IsTruth(Column(0, "open"), True)})
    served = world.serve(DESIGN | {"places": seen})
    form = served.ask("ann", "GET", "stops/1").body
    assert form["place_id"] == 2
    assert served.ask("ann", "PUT", "stops/1", form | {"nights": 5}).status == 200
    assert served.ask("ann", "PATCH", "stops/1", {"place_id": 2, "nights": 6}).status == 200
    assert served.ask("ann", "PATCH", "stops/1", {"place_id": 1}).status == 200
    assert served.ask("ann", "PATCH", "stops/1", {"place_id": 2}).status == 422
    assert world.stored().rows["stops"][1] == data.rows["stops"][1] | {"nights": 6, "place_id": 1}


def assert_hidden(served: Served, path: str, query: dict[str, str]) -> None:
    got = served.ask("ann", "GET", path, query=query)
    assert (got.status, got.code) == (400, "unknown_field"), (query, got)


def test_a_hidden_foreign_key_hides_the_relations_that_stand_on_it(world: World) -> None:
    """Where a key leads would tell what it holds: from its own side, from the other, and behind other steps."""
    world.fill(rows_of_the_day())
    served = world.serve(OPEN | {"stops": Declared({"read": Anyone()}, fields={"place_id": None})})
    for query in (
        {"expand": "place"},
        {"fields": "place__id"},
        {"place__id": "1"},
        {"place__isnull": "false"},
        {"sort": "place__name"},
        {"place_id": "1"},
        {"trip__stops__place__id": "1"},
    ):
        assert_hidden(served, "stops", query)
    for query in ({"expand": "stops"}, {"stops__isnull": "false"}, {"stops__nights": "1"}):
        assert_hidden(served, "places", query)


def test_fields_of_far_rows_do_not_show_the_rows_between(world: World) -> None:
    """`fields` says all that is shown, of the rows on the way as well."""
    data = rows_of_the_day()
    data.rows["trips"][1]["home_id"] = 1
    world.fill(data)
    served = world.serve(OPEN)
    got = served.ask("ann", "GET", "stops/1", query={"fields": "id,trip__home__name"})
    assert got.body == {"id": 1, "trip": {"home": {"name": "root"}}}
