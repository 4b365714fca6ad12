"""Figures are compared only where the work is the same."""

import pytest
from bench.comparison import Answer, differences, refusals, samples
from bench.workload import NEW_ISBN, workloads

GOOD = {"GET /api/v1/books/1 ": Answer(200, {"id": 1}), "no ISBN": Answer(422, "missing", to_refuse=True)}


def test_equal_answers_differ_in_nothing():
    assert differences({"fastapi": GOOD, "meze": GOOD}) == []


def test_a_refusal_may_have_another_status():
    assert differences({"fastapi": GOOD, "meze": GOOD | {"no ISBN": Answer(400, "is required", to_refuse=True)}}) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"GET /api/v1/books/1 ": Answer(200, {"id": 2})}, "meze: {'id': 2}", id="another-row"),
        pytest.param({"GET /api/v1/books/1 ": Answer(500, "broken")}, "500 broken", id="an-error"),
        pytest.param(
            {"no ISBN": Answer(201, {"id": 3}, to_refuse=True)}, "no ISBN: meze answers 201", id="bad-input-accepted"
        ),
        pytest.param(
            {"no ISBN": Answer(500, "broken", to_refuse=True)}, "no ISBN: meze answers 500", id="bad-input-breaks-it"
        ),
    ],
)
def test_a_difference_is_told(changed, said):
    found = differences({"fastapi": GOOD, "meze": GOOD | changed})

    assert said in "\n".join(found)


def test_a_fault_that_all_share_is_told_too():
    bad = GOOD | {"no ISBN": Answer(201, {"id": 3}, to_refuse=True)}

    assert len(differences({"fastapi": bad, "meze": bad})) == 2


def test_sampled_creates_never_meet_in_their_isbn():
    bodies = [call.body for call in samples(list(workloads(30))) if call.method == "POST"]

    assert len(set(bodies)) == len(bodies) == 25
    assert not any(NEW_ISBN in body for body in bodies)


def test_what_must_be_refused_is_asked_about():
    assert {call.method for call in refusals().values()} == {"GET", "POST", "PATCH"}
