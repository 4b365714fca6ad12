"""Read the plans of PostgreSQL: EXPLAIN (FORMAT JSON), a tree of nodes with the planner's estimates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Table, literal, null, select

from meze.databases.database import Connection
from meze.databases.indexes import ways
from meze.databases.query_steps import PAGING, How, Measured, QueryPlan, Sizes, Step, Tables, total
from meze.databases.statement import Statement, compile_statement

SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Tid Range Scan", "Sample Scan"}
GATHERS = {"Sort", "Hash", "Aggregate", "WindowAgg", "Materialize", "SetOp"}
"""Nodes that read all that is below them before they give their first row."""
CONDITIONS = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter", "Sort Key", "Group Key")
"""What is shown of a node beside its name."""

_PREPARED = "meze_plan"
_PLACEHOLDER = re.compile(r"%\((?P<name>\w+)\)s|%%")

Plan = Mapping[str, Any]


class PostgreSQLPlans:
    """The plans of PostgreSQL."""

    def read(self, connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes) -> QueryPlan:
        top = _for_any_values(connection, statement, values)

        def size(table: Table) -> int:
            return sizes.of(table, lambda each: _count(connection, statement, each))

        estimate = _Estimate(Tables(statement.clause), size)
        estimate.walk(top, _Visits())
        steps = tuple(estimate.steps)
        return QueryPlan(tuple(_text(top, "")), steps, total(steps))

    def measure(self, connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Measured:
        top = _explained(connection, statement, values, "ANALYZE, BUFFERS OFF, TIMING OFF, FORMAT JSON")
        return Measured(tuple(_text(top, "")), sum(_read(node) for node in _nodes(top)))


def _explained(connection: Connection, statement: Statement, values: Mapping[str, Any], options: str) -> Plan:
    asking = replace(statement, sql=f"EXPLAIN ({options}) {statement.sql}", types=(), _readers=[])
    plan: Plan = connection.rows(asking, values)[0][0][0]["Plan"]
    return plan


def _for_any_values(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Plan:
    """Return the plan that serves any values alike: what it estimates tells nothing of those that are in the table.

    What is the same for every request is written out, and so is how many rows are asked for: that is no value of the
    table's, and decides how much is read.
    """
    from psycopg.sql import Literal  # this module is loaded on SQLite too, where the driver may be missing

    arguments = statement.arguments(values)
    assert isinstance(arguments, dict), "psycopg takes its arguments by name"
    given = [slot.key for slot in statement.slots if slot.name not in PAGING]

    def written(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "%"
        return f"${given.index(name) + 1}" if name in given else Literal(arguments[name]).as_string()

    sql = _PLACEHOLDER.sub(written, statement.sql)
    nothing = f"({', '.join('NULL' for _ in given)})" if given else ""
    connection.execute(_control(statement, f"PREPARE {_PREPARED} AS {sql}"))
    try:
        connection.execute(_control(statement, "SET plan_cache_mode = force_generic_plan"))
        try:
            asking = _control(statement, f"EXPLAIN (FORMAT JSON) EXECUTE {_PREPARED}{nothing}")
            # Of the values nothing is sent; whoever watches the connection learns what was asked about.
            plan: Plan = connection.rows(replace(asking, clause=statement.clause), values)[0][0][0]["Plan"]
        finally:
            connection.execute(_control(statement, "RESET plan_cache_mode"))
    finally:
        connection.execute(_control(statement, f"DEALLOCATE {_PREPARED}"))
    return plan


def _control(statement: Statement, sql: str) -> Statement:
    sql = sql.replace("%", "%%")
    return replace(statement, sql=sql, clause=null(), binds=(), slots=(), constants={}, types=(), _readers=[])


def _count(connection: Connection, statement: Statement, table: Table) -> int:
    """Return how many rows the planner takes a table to have: from its statistics and the present size of its file."""
    every = compile_statement(select(literal(1)).select_from(table), statement.dialect)
    top = _explained(connection, every, {}, "FORMAT JSON")
    return int(max((node["Plan Rows"] for node in _nodes(top) if node.get("Relation Name")), default=0))


def _nodes(node: Plan) -> Iterable[Plan]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


@dataclass(frozen=True, slots=True)
class _Visits:
    """How often a node is visited, which part of its rows are asked for on each visit, and whether each row that is
    read below it is one that the statement returns."""

    times: float = 1.0
    part: float = 1.0
    returned: bool = False


class _Estimate:
    """Walks a plan and adds up what it reads."""

    def __init__(self, tables: Tables, size: Callable[[Table], int]) -> None:
        self._tables = tables
        self._size = size
        self.steps: list[Step] = []

    def walk(self, node: Plan, visits: _Visits) -> None:
        kind = node["Node Type"]
        children = node.get("Plans", ())
        read = self._scan(node, visits) if kind in SCANS else visits.times * visits.part * node["Plan Rows"]
        below = _below(node, visits)
        outer = next((child["Plan Rows"] for child in children if child.get("Parent Relationship") == "Outer"), 1)
        for child in children:
            relationship = child.get("Parent Relationship")
            if relationship == "SubPlan" and "hashed" not in child.get("Subplan Name", ""):
                self.walk(child, _Visits(times=max(1.0, read)))
            elif relationship in ("InitPlan", "SubPlan"):
                self.walk(child, _Visits())
            elif relationship == "Inner":
                again = kind == "Nested Loop" and child["Node Type"] != "Materialize"
                self.walk(child, _Visits(times=visits.times * max(1.0, outer * below.part) if again else 1.0))
            else:
                self.walk(child, below)

    def _scan(self, node: Plan, visits: _Visits) -> float:
        """Add a step, and return how many rows it reads."""
        table, condition = self._tables.named(node["Relation Name"]), node.get("Filter")
        led = "Index Cond" in node or node["Node Type"] in ("Bitmap Heap Scan", "Tid Scan", "Tid Range Scan")
        rows = node["Plan Rows"]
        if not led and table is not None:
            rows = max(rows, self._size(table))
        # Where an index could have led, the planner knew how many rows it would throw away; elsewhere the worst counts.
        known = condition is None or (table is not None and _is_of_led_columns(condition, table))
        rows *= visits.times * (visits.part if known else 1.0)
        index = next((each["Index Name"] for each in _nodes(node) if "Index Name" in each), None)
        how: How = "index" if led else "scan"
        stops = visits.returned and condition is None
        self.steps.append(Step(node["Relation Name"], how, index, round(rows), stops))
        return float(rows)


def _below(node: Plan, visits: _Visits) -> _Visits:
    """Return how the children of a node are visited."""
    kind, children = node["Node Type"], node.get("Plans", ())
    if kind == "Limit":
        rows = max((child["Plan Rows"] for child in children), default=1)
        return _Visits(visits.times, visits.part * min(1.0, node["Plan Rows"] / max(rows, 1)), returned=True)
    if kind in GATHERS:
        return _Visits(visits.times)
    keeps_all = node.get("Join Type", "Left") == "Left" and "Filter" not in node
    return replace(visits, returned=visits.returned and keeps_all)


def _is_of_led_columns(condition: str, table: Table) -> bool:
    """Say whether a condition compares columns that indexes begin with, and no more."""
    bare = re.sub(r"'(?:[^']|'')*'(?:::[\w ]+(?:\[\])?)?", "", condition)
    if "SubPlan" in bare or "~~" in bare or re.search(r"\b(?!ANY\b|AND\b|OR\b|NOT\b|ROW\b)\w+\(", bare):
        return False
    first = {str(getattr(way[0], "name", "")) for way in ways(table)}
    named = {str(column.name) for column in table.columns if re.search(rf"\b{re.escape(column.name)}\b", bare)}
    return bool(named) and named <= first


def _read(node: Plan) -> int:
    """Return how many rows of a table a node read, as it was counted; a count is the average of its loops."""
    if node["Node Type"] not in SCANS:
        return 0
    removed = sum(each for name, each in node.items() if name.startswith("Rows Removed by"))
    read: float = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return round(read)


def _text(node: Plan, indent: str) -> Iterable[str]:
    name = node["Node Type"]
    if "Index Name" in node:
        name += f" using {node['Index Name']}"
    if "Relation Name" in node:
        name += f" on {node['Relation Name']}"
    if "Actual Rows" in node:
        rows = f"{node['Actual Rows']:g} rows" + (f" × {node['Actual Loops']}" if node["Actual Loops"] != 1 else "")
    else:
        rows = f"about {node['Plan Rows']} rows"
    yield f"{indent}{name} ({rows})"
    for each in CONDITIONS:
        if each in node:
            said = node[each] if isinstance(node[each], str) else ", ".join(node[each])
            yield f"{indent}  {each}: {_without_values(said)}"
    for child in node.get("Plans", ()):
        yield from _text(child, indent + "  ")


def _without_values(condition: str) -> str:
    """Return a condition without the texts that it compares with."""
    return re.sub(r"'(?:[^']|'')*'", "'…'", condition)
