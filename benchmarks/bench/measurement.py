"""Measure: compare the answers first, then let the applications take turns under the same load."""

import json
from argparse import Namespace
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.applications import Application
from bench.comparison import differences, interview
from bench.data import token_of, users
from bench.databases import Databases
from bench.generators import Generator, Load
from bench.own_calls import own_workload, tokens_of
from bench.processor import Cores, usage
from bench.servers import Server, serving
from bench.workload import Workload

# New ISBNs of one load begin this far from those of the load before, on the same server.
ISBNS_EACH = 100_000_000


class AnswersDiffer(Exception):
    """The applications do not do the same work, so that their figures cannot be compared; carries what differs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often and from where."""

    seconds: int
    warm_up_seconds: int
    rounds: int
    connections: int
    cores: Cores
    generator: Generator
    work: Path

    @classmethod
    def of(cls, options: Namespace, cores: Cores, generator: Generator, work: Path) -> "Plan":
        """Take what the command line says; a third of each load's time is spent before it, to warm up."""
        warm_up = max(1, options.seconds // 3)
        return cls(options.seconds, warm_up, options.rounds, options.connections, cores, generator, work)


@dataclass(frozen=True, slots=True)
class Sample:
    """One load of one request on one application. Shares are of one core, from 0 to 1; memory in bytes.

    `start_seconds` is from the server's command to its first answer, `idle` its memory then.
    """

    application: str
    workload: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    server_share: float
    database_share: float
    load_share: float
    resident: int
    start_seconds: float
    idle: int
    round: int = 0


def prepare(
    databases: Databases, applications: Iterable[Application], workloads: Iterable[Workload], work: Path
) -> None:
    """Load each application's template, and write what servers and generators read."""
    (work / "tokens.json").write_text(json.dumps({token_of(user.id): user.id for user in users()}))
    for application in applications:
        databases.make_template(application)
        tokens = tokens_of(application, work)
        for workload in workloads:
            workload_file(work, application, workload).write_text(own_workload(application, workload, tokens).text())


def workload_file(work: Path, application: Application, workload: Workload) -> Path:
    """Return where the workload of an application is written."""
    return work / f"{application.name}.{workload.name}.txt"


def compare(
    databases: Databases, applications: Iterable[Application], workloads: Sequence[Workload], plan: Plan
) -> None:
    """Ask every application the same.

    Raises:
        AnswersDiffer: they do not say the same.
    """
    interviews = {}
    for application in applications:
        with serving(application, databases.fresh(application), plan.cores, plan.work) as server:
            interviews[application.name] = interview(server, workloads, tokens_of(application, plan.work))
    if found := differences(interviews):
        raise AnswersDiffer("\n".join(found[:10]))


def measure(
    databases: Databases,
    applications: Sequence[Application],
    workloads: Sequence[Workload],
    plan: Plan,
    done: Container[tuple[int, str]] = (),
) -> Iterable[Sample]:
    """Yield a sample for each round, application and request, in that order (A B C A B C …).

    Each turn has a server of its own on a fresh copy of the data, and asks R1 to R6 in order. Turns that are `done`,
    by their round and application, are left out.
    """
    for turn in range(plan.rounds):
        for application in applications:
            if (turn, application.name) in done:
                continue
            with serving(application, databases.fresh(application), plan.cores, plan.work) as server:
                for number, workload in enumerate(workloads):
                    first_isbn = 2 * number * ISBNS_EACH + ISBNS_EACH
                    yield replace(sample(server, databases, workload, plan, first_isbn), round=turn)
                    if workload.creates:
                        databases.drop_created()


def sample(server: Server, databases: Databases, workload: Workload, plan: Plan, first_isbn: int) -> Sample:
    """Warm the server up with this request, then measure it."""

    def load(seconds: int, first_isbn: int) -> Load:
        path = workload_file(plan.work, server.application, workload)
        return Load(f"http://127.0.0.1:{server.port}", path, first_isbn, plan.connections, seconds)

    plan.generator.run(load(plan.warm_up_seconds, first_isbn), plan.cores.load)
    server_before, database_before = usage(server.process), usage(databases.process)
    outcome = plan.generator.run(load(plan.seconds, first_isbn + ISBNS_EACH), plan.cores.load)
    server_after, database_after = usage(server.process), usage(databases.process)
    return Sample(
        application=server.application.name,
        workload=workload.name,
        requests_per_second=outcome.requests_per_second,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        errors=outcome.errors,
        server_share=(server_after.seconds - server_before.seconds) / outcome.seconds,
        database_share=(database_after.seconds - database_before.seconds) / outcome.seconds,
        load_share=outcome.cpu_share,
        resident=server_after.resident,
        start_seconds=server.start_seconds,
        idle=server.idle,
    )
