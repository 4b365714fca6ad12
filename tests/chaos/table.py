"""The table of faults: what was done how often, what became of the writes, and how soon the server was ready again."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy

from meze.databases.sqlite_connection import driver_module

SAVED = Path(__file__).parents[2] / "benchmarks" / "results" / "faults.md"


@dataclass(slots=True)
class Row:
    """One kind of fault. `ready` holds the seconds from the fault until the server was ready again."""

    fault: str
    times: int = 0
    acknowledged: int = 0
    lost: int = 0
    refused_yet_present: int = 0
    ready: list[float] = field(default_factory=list)
    control: bool = False

    def line(self) -> str:
        ready = "–"
        if self.ready:
            few = [min(self.ready), statistics.median(self.ready), max(self.ready)]
            ready = " / ".join(f"{seconds * 1000:.0f}" for seconds in few)
        cells = [self.fault, self.times, self.acknowledged, self.lost, self.refused_yet_present, ready]
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


@dataclass(slots=True)
class Waiting:
    """How long writes took that several processes made at once on one SQLite file, and how these waited."""

    how: str
    processes: int
    connections: int
    writes: int
    seconds: float
    milliseconds: list[float]
    refused: int
    load: float

    def line(self) -> str:
        p50, p99 = (statistics.quantiles(self.milliseconds, n=100)[each] for each in (49, 98))
        worst = max(self.milliseconds)
        per_second = self.writes / self.seconds
        cells = [self.how, self.processes, self.connections, f"{per_second:.0f}"]
        cells += [f"{p50:.1f}", f"{p99:.1f}", f"{worst:.1f}", self.refused, f"{self.load:.1f}"]
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


def render(rows: Iterable[Row], waiting: Iterable[Waiting]) -> str:
    """Return the tables as Markdown."""
    rows, waiting = list(rows), list(waiting)
    head = (
        "| fault | times | acknowledged | lost | refused and yet present | ready again after ms, min / median / max |"
    )
    parts = []
    for title, control in (("What must hold", False), ("What must fail, to show that losses are seen", True)):
        lines = [row.line() for row in rows if row.control is control]
        if lines:
            parts += [f"## {title}", "", head, "|---|---|---|---|---|---|", *lines, ""]
    if waiting:
        parts += [
            "## Writers of several processes on one SQLite file",
            "",
            "| how they wait | processes | connections | writes/s | p50 ms | p99 ms | worst ms | refused | load |",
            "|---|---|---|---|---|---|---|---|---|",
            *(each.line() for each in waiting),
            "",
        ]
    return "\n".join(parts)


def described() -> str:
    """Return the day, the machine and the versions."""
    facts = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip() for line in facts.read_text().splitlines() if line.startswith("model name")
    ]
    one, five, fifteen = os.getloadavg()
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(asked, cwd=SAVED.parents[2], capture_output=True, text=True).stdout.strip() or "unknown"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, "
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {driver_module().sqlite_version}, SQLAlchemy {sqlalchemy.__version__}; "
        f"load average at the end {one:.1f}, {five:.1f}, {fifteen:.1f}."
    )


HEADER = """\
# Faults under write load

Written by `make chaos`. Clients create, change and are refused over HTTP while the fault happens, and note what they
were told; afterwards the database is compared with their notes. *acknowledged* counts writes, *lost* and *refused and
yet present* count rows. *ready again* is from the fault to the first answer, the start of the process included; a power
cut has none. A row of power cuts counts what was acknowledged before each cut, so the same write is counted at several.
The figures of time are those of a machine that does other things too: its load average says how much.
"""


def save(rows: Iterable[Row], waiting: Iterable[Waiting]) -> None:
    SAVED.parent.mkdir(exist_ok=True)
    SAVED.write_text(f"{HEADER}\n{described()}\n\n{render(rows, waiting)}")
