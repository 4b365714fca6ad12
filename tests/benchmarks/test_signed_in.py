"""What being signed in costs is compared round by round, on calls that differ in nothing but who asks."""

import json

import pytest
from bench.applications import DJANGO, MEZE, sessions_file
from bench.data import USERS, token_of
from bench.measurement import Sample
from bench.own_calls import own_call, own_workload, tokens_of
from bench.signed_in import ALL, NOBODY, ONE, cases, costs, signed_in_table, valid
from bench.workload import Call, workloads

GET_ONE = next(workloads(2 * USERS))


def asked(case: str, *microseconds: int, database: float = 0.0, errors: int = 0) -> list[Sample]:
    """Return a sample for each round, of a server that needs this long for a request and is busy all the time."""
    return [
        Sample(
            application="meze",
            workload=case,
            requests_per_second=1e6 / each,
            p50_ms=10.0,
            p99_ms=20.0,
            errors=errors,
            server_share=1.0,
            database_share=database,
            load_share=0.3,
            resident=80_000_000,
            start_seconds=0.4,
            idle=60_000_000,
        )
        for each in microseconds
    ]


def test_the_cases_differ_in_their_tokens_alone():
    tokens = {workload.name: [call.token for call in workload.calls] for workload in cases(GET_ONE)}

    assert tokens == {
        NOBODY: [""] * 2 * USERS,
        ONE: [token_of(1)] * 2 * USERS,
        ALL: [token_of(number) for number in range(1, USERS + 1)] * 2,
    }
    for workload in cases(GET_ONE):
        assert [call.path for call in workload.calls] == [call.path for call in GET_ONE.calls]


def test_a_cost_is_taken_within_its_round():
    """The machine was half as fast in the second round, for everyone."""
    samples = asked(NOBODY, 100, 200) + asked(ONE, 104, 208)

    assert costs(samples, ONE) == pytest.approx([1.04, 1.04])


def test_the_time_of_the_database_is_part_of_the_cost():
    samples = asked(NOBODY, 100) + asked(ONE, 100, database=0.5)

    assert costs(samples, ONE) == pytest.approx([1.5])


def test_the_table_shows_rate_and_cost_of_each_case():
    samples = asked(NOBODY, 100, 100, 100) + asked(ONE, 104, 103, 125) + asked(ALL, 120, 120, 120)

    lines = [line.replace("|", " ").split() for line in signed_in_table("sqlite", samples).splitlines()]

    assert ["one", "user", "9,615", "0.962", "104.0", "1.040", "1.030", "1.250", "100%", "0%", "30%"] in lines
    assert valid(samples)


def test_a_run_with_an_error_has_no_figures():
    samples = asked(NOBODY, 100) + asked(ONE, 104, errors=2) + asked(ALL, 120)

    assert not valid(samples)
    assert "2 errors" in signed_in_table("sqlite", samples)
    assert "1.04" not in signed_in_table("sqlite", samples)


def test_a_call_bears_the_token_of_the_applications_own_session(tmp_path):
    sessions_file(MEZE, tmp_path).write_text(json.dumps({token_of(1): "meze_access_of_1"}))
    tokens = tokens_of(MEZE, tmp_path)

    assert own_call(MEZE, Call("GET", "/", token_of(1)), tokens).token == "meze_access_of_1"
    assert own_call(MEZE, Call("GET", "/", "reader-0000"), tokens).token == "reader-0000"
    assert own_call(MEZE, Call("GET", "/"), tokens).token == ""


def test_an_application_without_sessions_is_asked_with_the_tokens_of_the_table(tmp_path):
    workload = cases(GET_ONE)[1]

    assert own_workload(DJANGO, workload, tokens_of(DJANGO, tmp_path)) == workload
