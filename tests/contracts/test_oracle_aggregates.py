"""Aggregates of random rows, in random groups and orders, under random rules, agree with the oracle."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.aggregating import Summary, query_of, summaries, summarised
from contracts.oracle import Declared, Oracle, Refusal
from contracts.profiles import tries
from contracts.rules import Data
from contracts.strategies import datasets, declarations
from contracts.test_oracle_filters import PARTLY_HIDDEN, WHO
from contracts.test_oracle_reading import assert_refused
from contracts.world import PEOPLE, Served, World


def assert_aggregates_agree(served: Served, oracle: Oracle, who: str, table: str, summary: Summary) -> None:
    """Ask, follow `next` to the last page, and count the same pages off."""
    query = query_of(summary)
    note(f"{who}: GET {table} {query}")
    try:
        expected = summarised(oracle, table, summary)
    except Refusal as refusal:
        assert_refused(served.ask(who, "GET", table, query=query), refusal)
        return
    shown: list[Any] = []
    got = served.ask(who, "GET", table, query=query)
    while True:
        assert got.status == 200, got
        shown += got.body["groups"]
        if got.body["next"] is None:
            break
        assert len(got.body["groups"]) == summary.limit
        assert len(shown) < len(expected), "a page follows the last group"
        got = served.ask(who, "GET", got.body["next"])
    assert shown == expected
    second = served.ask(who, "GET", table, query=[*query, ("page", "2")])
    assert second.body["groups"] == expected[summary.limit : 2 * summary.limit]
    assert (second.body["next"] is None) == (len(expected) <= 2 * summary.limit)


@tries(40, long=5000)
@given(
    declarations(closed=2),
    datasets(least=3, most=9),
    st.sampled_from(list(PEOPLE)),
    st.lists(summaries(), min_size=5, max_size=8),
)
def test_aggregates_agree_with_the_oracle(
    world: World, declared: dict[str, Declared], data: Data, who: str, asked: list[tuple[str, Summary]]
) -> None:
    served = world.serve(declared)
    world.fill(data)
    oracle = Oracle(data, declared, PEOPLE[who])
    for table, summary in asked:
        assert_aggregates_agree(served, oracle, who, table, summary)


HIDING = {"places": "open", "trips": "public"}
"""What hides a row of these tables under PARTLY_HIDDEN, whatever else it holds."""
CHANGED = {
    "places": {"name": "zzz", "height": 9, "since": None},
    "trips": {"title": "zzz", "length": 9, "begins": None},
}


@tries(20, long=2000)
@given(datasets(least=5, most=9), st.sampled_from(WHO), st.lists(summaries(), min_size=5, max_size=8))
def test_what_a_hidden_row_holds_changes_no_byte(
    world: World, data: Data, who: str, asked: list[tuple[str, Summary]]
) -> None:
    served = world.serve_all(PARTLY_HIDDEN)
    oracle = Oracle(data, PARTLY_HIDDEN, PEOPLE[who])
    changed = deepcopy(data)
    for table, hiding in HIDING.items():
        for id, row in data.rows[table].items():
            if row[hiding] is False and not oracle.visible(table, row):
                changed.rows[table][id] |= CHANGED[table]
    answers = []
    for rows in (data, changed):
        world.fill(rows)
        queries = [(table, [*query_of(each), ("page", "1")]) for table, each in asked]
        answers.append([_bytes_of(served, who, table, query) for table, query in queries])
    assert answers[0] == answers[1]


def _bytes_of(served: Served, who: str, table: str, query: list[tuple[str, str]]) -> bytes:
    headers = {"Authorization": who, "X-Request-ID": "the-same"}
    return served.client.get(f"/api/v1/{table}", query_string=query, headers=headers).data
