"""The page of results, made from the raw output of the newest runs alone."""

from pathlib import Path

from bench import plots
from bench.applications import APPLICATIONS, BASELINE, ROOT
from bench.raw import RESULTS, Raw, newest
from bench.report import ratio, rows, table
from bench.scale import Point, curves, scale_table
from bench.slow import Held, Slowness, slow_table
from bench.workload import TITLES

PAGE = ROOT / "RESULTS.md"
DATABASES = ("sqlite", "postgresql")
HEAD = """# Results

Made by `make bench BENCH=--report` from the raw output in `benchmarks/results/`; do not edit. What is measured, how,
and how to read it: [README.md](README.md). Figures hold within one run on one machine: compare ratios, never req/s
between two runs.
"""


def write_page(page: Path = PAGE, folder: Path = RESULTS) -> None:
    """Write the page and its plots."""
    parts = [HEAD]
    for database in DATABASES:
        if raw := newest("bench", database, folder):
            parts += beside_peers(raw, database, folder)
    for database in DATABASES:
        if raw := newest("scale", database, folder):
            parts += with_more(raw, database, folder)
    parts.append(left_out((ROOT / "README.md").read_text()))
    page.write_text("\n".join(parts))


def beside_peers(raw: Raw, database: str, folder: Path) -> list[str]:
    """Return the parts about one database beside the peers."""
    found = rows(raw.samples(database))
    requests = [name for name in TITLES if any(row.workload == name for row in found)]
    series: dict[str, list[float | None]] = {}
    for name in dict.fromkeys(row.application for row in found):
        of_it = {row.workload: row for row in found if row.application == name}
        series[APPLICATIONS[name].title] = [
            ratio(of_it[request], found) if request in of_it else None for request in requests
        ]
    plot = folder / f"{database}.svg"
    plot.write_text(plots.bars(f"{database}: times {APPLICATIONS[BASELINE].title}", "ratio of req/s", requests, series))
    return [*sittings(raw, database), picture(plot, folder), table(database, found)]


def with_more(raw: Raw, database: str, folder: Path) -> list[str]:
    """Return the parts about one database with more rows, workers and connections, and with slow clients."""
    lines = raw.lines("point", database=database)
    points = [Point(**without(line, "kind", "database")) for line in lines]
    parts = [*sittings(raw, database), f"## {database}: more rows, workers and connections\n", scale_table(points)]
    for request in (name for name in TITLES if any(point.request == name for point in points)):
        plot = folder / f"{database}-{request}.svg"
        connections = sorted({point.connections for point in points})
        title = f"{database}: {request} {TITLES[request]}, by connections"
        plot.write_text(plots.lines(title, "requests a second", connections, curves(points, request)))
        parts.append(picture(plot, folder))
    for line in raw.lines("slow", database=database):
        slowness = Slowness(**line["slowness"])
        clients = [Held(**client) for client in line["clients"]]
        parts += [f"## {database}: beside slow queries\n", slow_table(slowness, clients)]
    return parts


def sittings(raw: Raw, database: str) -> list[str]:
    """Return what was run, on what, and when; a run that was continued says each time."""
    parts = [f"---\n\nFrom `results/{raw.path.name}` ({database})."]
    for number, line in enumerate(raw.lines("sitting")):
        again = "Continued: " if number else ""
        parts.append(f"{again}`{line['command']}`\n\n{line['machine']}")
    return parts


def picture(plot: Path, folder: Path) -> str:
    return f"![{plot.stem}]({folder.name}/{plot.name})\n"


def without(line: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in line.items() if name not in names}


def left_out(readme: str) -> str:
    """Return what the README says of the peers."""
    title = "## The peers, and what each leaves out"
    _, _, rest = readme.partition(title)
    section, _, _ = rest.partition("\n## ")
    return f"---\n\n{title}{section}" if rest else ""
