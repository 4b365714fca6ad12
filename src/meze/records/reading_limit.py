"""Refuse a request whose plan reads too many rows, before it is run, saying which index would lead it.

The database is asked for its plan once for each plan of ours, with the values of the request that came first, and again
after some minutes, since tables grow and indexes are made. What is told names the fields that the client wrote, and no
number: how many rows there are is not for everyone to know.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from meze.databases import Connection, Database, Statement
from meze.databases.query_plan import QueryPlan, Sizes, read_plan
from meze.errors import Text, TooExpensive
from meze.query.ask import Condition, SortKey, compares_of
from meze.query.operators import OPERATORS
from meze.query.view import Path
from meze.records.cost import Load
from meze.records.plan import LIMIT, ListPlan
from meze.resources.indexes import advise, is_led
from meze.resources.registry import Registry
from meze.resources.resource import Field, Resource

WHOLE = 10
"""How many times as much may be read to count or add up everything: no index would shorten that."""

KEPT_SECONDS = 300.0

_FIELDS = Text(
    "This would read more than {max} rows: no index leads to {fields}. Ask for less, by a field that has an index.",
    "此请求会读取超过 {max} 行：{fields} 没有可用的索引。请用有索引的字段缩小范围。",
)
_ROWS = Text(
    "This would read more than {max} rows. Narrow it with a filter on a field that has an index.",
    "此请求会读取超过 {max} 行。请在有索引的字段上添加过滤条件。",
)
_HINT = Text(" What would mend it: {hint}", " 可以这样解决：{hint}")


class ReadingLimit:
    """At most `rows` rows. `tells_sql`: the refusal carries the CREATE INDEX, as is right in development only."""

    def __init__(self, rows: int, resources: Registry, database: Database, *, tells_sql: bool) -> None:
        self._rows = rows
        self._resources = resources
        self._database = database
        self._tells_sql = tells_sql
        self._sizes = Sizes(KEPT_SECONDS)

    def check_list(self, plan: ListPlan, values: Mapping[str, Any], rows: int, connection: Connection) -> None:
        """Let a page of so many rows of a list through, or refuse it. A search has an index of its own.

        Raises:
            TooExpensive: it would read too many rows.
        """
        if plan.shape.search or (time.monotonic() < plan.load.looked_until and not plan.load.too_many):
            return
        statements = [(each, 1) for each in plan.statements]
        if plan.count is not None:
            statements.append((plan.count, WHOLE if plan.load.whole else 1))
        key = {part.name for part in plan.resource.key}
        sort = [each for each in plan.shape.sort if each.path.relations or each.path.field not in key]
        asked = asked_of(plan.shape.conditions, sort)
        self.check(plan.load, plan.resource, asked, statements, {**values, LIMIT: rows}, connection)

    def check(
        self,
        load: Load,
        resource: Resource,
        asked: Sequence[tuple[Path, str]],
        statements: Iterable[tuple[Statement, int]],
        values: Mapping[str, Any],
        connection: Connection,
    ) -> None:
        """Let what these statements are for through, or refuse it.

        `load` is that of its plan, where the answer of the database is kept. `statements` are what would be run, each
        with how many times the limit it may read; `asked` are the paths that the client wrote, with their operators.

        Raises:
            TooExpensive: it would read too many rows.
        """
        if time.monotonic() >= load.looked_until:
            load.too_many = any(
                _rows_looked_through(read_plan(connection, statement, values, self._sizes)) > times * self._rows
                for statement, times in statements
            )
            load.looked_until = time.monotonic() + KEPT_SECONDS
        if load.too_many:
            raise self._refusal(resource, asked)

    def _refusal(self, resource: Resource, asked: Sequence[tuple[Path, str]]) -> TooExpensive:
        found = list(self._fields(resource, asked))
        without = [each for each in found if _is_without(each[1], each[2])] or found
        params: dict[str, Any] = {"max": self._rows}
        if not without:
            return TooExpensive(_ROWS, params=params)
        params["fields"] = ", ".join(dict.fromkeys(str(path) for path, _, _ in without))
        hints = list(dict.fromkeys(self._hints(without))) if self._tells_sql else []
        if not hints:
            return TooExpensive(_FIELDS, params=params)
        return TooExpensive(
            Text(_FIELDS.en + _HINT.en, _FIELDS.zh + _HINT.zh), params=params | {"hint": "; ".join(hints)}
        )

    def _fields(self, resource: Resource, asked: Sequence[tuple[Path, str]]) -> Iterator[tuple[Path, str, Field]]:
        for path, operator in asked:
            at: Resource | None = resource
            for name in path.relations:
                at = self._resources.of(at.relations[name].model) if at is not None else None
            if at is not None and path.field is not None:
                yield path, operator, at.fields[path.field]

    def _hints(self, without: Sequence[tuple[Path, str, Field]]) -> Iterator[str]:
        """Yield the CREATE INDEX of each column that has none; where all have one, of equal values and an order that an
        index could lead together."""
        dialect = self._database.dialect
        lacking = [each.column for _, operator, each in without if _is_without(operator, each)]
        for _, operator, each in without:
            if not is_led(each.column) and not _looks_inside(operator):
                yield advise((each.column,), (), dialect).create_index
        own = [(operator, each.column) for path, operator, each in without if not path.relations]
        together = [column for operator, column in own if operator == "eq"]
        order = [column for operator, column in own if operator == "sort" and column not in together]
        if not lacking and together and order:
            yield advise((*together, *order), (), dialect).create_index


def asked_of(conditions: Iterable[Condition], sort: Iterable[SortKey] = ()) -> list[tuple[Path, str]]:
    """Return the paths that a client wrote in a filter or an order, each with its operator."""
    asked = [(each.path, each.operator) for each in compares_of(conditions)]
    return asked + [(each.path, "sort") for each in sort]


def _rows_looked_through(plan: QueryPlan) -> int:
    """Return how many rows are read besides those that are the page itself."""
    return sum(step.rows or 0 for step in plan.steps if not step.stops)


def _looks_inside(operator: str) -> bool:
    return operator in OPERATORS and OPERATORS[operator].prepare is not None


def _is_without(operator: str, field: Field) -> bool:
    return _looks_inside(operator) or not is_led(field.column)
