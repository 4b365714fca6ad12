"""A request that takes more instructions than it did is named, on any Python."""

from dataclasses import replace

import pytest
from bench.instructions import (
    CALLS_EACH,
    OTHER_PYTHON,
    REQUESTS,
    SAME_PYTHON,
    CannotCount,
    Counts,
    changes,
    of_dumps,
    read,
    this_python,
    told,
    write,
)

KEPT = Counts("CPython 3.11", dict.fromkeys(REQUESTS, 1000000), reference=40_000_000)


def now(requests: dict[str, int] | None = None, **others: object) -> Counts:
    return replace(KEPT, requests={**KEPT.requests, **(requests or {})}, **others)


def dump(name: str, total: int) -> str:
    """Return what matters of a dump of callgrind's."""
    return f"part: 2\ndesc: Trigger: Client Request: {name}\n\nsummary: {total - 9}\n\nfn=(1)\n1 2\n\ntotals: {total}\n"


def test_the_same_counts_are_no_change():
    assert not any(change.dearer for change in changes(KEPT, now()))
    assert "DEARER" not in told(KEPT, now())


def test_a_dearer_request_is_named_with_both_counts_and_what_to_do():
    text = told(KEPT, now({"R3": 1_030_000}))

    assert "R3: 1,030,000 instructions, 1,000,000 before (+3.0%): MORE THAN 2% DEARER" in text
    assert "make instructions ARGS=--save" in text
    assert [change.request for change in changes(KEPT, now({"R3": 1_030_000})) if change.dearer] == ["R3"]


def test_what_is_within_the_tolerance_passes():
    within = now({"R1": round(1_000_000 * (1 + SAME_PYTHON)) - 1})

    assert not any(change.dearer for change in changes(KEPT, within))


def test_cheaper_requests_ask_to_be_kept():
    text = told(KEPT, now({"R1": 500_000}))

    assert "cheaper" in text
    assert "DEARER" not in text


def test_another_python_is_compared_by_the_reference():
    """All of its counts are a quarter less, the reference's too: nothing became dearer or cheaper."""
    slimmer = Counts("CPython 3.13", dict.fromkeys(REQUESTS, 750000), reference=30_000_000)

    found = changes(KEPT, slimmer)

    assert [(change.before, change.now) for change in found] == [(750_000, 750_000)] * len(REQUESTS)
    assert "another Python" in told(KEPT, slimmer)


def test_on_another_python_a_regression_is_found_beyond_its_tolerance():
    def dear(share: float) -> list[str]:
        other = now({"R5": round(1_000_000 * (1 + share))}, python="CPython 3.13")
        return [change.request for change in changes(KEPT, other) if change.dearer]

    assert dear(OTHER_PYTHON + 0.01) == ["R5"]
    assert dear(OTHER_PYTHON - 0.01) == []


def test_a_request_is_the_median_of_its_phases_for_one_call():
    phases = [dump(name, total * CALLS_EACH) for name in REQUESTS for total in (100, 5_000, 102)]
    found = of_dumps([*phases, dump("warm-up", 9), dump("reference", 7_000), dump("reference", 7_000), "part: 1\n"])

    assert found == Counts(this_python(), dict.fromkeys(REQUESTS, 102), 7_000)


def test_what_was_not_counted_is_named():
    with pytest.raises(CannotCount, match="R2, R3, R4, R5, reference"):
        of_dumps([dump("R1", 100)])


def test_counts_are_kept_as_they_are(tmp_path):
    write(KEPT, tmp_path / "kept.json")

    assert read(tmp_path / "kept.json") == KEPT


def test_without_a_baseline_it_says_how_to_make_one(tmp_path):
    with pytest.raises(CannotCount, match="--save"):
        read(tmp_path / "none.json")


def test_the_baseline_that_is_kept_has_every_request():
    assert set(read().requests) == set(REQUESTS)
