"""`meze verify` finds what is wrong: each fault that is planted in the platform, and nothing in a sound one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mutations.mutants import MUTANTS, Mutant
from mutations.proof import PROGRAMS, SOURCE, planted, verified

LONG = "MEZE_LONG" in os.environ
QUICK = (
    "has-asks-only-that-there-is-a-row",
    "count-does-not-ask-the-rule",
    "create-does-not-ask-the-rule",
    "tenants-are-not-kept-apart",
)
"""Those that are planted where time is short, found by the first doors; `make mutations` plants all."""

TRIED = MUTANTS if LONG else tuple(each for each in MUTANTS if each.name in QUICK)


def test_faults_are_many_and_each_has_its_own_name():
    assert len(MUTANTS) >= 60
    assert len({each.name for each in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_fault_can_be_planted(mutant: Mutant):
    text = (SOURCE / "meze" / mutant.file).read_text()

    assert text.count(mutant.old) == 1
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")


@pytest.mark.parametrize("mutant", TRIED, ids=lambda each: each.name)
def test_planted_fault_is_found(mutant: Mutant, request: pytest.FixtureRequest, tmp_path: Path):
    url = request.getfixturevalue("worker_database") if mutant.database == "postgresql" else None

    verdict = verified(planted(mutant, tmp_path), tmp_path, mutant.program, url, "--first", "--seconds", "300")

    assert verdict.exit_code == 1, verdict.errors
    assert verdict.findings, verdict.errors


if LONG:  # minutes each; the examples are verified in a shorter form by their own tests

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_nothing_is_found_in_the_platform_as_it_is(program: str, database_url: str, tmp_path: Path):
        verdict = verified(SOURCE, tmp_path, program, database_url, "--seconds", "500")

        assert verdict.findings == []
        assert verdict.exit_code == 0, verdict.errors
        assert verdict.report["not_reached"] == {}
