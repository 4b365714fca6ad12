"""Walking a list by its cursor visits each row once, in order, while rows come and go between the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from contracts.asking import arguments, order
from contracts.oracle import EMBEDDED, Condition, Declared, Oracle, Order, Question, Shown
from contracts.profiles import tries
from contracts.rules import Anyone, Column, Data, Either, HasRole, IsTruth, Related, Row
from contracts.schema import DAYS, KINDS, SERVED, TABLES
from contracts.strategies import sometimes
from contracts.world import PEOPLE, Answer, Served, World

OPEN: dict[str, Declared] = {name: Declared({"read": Anyone()}) for name in SERVED}
SOME_PLACES_HIDDEN = OPEN | {
    "places": Declared({"read": Either((IsTruth(Column(0, "open"), True), HasRole("editor")))}),
}
NULLS_AND_TIES: Mapping[str, tuple[Any, ...]] = {
    "title": (None, "a", "A", "é"),
    "length": (None, 0, 1),
    "public": (None, True, False),
    "begins": (None, *DAYS),
    "mood": (None, *KINDS),
    "home_id": (None, 1, 2, 3),
    "goal_id": (None, 1, 2, 3),
}


def place(id: int, name: str | None, is_open: bool | None, parent: int | None) -> Row:
    row = dict.fromkeys(TABLES["places"].columns)
    return row | {"id": id, "name": name, "open": is_open, "parent_id": parent}


PLACES = {1: place(1, "b", True, 2), 2: place(2, None, True, None), 3: place(3, "a", False, 1)}


def trips(most: int) -> st.SearchStrategy[list[Row]]:
    some = st.fixed_dictionaries({name: st.sampled_from(each) for name, each in NULLS_AND_TIES.items()})
    return st.lists(some, min_size=2, max_size=most)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    """Draw an order of trips: their own columns and those of places, to two steps."""
    own = [((), name) for name in ("id", *NULLS_AND_TIES)]
    far = [((one,), name) for one in ("home", "goal") for name in ("name", "open")] + [(("home", "parent"), "name")]
    chosen = draw(st.lists(st.sampled_from(own + far), max_size=3, unique=True))
    return tuple(Order(crossed, name, draw(st.booleans())) for crossed, name in chosen)


def trip(id: int, values: Mapping[str, Any]) -> Row:
    return dict.fromkeys(TABLES["trips"].columns) | dict(values) | {"id": id}


class Walk:
    """A walk through the trips, and what happens to them meanwhile."""

    def __init__(self, world: World, data: Data) -> None:
        self.world = world
        self.data = data
        self.throughout = set(data.rows["trips"])

    def insert(self, row: Row) -> None:
        self.data.rows["trips"][row["id"]] = row
        with self.world.engine.begin() as connection:
            connection.execute(insert(self.world.tables["trips"]), [self.world.as_stored("trips", row)])

    def delete(self, ids: Iterable[int]) -> None:
        trips = self.world.tables["trips"]
        for id in ids:
            self.throughout.discard(id)
            self.data.rows["trips"].pop(id, None)
            with self.world.engine.begin() as connection:
                connection.execute(delete(trips).where(trips.c.id == id))


changes = st.lists(
    st.tuples(
        st.sampled_from(("insert", "delete", "delete the last row shown", "insert a copy of it")),
        st.fixed_dictionaries({name: st.sampled_from(each) for name, each in NULLS_AND_TIES.items()}),
        st.integers(0, 30),
    ),
    max_size=12,
)


@tries(50)
@given(trips(14), orders(), st.integers(1, 4), changes, st.sampled_from(("ann", "cyd")))
def test_a_walk_visits_each_lasting_row_once_while_rows_come_and_go(
    world: World, rows: list[Row], sort: tuple[Order, ...], limit: int, changing: list[Any], who: str
) -> None:
    # Every second id is free, so that rows come in between the others where nothing but the key decides.
    data = Data()
    data.rows["places"] = dict(PLACES)
    data.rows["trips"] = {id: trip(id, values) for id, values in zip(range(2, 99, 2), rows, strict=False)}
    world.fill(data)
    walk, served = Walk(world, data), world.serve_all(SOME_PLACES_HIDDEN)
    note(f"sort={','.join(order(each) for each in sort)} limit={limit} as {who}")
    known = {id: dict(row) for id, row in data.rows["trips"].items()}
    shown: list[int] = []
    got = served.ask(who, "GET", "trips", query=arguments(Question(sort=sort, limit=limit)))
    while True:
        assert got.status == 200, got
        shown += [item["id"] for item in got.body["items"]]
        assert len(shown) == len(set(shown)), "a row is shown twice"
        if got.body["next"] is None:
            break
        assert len(got.body["items"]) == limit
        if changing:
            _change(walk, shown, *changing.pop())
            known |= {id: dict(row) for id, row in data.rows["trips"].items()}
        got = served.ask(who, "GET", got.body["next"])
    note(f"shown {shown}, there throughout {sorted(walk.throughout)}")
    assert walk.throughout <= set(shown), "a row that was there throughout is passed over"
    # Rows that went are judged by what they held: the order is that of the values, whenever a row was read.
    oracle = Oracle(_with_trips(data, known), SOME_PLACES_HIDDEN, PEOPLE[who])
    assert shown == [row["id"] for row in oracle.ordered("trips", (known[id] for id in shown), sort)]


def _change(walk: Walk, shown: list[int], what: str, values: Row, number: int) -> None:
    last = walk.data.rows["trips"].get(shown[-1])
    free = [id for id in range(1, 99) if id not in walk.data.rows["trips"] and id not in shown]
    match what:
        case "insert":
            walk.insert(trip(free[number % len(free)], values))
        case "insert a copy of it" if last is not None:
            walk.insert(trip(free[number % len(free)], last | {"id": None}))
        case "delete":
            walk.delete([list(walk.data.rows["trips"] or [0])[number % max(1, len(walk.data.rows["trips"]))]])
        case _:
            walk.delete(shown[-1:])
    note(f"{what}: now {sorted(walk.data.rows['trips'])}")


def _with_trips(data: Data, known: dict[int, Row]) -> Data:
    return Data(data.rows | {"trips": known}, data.links)


@tries(25)
@given(trips(14), orders(), st.integers(1, 4), st.sampled_from(("ann", "cyd")), sometimes(2))
def test_counted_pages_and_a_walk_show_the_same_order(
    world: World, rows: list[Row], sort: tuple[Order, ...], limit: int, who: str, filtered: bool
) -> None:
    data = Data()
    data.rows["places"] = dict(PLACES)
    data.rows["trips"] = {id: trip(id, values) for id, values in enumerate(rows, 1)}
    world.fill(data)
    served = world.serve_all(SOME_PLACES_HIDDEN)
    oracle = Oracle(data, SOME_PLACES_HIDDEN, PEOPLE[who])
    conditions = (Condition(("home",), "name", "ne", "a"),) if filtered else ()
    question = Question(conditions, sort, limit=limit)
    expected = [row["id"] for row in oracle.listed("trips", question)]
    walked = _ids_through(served, who, served.ask(who, "GET", "trips", query=arguments(question)))
    counted = _ids_through(served, who, served.ask(who, "GET", "trips", query=[*arguments(question), ("page", "1")]))
    assert walked == counted == expected


def _ids_through(served: Served, who: str, got: Answer) -> list[int]:
    ids: list[int] = []
    while True:
        assert got.status == 200, got
        ids += [item["id"] for item in got.body["items"]]
        assert len(ids) == len(set(ids)), "a row is shown twice"
        if got.body["next"] is None:
            return ids
        got = served.ask(who, "GET", got.body["next"])


@pytest.mark.parametrize("relation", ["stops", "homing", "children", "labels"])
def test_next_of_an_embedded_list_goes_on_where_it_ended(world: World, relation: str) -> None:
    data = Data()
    data.rows["places"] = {1: place(1, "here", True, None)} | {2: place(2, "elsewhere", True, None)}
    target = TABLES["places"].relations[relation].target
    for id in range(10, 10 + 2 * EMBEDDED + 7):
        row = dict.fromkeys(TABLES[target].columns) | {"id": id}
        row |= {column: 1 if id % 3 else 2 for column in ("place_id", "home_id", "parent_id") if column in row}
        data.rows[target][id] = row
        if relation == "labels":
            data.links.add((1 if id % 3 else 2, id))
    world.fill(data)
    served = world.serve(OPEN)
    expected = [row["id"] for row in data.related("places", data.rows["places"][1], relation)]
    assert len(expected) > EMBEDDED
    for path, query in (("places/1", []), ("places", [("name", "here")])):
        got = served.ask("ann", "GET", path, query=[*query, ("expand", relation), ("fields", f"{relation}__id")])
        embedded = (got.body if path == "places/1" else got.body["items"][0])[relation]
        assert [item["id"] for item in embedded["items"]] == expected[:EMBEDDED]
        rest = served.ask("ann", "GET", embedded["next"])
        assert set(rest.body["items"][0]) == {"id"}, "the rest shows what was asked for"
        assert _ids_through(served, "ann", rest) == expected[EMBEDDED:]


def test_next_of_an_embedded_list_ends_with_the_sight_of_its_row(world: World) -> None:
    """The link holds for whoever may read the row that it hangs on, and for no one else."""
    data = Data()
    data.rows["places"] = {3: PLACES[3] | {"parent_id": None}}
    data.rows["stops"] = {
        id: dict.fromkeys(TABLES["stops"].columns) | {"id": id, "place_id": 3} for id in range(1, EMBEDDED + 5)
    }
    world.fill(data)
    served = world.serve_all(SOME_PLACES_HIDDEN)
    link = served.ask("cyd", "GET", "places/3", query={"expand": "stops"}).body["stops"]["next"]

    assert len(served.ask("cyd", "GET", link).body["items"]) == 4
    assert served.ask("ann", "GET", link).body == {"items": [], "next": None}


def test_a_cursor_holds_where_an_order_crosses_to_rows_that_its_caller_may_not_read(world: World) -> None:
    """Hidden places sort as missing ones for ann, and by their name for cyd, with the same cursor."""
    data = Data()
    data.rows["places"] = dict(PLACES)
    data.rows["trips"] = {id: trip(id, {"home_id": 1 + id % 3}) for id in range(1, 10)}
    world.fill(data)
    served = world.serve(SOME_PLACES_HIDDEN | {"stops": OPEN["stops"]})
    for who in ("ann", "cyd"):
        question = Question(sort=(Order(("home",), "name", True),), shown=Shown(("id",)), limit=2)
        expected = [row["id"] for row in Oracle(data, SOME_PLACES_HIDDEN, PEOPLE[who]).listed("trips", question)]
        assert _ids_through(served, who, served.ask(who, "GET", "trips", query=arguments(question))) == expected


def test_rules_are_asked_on_every_page(world: World) -> None:
    """A cursor carries no rights: another caller goes on with it among the rows that this caller may read."""
    data = Data()
    data.rows["places"] = {id: place(id, "x", id % 2 == 0, None) for id in range(1, 11)}
    world.fill(data)
    served = world.serve(
        OPEN | {"places": Declared({"read": Either((IsTruth(Column(0, "open"), True), HasRole("editor")))})}
    )
    first = served.ask("cyd", "GET", "places", query={"limit": "3"})
    assert [item["id"] for item in first.body["items"]] == [1, 2, 3]
    assert _ids_through(served, "ann", served.ask("ann", "GET", first.body["next"])) == [4, 6, 8, 10]


def test_related_rows_that_a_rule_reaches_do_not_multiply_rows(world: World) -> None:
    """A rule over many related rows lets a row through once, however many of them fulfil it."""
    data = Data()
    data.rows["places"] = {1: place(1, "x", True, None)}
    data.rows["stops"] = {
        id: dict.fromkeys(TABLES["stops"].columns) | {"id": id, "place_id": 1, "nights": 1} for id in range(1, 6)
    }
    world.fill(data)
    served = world.serve(OPEN | {"places": Declared({"read": Related("stops", Anyone())})})
    got = served.ask("ann", "GET", "places", query={"count": "true", "stops__nights": "1"})
    assert [item["id"] for item in got.body["items"]] == [1]
    assert got.body["total"] == 1
