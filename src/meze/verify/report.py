"""What a run of `meze verify` says: what was tried, what leaked and how to repeat it, and what was not reached."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from meze.verify.attack import Attack
from meze.verify.doors import DOORS
from meze.verify.finding import Finding
from meze.verify.fuzz import Fuzzed
from meze.verify.stage import Stage

SHOWN = 3
"""How many findings of one door at one resource are printed; the rest is counted."""
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Report:
    """`rows` are how many each table had, `asked` the conditions that only the database could judge, with how often."""

    seed: int
    database: str
    callers: tuple[str, ...]
    resources: tuple[str, ...]
    rows: dict[str, int]
    attack: Attack
    fuzzed: Fuzzed
    unfilled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    asked: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        return [*self.attack.findings, *self.fuzzed.findings]

    @property
    def clean(self) -> bool:
        return not self.findings


def report_of(stage: Stage, attack: Attack, fuzzed: Fuzzed) -> Report:
    """Put together what is known of a run."""
    leaf = stage.judge.evaluator.leaf
    return Report(
        seed=stage.seed,
        database=stage.database.name,
        callers=tuple(actor.name for actor in stage.actors),
        resources=tuple(resource.name for resource in stage.resources.served),
        rows={table.name: len(stage.world.rows(table)) for table in stage.world.tables},
        attack=attack,
        fuzzed=fuzzed,
        unfilled=dict(stage.unfilled),
        notices=stage.notices,
        asked=dict(leaf.asked),
        failed=dict(leaf.failed),
    )


def as_data(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it."""
    attack, fuzzed = report.attack, report.fuzzed
    return {
        "ok": report.clean,
        "findings": [each.as_json() for each in report.findings],
        "seed": report.seed,
        "database": report.database,
        "seconds": round(attack.seconds + fuzzed.seconds, 1),
        "requests": attack.requests + fuzzed.requests,
        "writes": attack.writes,
        "callers": list(report.callers),
        "resources": list(report.resources),
        "doors": list(DOORS),
        "rows": report.rows,
        "fuzzed": {"operations": fuzzed.operations, "requests": fuzzed.requests, "left_out": fuzzed.left_out},
        "not_reached": attack.skipped,
        "unfilled": report.unfilled,
        "notices": list(report.notices),
        "asked_of_the_database": report.asked,
        "not_judged": report.failed,
    }


def as_text(report: Report, command: str = "meze verify", options: str = "") -> Iterator[str]:
    """Yield the lines of a report for people. `command` and `options` are what was typed, but for the seed."""
    findings = sorted(report.findings, key=lambda each: (each.door, each.resource, each.what))
    for (door, resource), group in groupby(findings, key=lambda each: (each.door, each.resource)):
        some = list(group)
        yield f"{resource}, {DOORS[door].phrase if door in DOORS else door}:"
        for finding in some[:SHOWN]:
            yield from _told(finding)
        if len(some) > SHOWN:
            more = len(some) - SHOWN
            narrowed = f"--seed {report.seed} --door {shlex.quote(door)} --resource {shlex.quote(resource)}"
            yield f"  … and {more} more of this door here: {command} {narrowed}"
        yield ""
    yield from _tried(report)
    yield from _not_tried(report)
    if report.clean:
        yield "Nothing leaked."
    else:
        count = len(findings)
        again = f"{command} --seed {report.seed}{options and f' {options}'}"
        yield f"{count} finding{'s' if count > 1 else ''}. The same run again: {again}"


def _told(finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{finding.what}, as {finding.actor}.", "  ✗ ", "    ")
    yield from _wrapped(finding.expected, "      expected: ", "                ")
    yield from _wrapped(finding.got, "      got:      ", "                ")
    yield f"      {finding.request}"


def _tried(report: Report) -> Iterator[str]:
    attack, rows = report.attack, sum(report.rows.values())
    yield from _wrapped(
        f"Tried {len(DOORS)} doors of {len(report.resources)} resources as {len(report.callers)} callers, over {rows} "
        f"rows on {report.database}: {attack.requests} requests, {attack.writes} of which wrote, in "
        f"{attack.seconds:.0f} s (seed {report.seed}).",
        "",
        "",
    )
    yield from _wrapped(f"Callers: {', '.join(report.callers)}.", "", "")
    fuzzed = report.fuzzed
    if fuzzed.left_out is None:
        yield (
            f"Fuzzed {fuzzed.operations} operations of the OpenAPI document with {fuzzed.requests} requests in "
            f"{fuzzed.seconds:.0f} s."
        )
    else:
        yield from _wrapped(f"Not fuzzed: {fuzzed.left_out}", "", "")


def _not_tried(report: Report) -> Iterator[str]:
    for notice in report.notices:
        yield from _wrapped(notice, "Note: ", "      ")
    for table, why in report.unfilled.items():
        yield from _wrapped(f"{table} has no rows, so what is said of it was hardly tried: {why}", "Note: ", "      ")
    if report.attack.skipped:
        doors = ", ".join(report.attack.skipped)
        yield from _wrapped(
            f"The time was over before these doors were done: {doors}. Give more: --seconds 120", "Note: ", "      "
        )
    if report.asked:
        asked = "; ".join(report.asked)
        yield from _wrapped(
            f"Of these conditions only the database knows the outcome, and was asked: {asked}", "Note: ", "      "
        )
    for condition, why in report.failed.items():
        yield from _wrapped(f"{condition} could not be judged: {why}", "Note: ", "      ")


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
