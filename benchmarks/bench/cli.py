"""The command line of `benchmarks/run.py`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError

from bench.applications import APPLICATIONS, MEZE, ROOT, WORK
from bench.databases import Databases, Postgresql, Sqlite
from bench.generators import find_generator
from bench.machine import describe
from bench.measurement import AnswersDiffer, Plan, Sample, compare, measure, prepare
from bench.peers import install_peers
from bench.processor import assign_cores
from bench.report import rows, table
from bench.signed_in import cases, measure_signed_in, signed_in_table, valid
from bench.workload import TITLES, Workload, workloads

DATABASES = ("sqlite", "postgresql")


def several(choices: Sequence[str]) -> "type[argparse.Action]":
    """Return an action for an option that takes some of these names, joined by commas."""

    class Several(argparse.Action):
        def __call__(
            self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, *_: object
        ) -> None:
            names = str(values).split(",")
            if unknown := set(names) - set(choices):
                parser.error(f"{self.dest}: no {', '.join(sorted(unknown))}; there are {', '.join(choices)}")
            setattr(namespace, self.dest, names)

    return Several


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Measure Meze beside its peers.")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--seconds", type=int, default=3, help="of each load (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="in which every application takes its turn (default 3)")
    parser.add_argument("--connections", type=int, default=16, help="open at once (default 16)")
    parser.add_argument(
        "--applications",
        action=several(tuple(APPLICATIONS)),
        default=list(APPLICATIONS),
        help=f"of {', '.join(APPLICATIONS)} (default all; PocketBase on SQLite only)",
    )
    parser.add_argument("--requests", action=several(tuple(TITLES)), default=list(TITLES), help="for example R1,R4")
    parser.add_argument("--signed-in", action="store_true", help="what Meze's R1 costs those who are signed in, alone")
    parser.add_argument("--quick", action="store_true", help="one round of one second: shows that it runs, no more")
    parser.add_argument("--save", action="store_true", help="write the tables to benchmarks/results/ too")
    options = parser.parse_args(given)
    if options.quick:
        options.seconds, options.rounds = 1, 1
    if min(options.seconds, options.rounds, options.connections) < 1:
        parser.error("seconds, rounds and connections are at least 1")
    return options


def main() -> int:
    """Measure and print; 1 where answers differ, something did not start or an error was counted."""
    options = arguments()
    install_peers()
    cores, generator = assign_cores(os.sched_getaffinity(0)), find_generator()
    head = f"{describe(generator.name)}\n{cores.sentence()}\n"
    print(head, flush=True)
    WORK.mkdir(exist_ok=True)
    pages, good = [head], True
    for name in DATABASES if options.database == "both" else (options.database,):
        with tempfile.TemporaryDirectory(dir=WORK, prefix=f"{name}-") as folder:
            try:
                page, page_good = run(name, options, Plan.of(options, cores, generator, Path(folder)))
            except AnswersDiffer as error:
                print(
                    f"Nothing was measured on {name}, because the answers differ (logs: {WORK}):\n{error}",
                    file=sys.stderr,
                )
                return 1
            except (RuntimeError, CalledProcessError) as error:
                print(f"Stopped on {name} (logs: {WORK}): {error}", file=sys.stderr)
                return 1
        good = good and page_good
        pages.append(page)
        print(page, flush=True)
    if options.save:
        save("\n".join(pages))
    return 0 if good else 1


def run(name: str, options: argparse.Namespace, plan: Plan) -> tuple[str, bool]:
    """Measure on one database; return the table, and whether there were answers and every one was a success.

    Raises:
        AnswersDiffer: the applications do not say the same.
    """
    everything = list(workloads())
    asked: Sequence[Workload] = [workload for workload in everything if workload.name in options.requests]
    chosen = [APPLICATIONS[application] for application in options.applications]
    chosen = [application for application in chosen if name in application.databases]
    if options.signed_in:
        asked, chosen = cases(everything[0]), [MEZE]
    databases: Databases = Sqlite(plan.work) if name == "sqlite" else Postgresql(plan.work, plan.cores.database)
    try:
        prepare(databases, chosen, asked, plan.work)
        compare(databases, chosen, everything, plan)
        if options.signed_in:
            samples = list(progress(measure_signed_in(databases, asked, plan)))
            return signed_in_table(name, samples), valid(samples)
        found = rows(progress(measure(databases, chosen, asked, plan)))
        return table(name, found), all(row.valid for row in found)
    finally:
        databases.close()


def progress(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Pass the samples on, saying on a terminal's error stream what was just measured."""
    for sample in samples:
        print(
            f"{sample.workload} {sample.application}: {sample.requests_per_second:,.0f}/s", file=sys.stderr, flush=True
        )
        yield sample


def save(text: str) -> None:
    """Write the page of a run under `results/`, named by the moment."""
    path = ROOT / "results" / f"{datetime.now(UTC):%Y-%m-%dT%H%M}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# Measured\n\n{text}")
    print(f"Saved as {path}")
