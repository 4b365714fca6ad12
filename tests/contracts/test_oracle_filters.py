"""Every operator over every column, and random filters across partly hidden relations, agree with the oracle.

One app and one set of rules serve all of it, so that many filters can be asked.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from contracts.asking import arguments
from contracts.oracle import Condition, Declared, Oracle, Question, Shown
from contracts.profiles import tries
from contracts.rules import Anyone, Column, Compare, Data, Either, HasRole, IsTruth, Me, Not, Related, Row
from contracts.schema import SERVED, TABLES, Linked, Sort, ToMany
from contracts.strategies import OPERATORS, WORDS, conditions, conditions_at, datasets, orders, values
from contracts.world import PEOPLE, Served, World

PARTLY_HIDDEN = {
    "places": Declared({"read": Either((Not(IsTruth(Column(0, "open"), False)), HasRole("editor")))}),
    "labels": Declared({"read": Compare(Column(0, "rank"), "!=", Column(0, "id"))}, fields={"word": "editor"}),
    "trips": Declared(
        {"read": Either((Not(IsTruth(Column(0, "public"), False)), Compare(Column(0, "owner_id"), "==", Me("id"))))}
    ),
    "stops": Declared(
        {"read": Either((Related("place", Anyone()), Related("trip", IsTruth(Column(0, "public"), True))))}
    ),
}
WHO = ("nobody", "ann", "cyd")


@pytest.fixture
def served(world: World) -> Served:
    return world.serve(PARTLY_HIDDEN)


def assert_filter_agrees(served: Served, data: Data, who: str, table: str, question: Question) -> None:
    note(f"{who}: GET {table} {arguments(question)}")
    expected = [row["id"] for row in Oracle(data, PARTLY_HIDDEN, PEOPLE[who]).listed(table, question)]
    got = served.ask(who, "GET", table, query=arguments(question))
    assert got.status == 200, got
    assert [item["id"] for item in got.body["items"]] == expected, (who, table, arguments(question))


def knows(who: str, table: str, relations: tuple[str, ...], column: str | None) -> bool:
    """Say whether the caller may name a column: the words of labels are for editors."""
    for name in relations:
        table = TABLES[table].relations[name].target
    return (table, column) != ("labels", "word") or who == "cyd"


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, Question]:
    """Draw two conditions, most often on one path to many rows, where they mean one row."""
    table = draw(st.sampled_from(SERVED))
    many = [name for name, each in TABLES[table].relations.items() if isinstance(each, ToMany | Linked)]
    if draw(st.booleans()) and many:
        path: tuple[str, ...] = (draw(st.sampled_from(many)),)
        target = TABLES[table].relations[path[0]].target
        onward = list(TABLES[target].relations)
        if draw(st.booleans()):
            path = (*path, draw(st.sampled_from(onward)))
            target = TABLES[target].relations[path[1]].target
        found = (draw(conditions_at(path, target)), draw(conditions_at(path, target)))
    else:
        found = (draw(conditions(table)), draw(conditions(table)))
    return table, Question(found, draw(orders(table)), Shown(("id",)), limit=100)


@tries(70, long=5000)
@given(datasets(least=6, most=9), st.lists(st.tuples(st.sampled_from(WHO), filters()), min_size=6, max_size=8))
def test_filters_across_partly_hidden_relations_agree(
    world: World, served: Served, data: Data, asked: list[tuple[str, tuple[str, Question]]]
) -> None:
    world.fill(data)
    for who, (table, question) in asked:
        named = [(each.relations, each.column) for each in question.conditions]
        ordered = [(each.relations, each.column) for each in question.sort]
        if all(knows(who, table, relations, column) for relations, column in (*named, *ordered)):
            assert_filter_agrees(served, data, who, table, question)


def rows_of_every_value(table: str) -> dict[int, Row]:
    """Return a row for each value of each column, and one of NULLs."""
    plain = dict.fromkeys(TABLES[table].columns)
    different = [
        {name: value}
        for name, sort in TABLES[table].columns.items()
        if sort not in (Sort.KEY, Sort.REFERENCE)
        for value in values(table, name)
    ]
    return {id: plain | each | {"id": id} for id, each in enumerate([{}, *different], 1)}


@pytest.mark.parametrize("table", SERVED)
def test_every_operator_over_every_column_agrees(world: World, table: str) -> None:
    data = Data()
    data.rows[table] = rows_of_every_value(table)
    world.fill(data)
    served = world.serve({name: Declared({"read": Anyone()}) for name in SERVED})
    oracle = Oracle(data, {name: Declared({"read": Anyone()}) for name in SERVED}, PEOPLE["ann"])
    for name, sort in TABLES[table].columns.items():
        for operator, value in product(OPERATORS[sort], values(table, name)):
            operand = {"isnull": bool(value), "in": (value, value), "not_in": (value,)}.get(operator, value)
            question = Question((Condition((), name, operator, operand),), shown=Shown(("id",)), limit=100)
            got = served.ask("ann", "GET", table, query=arguments(question))
            expected = [row["id"] for row in oracle.listed(table, question)]
            assert (got.status, [item["id"] for item in got.body["items"]]) == (200, expected), arguments(question)


def test_one_row_must_fulfil_all_conditions_under_a_path(world: World, served: Served) -> None:
    data = Data()
    data.rows["places"] = {id: dict.fromkeys(TABLES["places"].columns) | {"id": id} for id in (1, 2)}
    for id, (place, nights, remark) in enumerate([(1, 1, "a"), (1, 2, "b"), (2, 1, "b")], 1):
        blank = dict.fromkeys(TABLES["stops"].columns)
        data.rows["stops"][id] = blank | {"id": id, "place_id": place, "nights": nights, "remark": remark}
    world.fill(data)
    got = served.ask("ann", "GET", "places", query={"stops__nights": "1", "stops__remark": "b"})
    assert [item["id"] for item in got.body["items"]] == [2]


def test_the_words_of_the_tests_tell_folding_from_lower_case() -> None:
    told_apart = [(a, b) for a, b in product(WORDS, WORDS) if a.casefold() == b.casefold() and a.lower() != b.lower()]
    assert len(told_apart) == 4, "pairs of words that differ in lower case and are equal folded"
