"""How Meze's requests do where there is more: more rows, another worker, more connections at once."""

import itertools
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.applications import MEZE
from bench.databases import Databases, Postgresql, Sqlite
from bench.measurement import ISBNS_EACH, Plan, Sample, prepare, sample
from bench.report import markdown
from bench.servers import serving
from bench.workload import TITLES, Workload, workloads

ROWS = (100_000, 1_000_000)
WORKERS = (1, 2)
CONNECTIONS = (1, 4, 16, 64, 256)


@dataclass(frozen=True, slots=True)
class Grid:
    """What is measured: each with each."""

    rows: Sequence[int]
    workers: Sequence[int]
    connections: Sequence[int]
    requests: Sequence[str]

    def loads(self) -> int:
        """How many loads that makes on one database."""
        return len(self.rows) * len(self.workers) * len(self.connections) * len(self.requests)


@dataclass(frozen=True, slots=True)
class Point:
    """One load: what there was, and what was measured."""

    rows: int
    workers: int
    connections: int
    request: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int

    @classmethod
    def of(cls, found: Sample, rows: int, workers: int, connections: int) -> "Point":
        """Take what counts here of a sample."""
        figures = (found.requests_per_second, found.p50_ms, found.p99_ms, found.errors)
        return cls(rows, workers, connections, found.workload, *figures)


def open_database(name: str, plan: Plan, rows: int) -> Databases:
    """Return the databases where there are so many books."""
    if name == "sqlite":
        return Sqlite(plan.work, rows)
    return Postgresql(plan.work, plan.cores.database, rows)


def measure_scale(database: str, grid: Grid, plan: Plan) -> Iterator[Point]:
    """Yield a point for each load; a server for each number of workers, with a fresh copy of the rows."""
    for rows in grid.rows:
        asked = [workload for workload in workloads(stored=rows) if workload.name in grid.requests]
        databases = open_database(database, plan, rows)
        try:
            prepare(databases, [MEZE], asked, plan.work)
            for workers in grid.workers:
                yield from measure_server(databases, asked, grid, plan, rows, workers)
        finally:
            databases.close()
            for path in plan.work.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def measure_server(
    databases: Databases, asked: Iterable[Workload], grid: Grid, plan: Plan, rows: int, workers: int
) -> Iterator[Point]:
    """Yield a point for each request and number of connections at one server."""
    turns = itertools.count(1)
    with serving(MEZE, databases.fresh(MEZE), plan.cores, plan.work, workers) as server:
        for workload, connections in itertools.product(asked, grid.connections):
            here = replace(plan, connections=connections)
            found = sample(server, databases, workload, here, first_isbn=2 * next(turns) * ISBNS_EACH)
            if workload.creates:
                databases.drop_created()
            yield Point.of(found, rows, workers, connections)


def scale_table(points: Sequence[Point]) -> str:
    """Return a Markdown table: a line for each request, number of rows and of workers, a column for each load."""
    connections = sorted({point.connections for point in points})
    cells = [["request", "rows", "workers", *(f"{number} conn." for number in connections)]]
    found = {(point.request, point.rows, point.workers, point.connections): point for point in points}
    for request, rows, workers in sorted({key[:3] for key in found}):
        line = [f"{request} {TITLES[request]}", f"{rows:,}", str(workers)]
        for number in connections:
            point = found.get((request, rows, workers, number))
            line.append("–" if point is None else figures(point))
        cells.append(line)
    return markdown(cells, text_columns=1)


def figures(point: Point) -> str:
    """Return the rate and the p99 of a load, or that it has none."""
    if point.errors:
        return f"{point.errors:,} errors"
    return f"{point.requests_per_second:,.0f}/s, {point.p99_ms:,.1f} ms"


def curves(points: Iterable[Point], request: str) -> dict[str, dict[int, float]]:
    """Return the rates of a request by connections, a line for each number of rows and of workers."""
    found: dict[str, dict[int, float]] = {}
    for point in points:
        if point.request == request and not point.errors:
            name = f"{point.rows:,} rows, {point.workers} worker{'s' if point.workers > 1 else ''}"
            found.setdefault(name, {})[point.connections] = point.requests_per_second
    return found
