"""Read every row that a list has, page after page, each under the rules as they then hold for the caller.

Between two pages nothing is held: no connection, and no moment of the data. A row that is made, moved or hidden
meanwhile may come or not; no row comes twice unless what it is sorted by was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter, sleep
from typing import Any

from meze.databases.statement import Row
from meze.query.ask import ListAsk
from meze.records.cost import Load, Slots
from meze.records.lending import Lending
from meze.records.plan import SEARCH, ListPlan, Planner, search_index
from meze.records.run import Runner
from meze.records.visit import Visit

PAGE_ROWS = 500
GREATEST_PAGE = 8_000
"""Pages grow up to here while they are slow: where no index leads to a page, each one sorts all that is left."""
SLOW_PAGE_SECONDS = 0.05
PATIENCE_SECONDS = 5.0
"""How long a page that scans waits for one of the slots that long requests share."""
LONGEST_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class PageOfRows:
    """Some rows, and the plan that tells what is where in them."""

    plan: ListPlan
    rows: list[Row]


class Exports:
    """Reads whole lists."""

    def __init__(self, planner: Planner, runner: Runner, slots: Slots, lending: Lending) -> None:
        self._planner = planner
        self._runner = runner
        self._slots = slots
        self._lending = lending

    def pages(self, visit: Visit, ask: ListAsk) -> Iterator[PageOfRows]:
        """Yield pages until the list is read, the first one always.

        Raises:
            Problem: a page cannot be read: TooExpensive, Unavailable and the like.
        """
        shape, values, size = ask.shape, {**ask.values, **visit.me}, PAGE_ROWS
        load: Load | None = None
        while True:
            plan = self._lending.planned(visit, partial(self._planner.rows, visit.resource, visit.standing, shape))
            if shape.search and SEARCH not in values:
                query = search_index(plan.resource).query(ask.search or "")
                if query is None:
                    yield PageOfRows(plan, [])
                    return
                values[SEARCH] = query
            # Lists of the same shape are measured by themselves: their pages are short.
            load = load or Load(suspect=plan.load.suspect)
            started = perf_counter()
            with (
                self._slots.taken(load, PATIENCE_SECONDS),
                self._lending.reading(visit, snapshot=not plan.single) as connection,
            ):
                rows = self._runner.rows(plan, values, size, connection)
            took = perf_counter() - started
            yield PageOfRows(plan, rows[:size])
            if len(rows) <= size:
                return
            shape = replace(shape, after=_after(plan, rows[size - 1], values))
            if took > SLOW_PAGE_SECONDS:
                size = min(size * 2, GREATEST_PAGE)
            # Other requests take turns with this one for Python's lock, and would wait for it at every step.
            sleep(min(took, LONGEST_PAUSE_SECONDS))


def _after(plan: ListPlan, last: Row, values: dict[str, Any]) -> tuple[bool, ...]:
    """Bind the position of the last row as a cursor would, and say which of its values are NULL."""
    for index, (position, each) in enumerate(plan.sort):
        value = last[position]
        if value is not None:
            values[f"c{index}"] = each.type.thaw(each.type.freeze(value))
    return tuple(last[position] is None for position, _ in plan.sort)
