"""What each kind of caller reads, under random rules over random rows, agrees with the oracle on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.asking import arguments, selection
from contracts.oracle import Declared, Oracle, Question, Refusal, Shown
from contracts.profiles import tries
from contracts.rules import Data
from contracts.schema import SERVED
from contracts.strategies import NOTHING, datasets, declarations, questions
from contracts.world import PEOPLE, Answer, Served, World

callers = st.lists(st.sampled_from(list(PEOPLE)), min_size=2, max_size=3, unique=True)


def comparable(value: Any) -> Any:
    """Return an answer with each `next` of an embedded list as whether there is one.

    Of a user admins read more than the oracle knows of: what others may read of them is compared.
    """
    if isinstance(value, dict):
        if "email_verified" in value:
            value = {name: value[name] for name in ("id", "name")}
        embedded = set(value) == {"items", "next"}
        return {
            name: each is not None if embedded and name == "next" else comparable(each) for name, each in value.items()
        }
    return [comparable(each) for each in value] if isinstance(value, list) else value


def assert_refused(got: Answer, refusal: Refusal) -> None:
    assert (got.status, got.code) == (refusal.status, refusal.code), got
    assert got.headers["Content-Type"] == "application/problem+json"


def assert_list_agrees(served: Served, oracle: Oracle, who: str, table: str, question: Question) -> None:
    query = arguments(question)
    note(f"{who}: GET {table} {query}")
    try:
        expected = [oracle.shown(table, row, question.shown) for row in oracle.listed(table, question)]
    except Refusal as refusal:
        assert_refused(served.ask(who, "GET", table, query=query), refusal)
        return
    assert_walk_shows(served, who, table, [*query, ("count", "true")], question.limit, expected)
    for page in (1, 2):
        got = served.ask(who, "GET", table, query=[*query, ("page", str(page))])
        first = (page - 1) * question.limit
        assert got.status == 200, got
        assert comparable(got.body["items"]) == expected[first : first + question.limit]
        assert (got.body["next"] is not None) == (len(expected) > first + question.limit)


def assert_walk_shows(
    served: Served, who: str, table: str, query: list[tuple[str, str]], limit: int, expected: list[Any]
) -> None:
    """Follow `next` from the first page to the last."""
    shown: list[Any] = []
    got = served.ask(who, "GET", table, query=query)
    while True:
        assert got.status == 200, got
        assert got.body["total"] == len(expected)
        shown += comparable(got.body["items"])
        if got.body["next"] is None:
            break
        assert len(got.body["items"]) == limit
        assert len(shown) < len(expected), "a page follows the last row"
        got = served.ask(who, "GET", got.body["next"])
    assert shown == expected


def assert_rows_agree(served: Served, oracle: Oracle, who: str, table: str, shown: Shown) -> None:
    """Ask for every row by its key, and for one that is not there."""
    for id in (*oracle.data.rows[table], NOTHING):
        got = served.ask(who, "GET", f"{table}/{id}", query=selection(shown))
        note(f"{who}: GET {table}/{id} {selection(shown)}")
        try:
            oracle.check(table, Question(shown=shown, limit=1))
            row = oracle.data.rows[table].get(id)
            if row is None or not oracle.visible(table, row):
                raise Refusal(404, "not_found")
        except Refusal as refusal:
            assert_refused(got, refusal)
        else:
            assert (got.status, comparable(got.body)) == (200, oracle.shown(table, row, shown))
            assert got.headers["ETag"].startswith('"')


def assert_agrees(
    world: World, declared: Mapping[str, Declared], data: Data, served: Served, who: str, asked: list[Any]
) -> None:
    oracle = Oracle(data, declared, PEOPLE[who])
    for table, question in asked:
        assert_list_agrees(served, oracle, who, table, question)
        assert_rows_agree(served, oracle, who, table, question.shown)


@tries(25)
@given(declarations(closed=4), st.lists(datasets(), min_size=2, max_size=2), callers, st.lists(questions(), max_size=4))
def test_lists_and_rows_agree_with_the_oracle(
    world: World, declared: dict[str, Declared], several: tuple[Data, Data], people: list[str], asked: list[Any]
) -> None:
    served = world.serve(declared)
    for data in several:
        world.fill(data)
        for who in people:
            assert_agrees(world, declared, data, served, who, asked)


@tries(25)
@given(
    declarations(closed=1),
    datasets(least=3, most=9),
    st.sampled_from(list(PEOPLE)),
    st.lists(questions(), min_size=6, max_size=9),
)
def test_filters_and_sorts_over_many_rows_agree_with_the_oracle(
    world: World, declared: dict[str, Declared], data: Data, who: str, asked: list[tuple[str, Question]]
) -> None:
    served = world.serve(declared)
    world.fill(data)
    oracle = Oracle(data, declared, PEOPLE[who])
    for table, question in asked:
        assert_list_agrees(served, oracle, who, table, question)


@tries(15)
@given(declarations(closed=4), datasets())
def test_every_caller_sees_exactly_the_rows_that_the_rule_lets_through(
    world: World, declared: dict[str, Declared], data: Data
) -> None:
    served = world.serve(declared)
    world.fill(data)
    for who in PEOPLE:
        assert_agrees(world, declared, data, served, who, [(table, Question()) for table in SERVED])
