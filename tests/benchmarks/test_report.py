"""Figures are put together honestly: medians of rounds, no ratio from a run with errors."""

from dataclasses import replace

import pytest
from bench.generators import parse
from bench.machine import disturbance
from bench.measurement import Sample
from bench.processor import assign_cores
from bench.report import ratio, rows, table

SAMPLE = Sample(
    application="fastapi",
    workload="R1",
    requests_per_second=1_000.0,
    p50_ms=10.0,
    p99_ms=20.0,
    errors=0,
    server_share=0.99,
    database_share=0.1,
    load_share=0.3,
    resident=80_000_000,
    start_seconds=0.4,
    idle=60_000_000,
)
PEER_RATES = {"handtuned": 3_200.0, "pocketbase": 1_600.0}


def meze(rate: float, **changes: object) -> Sample:
    return replace(SAMPLE, application="meze", requests_per_second=rate, **changes)


def test_a_row_is_the_median_of_its_rounds():
    found = rows([meze(9_000), SAMPLE, meze(5_000), SAMPLE, meze(8_000)])

    assert [(row.application, row.requests_per_second) for row in found] == [("meze", 8_000), ("fastapi", 1_000)]


def test_the_ratio_is_to_the_baseline_at_the_same_request():
    found = rows([meze(8_000), SAMPLE, replace(SAMPLE, workload="R2", requests_per_second=1.0)])

    assert ratio(found[0], found) == 8.0


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([meze(8_000, errors=1), meze(8_000), SAMPLE], id="one-error-in-one-of-its-rounds"),
        pytest.param([meze(8_000), replace(SAMPLE, errors=3)], id="an-error-of-the-baseline"),
        pytest.param([meze(8_000)], id="no-baseline"),
        pytest.param([meze(8_000), replace(SAMPLE, requests_per_second=0.0)], id="a-baseline-without-an-answer"),
    ],
)
def test_there_is_no_ratio_with(samples):
    found = rows(samples)

    assert ratio(found[0], found) is None
    assert "8.00" not in table("sqlite", found)


def test_a_row_with_errors_says_that_it_is_invalid():
    assert "8,000 invalid" in table("sqlite", rows([meze(8_000, errors=7), SAMPLE]))


def test_the_server_time_of_each_request_is_told():
    row = rows([meze(8_000, server_share=0.96)])[0]

    assert row.server_microseconds == pytest.approx(120)
    assert "|     120 |" in table("sqlite", [row])


def test_a_load_generator_at_its_limit_is_named():
    assert "97% (limits)" in table("sqlite", rows([meze(8_000, load_share=0.97), SAMPLE]))


def test_the_table_shows_the_bars_of_its_database():
    text = table("postgresql", rows([meze(8_000), SAMPLE]))

    assert "| R1 get one | Meze " in text
    *_, measured, must, aim = text.splitlines()
    assert [line.replace("|", " ").split() for line in (measured, must, aim)] == [
        ["measured", "8.0"],
        ["must", "7"],
        ["aim", "12"],
    ]


def test_a_peer_with_a_bar_of_its_own_stands_beside_it():
    peers = [replace(SAMPLE, application=name, requests_per_second=rate) for name, rate in PEER_RATES.items()]

    text = table("sqlite", rows([meze(8_000), SAMPLE, *peers]))

    found = [line.replace("|", " ").split() for line in text.splitlines()]
    for ours, bar in (("2.5", "2"), ("5.0", "4")):
        place = found.index(["measured", ours])
        assert found[place + 1] == ["must", bar]


def test_what_a_peer_does_not_refuse_is_told():
    text = table("sqlite", rows([SAMPLE, replace(SAMPLE, application="pocketbase")]))

    assert "PocketBase does not refuse a day to filter by that is none." in text
    assert "does not refuse" not in table("sqlite", rows([SAMPLE]))


def test_the_start_of_each_application_is_shown_once():
    text = table("sqlite", rows([meze(8_000), SAMPLE, replace(SAMPLE, workload="R2")]))

    assert [line.replace("|", " ").split()[-2:] for line in text.splitlines() if "0.40" in line] == [["0.40", "60"]] * 2


def test_every_line_of_a_table_has_the_same_width():
    for lines in table("sqlite", rows([meze(8_000), SAMPLE])).split("\n\n")[1:]:
        assert len(lines.splitlines()) >= 3
        assert len({len(line) for line in lines.splitlines()}) == 1


def test_the_figures_of_a_generator_are_found_among_its_other_words():
    printed = (
        'Running 5s test\n{"requests": 50, "seconds": 2.5, "p50_ms": 1.5, "p99_ms": 9, "errors": 2}\nRequests/sec: 20'
    )

    outcome = parse(printed, cpu_share=0.5)

    assert (outcome.requests_per_second, outcome.p50_ms, outcome.p99_ms) == (20.0, 1.5, 9)
    assert (outcome.errors, outcome.cpu_share) == (2, 0.5)


@pytest.mark.parametrize(
    "printed",
    [
        pytest.param("", id="nothing"),
        pytest.param('{"requests": 5}', id="too-few-figures"),
        pytest.param('{"requests": nan}', id="no-json"),
    ],
)
def test_a_generator_without_figures_is_an_error(printed):
    with pytest.raises(RuntimeError, match="figures"):
        parse(printed, cpu_share=0.5)


@pytest.mark.parametrize(
    ("available", "server", "load", "database"),
    [
        pytest.param({0, 1, 2, 3}, 0, 1, 2, id="each-its-own"),
        pytest.param({4, 5}, 4, 5, 5, id="the-database-beside-the-load"),
        pytest.param({3}, 3, 3, 3, id="one-for-all"),
    ],
)
def test_cores_are_shared_out(available, server, load, database):
    cores = assign_cores(available)

    assert (cores.server, cores.load, cores.database) == (server, load, database)
    assert ("not comparable" in cores.sentence()) == (len(available) == 1)


def test_a_busy_machine_is_named():
    assert disturbance(0.1) == ""
    assert "3.2 processes" in disturbance(3.2)
