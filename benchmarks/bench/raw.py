"""The raw output of a run: one line of JSON for whatever was measured, written as soon as it is.

So a run that is cut off loses one turn at most, and can be continued; and the page is made from these lines alone.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.applications import ROOT
from bench.measurement import Sample

RESULTS = ROOT / "results"
Line = dict[str, Any]


class Raw:
    """One file of such lines. A `sitting` begins the run or continues it; `done` ends one database's part."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def new(cls, kind: str, folder: Path = RESULTS) -> "Raw":
        """Begin a file that is named by the moment."""
        folder.mkdir(exist_ok=True)
        return cls(folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{kind}.jsonl")

    def add(self, kind: str, **facts: Any) -> None:
        """Write a line, to the disk."""
        with self.path.open("a") as file:
            file.write(json.dumps({"kind": kind, **facts}) + "\n")

    def lines(self, kind: str, **facts: Any) -> list[Line]:
        """Return the lines of this kind that say this, in order. One that was cut off while it was written is none."""
        return [
            line
            for line in self._all()
            if line["kind"] == kind and all(line.get(name) == value for name, value in facts.items())
        ]

    def _all(self) -> Iterator[Line]:
        if not self.path.exists():
            return
        for text in self.path.read_text().splitlines():
            try:
                yield json.loads(text)
            except ValueError:
                continue

    def add_sample(self, database: str, sample: Sample) -> None:
        """Write what was measured."""
        self.add("sample", database=database, **asdict(sample))

    def samples(self, database: str) -> list[Sample]:
        """Return what was measured; of a turn that was done again, what was measured last."""
        latest: dict[tuple[int, str, str], Sample] = {}
        for line in self.lines("sample", database=database):
            facts = {name: value for name, value in line.items() if name not in ("kind", "database")}
            found = Sample(**facts)
            latest[found.round, found.application, found.workload] = found
        return list(latest.values())

    def turns(self, database: str, workloads: int) -> set[tuple[int, str]]:
        """Return the rounds and applications whose every request was measured."""
        requests: dict[tuple[int, str], set[str]] = {}
        for found in self.samples(database):
            requests.setdefault((found.round, found.application), set()).add(found.workload)
        return {turn for turn, names in requests.items() if len(names) == workloads}

    @property
    def finished(self) -> bool:
        """Whether every database that it was begun for is done."""
        begun = self.lines("sitting")
        return bool(begun) and set(begun[0]["databases"]) <= {line["database"] for line in self.lines("done")}


def kept(kind: str, folder: Path = RESULTS) -> list[Raw]:
    """Return the files of a kind, the newest first."""
    return [Raw(path) for path in sorted(folder.glob(f"*-{kind}.jsonl"), reverse=True)]


def newest(kind: str, database: str, folder: Path = RESULTS) -> Raw | None:
    """Return the newest file that holds all of one database."""
    return next((raw for raw in kept(kind, folder) if raw.lines("done", database=database)), None)
