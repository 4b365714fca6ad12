"""For random rules, callers and rows, the clauses that an explanation names are those that the judge names.

The judge (`verify/judge.py`) evaluates the rules a second time, in Python over rows in memory, and shares no code with
what decides here; the truths of an explanation come from the database.
"""

from __future__ import annotations

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.oracle import Declared
from contracts.profiles import tries
from contracts.rules import Data
from contracts.schema import SERVED
from contracts.strategies import datasets, declarations
from contracts.world import PEOPLE, Served, World
from meze.access.caller import Caller
from meze.joined import Parts
from meze.verify.callers import Actor
from meze.verify.explain.explainer import Explainer
from meze.verify.explain.explanation import RowSeen
from meze.verify.explain.question import row_of
from meze.verify.judge import Judge
from meze.verify.three import Evaluator
from meze.verify.world import World as Rows

PAIRS = 200
"""How many pairs of a caller and a row are compared at least, in a usual run."""


def actor(who: str) -> Actor:
    person = PEOPLE[who]
    return Actor(who, Caller(person.id, person.email, None, person.roles, credentials=person.id is not None))


def judge_of(world: World, parts: Parts) -> Judge:
    rows = Rows.read(world.engine, world.base.metadata.sorted_tables)
    return Judge(rows, parts.resources, Evaluator(rows, world.engine))


def named(row: RowSeen) -> tuple[str, ...]:
    return tuple(each.clause.words for each in row.reasons)


class Compared:
    """Compares what is explained of rows with what the judge says, and counts."""

    def __init__(self) -> None:
        self.pairs = 0

    def all_rows(self, world: World, served: Served, who: str, action: str) -> None:
        parts: Parts = served.app.extensions["meze"].open()
        judge, caller = judge_of(world, parts), actor(who)
        explainer = Explainer(parts.records, caller.caller)
        for name in SERVED:
            resource = parts.resources.named(name)
            assert resource is not None
            for row in judge.world.of(resource):
                question = row_of(f"{name}/{row.key[0]}", action, "/api/v1", parts.resources)
                seen = explainer.why(question).rows[-1]
                note(f"{who} {action} {name}/{row.key[0]}")
                assert seen.allowed is (judge.truth(caller, action, resource, row) is True)
                assert named(seen) == judge.reason(caller, action, resource, row)
                self.pairs += 1


def test_explanations_name_the_clauses_that_the_judge_names(world: World) -> None:
    compared = Compared()

    @tries(12, long=300)
    @given(
        declarations(closed=3),
        datasets(least=2, most=4),
        st.lists(st.sampled_from(list(PEOPLE)), min_size=2, max_size=2, unique=True),
        st.sampled_from(["read", "read", "update", "delete"]),
    )
    def over_random_rules(declared: dict[str, Declared], data: Data, people: list[str], action: str) -> None:
        served = world.serve(declared)
        world.fill(data)
        for who in people:
            compared.all_rows(world, served, who, action)

    over_random_rules()

    assert compared.pairs >= PAIRS
