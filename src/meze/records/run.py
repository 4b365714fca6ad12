"""Run plans: bind, call the driver, build. The only place of this package that asks the database for reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meze.databases import Connection
from meze.query.ask import ListAsk
from meze.query.cursor import CursorSeal, Position
from meze.query.parse import list_binding
from meze.query.select import EMBEDDED_ROWS
from meze.records.plan import LIMIT, OFFSET, SEARCH, ListPlan, RowPlan, search_index
from meze.records.reading_limit import ReadingLimit
from meze.records.shape import ETAG, CountedPage, Many, Page, Row, digest, encode, no_related
from meze.records.urls import embedded_url

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs plans on a connection. `prefix` is where the API lives, for the links inside answers. `limit` is on the rows
    that a plan may read."""

    seal: CursorSeal
    prefix: str
    limit: ReadingLimit | None = None

    def page(
        self, plan: ListPlan, ask: ListAsk, me: Values, connection: Connection, see: Callable[[Row], None]
    ) -> tuple[Page | CountedPage, str | None]:
        """Return the page and the cursor of the next one, None at the end. `next` is left for the caller to write.

        `see` is told of every row of the page.
        """
        values = {**ask.values, **me, LIMIT: ask.limit + 1}
        if ask.page is not None:
            values[OFFSET] = (ask.page - 1) * ask.limit
        if plan.shape.search:
            query = search_index(plan.resource).query(ask.search or "")
            if query is None:
                return (CountedPage([], None, 0) if plan.count else Page([], None)), None
            values[SEARCH] = query
        rows = self.rows(plan, values, ask.limit, connection)
        for row in rows[: ask.limit]:
            see(row)
        items = [self._build(plan, row, me, connection) for row in rows[: ask.limit]]
        if plan.whole is not None:
            for item, row in zip(items, rows, strict=False):
                setattr(item, ETAG, digest(encode(plan.whole.build(row, no_related))))
        cursor = None
        if len(rows) > ask.limit and ask.page is None:
            cursor = self._cursor(plan, rows[ask.limit - 1], ask.binding, ask.values)
        more = "" if len(rows) > ask.limit else None
        if plan.count is None:
            return Page(items, more), cursor
        return CountedPage(items, more, connection.rows(plan.count, values)[0][0]), cursor

    def rows(self, plan: ListPlan, values: dict[str, Any], limit: int, connection: Connection) -> list[Row]:
        """Read the statements of the plan in turn, until there is one row more than the page holds.

        That row's presence is the "next" link. A COUNT would scan the table and be stale by the time it is followed.
        """
        if self.limit is not None:
            self.limit.check_list(plan, values, limit + 1, connection)
        rows: list[Row] = []
        for statement in plan.statements:
            values[LIMIT] = limit + 1 - len(rows)
            rows += connection.rows(statement, values)
            if len(rows) > limit:
                break
        return rows

    def _build(self, plan: ListPlan | RowPlan, row: Row, me: Values, connection: Connection) -> Any:
        return plan.node.build(row, lambda many, at: self.embedded(plan, many, at, me, connection))

    def embedded(self, plan: ListPlan | RowPlan, many: Many, row: Row, me: Values, connection: Connection) -> Page:
        """Return the first related rows of a to-many relation, with a link to the rest."""
        inner = plan.many[many.index]
        key = [row[position] for position in many.key]
        if None in key:
            return Page([], None)
        values = {f"s{index}": part for index, part in enumerate(key)} | dict(me)
        rows = self.rows(inner, values, EMBEDDED_ROWS, connection)
        items = [self._build(inner, each, me, connection) for each in rows[:EMBEDDED_ROWS]]
        if len(rows) <= EMBEDDED_ROWS:
            return Page(items, None)
        cursor = self._cursor(inner, rows[EMBEDDED_ROWS - 1], list_binding(inner.resource), values)
        return Page(items, embedded_url(self.prefix, inner.resource, inner.shape.selection, cursor))

    def _cursor(self, plan: ListPlan, row: Row, binding: bytes, values: Values) -> str:
        frozen = tuple(
            None if row[position] is None else each.type.freeze(row[position]) for position, each in plan.sort
        )
        scope = plan.shape.scope
        if scope is None:
            return self.seal.seal(Position(frozen), binding)
        key = tuple(part.type.freeze(values[f"s{index}"]) for index, part in enumerate(plan.parent_key))
        return self.seal.seal(Position(frozen, (scope.resource, scope.relation, *key)), binding)
