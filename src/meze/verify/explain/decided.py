"""By which clauses of a rule rows came in, and which clauses kept others out: one statement for each of the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, true
from sqlalchemy.sql.expression import FromClause, Select

from meze.access.decide import Clause
from meze.access.rule import EVERYBODY, lower
from meze.databases import Connection, DatabaseError, FaultKind
from meze.query.ask import ListShape
from meze.query.groups import AggregateShape
from meze.records.plan import Planner, search_index
from meze.records.source import Source, exact, exact_type
from meze.records.urls import key_text
from meze.records.visit import Visit
from meze.verify.explain.explanation import ClauseSeen, Group, RowSeen
from meze.verify.explain.masks import MASK, Masks
from meze.verify.explain.truth import Asked

KEYS = 20
"""How many keys are named of the rows that one set of clauses decided."""

Key = tuple[Any, ...]


class Deciding:
    """Asks about the rows of one visit. `asked` is the rule in question, one of the visit's resource's; `what` says
    which in words. `scope` is the one that the caller's API key lacks for it, None where it lacks none."""

    def __init__(
        self,
        planner: Planner,
        visit: Visit,
        asked: Asked,
        masks: Masks,
        what: str = "read",
        scope: str | None = None,
    ) -> None:
        self._planner = planner
        self._database = planner.database
        self._visit = visit
        self._asked = asked
        self._masks = masks
        self._what = what
        self._scope = scope
        self._resource = visit.resource
        self._left = planner.policy.rule(visit.resource, "read", visit.standing)
        self._looked_at = {each.path: asked.columns_looked_at(each.path) for each in asked.clauses}
        self._columns = list(dict.fromkeys(each for columns in self._looked_at.values() for each in columns))

    def of_rows(self, keys: Sequence[Key], connection: Connection) -> list[RowSeen]:
        """Return what is known of stored rows by their keys, whether the caller may see them or not, in that order;
        those that are gone are missing."""
        if not keys:
            return []
        own = [exact(part.column, part) for part in self._resource.key]
        table = self._resource.table
        chosen = select(*own, *self._asked.columns(table), *self._columns).select_from(table)
        statement = self._database.prepare(chosen.where(self._one_of(keys)))
        found = {row[: len(own)]: row[len(own) :] for row in connection.rows(statement, self._visit.me)}
        return [self._seen(key_text(self._resource.key, list(key)), found[key]) for key in keys if key in found]

    def of_new(self, row: FromClause, bound: Mapping[str, Any], key: Key | None, connection: Connection) -> RowSeen:
        """Return what is known of a row as it would be: a new one, or with `key` the stored one, changed."""
        asked = [*self._asked.columns(row), *(row.c[each.key] for each in self._columns)]
        if key is None:
            chosen = select(*asked).select_from(row)
        else:
            # The row as it would be is made of the stored one, which a subquery in the select list may name.
            inside = (select(each).select_from(row).correlate(self._resource.table).scalar_subquery() for each in asked)
            chosen = select(*inside).select_from(self._resource.table).where(self._one_of([key]))
        (values,) = connection.rows(self._database.prepare(chosen), {**bound, **self._visit.me})
        return self._seen("" if key is None else key_text(self._resource.key, list(key)), values)

    def _seen(self, key: str, row: Sequence[Any]) -> RowSeen:
        """Return what is known of a row; `row` holds the truths of clauses, and then the columns that they look at."""
        values, rest = row[: len(self._asked.open)], row[len(self._asked.open) :]
        truth, decision = self._asked.truth(values), self._asked.decide(values)
        named = {each: self._masks.shown(each, value) for each, value in zip(self._columns, rest, strict=True)}
        deciding = {each.path for each in decision.reasons}
        me = {f"me.{name}": getattr(self._visit.caller, name) for name in ("id", "email")}
        clauses = []
        for clause in self._asked.clauses:
            looked_at = {each.name: named[each] for each in self._looked_at[clause.path]}
            looked_at |= {f"me.{name}": me[f"me.{name}"] for name in sorted(self._asked.uses(clause.path))}
            clauses.append(ClauseSeen(clause, self._asked.said(clause, truth), clause.path in deciding, looked_at))
        if self._scope is None:
            return RowSeen(self._masked_key(key), self._what, decision.allowed, tuple(clauses))
        # Beside the rule: whatever it says, the key does not reach there.
        others = tuple(replace(each, decides=False) for each in clauses)
        missing = ClauseSeen(Clause((), f"key: needs scope {self._scope}", None), truth=False, decides=True)
        return RowSeen(self._masked_key(key), self._what, allowed=False, clauses=(missing, *others))

    def _masked_key(self, key: str) -> str:
        return MASK if key and any(self._masks.hides(part.column) for part in self._resource.key) else key

    def groups(
        self, shape: ListShape | AggregateShape, values: Mapping[str, Any], connection: Connection, *, kept_out: bool
    ) -> list[Group]:
        """Return the rows that a list asks for by the clauses that decided: those `kept_out`, or those let in."""
        if kept_out and self._left == EVERYBODY:
            return []
        chosen = self._asked_for(shape, kept_out=kept_out)
        try:
            rows = connection.rows(self._database.prepare(self._ranked(chosen)), values)
            return self._grouped([(row[:-1], int(row[-1])) for row in rows])
        except DatabaseError as error:
            if error.fault.kind is not FaultKind.TOO_SLOW:
                raise
        with self._database.reading() as again:
            rows = again.rows(self._database.prepare(chosen.limit(KEYS)), values)
        return self._grouped([(row, None) for row in rows])

    def _asked_for(self, shape: ListShape | AggregateShape, *, kept_out: bool) -> Select[Any]:
        source = Source(self._planner.grounds(self._visit.standing), self._resource)
        conditions: list[ColumnElement[Any]] = []
        if isinstance(shape, ListShape) and shape.scope is not None:
            conditions += source.of(shape.scope)
        conditions += source.conditions(shape.conditions)
        if shape.search:
            conditions.append(search_index(self._resource).matching(source.table, self._database))
        passes = lower(self._left, {self._resource.table: source.table})
        conditions.append(passes.is_not(true()) if kept_out else passes)
        keys = [part.column.label(f"key{place}") for place, part in enumerate(self._resource.key)]
        chosen = select(*keys, *self._asked.columns(source.table))
        return chosen.select_from(source.clause).where(*conditions)

    def _ranked(self, chosen: Select[Any]) -> Select[Any]:
        """Return the first rows of each combination of truths, with how many there are of it at the end."""
        rows = chosen.subquery("meze_rows")
        columns = list(rows.c)
        keys, truths = columns[: len(self._resource.key)], columns[len(self._resource.key) :]
        counted = func.count().over(partition_by=truths or None).label("meze_count")
        place = func.row_number().over(partition_by=truths or None, order_by=keys).label("meze_place")
        ranked = select(*columns, counted, place).subquery("meze_ranked")
        shown = list(ranked.c)[:-1]
        return select(*shown).where(ranked.c.meze_place <= KEYS).order_by(ranked.c.meze_count.desc(), *shown)

    def _grouped(self, rows: Sequence[tuple[tuple[Any, ...], int | None]]) -> list[Group]:
        """Put together what the same clauses decided; some truths make no difference."""
        width = len(self._resource.key)
        clauses: dict[tuple[Any, ...], tuple[Clause, ...]] = {}
        counts: dict[tuple[Any, ...], dict[tuple[Any, ...], int | None]] = {}
        keys: dict[tuple[Any, ...], list[str]] = {}
        for row, count in rows:
            decision = self._asked.decide(row[width:])
            at = tuple(each.path for each in decision.reasons)
            clauses[at] = decision.reasons
            counts.setdefault(at, {})[row[width:]] = count
            keys.setdefault(at, []).append(self._masked_key(key_text(self._resource.key, list(row[:width]))))
        return [Group(found, _sum(counts[at].values()), tuple(keys[at][:KEYS])) for at, found in clauses.items()]

    def _one_of(self, keys: Sequence[Key]) -> ColumnElement[Any]:
        def equal(key: Key) -> ColumnElement[Any]:
            pairs = zip(self._resource.key, key, strict=True)
            return and_(
                *(exact(part.column, part) == bindparam(None, value, exact_type(part)) for part, value in pairs)
            )

        return or_(false(), *(equal(key) for key in keys))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
