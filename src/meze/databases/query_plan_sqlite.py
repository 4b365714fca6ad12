"""Read the plans of SQLite: EXPLAIN QUERY PLAN, a tree of lines without numbers.

How many rows a line reads is estimated here, as SQLite's own planner does where it has no samples: from the statistics
that ANALYZE left, and from the sizes of the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sqlalchemy import BinaryExpression, ColumnClause, Select, Table, Tuple, func, literal, select
from sqlalchemy.sql import ClauseElement, operators
from sqlalchemy.sql.elements import AsBoolean, BooleanClauseList, Grouping, True_

from meze.databases.database import Connection
from meze.databases.query_steps import PAGING, Measured, QueryPlan, Sizes, Step, Tables, total
from meze.databases.statement import Statement, compile_statement

COUNTED = 1_000_000
"""A table is counted up to here, which takes some milliseconds; beyond, what ANALYZE last counted is believed."""

OF_AN_EQUAL = 10
"""How many rows SQLite takes an equal value of an index to have, where ANALYZE was not run."""
OF_A_RANGE, OF_A_CLOSED_RANGE = 4, 64
"""Into how many parts it takes a range to divide a table, with one end and with two."""

_LED = (operators.eq, operators.lt, operators.le, operators.gt, operators.ge, operators.in_op, operators.is_)
_SORTS = re.compile(r"USE TEMP B-TREE FOR (?!.*LAST )")
"""Where only the last terms are sorted, the rows come in runs, and the first run is enough for a page."""
_LINE = re.compile(
    r"(?P<how>SCAN|SEARCH) (?:TABLE )?(?P<name>.+?)(?: AS .+?)?(?: EXISTS)?"
    r"(?: USING (?P<automatic>AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?"
    r"(?P<by>INDEX|INTEGER PRIMARY KEY|PRIMARY KEY)(?: (?P<index>(?!\().+?))?(?: \((?P<led>.*)\))?)?"
    r"(?P<virtual> VIRTUAL TABLE INDEX .*)?(?: (?:LEFT|RIGHT|FULL)-JOIN)?"
)


@dataclass(slots=True)
class Node:
    detail: str
    children: list[Node] = field(default_factory=list)


class SQLitePlans:
    """The plans of SQLite."""

    def read(self, connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes) -> QueryPlan:
        slots = tuple(each if each.name in PAGING else each._replace(process=_nothing) for each in statement.slots)
        asking = replace(statement, sql=f"EXPLAIN QUERY PLAN {statement.sql}", slots=slots, types=(), _readers=[])
        nodes: dict[int, Node] = {0: Node("")}
        for number, parent, _, detail in connection.rows(asking, values):
            nodes[number] = Node(detail)
            nodes[parent].children.append(nodes[number])
        estimate = _Estimate(connection, statement, values, sizes)
        estimate.level(nodes[0].children, 1, outermost=True)
        steps = tuple(estimate.steps)
        return QueryPlan(tuple(_text(nodes[0].children, "")), steps, total(steps))

    def measure(self, connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Measured:
        connection.rows(statement, values)
        return Measured((), None)


def _text(nodes: Iterable[Node], indent: str) -> Iterable[str]:
    for node in nodes:
        yield indent + node.detail
        yield from _text(node.children, indent + "  ")


class _Estimate:
    """Walks a plan and adds up what it reads. The lines of one level are loops inside each other."""

    def __init__(self, connection: Connection, statement: Statement, values: Mapping[str, Any], sizes: Sizes) -> None:
        self._connection = connection
        self._dialect = statement.dialect
        self._clause = statement.clause
        self._tables = Tables(statement.clause)
        self._sizes = sizes
        self._limit = _limit(statement.clause, values)
        self.steps: list[Step] = []

    def level(self, nodes: list[Node], loops: int, *, outermost: bool = False) -> None:
        sorts = any(_SORTS.match(node.detail) for node in nodes)
        limit = self._limit if outermost and not sorts else None
        for node in nodes:
            found = _LINE.fullmatch(node.detail)
            if node.detail == "MULTI-INDEX OR":
                loops = self._alternatives(node, loops)
                limit = None
            elif found is not None and node.detail != "SCAN CONSTANT ROW":
                loops = self._step(found, loops, limit)
                limit = None
            else:
                self.level(node.children, loops if node.detail.startswith("CORRELATED") else 1)

    def _alternatives(self, node: Node, loops: int) -> int:
        """Add the indexes that are asked one after the other, and return how many rows they lead to."""
        lines = [child for index in node.children for child in index.children]
        return sum(self._step(found, loops, None) for line in lines if (found := _LINE.fullmatch(line.detail)))

    def _step(self, found: re.Match[str], loops: int, limit: int | None) -> int:
        """Add a step, and return how many rows the next loop is visited for."""
        table = self._tables.named(found["name"])
        if found["virtual"]:
            self.steps.append(Step(found["name"], "search", rows=None))
            return loops
        if table is None:
            return loops
        size = self._sizes.of(table, self._count)
        led = re.findall(r"(\w+)\s*(=|>|<)", found["led"] or "")
        read = size if found["how"] == "SCAN" else min(size, self._led_to(table, found, led, size))
        if found["automatic"]:
            self.steps.append(Step(table.name, "scan", rows=size))
        stops = limit is not None and self._keeps_all(table, {name for name, _ in led})
        if stops and limit is not None:
            read = min(read, limit)
        how = "scan" if found["how"] == "SCAN" else "index"
        self.steps.append(Step(table.name, cast(Any, how), _index_name(found), loops * read, stops))
        return loops * read

    def _led_to(self, table: Table, found: re.Match[str], led: list[tuple[str, str]], size: int) -> int:
        """Return how many rows a condition leads to on one visit."""
        equal = [name for name, sign in led if sign == "="]
        ranged = [name for name, sign in led if sign != "="]
        if found["by"] != "INDEX":
            of_equal = 1 if len(equal) >= len(table.primary_key.columns) or "rowid" in equal else OF_AN_EQUAL
        else:
            of_equal = self._of_equal(table, found["index"], len(equal))
        rows = of_equal if equal else size
        if ranged:
            rows //= OF_A_CLOSED_RANGE if len(ranged) > len(set(ranged)) else OF_A_RANGE
        return max(rows, 1)

    def _of_equal(self, table: Table, index: str | None, places: int) -> int:
        for statistics in self._ask("SELECT stat FROM sqlite_stat1 WHERE tbl = ? AND idx = ?", table.name, index):
            numbers = statistics.split()
            if len(numbers) > places:
                return int(numbers[places])
        unique = [each for each in table.indexes if each.name == index and each.unique]
        whole = any(len(each.columns) <= places for each in unique) or str(index).startswith("sqlite_autoindex_")
        return 1 if whole else OF_AN_EQUAL

    def _count(self, table: Table) -> int:
        some = select(literal(1)).select_from(table).limit(COUNTED).subquery()
        counting = compile_statement(select(func.count()).select_from(some), self._dialect)
        counted: int = self._connection.rows(counting)[0][0]
        if counted < COUNTED:
            return counted
        said = self._ask("SELECT stat FROM sqlite_stat1 WHERE tbl = ?", table.name)
        return max(counted, *(int(each.split()[0]) for each in said))

    def _ask(self, sql: str, *values: Any) -> list[str]:
        """Return what ANALYZE left; nothing where it was not run."""
        asking = replace(compile_statement(select(literal(1)), self._dialect), slots=(), types=())
        there = replace(asking, sql="SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'", constants=[])
        if not self._connection.rows(there):
            return []
        return [str(row[0]) for row in self._connection.rows(replace(asking, sql=sql, constants=list(values)))]

    def _keeps_all(self, table: Table, led: set[str]) -> bool:
        """Say whether each row that the conditions of this index lead to is one that the statement wants."""
        names = {part.name for part in table.primary_key.columns} if "rowid" in led else set()
        return all(_is_led(each, led | names) for each in _criteria(cast(Any, self._clause).whereclause))


def _index_name(found: re.Match[str]) -> str | None:
    return "primary key" if found["by"] and found["by"] != "INDEX" else found["index"]


def _nothing(_value: Any) -> None:
    """Bind NULL in the place of a value that is not to be told of."""


def _limit(clause: ClauseElement, values: Mapping[str, Any]) -> int | None:
    """Return after how many rows the statement stops; None where it does not."""
    if not isinstance(clause, Select) or clause._limit_clause is None:
        return None
    rows = 0
    for part in (clause._limit_clause, clause._offset_clause):
        if part is not None:
            given = values.get(getattr(part, "key", ""), getattr(part, "value", None))
            if not isinstance(given, int):
                return None
            rows += given
    return rows


def _criteria(condition: Any) -> Iterable[Any]:
    if condition is None or isinstance(condition, True_):
        return
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _criteria(part)
    elif isinstance(condition, Grouping) or (
        isinstance(condition, AsBoolean) and condition.operator is operators.is_true
    ):
        yield from _criteria(condition.element)
    else:
        yield condition


def _is_led(condition: Any, led: set[str]) -> bool:
    """Say whether a condition is one that an index over these columns goes by."""
    if not isinstance(condition, BinaryExpression) or condition.operator not in (*_LED, operators.is_not):
        return False
    left: Any = condition.left
    while isinstance(left, Grouping):
        left = left.element
    if isinstance(left, Tuple):
        left = left.clauses[0]
    return isinstance(left, ColumnClause) and left.name in led
