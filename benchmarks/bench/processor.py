"""Who runs on which core, and how much of it they use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server, another for the load; the database server gets a third where there is one."""

    server: int
    load: int
    database: int
    second: int
    """For a second worker: the fourth where there is one, else the load generator's."""

    def of_workers(self, workers: int) -> tuple[int, ...]:
        """Return where a server of so many workers runs."""
        return (self.server,) if workers == 1 else (self.server, self.second)

    def sentence(self) -> str:
        """Say who is where."""
        database = "on the load generator's" if self.database == self.load else f"on core {self.database}"
        shared = " SERVER AND LOAD SHARE ONE CORE: not comparable." if self.server == self.load else ""
        return f"Server on core {self.server}, load generator on core {self.load}, PostgreSQL {database}.{shared}"

    def second_sentence(self) -> str:
        """Say where a second worker runs."""
        beside = ", BESIDE THE LOAD GENERATOR: not what it would do alone" if self.second == self.load else ""
        return f"A second worker is given core {self.second} too{beside}."


def assign_cores(available: set[int]) -> Cores:
    """Choose from the cores that this process may use."""
    ordered = sorted(available)
    load = ordered[1 % len(ordered)]
    return Cores(
        server=ordered[0],
        load=load,
        database=ordered[2] if len(ordered) > 2 else load,
        second=ordered[3] if len(ordered) > 3 else load,
    )


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """Have what is started here, and all that it starts, run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes has used so far (seconds) and holds now (bytes, shared pages counted in each)."""

    seconds: float
    resident: int


def usage(root: psutil.Process | None) -> Usage:
    """Read the processor time and the memory of a process and all below it; nothing where there is no process."""
    seconds, resident = 0.0, 0
    for process in [root, *root.children(recursive=True)] if root else []:
        try:
            times = process.cpu_times()
            # What ended children have used is only in their parent's account.
            seconds += times.user + times.system + times.children_user + times.children_system
            resident += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return Usage(seconds, resident)
