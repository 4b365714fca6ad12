"""Read the plans of PostgreSQL: EXPLAIN (FORMAT JSON), a tree of nodes with the planner's estimates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, literal, select

from meze.databases.database import Connection
from meze.databases.query_steps import How, Measured, QueryPlan, Sizes, Step, Tables, total
from meze.databases.statement import Statement, compile_statement

SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Tid Range Scan", "Sample Scan"}
GATHERS = {"Sort", "Hash", "Aggregate", "WindowAgg", "Materialize", "SetOp"}
"""Nodes that read all that is below them before they give their first row."""
DISCARDING = ("Filter", "Join Filter", "One-Time Filter", "Rows Removed by Index Recheck")
CONDITIONS = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter", "Sort Key", "Group Key")
"""What is shown of a node beside its name."""

Plan = Mapping[str, Any]


class PostgreSQLPlans:
    """The plans of PostgreSQL."""

    def read(self, connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes) -> QueryPlan:
        top = _explained(connection, statement, values, "FORMAT JSON")
        tables = Tables(statement.clause)

        def size(name: str) -> int | None:
            table = tables.named(name)
            return None if table is None else sizes.of(table, lambda each: _count(connection, statement, each))

        steps: list[Step] = []
        _walk(top, 1.0, None, size, steps)
        return QueryPlan(tuple(_text(top, "")), tuple(steps), total(tuple(steps)))

    def measure(self, connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Measured:
        top = _explained(connection, statement, values, "ANALYZE, BUFFERS OFF, TIMING OFF, FORMAT JSON")
        return Measured(tuple(_text(top, "")), sum(_read(node) for node in _nodes(top)))


def _explained(connection: Connection, statement: Statement, values: Mapping[str, Any], options: str) -> Plan:
    asking = replace(statement, sql=f"EXPLAIN ({options}) {statement.sql}", types=(), _readers=[])
    plan: Plan = connection.rows(asking, values)[0][0][0]["Plan"]
    return plan


def _count(connection: Connection, statement: Statement, table: Table) -> int:
    """Return how many rows the planner takes a table to have: from its statistics and the present size of its file."""
    every = compile_statement(select(literal(1)).select_from(table), statement.dialect)
    top = _explained(connection, every, {}, "FORMAT JSON")
    return int(max((node["Plan Rows"] for node in _nodes(top) if node.get("Relation Name")), default=0))


def _nodes(node: Plan) -> Iterable[Plan]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _walk(node: Plan, loops: float, limit: float | None, size: Any, steps: list[Step]) -> None:
    """Add the steps of `node`, which is visited so many times; `limit`: no more rows of it are asked for on a visit."""
    kind = node["Node Type"]
    if any(name in node for name in DISCARDING):
        limit = None  # as many as there are may be thrown away before one is kept
    if kind in SCANS:
        _scan(node, loops, limit, size, steps)
    children = node.get("Plans", ())
    if kind == "Limit":
        limit = node["Plan Rows"] if limit is None else min(limit, node["Plan Rows"])
    elif kind in GATHERS:
        limit = None
    if kind == "Materialize":
        loops = 1.0
    if node.get("Join Type") not in (None, "Left"):
        limit = None
    outer = next((child["Plan Rows"] for child in children if child.get("Parent Relationship") == "Outer"), 1)
    for child in children:
        relationship = child.get("Parent Relationship")
        if relationship == "Inner" and kind == "Nested Loop":
            times = loops * max(1.0, outer if limit is None else min(outer, limit))
            _walk(child, times, None, size, steps)
        elif relationship == "SubPlan" and "hashed" not in child.get("Subplan Name", ""):
            of_scan = steps[-1].rows if kind in SCANS and steps and steps[-1].rows else None
            _walk(child, float(of_scan or max(1.0, loops * node["Plan Rows"])), None, size, steps)
        elif relationship in ("InitPlan", "SubPlan"):
            _walk(child, 1.0, None, size, steps)
        else:
            _walk(child, loops, limit if relationship in ("Outer", "Member", "Subquery", None) else None, size, steps)


def _scan(node: Plan, loops: float, limit: float | None, size: Any, steps: list[Step]) -> None:
    table = node["Relation Name"]
    led = "Index Cond" in node or node["Node Type"] in ("Bitmap Heap Scan", "Tid Scan", "Tid Range Scan")
    rows = node["Plan Rows"]
    if not led:
        rows = max(rows, size(table) or 0)
    stops = limit is not None
    if limit is not None:
        rows = min(rows, limit)
    below = (each.get("Index Name") for each in _nodes(node))
    index = next((name for name in below if name is not None), None)
    how: How = "index" if led else "scan"
    steps.append(Step(table, how, index, round(loops * rows), stops))


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
