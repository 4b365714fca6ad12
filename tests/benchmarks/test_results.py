"""What was measured is kept line by line, a run that was cut off goes on where it was, and the page says all of it."""

from dataclasses import asdict, replace
from xml.etree import ElementTree

import pytest
from bench import plots
from bench.cli import arguments, minutes
from bench.measurement import Sample
from bench.page import write_page
from bench.processor import assign_cores
from bench.raw import Raw, kept, newest
from bench.scale import Grid, Point, curves, scale_table
from bench.slow import Held, Slowness, held, percentile, slow_table, slow_workload
from bench.workload import workloads

SAMPLE = Sample("fastapi", "R1", 1_000.0, 10.0, 20.0, 0, 0.99, 0.1, 0.3, 80_000_000, 0.4, 60_000_000)
POINT = Point(100_000, 1, 16, "R1", 2_000.0, 8.0, 20.0, 0)
CLIENT = Held("health", 100, 0, 5.0, 50.0, 900.0, 950.0)
SLOW = Slowness(1_000_000, 700.0, 200, 500, 400)


def turn(number: int, application: str, *requests: str) -> list:
    return [replace(SAMPLE, application=application, workload=name, round=number) for name in requests]


def saved(tmp_path, *samples) -> Raw:
    raw = Raw.new("bench", tmp_path)
    raw.add("sitting", command="run.py --save", machine="A machine.", commit="abc", options={}, databases=["sqlite"])
    for sample in samples:
        raw.add_sample("sqlite", sample)
    return raw


def test_a_turn_is_done_when_each_of_its_requests_was_measured(tmp_path):
    raw = saved(tmp_path, *turn(0, "meze", "R1", "R4"), *turn(0, "fastapi", "R1"))

    assert raw.turns("sqlite", workloads=2) == {(0, "meze")}
    assert raw.turns("postgresql", workloads=2) == set()


def test_a_turn_that_was_done_again_counts_once(tmp_path):
    again = replace(SAMPLE, requests_per_second=7.0)
    raw = saved(tmp_path, SAMPLE, again)

    assert raw.samples("sqlite") == [again]


def test_a_line_that_was_cut_off_is_passed_over(tmp_path):
    raw = saved(tmp_path, SAMPLE)
    with raw.path.open("a") as file:
        file.write('{"kind": "sample", "datab')

    assert raw.samples("sqlite") == [SAMPLE]


def test_a_run_is_finished_when_each_database_is_done(tmp_path):
    raw = saved(tmp_path, SAMPLE)
    assert not raw.finished
    assert newest("bench", "sqlite", tmp_path) is None

    raw.add("done", database="sqlite")

    assert raw.finished
    assert newest("bench", "sqlite", tmp_path).path == raw.path == kept("bench", tmp_path)[0].path


def test_the_page_holds_the_tables_plots_and_what_they_were_measured_on(tmp_path):
    raw = saved(tmp_path, *turn(0, "meze", "R1"), *turn(0, "fastapi", "R1"))
    raw.add("done", database="sqlite")
    scale = Raw.new("scale", tmp_path)
    scale.add("sitting", command="scale.py", machine="Another.", commit="abc", options={}, databases=["sqlite"])
    scale.add("point", database="sqlite", **asdict(POINT))
    scale.add("slow", database="sqlite", slowness=asdict(SLOW), clients=[asdict(CLIENT)])
    scale.add("done", database="sqlite")

    write_page(tmp_path / "RESULTS.md", tmp_path)

    page = (tmp_path / "RESULTS.md").read_text()
    for said in (
        "A machine.",
        "`run.py --save`",
        "R1 get one",
        "Another.",
        "2,000/s, 20.0 ms",
        "900.0",
        "**Litestar**",
    ):
        assert said in page
    for name in ("sqlite.svg", "sqlite-R1.svg"):
        ElementTree.parse(tmp_path / name)  # noqa: S314 - our own
        assert f"{tmp_path.name}/{name}" in page
    assert "postgresql" not in page.partition("## The peers")[0]


def test_a_default_run_over_all_peers_takes_less_than_25_minutes():
    assert minutes(arguments([]), ("sqlite", "postgresql")) < 25


def test_a_run_can_be_split():
    options = arguments(["--applications", "meze,pocketbase", "--requests", "R1"])

    assert minutes(options, ("sqlite",)) < minutes(arguments([]), ("sqlite",)) / 4
    assert minutes(options, ("postgresql",)) < minutes(options, ("sqlite",))


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.7, 1), (1, 1), (3, 5), (17, 20), (20, 20), (5_200, 10_000)])
def test_a_scale_ends_at_a_round_number(value, top):
    assert plots.ceiling(value) == pytest.approx(top)


def test_what_was_not_measured_has_no_bar_and_no_point():
    with_gap = plots.bars("T", "u", ["R1", "R2"], {"A & B": [1.0, None]})
    line = plots.lines("T", "u", [1, 4, 16], {"A": {1: 5.0, 16: 9.0}})

    assert line.count("<circle") == 2
    assert with_gap.count("<rect") == 3  # the ground, the one in the key, one bar


def test_a_load_with_errors_has_no_figures():
    points = [POINT, replace(POINT, connections=256, errors=3)]

    assert "3 errors" in scale_table(points)
    assert curves(points, "R1") == {"100,000 rows, 1 worker": {16: 2_000.0}}


def test_the_grid_is_each_with_each():
    assert Grid((1, 2), (1, 2), (1, 4, 16), ("R1",)).loads() == 12


def test_calls_meet_all_of_a_larger_table():
    keys = [int(call.path.rpartition("/")[2]) for call in next(workloads(200, stored=1_000_000)).calls]

    assert max(keys) > 900_000


def test_a_second_worker_has_a_core_of_its_own_where_there_is_one():
    assert assign_cores({0, 1, 2, 3}).of_workers(2) == (0, 3)
    assert assign_cores({0, 1}).of_workers(2) == (0, 1)
    assert "BESIDE" in assign_cores({0, 1}).second_sentence()
    assert assign_cores({0, 1}).of_workers(1) == (0,)


def test_no_slow_query_is_like_another():
    assert len({call.path for call in slow_workload().calls}) == len(slow_workload().calls)


@pytest.mark.parametrize(
    ("client", "good"),
    [
        pytest.param(CLIENT, True, id="within"),
        pytest.param(replace(CLIENT, p99_ms=1_000.1), False, id="too-long"),
        pytest.param(replace(CLIENT, failed=1), False, id="a-failure"),
        pytest.param(replace(CLIENT, asked=0), False, id="never-asked"),
    ],
)
def test_who_was_held_up_is_told(client, good):
    assert client.good == good
    assert (" NO |" not in slow_table(SLOW, [client])) == good


def test_what_a_client_met_is_put_together():
    found = held("health", [(5.0, 200)], [(float(ms), 200) for ms in range(1, 100)] + [(500.0, 503)])

    assert (found.asked, found.failed, found.p50_ms, found.worst_ms) == (100, 1, 51.0, 500.0)
    assert percentile([], 0.99) == 0.0
