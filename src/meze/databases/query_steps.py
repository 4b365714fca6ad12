"""What a database says it would do for a statement: the words for it that do not depend on the database."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Table
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.visitors import iterate

How = Literal["scan", "index", "search"]

PAGING = ("meze_limit", "meze_offset")
"""The names of the binds that say how many rows are asked for. The plan is asked for without all other values: what it
would tell of them is how often they are in the table, in rows that are hidden too."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way into one table.

    `how`: `scan` reads the table, or an index of it, from one end on; `index` is led by a condition to some of its
    rows; `search` asks a full-text index. `rows` is how many rows are read on all the visits together, None where that
    cannot be told. `stops`: it is a scan that ends with the page, since each row that it reads is one of the page.
    """

    table: str
    how: How
    index: str | None = None
    rows: int | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """`text` is the database's own plan, a line for each node. `rows_estimate` is how many rows all steps read.

    Where a filter has no index it is an estimate for the worst of values: the filter may be true for no row, so what
    stands under it is read to its end whatever the LIMIT. None where no step says a number.
    """

    text: tuple[str, ...]
    steps: tuple[Step, ...]
    rows_estimate: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What running a statement took, as the database counted it; `rows_read` is None where it does not count."""

    text: tuple[str, ...]
    rows_read: int | None


def total(steps: tuple[Step, ...]) -> int | None:
    known = [each.rows for each in steps if each.rows is not None]
    return sum(known) if known or not steps else None


class Sizes:
    """How many rows tables have, as far as that is cheap to know. A number is kept for `seconds`."""

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds
        self._known: dict[Table, tuple[float, int]] = {}

    def of(self, table: Table, ask: Callable[[Table], int]) -> int:
        """Return the rows of `table`, from `ask` where they are not known."""
        until, rows = self._known.get(table, (0.0, 0))
        if time.monotonic() >= until:
            rows = ask(table)
            self._known[table] = (time.monotonic() + self._seconds, rows)
        return rows


class Tables:
    """The tables of a statement, by the names that plans give them: an alias that nobody named is `cities_1`."""

    def __init__(self, clause: ClauseElement) -> None:
        elements: list[Any] = [cast(Any, each)._deannotate() for each in iterate(clause)]
        self._by_name: dict[str, Table] = {each.name: each for each in elements if isinstance(each, Table)}
        for each in elements:
            below: Any = getattr(each, "element", None)
            name = getattr(each, "name", None)
            if isinstance(below, Table) and isinstance(name, str):
                self._by_name.setdefault(str(name), below)

    def named(self, name: str) -> Table | None:
        """Return the table, or None for what is none, such as a subquery."""
        return self._by_name.get(name, self._by_name.get(re.sub(r"_\d+$", "", name)))
