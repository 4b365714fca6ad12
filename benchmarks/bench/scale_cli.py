"""The command line of `benchmarks/scale.py`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from subprocess import CalledProcessError

from bench.applications import MEZE, WORK
from bench.cli import DATABASES, add_keeping, begin, several
from bench.generators import find_generator
from bench.machine import describe
from bench.measurement import Plan, prepare
from bench.page import PAGE, write_page
from bench.peers import install_peers
from bench.processor import assign_cores
from bench.raw import Raw
from bench.scale import CONNECTIONS, ROWS, WORKERS, Grid, measure_scale, open_database, scale_table
from bench.slow import LASTS, measure_slow, slow_table
from bench.workload import TITLES

QUICK = Grid(rows=(100_000,), workers=WORKERS, connections=(4, 16), requests=("R1", "R4"))


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/scale.py", description="Measure Meze where there is more.")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--seconds", type=int, default=3, help="of each load (default 3)")
    parser.add_argument("--requests", action=several(tuple(TITLES)), default=list(TITLES), help="for example R1,R4")
    parser.add_argument("--slow-only", action="store_true", help="only whether slow queries hold up others")
    parser.add_argument("--quick", action="store_true", help="a few loads of one second: shows that it runs, no more")
    add_keeping(parser)
    options = parser.parse_args(given)
    if options.quick:
        options.seconds = 1
    if options.seconds < 1:
        parser.error("seconds are at least 1")
    return options


def grid_of(options: argparse.Namespace) -> Grid:
    """Return what is measured."""
    return QUICK if options.quick else Grid(ROWS, WORKERS, CONNECTIONS, options.requests)


def minutes(grid: Grid, options: argparse.Namespace, databases: Sequence[str]) -> float:
    """Return about how long a run takes: loads with their warm-up, the loading of rows, the slow queries."""
    loads = 0 if options.slow_only else grid.loads() * (options.seconds + max(1, options.seconds // 3) + 0.4)
    rows = (0 if options.slow_only else sum(grid.rows)) + max(grid.rows)
    return len(databases) * (loads + rows * 45e-6 + (LASTS + 1) * options.seconds + 20) / 60


def main() -> int:
    """Measure and print; 1 where slow queries hold up others, or something did not start."""
    options = arguments()
    if options.report:
        write_page()
        return 0
    install_peers()
    cores, generator = assign_cores(os.sched_getaffinity(0)), find_generator()
    head = f"{describe(generator.name)}\n{cores.sentence()}\n{cores.second_sentence()}\n"
    print(head, flush=True)
    WORK.mkdir(exist_ok=True)
    names, grid = DATABASES if options.database == "both" else (options.database,), grid_of(options)
    print(f"This takes about {minutes(grid, options, names):.0f} minutes.", file=sys.stderr, flush=True)
    good = True
    try:
        raw = begin("scale", options, head, names)
        for name in names:
            if raw and raw.lines("done", database=name):
                continue
            with tempfile.TemporaryDirectory(dir=WORK, prefix=f"{name}-") as folder:
                # The argument of connections is the grid's to say.
                options.rounds, options.connections = 1, 1
                good = one_database(name, grid, Plan.of(options, cores, generator, Path(folder)), options, raw) and good
    except (RuntimeError, CalledProcessError) as error:
        print(f"Stopped (logs: {WORK}): {error}", file=sys.stderr)
        return 1
    if raw:
        write_page()
        print(f"Kept in {raw.path}; {PAGE} is made of what was kept last.")
    return 0 if good else 1


def one_database(name: str, grid: Grid, plan: Plan, options: argparse.Namespace, raw: Raw | None) -> bool:
    """Measure on one database, keep and print it; return whether slow queries hold up nobody."""
    if not options.slow_only:
        points = []
        for point in measure_scale(name, grid, plan):
            points.append(point)
            said = f"{point.request} {point.rows:,} rows, {point.workers} workers, {point.connections} connections"
            print(f"{said}: {point.requests_per_second:,.0f}/s", file=sys.stderr, flush=True)
            if raw:
                raw.add("point", database=name, **asdict(point))
        print(f"## {name}\n\n{scale_table(points)}", flush=True)
    rows = max(grid.rows)
    databases = open_database(name, plan, rows)
    try:
        prepare(databases, [MEZE], [], plan.work)
        slowness, clients = measure_slow(databases, plan, rows)
    finally:
        databases.close()
    print(f"## {name}, beside slow queries\n\n{slow_table(slowness, clients)}", flush=True)
    if raw:
        raw.add("slow", database=name, slowness=asdict(slowness), clients=[asdict(client) for client in clients])
        raw.add("done", database=name)
    return all(client.good for client in clients)
