"""Run plans: bind, call the driver, build. The only place of this package that asks the database for reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meze.databases import Connection
from meze.databases.statement import Fetched, Readers, Row
from meze.query.ask import ListAsk
from meze.query.cursor import CursorSeal, Position
from meze.query.parse import list_binding
from meze.query.select import EMBEDDED_ROWS
from meze.records.plan import LIMIT, OFFSET, SEARCH, ListPlan, RowPlan, search_index
from meze.records.reading_limit import ReadingLimit
from meze.records.shape import ETAG, CountedPage, Many, Page, digest, encode, no_related
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
        self, plan: ListPlan, ask: ListAsk, me: Values, connection: Connection, see: Callable[[Row], None] | None
    ) -> tuple[Page | CountedPage, str | None]:
        """Return the page and the cursor of the next one, None at the end. `next` is left for the caller to write.

        `see`, if given, is told of every row of the page.
        """
        values = {**ask.values, **me}
        if ask.page is not None:
            values[OFFSET] = (ask.page - 1) * ask.limit
        if plan.shape.search:
            query = search_index(plan.resource).query(ask.search or "")
            if query is None:
                return (CountedPage([], None, 0) if plan.count else Page([], None)), None
            values[SEARCH] = query
        found = self.fetch(plan, values, ask.limit, connection)
        rows = found.rows[: ask.limit]
        page = Fetched(rows, found.readers)
        if see is not None:
            for row in page.decoded:
                see(row)
        items = plan.node.objects(page, lambda many, at: self.embedded(plan, many, at, me, connection))
        if plan.whole is not None:
            for item, whole in zip(items, plan.whole.objects(page, no_related), strict=True):
                setattr(item, ETAG, digest(encode(whole)))
        cursor, more = None, None
        if len(found.rows) > ask.limit:
            more = ""
            if ask.page is None:
                cursor = self._cursor(plan, rows[-1], found.readers, ask.binding, ask.values)
        if plan.count is None:
            return Page(items, more), cursor
        return CountedPage(items, more, connection.rows(plan.count, values)[0][0]), cursor

    def rows(self, plan: ListPlan, values: dict[str, Any], limit: int, connection: Connection) -> list[Row]:
        """Read the statements of the plan in turn, until there is one row more than the page holds.

        That row's presence is the "next" link. A COUNT would scan the table and be stale by the time it is followed.
        """
        return self.fetch(plan, values, limit, connection).decoded

    def fetch(self, plan: ListPlan, values: dict[str, Any], limit: int, connection: Connection) -> Fetched:
        """Read as `rows` does, and leave the values as the driver gave them where one statement is all."""
        if self.limit is not None:
            self.limit.check_list(plan, values, limit + 1, connection)
        values[LIMIT] = limit + 1
        if len(plan.statements) == 1:
            return connection.fetch(plan.statements[0], values)
        rows: list[Row] = []
        for statement in plan.statements:
            values[LIMIT] = limit + 1 - len(rows)
            rows += connection.rows(statement, values)
            if len(rows) > limit:
                break
        return Fetched(rows, ())

    def embedded(self, plan: ListPlan | RowPlan, many: Many, row: Row, me: Values, connection: Connection) -> Page:
        """Return the first related rows of a to-many relation, with a link to the rest."""
        inner = plan.many[many.index]
        key = [row[position] for position in many.key]
        if None in key:
            return Page([], None)
        values = {f"s{index}": part for index, part in enumerate(key)} | dict(me)
        found = self.fetch(inner, values, EMBEDDED_ROWS, connection)
        shown = Fetched(found.rows[:EMBEDDED_ROWS], found.readers)
        items = inner.node.objects(shown, lambda many, at: self.embedded(inner, many, at, me, connection))
        if len(found.rows) <= EMBEDDED_ROWS:
            return Page(items, None)
        cursor = self._cursor(inner, shown.rows[-1], found.readers, list_binding(inner.resource), values)
        return Page(items, embedded_url(self.prefix, inner.resource, inner.shape.selection, cursor))

    def _cursor(self, plan: ListPlan, row: Row, readers: Readers, binding: bytes, values: Values) -> str:
        """Return the cursor that stands on a row as the driver gave it."""
        read, frozen = dict(readers), []
        for position, each in plan.sort:
            value = read[position](row[position]) if position in read else row[position]
            frozen.append(None if value is None else each.type.freeze(value))
        scope = plan.shape.scope
        if scope is None:
            return self.seal.seal(Position(tuple(frozen)), binding)
        key = tuple(part.type.freeze(values[f"s{index}"]) for index, part in enumerate(plan.parent_key))
        return self.seal.seal(Position(tuple(frozen), (scope.resource, scope.relation, *key)), binding)
