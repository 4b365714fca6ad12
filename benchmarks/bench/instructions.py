"""Count the processor's instructions for each request of Meze, and compare them with those that were kept.

Instructions are counted by valgrind's callgrind, in one process without a server or a network, on SQLite
(apps/meze/count.py). Unlike time they hardly depend on what else the machine does, so a change that makes a request
dearer is seen anywhere. They say nothing of waiting: for disks, locks or other processes.

They do depend on how Python was built. So the same run counts a reference, work of Python's own; where the baseline is
of another Python, requests are compared as multiples of that, with more tolerance.
"""

import json
import platform
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.applications import MEZE, ROOT, environment_of
from bench.databases import Sqlite
from bench.measurement import prepare, workload_file
from bench.workload import workloads

BASELINE = ROOT / "instructions.json"
REFERENCE = "reference"
REQUESTS = ("R1", "R2", "R3", "R4", "R5")
CALLS_EACH, PHASES = 10, 7
SAME_PYTHON, OTHER_PYTHON = 0.02, 0.10
"""By how much of it a request may be dearer than its baseline; how they were found is in the README."""

NAME = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class CannotCount(Exception):
    """valgrind is missing, or what it ran failed; says what to do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Instructions for one request by its name, for one run of the reference, and what they were counted on."""

    python: str
    requests: Mapping[str, int]
    reference: int

    def multiples(self) -> dict[str, float]:
        """Return the requests as multiples of the reference."""
        return {name: each / self.reference for name, each in self.requests.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """One request: its instructions in the baseline and now, and by how much it may be dearer.

    On another Python than the baseline's, `before` is what the baseline comes to on this one.
    """

    request: str
    before: int
    now: int
    tolerance: float

    @property
    def share(self) -> float:
        """By how much of it the request became dearer."""
        return self.now / self.before - 1

    @property
    def dearer(self) -> bool:
        """Whether that is too much."""
        return self.share > self.tolerance


def this_python() -> str:
    """Return what counts are compared within: the same source, built by the same compiler, for the same processor."""
    return f"{platform.python_implementation()} {sys.version} {platform.machine()}".replace("\n", " ")


def count(valgrind: str, work: Path) -> Counts:
    """Count in a database below `work`, which it makes.

    Raises:
        CannotCount: the app failed, or valgrind did.
    """
    asked = [workload for workload in workloads() if workload.name in REQUESTS]
    databases = Sqlite(work)
    prepare(databases, [MEZE], asked, work)
    url = databases.fresh(MEZE)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        # That a session was used is written at most once a minute: here at each user's first request, however long ago
        # the sessions were begun.
        connection.execute("UPDATE meze_sessions SET last_used_at = last_used_at + 1000000")
    files = [f"{workload.name}={workload_file(work, MEZE, workload)}" for workload in asked]
    command = [
        *(valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={work / 'counted'}"),
        *(sys.executable, "count.py", str(CALLS_EACH), str(PHASES), *files),
    ]
    # The log of requests goes where a server's would: to a file.
    with (work / "log").open("wb") as log:
        done = subprocess.run(
            command,
            cwd=MEZE.folder,
            env={**environment_of(MEZE, url, work), "PYTHONHASHSEED": "0"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0:
        raise CannotCount(f"The requests failed while they were counted:\n{(work / 'log').read_text()[-3000:]}")
    return of_dumps(path.read_text() for path in work.glob("counted.*"))


def of_dumps(dumps: Iterable[str]) -> Counts:
    """Put the phases together: the median of each request's, so that one with a rare chore among them does not count.

    Raises:
        CannotCount: a request or the reference was not counted.
    """
    phases: dict[str, list[int]] = {}
    for text in dumps:
        if (name := NAME.search(text)) and (total := TOTAL.search(text)):
            phases.setdefault(name[1], []).append(int(total[1]))
    if missing := {*REQUESTS, REFERENCE} - set(phases):
        raise CannotCount(f"valgrind counted nothing for {', '.join(sorted(missing))}: is this an x86-64 processor?")
    return Counts(
        python=this_python(),
        requests={name: round(median(phases[name]) / CALLS_EACH) for name in REQUESTS},
        reference=round(median(phases[REFERENCE])),
    )


def changes(before: Counts, now: Counts) -> list[Change]:
    """Compare: in instructions on the same Python, on another in multiples of the reference."""
    if before.python == now.python:
        return [Change(name, before.requests[name], now.requests[name], SAME_PYTHON) for name in now.requests]
    expected = {name: round(multiple * now.reference) for name, multiple in before.multiples().items()}
    return [Change(name, expected[name], now.requests[name], OTHER_PYTHON) for name in now.requests]


def told(before: Counts, now: Counts) -> str:
    """Return what was found, in lines: each request, and what to do where one is too dear."""
    found = changes(before, now)
    lines = []
    if before.python != now.python:
        lines += [
            f"The baseline was counted on another Python ({before.python}); this is {now.python}.",
            "Requests are compared as multiples of the reference, work of Python's own that was counted in both runs, "
            f"and may be {OTHER_PYTHON:.0%} dearer instead of {SAME_PYTHON:.0%}.",
        ]
    lines += [
        f"{change.request}: {change.now:,} instructions, {change.before:,} before ({change.share:+.1%})"
        + (f": MORE THAN {change.tolerance:.0%} DEARER" if change.dearer else "")
        for change in found
    ]
    if dear := [change.request for change in found if change.dearer]:
        lines += [
            f"{', '.join(dear)} became dearer. Find out what is done for each request that was not done before; if it "
            "is worth its price, keep the new counts by `make instructions ARGS=--save` and say why in the commit.",
        ]
    elif any(change.share < -change.tolerance for change in found):
        lines.append("Requests became cheaper. Keep it that way: `make instructions ARGS=--save`.")
    return "\n".join(lines)


def read(path: Path = BASELINE) -> Counts:
    """Read the counts that were kept.

    Raises:
        CannotCount: there are none.
    """
    if not path.exists():
        raise CannotCount(f"There is no {path}. Make it: make instructions ARGS=--save")
    kept = json.loads(path.read_text())
    return Counts(kept["python"], kept["requests"], kept["reference"])


def write(counts: Counts, path: Path = BASELINE) -> None:
    """Keep the counts."""
    path.write_text(json.dumps(asdict(counts), indent=2) + "\n")
