"""The judgement over what is stored: it must find each kind of loss, and nothing where all is well."""

from __future__ import annotations

import pytest

from chaos.ledger import Ledger, Outcome, Stored, Write

MADE = Write({"a": 1}, sent=10, answered=20, outcome=Outcome.ACKNOWLEDGED)
CHANGED = Write({"a": 2}, sent=30, answered=40, outcome=Outcome.ACKNOWLEDGED)
DIED = Write({"a": 3}, sent=50)
REFUSED = Write({"a": 4}, sent=60, answered=70, outcome=Outcome.REFUSED)
THREE = Write({"b": 5, "c": 6, "d": 7}, sent=80)


def judged(writes, numbers, moment=None, halved=()):
    ledger = Ledger()
    ledger.writes += writes
    return ledger.judge(Stored(numbers, frozenset(halved)), moment)


@pytest.mark.parametrize(
    ("writes", "numbers", "moment"),
    [
        pytest.param([MADE], {"a": 1}, None, id="acknowledged-and-there"),
        pytest.param([MADE, CHANGED], {"a": 2}, None, id="the-last-one-acknowledged"),
        pytest.param([MADE, DIED], {"a": 1}, None, id="unknown-and-not-done"),
        pytest.param([MADE, DIED], {"a": 3}, None, id="unknown-and-done"),
        pytest.param([MADE, REFUSED], {"a": 1}, None, id="refused-and-not-done"),
        pytest.param([THREE], {}, None, id="three-or-none"),
        pytest.param([THREE], {"b": 5, "c": 6, "d": 7}, None, id="all-three"),
        pytest.param([MADE], {}, 19, id="not-yet-acknowledged"),
        pytest.param([MADE], {"a": 1}, 19, id="done-before-it-was-acknowledged"),
        pytest.param([MADE, CHANGED], {"a": 1}, 35, id="the-change-was-not-yet-acknowledged"),
    ],
)
def test_what_may_be_stored_holds(writes, numbers, moment):
    assert judged(writes, numbers, moment).holds


@pytest.mark.parametrize(
    ("writes", "numbers", "moment", "found"),
    [
        pytest.param([MADE], {}, None, "lost", id="a-row-is-lost"),
        pytest.param([MADE, CHANGED], {"a": 1}, None, "lost", id="a-change-is-lost"),
        pytest.param([MADE], {}, 20, "lost", id="acknowledged-at-that-very-moment"),
        pytest.param([MADE, DIED, CHANGED], {"a": 3}, None, "lost", id="an-unknown-one-outlived-what-came-after"),
        pytest.param([MADE, REFUSED], {"a": 4}, None, "refused_yet_present", id="what-was-refused-is-there"),
        pytest.param([MADE, REFUSED], {"a": 4}, 65, "refused_yet_present", id="refused-after-the-moment"),
        pytest.param([THREE], {"b": 5, "d": 7}, None, "in_part", id="two-of-three"),
        pytest.param([MADE], {"a": 9}, None, "invented", id="a-number-of-nobody"),
        pytest.param([MADE], {"a": 1, "z": 1}, None, "invented", id="a-row-of-nobody"),
        pytest.param([MADE], {"a": 1}, 5, "invented", id="a-row-from-before-it-was-sent"),
    ],
)
def test_what_may_not_be_stored_is_found(writes, numbers, moment, found):
    verdict = judged(writes, numbers, moment)

    assert not verdict.holds
    assert getattr(verdict, found)


def test_a_row_of_which_one_half_was_changed_is_found():
    assert judged([MADE], {"a": 1}, halved=["a"]).in_part == ["a"]


def test_acknowledged_counts_writes_until_the_moment():
    assert judged([MADE, CHANGED, DIED, REFUSED], {"a": 3}).acknowledged == 2
    assert judged([MADE, CHANGED, DIED, REFUSED], {"a": 1}, 20).acknowledged == 1
