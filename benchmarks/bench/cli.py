"""The command line of `benchmarks/run.py`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from subprocess import CalledProcessError

from bench.applications import APPLICATIONS, MEZE, WORK
from bench.databases import Databases, Postgresql, Sqlite
from bench.generators import find_generator
from bench.machine import commit, describe
from bench.measurement import AnswersDiffer, Plan, Sample, compare, measure, prepare
from bench.page import PAGE, write_page
from bench.peers import install_peers
from bench.processor import assign_cores
from bench.raw import Raw, kept
from bench.report import rows, table
from bench.signed_in import cases, measure_signed_in, signed_in_table, valid
from bench.workload import TITLES, Workload, workloads

DATABASES = ("sqlite", "postgresql")

# For the estimate: what an application takes before it is measured, a server until it answers, what is between loads.
PREPARE_SECONDS, START_SECONDS, BETWEEN_LOADS_SECONDS = 7.0, 2.0, 0.4


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
    add_keeping(parser)
    options = parser.parse_args(given)
    if options.quick:
        options.seconds, options.rounds = 1, 1
    if min(options.seconds, options.rounds, options.connections) < 1:
        parser.error("seconds, rounds and connections are at least 1")
    if options.signed_in and (options.save or options.resume):
        parser.error("--signed-in is not kept")
    return options


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is kept, the same for every command."""
    parser.add_argument("--save", action="store_true", help="keep the raw output, and make RESULTS.md of it")
    parser.add_argument("--resume", action="store_true", help="continue the run that was kept last and was cut off")
    parser.add_argument("--report", action="store_true", help="only make RESULTS.md of what was kept")


def begin(kind: str, options: argparse.Namespace, machine: str, databases: Sequence[str]) -> Raw | None:
    """Return where the run is kept, None where it is not. What is continued is the last run.

    Raises:
        RuntimeError: there is nothing to continue, or it was begun with other options or on another commit.
    """
    asked = {name: value for name, value in vars(options).items() if name not in ("save", "resume", "report")}
    if options.resume:
        raw = next(iter(kept(kind)), None)
        if raw is None or raw.finished:
            raise RuntimeError("There is no run that was cut off.")
        first = raw.lines("sitting")[0]
        if (first["options"], first["commit"]) != (asked, commit()):
            raise RuntimeError(f"{raw.path} was begun on {first['commit']} by: {first['command']}. Continue it so.")
    elif options.save:
        raw = Raw.new(kind)
    else:
        return None
    command = f"{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}".strip()
    raw.add("sitting", command=command, options=asked, machine=machine, commit=commit(), databases=list(databases))
    return raw


def minutes(options: argparse.Namespace, databases: Sequence[str]) -> float:
    """Return about how long a run takes, preparing included."""
    turns = [name for database in databases for name in options.applications if serves(name, database)]
    warm_up = max(1, options.seconds // 3)
    turn = START_SECONDS + len(options.requests) * (options.seconds + warm_up + BETWEEN_LOADS_SECONDS)
    return len(turns) * (PREPARE_SECONDS + options.rounds * turn) / 60


def serves(application: str, database: str) -> bool:
    """Whether the application can be measured on this database."""
    return database in APPLICATIONS[application].databases


def main() -> int:
    """Measure and print; 1 where answers differ, something did not start or an error was counted."""
    options = arguments()
    if options.report:
        write_page()
        return 0
    install_peers()
    cores, generator = assign_cores(os.sched_getaffinity(0)), find_generator()
    head = f"{describe(generator.name)}\n{cores.sentence()}\n"
    print(head, flush=True)
    WORK.mkdir(exist_ok=True)
    names = DATABASES if options.database == "both" else (options.database,)
    try:
        raw = begin("bench", options, head, names)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.signed_in:
        print(f"This takes about {minutes(options, names):.0f} minutes.", file=sys.stderr, flush=True)
    good = True
    for name in names:
        if raw and raw.lines("done", database=name):
            continue
        with tempfile.TemporaryDirectory(dir=WORK, prefix=f"{name}-") as folder:
            try:
                page, page_good = run(name, options, Plan.of(options, cores, generator, Path(folder)), raw)
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
        print(page, flush=True)
    if raw:
        write_page()
        print(f"Kept in {raw.path}; {PAGE} is made of what was kept last.")
    return 0 if good else 1


def run(name: str, options: argparse.Namespace, plan: Plan, raw: Raw | None = None) -> tuple[str, bool]:
    """Measure on one database; return the table, and whether there were answers and every one was a success.

    Raises:
        AnswersDiffer: the applications do not say the same.
    """
    everything = list(workloads())
    asked: Sequence[Workload] = [workload for workload in everything if workload.name in options.requests]
    chosen = [APPLICATIONS[application] for application in options.applications if serves(application, name)]
    if options.signed_in:
        asked, chosen = cases(everything[0]), [MEZE]
    databases: Databases = Sqlite(plan.work) if name == "sqlite" else Postgresql(plan.work, plan.cores.database)
    try:
        prepare(databases, chosen, asked, plan.work)
        compare(databases, chosen, everything, plan)
        if options.signed_in:
            samples = list(progress(measure_signed_in(databases, asked, plan)))
            return signed_in_table(name, samples), valid(samples)
        done = raw.turns(name, len(asked)) if raw else set()
        before = [found for found in raw.samples(name) if (found.round, found.application) in done] if raw else []
        measured = before + list(progress(measure(databases, chosen, asked, plan, done), name, raw))
        if raw:
            raw.add("done", database=name)
        found = rows(measured)
        return table(name, found), all(row.valid for row in found)
    finally:
        databases.close()


def progress(samples: Iterable[Sample], database: str = "", raw: Raw | None = None) -> Iterator[Sample]:
    """Pass the samples on, keeping them and saying on a terminal's error stream what was just measured."""
    for sample in samples:
        if raw:
            raw.add_sample(database, sample)
        print(
            f"{sample.workload} {sample.application}: {sample.requests_per_second:,.0f}/s", file=sys.stderr, flush=True
        )
        yield sample
