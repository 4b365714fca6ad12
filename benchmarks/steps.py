"""Print where the time of R1, R2 and R4 goes, step by step, in microseconds: Meze alone, on SQLite, with no server."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.applications import MEZE, WORK, environment_of
from bench.databases import Sqlite
from bench.machine import describe
from bench.measurement import prepare, workload_file
from bench.report import markdown
from bench.workload import workloads

REQUESTS, ROUNDS = ("R1", "R2", "R4"), 9


def main() -> None:
    """Measure and print a Markdown table."""
    WORK.mkdir(exist_ok=True)
    asked = [workload for workload in workloads() if workload.name in REQUESTS]
    with tempfile.TemporaryDirectory(dir=WORK, prefix="steps-") as folder:
        work = Path(folder)
        databases = Sqlite(work)
        prepare(databases, [MEZE], asked, work)
        files = [f"{workload.name}={workload_file(work, MEZE, workload)}" for workload in asked]
        done = subprocess.run(
            [sys.executable, "steps.py", str(ROUNDS), *files],
            cwd=MEZE.folder,
            env=environment_of(MEZE, databases.fresh(MEZE), work),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    told = json.loads(done.stdout)
    cells = [["step", *REQUESTS]]
    cells += [[step, *(f"{told[name][step]:.1f}" for name in REQUESTS)] for step in told[REQUESTS[0]]]
    cells.append(["together", *(f"{sum(told[name].values()):.0f}" for name in REQUESTS)])
    print(describe("no load generator"))
    print(markdown(cells, text_columns=1))


if __name__ == "__main__":
    main()
