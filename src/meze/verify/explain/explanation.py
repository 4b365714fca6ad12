"""What an explanation says, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meze.access.decide import Clause
from meze.databases.query_steps import Step
from meze.resources.indexes import Advice
from meze.verify.explain.masks import BoundValue


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A rule as it was declared: in words, and the line of the program that says it."""

    action: str
    words: str
    line: str | None


@dataclass(frozen=True, slots=True)
class ClauseSeen:
    """A clause, its truth for a row, and what it looked at. `decides` says whether the decision names it."""

    clause: Clause
    truth: bool | None
    decides: bool
    looked_at: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowSeen:
    """A row and why it is let in or kept out. `what` says which rule was asked: read, or that of a write, and of which
    state of the row."""

    key: str
    what: str
    allowed: bool
    clauses: tuple[ClauseSeen, ...]

    @property
    def reasons(self) -> tuple[ClauseSeen, ...]:
        return tuple(each for each in self.clauses if each.decides)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that the same clauses decided. `rows` is how many, None where counting them took too long; `keys` are the
    first, as they stand in addresses."""

    clauses: tuple[Clause, ...]
    rows: int | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementSeen:
    """A statement as it was sent, with the values of its first run where it ran several `times`.

    `returned` counts its rows, `read` those that it reads in one run by the database's plan, None where that is not
    told; they were `counted`, or are an estimate.
    """

    purpose: str
    sql: str
    values: tuple[BoundValue, ...]
    times: int
    returned: int
    milliseconds: float
    plan: tuple[str, ...] = ()
    read: int | None = None
    counted: bool = False
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class Explanation:
    """All of it. What was not asked, or may not be told, is empty; `notes` say so."""

    request: str
    caller: str
    resource: str
    action: str
    rules: tuple[RuleSeen, ...] = ()
    status: int | None = None
    code: str | None = None
    returned: int | None = None
    rows: list[RowSeen] = field(default_factory=list)
    let_in: list[Group] = field(default_factory=list)
    kept_out: list[Group] = field(default_factory=list)
    statements: list[StatementSeen] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=dict)
    indexes: list[Advice] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def read(self) -> int | None:
        """How many rows the statements look at, None where no plan tells."""
        known = [each.read * each.times for each in self.statements if each.read is not None]
        return sum(known) if known else None
