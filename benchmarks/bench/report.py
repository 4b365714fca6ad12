"""Samples → one Markdown table for each database. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.applications import APPLICATIONS, BASELINE
from bench.measurement import Sample
from bench.workload import TITLES

SATURATED = 0.95
"""From this share of a core on the load generator is what limits, not the server."""

# The bars of the design: how many times the baseline Meze must reach, and aims for.
BARS: dict[str, dict[str, tuple[float, float]]] = {
    "sqlite": {"R1": (8, 15), "R2": (4.5, 7), "R3": (6, 9), "R4": (6, 10), "R5": (10, 20), "R6": (6, 9)},
    "postgresql": {"R1": (7, 12), "R2": (5, 9), "R3": (5, 8), "R4": (5, 7.5), "R5": (5.5, 7.5), "R6": (5.5, 9)},
}

# How many times these peers Meze must reach at every request.
PEER_BARS = {"handtuned": 2.0, "pocketbase": 4.0}


@dataclass(frozen=True, slots=True)
class Row:
    """One application at one request: the median of its rounds, but the sum of its errors. See `Sample`."""

    application: str
    workload: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    server_share: float
    database_share: float
    load_share: float
    resident: float
    start_seconds: float
    idle: float

    @property
    def server_microseconds(self) -> float:
        """Processor time of the server for each request; what else runs on the machine moves it least."""
        return self.server_share / self.requests_per_second * 1e6

    @property
    def valid(self) -> bool:
        """Whether there were answers, and every one was a success."""
        return self.errors == 0 and self.requests_per_second > 0


def rows(samples: Iterable[Sample]) -> list[Row]:
    """Put the rounds together."""
    together: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        together.setdefault((sample.workload, sample.application), []).append(sample)
    return [
        Row(
            application=application,
            workload=workload,
            requests_per_second=median(sample.requests_per_second for sample in rounds),
            p50_ms=median(sample.p50_ms for sample in rounds),
            p99_ms=median(sample.p99_ms for sample in rounds),
            errors=sum(sample.errors for sample in rounds),
            server_share=median(sample.server_share for sample in rounds),
            database_share=median(sample.database_share for sample in rounds),
            load_share=median(sample.load_share for sample in rounds),
            resident=median(sample.resident for sample in rounds),
            start_seconds=median(sample.start_seconds for sample in rounds),
            idle=median(sample.idle for sample in rounds),
        )
        for (workload, application), rounds in sorted(together.items(), key=lambda item: item[0][0])
    ]


def ratio(row: Row, all_rows: Sequence[Row], to: str = BASELINE) -> float | None:
    """Return how many times that application's rate this is; None where either is not valid or the other is absent."""
    for other in all_rows:
        if (other.application, other.workload) == (to, row.workload):
            return row.requests_per_second / other.requests_per_second if row.valid and other.valid else None
    return None


def table(database: str, all_rows: Sequence[Row]) -> str:
    """Return the Markdown table of one database, and the bars beneath."""
    head = "request|application|req/s|ratio|p50 ms|p99 ms|server|µs each|database|load|RSS MB|errors"
    cells = [head.split("|")]
    for row in all_rows:
        times = ratio(row, all_rows)
        cells.append(
            [
                f"{row.workload} {TITLES[row.workload]}",
                APPLICATIONS[row.application].title,
                f"{row.requests_per_second:,.0f}" + ("" if row.valid else " invalid"),
                "–" if times is None else f"{times:.2f}",
                f"{row.p50_ms:.2f}",
                f"{row.p99_ms:.2f}",
                f"{row.server_share:.0%}",
                f"{row.server_microseconds:,.0f}" if row.valid else "–",
                f"{row.database_share:.0%}",
                f"{row.load_share:.0%}" + (" (limits)" if row.load_share >= SATURATED else ""),
                f"{row.resident / 1e6:.0f}",
                f"{row.errors:,}",
            ]
        )
    beneath = f"{starts(all_rows)}{bars(database, all_rows)}{accepted(all_rows)}"
    return f"## {database}\n\n{markdown(cells, text_columns=2)}\n{beneath}"


def starts(all_rows: Sequence[Row]) -> str:
    """Return how fast each application starts, and what it holds then."""
    cells = [["start", "seconds to the first answer", "RSS MB then"]]
    for row in {row.application: row for row in reversed(all_rows)}.values():
        cells.append([APPLICATIONS[row.application].title, f"{row.start_seconds:.2f}", f"{row.idle / 1e6:.0f}"])
    return markdown(cells, text_columns=1)


def bars(database: str, all_rows: Sequence[Row]) -> str:
    """Return Meze's ratios beside their bars: to the baseline, and to each peer that has one of its own."""
    text = ""
    for peer in (BASELINE, *PEER_BARS):
        measured = {row.workload: ratio(row, all_rows, peer) for row in all_rows if row.application == "meze"}
        if not any(measured.values()):
            continue
        cells = [[f"Meze / {APPLICATIONS[peer].title}", *measured]]
        cells.append(["measured", *("–" if times is None else f"{times:.1f}" for times in measured.values())])
        if peer == BASELINE:
            for place, name in enumerate(("must", "aim")):
                cells.append([name, *(f"{BARS[database][workload][place]:g}" for workload in measured)])
        else:
            cells.append(["must", *(f"{PEER_BARS[peer]:g}" for _ in measured)])
        text += f"\n{markdown(cells, text_columns=1)}"
    return text


def accepted(all_rows: Sequence[Row]) -> str:
    """Return what some of the applications do not refuse, though the others do."""
    lines = [
        f"{APPLICATIONS[name].title} does not refuse {', '.join(sorted(APPLICATIONS[name].accepts))}.\n"
        for name in dict.fromkeys(row.application for row in all_rows)
        if APPLICATIONS[name].accepts
    ]
    return "".join(f"\n{line}" for line in lines)


def markdown(cells: Sequence[Sequence[str]], text_columns: int) -> str:
    """Lay out a table, its head in the first row, so that it lines up in a terminal too; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if place < text_columns else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |\n"

    rule = ["-" * width if place < text_columns else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    return line(cells[0]) + line(rule) + "".join(map(line, cells[1:]))
