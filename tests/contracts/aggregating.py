"""What aggregates must be, worked out in plain Python from the oracle's rows; how they are drawn, and how asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cmp_to_key
from typing import Any

from hypothesis import strategies as st

from contracts.asking import arguments
from contracts.oracle import Asked, Condition, Oracle, Question, written
from contracts.rules import Row
from contracts.schema import KINDS, SERVED, TABLES, Sort
from contracts.strategies import choices, conditions, made_once, paths

COUNTING = ("count", "count_distinct")
FUNCTIONS: dict[Sort, tuple[str, ...]] = {
    Sort.KEY: (*COUNTING, "sum", "avg", "min", "max"),
    Sort.NUMBER: (*COUNTING, "sum", "avg", "min", "max"),
    Sort.REFERENCE: (*COUNTING, "sum", "avg", "min", "max"),
    Sort.TEXT: (*COUNTING, "min", "max"),
    Sort.DAY: (*COUNTING, "min", "max"),
    Sort.TRUTH: COUNTING,
    Sort.KIND: COUNTING,
}
PARTS = {"year": lambda day: day.year, "month": lambda day: f"{day:%Y-%m}", "day": date.isoformat}
DIGITS = 6


@dataclass(frozen=True)
class Measured:
    """`column` is None where the rows are counted."""

    function: str
    relations: tuple[str, ...] = ()
    column: str | None = None

    @property
    def asked(self) -> str:
        return self.function if self.column is None else f"{self.function}:{'__'.join((*self.relations, self.column))}"

    @property
    def name(self) -> str:
        return self.asked.replace(":", "_")


@dataclass(frozen=True)
class Grouped:
    relations: tuple[str, ...]
    column: str
    part: str | None = None

    @property
    def name(self) -> str:
        return "__".join((*self.relations, self.column, *([self.part] if self.part else [])))


@dataclass(frozen=True)
class Summary:
    """`sort` are names of the answer's members, and whether each descends."""

    measures: tuple[Measured, ...]
    groups: tuple[Grouped, ...] = ()
    conditions: tuple[Asked, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = 20


def query_of(summary: Summary) -> list[tuple[str, str]]:
    """Return the parameters that ask for a summary."""
    pairs = arguments(Question(summary.conditions, limit=summary.limit))
    pairs.append(("aggregate", ",".join(each.asked for each in summary.measures)))
    if summary.groups:
        pairs.append(("group", ",".join(each.name for each in summary.groups)))
    if summary.sort:
        pairs.append(("sort", ",".join(("-" if descending else "") + name for name, descending in summary.sort)))
    return pairs


def summarised(oracle: Oracle, table: str, summary: Summary) -> list[dict[str, Any]]:
    """Return every element of the answer, in order. Raises Refusal where the caller may not ask."""
    # What a group or a measure names is refused as what a condition names.
    named = [Condition(each.relations, each.column, "isnull", True) for each in (*summary.groups, *summary.measures)]
    oracle.check(table, Question((*summary.conditions, *named)))
    rows = oracle.listed(table, Question(summary.conditions))
    together: dict[tuple[Any, ...], list[Row]] = {} if summary.groups else {(): []}
    for row in rows:
        key = tuple(_group(oracle, table, row, each) for each in summary.groups)
        together.setdefault(key, []).append(row)
    found = []
    for key, members in together.items():
        element = {each.name: value for each, value in zip(summary.groups, key, strict=True)}
        element |= {each.name: _measure(oracle, table, members, each) for each in summary.measures}
        found.append(element)
    return [{name: written(value) for name, value in element.items()} for element in _ordered(table, found, summary)]


def _value(oracle: Oracle, table: str, row: Row | None, relations: tuple[str, ...], column: str) -> Any:
    for name in relations:
        table, row = oracle.target(table, name), oracle.one(table, row, name)
    return None if row is None else row[column]


def _group(oracle: Oracle, table: str, row: Row, each: Grouped) -> Any:
    value = _value(oracle, table, row, each.relations, each.column)
    return value if value is None or each.part is None else PARTS[each.part](value)


def _measure(oracle: Oracle, table: str, rows: list[Row], each: Measured) -> Any:
    if each.column is None:
        return len(rows)
    found = [_value(oracle, table, row, each.relations, each.column) for row in rows]
    return aggregated(each.function, [value for value in found if value is not None])


def aggregated(function: str, values: list[Any], scale: int = 0) -> Any:
    """Return what a function makes of values that are not NULL; averages have `scale` digits and six more."""
    match function:
        case "count":
            return len(values)
        case "count_distinct":
            return len(set(values))
        case "sum":
            return sum(values) if values else None
        case "avg":
            return rounded(sum(map(Fraction, values)) / len(values), scale + DIGITS) if values else None
        case "min":
            return min(values, default=None)
    return max(values, default=None)


def rounded(number: Fraction, digits: int) -> str:
    """Return the nearest decimal; of two alike, the one farther from zero."""
    units = int(abs(number) * 10**digits + Fraction(1, 2))
    whole, after = divmod(units, 10**digits)
    return f"{'-' if number < 0 and units else ''}{whole}.{after:0{digits}d}"


def _ordered(table: str, found: list[dict[str, Any]], summary: Summary) -> list[dict[str, Any]]:
    order = [*summary.sort, *((each.name, False) for each in summary.groups)]
    kinds = {each.name for each in summary.groups if _sort_of(table, each.relations, each.column) is Sort.KIND}
    averages = {each.name for each in summary.measures if each.function == "avg"}

    def comparable(element: dict[str, Any], name: str) -> Any:
        value = element[name]
        if value is not None and name in kinds:
            return KINDS.index(value)
        return Fraction(value) if value is not None and name in averages else value

    def compare(left: dict[str, Any], right: dict[str, Any]) -> int:
        for name, descending in order:
            first, second = comparable(left, name), comparable(right, name)
            if first == second:
                continue
            greater = first is None or (second is not None and first > second)
            return 1 if greater is not descending else -1
        return 0

    return sorted(found, key=cmp_to_key(compare))


def _sort_of(table: str, relations: tuple[str, ...], column: str) -> Sort:
    for name in relations:
        table = TABLES[table].relations[name].target
    return TABLES[table].columns[column]


@made_once
@st.composite
def _measures(draw: st.DrawFn, table: str) -> Measured:
    if draw(st.integers(0, 3)) == 0:
        return Measured("count")
    crossed, end = draw(paths(table, 2, to_one=True))
    column, sort = draw(choices(TABLES[end].columns.items()))
    return Measured(draw(choices(FUNCTIONS[sort])), crossed, column)


@made_once
@st.composite
def _groups(draw: st.DrawFn, table: str) -> Grouped:
    crossed, end = draw(paths(table, 2, to_one=True))
    column, sort = draw(choices(TABLES[end].columns.items()))
    parts = (None, *PARTS) if sort is Sort.DAY else (None,)
    return Grouped(crossed, column, draw(choices(parts)))


@st.composite
def summaries(draw: st.DrawFn) -> tuple[str, Summary]:
    """Draw a table, and aggregates of its rows."""
    table = draw(choices(SERVED))
    measures = draw(st.lists(_measures(table), min_size=1, max_size=4, unique_by=lambda each: each.name))
    groups = draw(st.lists(_groups(table), max_size=3, unique_by=lambda each: each.name))
    found = draw(st.lists(conditions(table), max_size=2))
    names = [each.name for each in (*groups, *measures)]
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(names), st.booleans()), max_size=3, unique_by=lambda each: each[0])
    )
    summary = Summary(tuple(measures), tuple(groups), tuple(found), tuple(chosen))
    return table, replace(summary, limit=draw(st.integers(1, 4)))
