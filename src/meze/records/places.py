"""Say where in a larger body a problem is that was met in a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from meze.errors import Entry, Problem

AT = "at"
"""The member of a problem that points at the part of the body which could not be done."""


def moved(entries: Iterable[Entry], place: str) -> list[Entry]:
    """Return entries that point into a part as entries that point into the whole; `place` is the part's pointer."""
    return [each if each.pointer is None else replace(each, pointer=place + each.pointer) for each in entries]


def placed(problem: Problem, place: str, entry: Callable[[Entry], Entry] | None = None) -> Problem:
    """Make a problem that was met in the part at `place` one of the whole. `entry` says otherwise where entries are."""
    if entry is None:
        problem.entries = tuple(moved(problem.entries, place))
    else:
        problem.entries = tuple(entry(each) for each in problem.entries)
    problem.members[AT] = place + problem.members.get(AT, "")
    return problem
