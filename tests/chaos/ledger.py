"""What clients were told of each write, and whether a database holds what it then must.

Every write sets rows, named by their markers, to a number that no other write uses. So what is stored tells which write
it came from. A marker is written by one client alone, which waits for each answer: its writes have an order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What became of a write, as far as its client knows."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The connection died, or the answer was that the server does not know (5xx)."""


@dataclass(slots=True)
class Write:
    """One request: all of `rows` (marker to number), or nothing. Moments are nanoseconds of the monotonic clock."""

    rows: Mapping[str, int]
    sent: int
    answered: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    status: int | None = None
    kind: str = ""

    def outcome_at(self, moment: int | None) -> Outcome:
        """Return what was known at a moment. A refusal that came later says all the same that nothing was kept."""
        early = moment is None or (self.answered is not None and self.answered <= moment)
        return self.outcome if early or self.outcome is Outcome.REFUSED else Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Stored:
    """What a database holds: the number of each marker, and the markers of rows whose two halves differ."""

    numbers: Mapping[str, int]
    halved: frozenset[str] = frozenset()


@dataclass(slots=True)
class Verdict:
    """What was found: how many writes were acknowledged, and the markers of the rows that are not as they must be."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    refused_yet_present: list[str] = field(default_factory=list)
    in_part: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.refused_yet_present or self.in_part or self.invented)


class Ledger:
    """Every write of every client. Clients only ever append, so it is read while they are at it."""

    def __init__(self) -> None:
        self.writes: list[Write] = []

    def outcomes(self) -> Counter[Outcome]:
        return Counter(write.outcome for write in self.writes)

    def judge(self, stored: Stored, moment: int | None = None) -> Verdict:
        """Compare what is stored with what was told until `moment`; without one, with all that was told."""
        known = [write for write in self.writes if moment is None or write.sent <= moment]
        verdict = Verdict(sum(write.outcome_at(moment) is Outcome.ACKNOWLEDGED for write in known))
        histories: dict[str, list[Write]] = defaultdict(list)
        for write in known:
            for marker in write.rows:
                histories[marker].append(write)
        for marker, writes in histories.items():
            _judge_row(marker, writes, stored.numbers.get(marker), moment, verdict)
        verdict.in_part += [*_in_part(known, stored.numbers), *stored.halved]
        verdict.invented += stored.numbers.keys() - histories.keys()
        return verdict


def _judge_row(marker: str, writes: list[Write], number: int | None, moment: int | None, verdict: Verdict) -> None:
    allowed: set[int | None] = {None}
    refused: set[int | None] = set()
    for write in writes:
        outcome = write.outcome_at(moment)
        if outcome is Outcome.ACKNOWLEDGED:
            allowed = {write.rows[marker]}
        elif outcome is Outcome.UNKNOWN:
            allowed.add(write.rows[marker])
        else:
            refused.add(write.rows[marker])
    if number in allowed:
        return
    if number in refused:
        verdict.refused_yet_present.append(marker)
    elif number is None or any(number == write.rows[marker] for write in writes):
        verdict.lost.append(marker)
    else:
        verdict.invented.append(marker)


def _in_part(writes: Iterable[Write], numbers: Mapping[str, int]) -> Iterable[str]:
    for write in writes:
        there = [
            marker for marker in write.rows if marker in numbers
        ]  # with this number, or with that of a later write
        if len(write.rows) > 1 and 0 < len(there) < len(write.rows):
            yield from there
