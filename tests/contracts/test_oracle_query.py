"""Random trees of AND, OR and NOT, asked in the body of QUERY and of its POST, agree with the oracle."""

from __future__ import annotations

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.asking import body
from contracts.oracle import AllOf, AnyOf, Asked, Complement, Condition, Declared, Oracle, Question, Refusal, Shown
from contracts.profiles import tries
from contracts.rules import Anyone, Data
from contracts.schema import SERVED, TABLES
from contracts.strategies import conditions_at, datasets, declarations, orders, questions_in_bodies, trees
from contracts.test_oracle_filters import PARTLY_HIDDEN, WHO, knows
from contracts.test_oracle_reading import assert_refused, comparable
from contracts.world import PEOPLE, Served, World

FORMS = (("QUERY", "{}"), ("POST", "{}/query"))
OPEN = {name: Declared({"read": Anyone()}) for name in SERVED}


def assert_query_agrees(
    served: Served, oracle: Oracle, who: str, table: str, question: Question, form: tuple[str, str]
) -> None:
    """Ask, and follow `next` with the same body to the last page."""
    method, path = form[0], form[1].format(table)
    said = body(question) | {"count": True}
    note(f"{who}: {method} {path} {said}")
    try:
        expected = [oracle.shown(table, row, question.shown) for row in oracle.listed(table, question)]
    except Refusal as refusal:
        assert_refused(served.ask(who, method, path, said), refusal)
        return
    shown: list[Any] = []
    got = served.ask(who, method, path, said)
    while True:
        assert got.status == 200, got
        assert got.body["total"] == len(expected)
        shown += comparable(got.body["items"])
        if got.body["next"] is None:
            break
        assert len(got.body["items"]) == question.limit
        assert len(shown) < len(expected), "a page follows the last row"
        got = served.ask(who, method, got.body["next"], said)
    assert shown == expected


@tries(40, long=4000)
@given(
    declarations(closed=2),
    datasets(least=2, most=8),
    st.sampled_from(list(PEOPLE)),
    st.lists(st.tuples(questions_in_bodies(), st.sampled_from(FORMS)), min_size=5, max_size=8),
)
def test_lists_asked_for_in_a_body_agree_with_the_oracle(
    world: World,
    declared: dict[str, Declared],
    data: Data,
    who: str,
    asked: list[tuple[tuple[str, Question], tuple[str, str]]],
) -> None:
    served = world.serve(declared)
    world.fill(data)
    oracle = Oracle(data, declared, PEOPLE[who])
    for (table, question), form in asked:
        assert_query_agrees(served, oracle, who, table, question, form)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, Question]:
    table = draw(st.sampled_from(SERVED))
    found = tuple(draw(st.lists(trees(table), min_size=1, max_size=2)))
    return table, Question(found, draw(orders(table)), Shown(("id",)), limit=100)


def names_in(asked: Asked) -> list[Condition]:
    match asked:
        case Condition():
            return [asked]
        case Complement():
            return names_in(asked.member)
    return [found for each in asked.members for found in names_in(each)]


@tries(60, long=5000)
@given(datasets(least=6, most=9), st.lists(st.tuples(st.sampled_from(WHO), bodies()), min_size=6, max_size=8))
def test_trees_across_partly_hidden_relations_agree(
    world: World, data: Data, asked: list[tuple[str, tuple[str, Question]]]
) -> None:
    world.fill(data)
    served = world.serve_all(PARTLY_HIDDEN)
    for who, (table, question) in asked:
        named = [(each.relations, each.column) for tree in question.conditions for each in names_in(tree)]
        named += [(each.relations, each.column) for each in question.sort]
        if all(knows(who, table, relations, column) for relations, column in named):
            oracle = Oracle(data, PARTLY_HIDDEN, PEOPLE[who])
            assert_query_agrees(served, oracle, who, table, question, FORMS[0])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, Asked, Asked]:
    """Draw two conditions on one path to many rows."""
    table, path = draw(st.sampled_from([("places", "stops"), ("places", "labels"), ("trips", "stops")]))
    target = TABLES[table].relations[path].target
    return table, draw(conditions_at((path,), target)), draw(conditions_at((path,), target))


@tries(60, long=5000)
@given(datasets(least=6, most=9), st.lists(pairs(), min_size=4, max_size=6))
def test_which_conditions_mean_one_related_row_agrees(
    world: World, data: Data, drawn: list[tuple[str, Asked, Asked]]
) -> None:
    world.fill(data)
    served, oracle = world.serve_all(OPEN), Oracle(data, OPEN, PEOPLE["ann"])
    for table, one, other in drawn:
        for asked in (
            (AnyOf((AllOf((one, AllOf((other,)))),)),),
            (one, AnyOf((other,))),
            (one, Complement(other)),
            (Complement(AllOf((one, AnyOf((other,))))),),
            (AnyOf((one, other)),),
        ):
            assert_query_agrees(served, oracle, "ann", table, Question(asked, shown=Shown(("id",)), limit=9), FORMS[0])


def stops(world: World, *rows: tuple[int, int | None, str | None]) -> tuple[Data, Served]:
    """Two places open to everyone, and their stops: place, nights, remark."""
    data = Data()
    data.rows["places"] = {id: dict.fromkeys(TABLES["places"].columns) | {"id": id} for id in (1, 2)}
    for id, (place, nights, remark) in enumerate(rows, 1):
        blank = dict.fromkeys(TABLES["stops"].columns)
        data.rows["stops"][id] = blank | {"id": id, "place_id": place, "nights": nights, "remark": remark}
    world.fill(data)
    return data, world.serve(OPEN)


ONE_NIGHT = Condition(("stops",), "nights", "eq", 1)
REMARKED = Condition(("stops",), "remark", "eq", "b")


def test_conditions_joined_by_and_mean_one_related_row_and_alternatives_each_their_own(world: World) -> None:
    data, served = stops(world, (1, 1, "a"), (1, 2, "b"), (2, 1, "b"))

    def found(*conditions: Asked) -> list[int]:
        question = Question(conditions)
        got = served.ask("ann", "QUERY", "places", body(question))
        assert [row["id"] for row in Oracle(data, OPEN, PEOPLE["ann"]).listed("places", question)] == [
            item["id"] for item in got.body["items"]
        ]
        return [item["id"] for item in got.body["items"]]

    assert found(ONE_NIGHT, REMARKED) == [2]
    assert found(ONE_NIGHT, AllOf((REMARKED,))) == [2]
    assert found(AnyOf((ONE_NIGHT,)), AnyOf((REMARKED,))) == [1, 2]
    assert found(ONE_NIGHT, AnyOf((REMARKED,))) == [1, 2]
    assert found(Complement(AllOf((ONE_NIGHT, REMARKED)))) == [1]


def test_not_is_the_exact_complement_where_a_null_leaves_the_answer_open(world: World) -> None:
    _, served = stops(world, (1, 1, "a"), (1, None, None), (2, 2, None))
    asked = ({"nights": 1}, {"nights__gt": 1}, {"remark__contains": "A"}, {"nights__ne": 1}, {"nights": 1, "id": 1})
    for said in asked:
        inside = served.ask("ann", "QUERY", "stops", {"where": said}).body["items"]
        outside = served.ask("ann", "QUERY", "stops", {"where": {"not": said}}).body["items"]
        twice = served.ask("ann", "QUERY", "stops", {"where": {"not": {"not": said}}}).body["items"]
        assert sorted(item["id"] for item in (*inside, *outside)) == [1, 2, 3], said
        assert twice == inside
