"""Plan writes: one statement that changes a row only if the rules hold for it, before and after.

The row as it would be is a derived table over which the rule is asked (see `lower` in access/rule.py); an inner
`FROM trips` of the rule still means the stored rows. Columns are never replaced by bind parameters: a client's own
value could then stand in for a stored one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.expression import FromClause

from meze.access.caller import Standing
from meze.access.rule import EVERYBODY, Rule, crosses, lower
from meze.databases import Statement
from meze.query.ask import WHOLE
from meze.records.defaults import in_sql
from meze.records.foreign_keys import ForeignKeyQuestion, ForeignKeys
from meze.records.plan import Planner, by_key
from meze.records.select import Columns, Selector
from meze.records.shape import Node
from meze.records.source import Grounds, Source
from meze.resources.resource import Beyond, Default, Field, Resource
from meze.resources.rewrite import rebuilt

ROW = "meze_row"
"""The name of the derived table. Not the table's own: the row as it is and as it would be are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldQuestion:
    """Asks whether the rule of the action holds for the row as it would be, and then for each of `names` whether the
    caller may write that field of the row."""

    names: tuple[str, ...]
    statement: Statement


@dataclass(frozen=True, slots=True, eq=False)
class WritePlan:
    """`statement` returns the key of the row that it wrote, or nothing; `foreign` and `fields` then tell whether that
    was why. `fields` is given where the row decides whether the caller may write a field.

    `row` is the row as it would be, None where nothing of it changes.

    Where `shown` is given, what follows the key is whether the caller may read the row as it now is, and then the row
    as `shown` reads it: so that one statement is the whole request.
    """

    statement: Statement
    foreign: tuple[ForeignKeyQuestion, ...] = ()
    fields: FieldQuestion | None = None
    shown: Node | None = None
    row: FromClause | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChangePlan:
    """A plan for a row that is there: `allowed` asks whether it may be changed at all, as it is."""

    write: WritePlan
    allowed: Statement


NONE: frozenset[str] = frozenset()


def plan_create(
    planner: Planner, resource: Resource, standing: Standing, given: frozenset[str], asked: frozenset[str] = NONE
) -> WritePlan:
    """Plan a create. `given` are the fields whose values are bound (as `n_<name>`); the rest is the database's. `asked`
    are those of which the row decides whether the caller may write them."""
    return planner.remembered(
        ("create", resource, standing, given, asked),
        lambda: _Writer(planner, resource, standing, given, asked=asked).create(),
    )


def plan_update(
    planner: Planner,
    resource: Resource,
    standing: Standing,
    given: frozenset[str],
    reset: frozenset[str] = NONE,
    asked: frozenset[str] = NONE,
) -> ChangePlan:
    """Plan an update of one row, its key bound as `k0` …: `given` are bound, `reset` take their SQL default.

    `asked` are as in a create; their rules are to hold for the row as it is and as it would be.
    """
    return planner.remembered(
        ("update", resource, standing, given, reset, asked),
        lambda: _Writer(planner, resource, standing, given, reset, asked).update(),
    )


def plan_delete(planner: Planner, resource: Resource, standing: Standing) -> ChangePlan:
    return planner.remembered(
        ("delete", resource, standing), lambda: _Writer(planner, resource, standing, frozenset()).delete()
    )


def plan_founding(planner: Planner, resource: Resource, given: frozenset[str]) -> Statement:
    """Plan the membership that is made beside a tenant, of no rule of its own; its fields are bound as in a create."""
    standing = Standing(signed_in=True, email_known=False, roles=frozenset())
    return planner.remembered(("found", resource, given), lambda: _Writer(planner, resource, standing, given).unasked())


def ask_create(planner: Planner, resource: Resource, standing: Standing) -> Statement:
    """Return the question that `api.can` asks before a create: a row where the rule holds, every field bound."""
    return planner.remembered(
        ("may create", resource, standing), lambda: _Writer(planner, resource, standing, frozenset()).may_create()
    )


def ask_fields(
    planner: Planner, resource: Resource, standing: Standing, action: str, names: tuple[str, ...]
) -> Statement:
    """Return the question whether the caller may read, or write, some fields of a row as it is, each by a column."""

    def make() -> Statement:
        rules = planner.policy.conditional(resource, action, standing)
        asked = [lower(rules[name], {}).label(f"a{place}") for place, name in enumerate(names)]
        return planner.database.prepare(select(*asked).select_from(resource.table).where(*by_key(resource)))

    return planner.remembered(("fields", resource, standing, action, names), make)


class _Writer:
    def __init__(
        self,
        planner: Planner,
        resource: Resource,
        standing: Standing,
        given: frozenset[str],
        reset: frozenset[str] = NONE,
        asked: frozenset[str] = NONE,
    ) -> None:
        self.planner = planner
        self.resource = resource
        self.standing = standing
        self.given = given
        self.reset = reset
        rules = planner.policy.conditional(resource, "write", standing) if asked else {}
        self.asked = {name: rules[name] for name in sorted(asked)}
        self.table = resource.table
        self.grounds: Grounds = planner.grounds(standing)
        self._foreign_keys = ForeignKeys(self.grounds, resource, given)

    @property
    def _stored(self) -> tuple[Field | Beyond, ...]:
        return (*self.resource.fields.values(), *self.resource.beyond)

    def create(self) -> WritePlan:
        written = {each: value for each in self._stored if (value := self._created(each)) is not None}
        row = self._row({each: self._cast(value, each) for each, value in written.items()}, absent=null())
        rule = self.planner.policy.rule(self.resource, "create", self.standing)
        conditions = self._foreign_keys.conditions(row, None)
        if rule != EVERYBODY:
            conditions.append(lower(rule, {self.table: row}))
        conditions += [lower(each, {self.table: row}) for each in self.asked.values()]
        columns = [each.column for each in written]
        returned, shown = self._returned()
        if conditions:
            chosen = select(*(row.c[column.key] for column in columns)).where(*conditions)
            made = insert(self.table).from_select(columns, chosen, include_defaults=False).returning(*returned)
        else:
            made = (
                insert(self.table).values({each.column: value for each, value in written.items()}).returning(*returned)
            )
        prepare = self.planner.database.prepare
        fields = self._field_question(rule, row, created=True)
        return WritePlan(prepare(made), self._foreign_keys.questions(row, None), fields, shown, row)

    def unasked(self) -> Statement:
        """Return what makes a row without a question."""
        written = {each.column: value for each in self._stored if (value := self._created(each)) is not None}
        return self.planner.database.prepare(insert(self.table).values(written).returning(*self.table.primary_key))

    def update(self) -> ChangePlan:
        allowed = self.planner.database.prepare(self._allowed("update"))
        if not self.given and not self.reset:
            return ChangePlan(WritePlan(allowed), allowed)
        values = {each: value for each in self._stored if (value := self._updated(each)) is not None}
        row = self._row({each: self._cast(value, each) for each, value in values.items()}, absent=None)
        rule = self.planner.policy.rule(self.resource, "update", self.standing)
        after = self._foreign_keys.conditions(row, self.table)
        if rule != EVERYBODY:
            after.append(lower(rule, {self.table: row}))
        after += [lower(each, {self.table: row}) for each in self.asked.values()]
        conditions = [*by_key(self.resource), *self._old("update")]
        conditions += [lower(each, {}) for each in self.asked.values()]
        if after:
            conditions.append(exists(select(1).select_from(row).where(*after).correlate(self.table)))
        returned, shown = self._returned()
        changed = update(self.table).where(*conditions).values({each.column: value for each, value in values.items()})
        statement = self.planner.database.prepare(changed.returning(*returned))
        fields = self._field_question(rule, row, created=False)
        foreign = self._foreign_keys.questions(row, self.table)
        return ChangePlan(WritePlan(statement, foreign, fields, shown, row), allowed)

    def delete(self) -> ChangePlan:
        keys = [part.column for part in self.resource.key]
        removed = delete(self.table).where(*by_key(self.resource), *self._old("delete")).returning(*keys)
        prepare = self.planner.database.prepare
        return ChangePlan(WritePlan(prepare(removed)), prepare(self._allowed("delete")))

    def _returned(self) -> tuple[list[ColumnElement[Any]], Node | None]:
        """Return what a write returns: the key, and the row as the caller may read it if the row alone decides that.

        A rule that asks other rows is asked afterwards: inside of RETURNING it would not see what was just written.
        """
        keys: list[ColumnElement[Any]] = [part.column for part in self.resource.key]
        readable = self.planner.policy.rule(self.resource, "read", self.standing)
        masks = self.planner.policy.conditional(self.resource, "read", self.standing)
        if any(crosses(rule) for rule in (readable, *masks.values())):
            return keys, None
        columns = Columns()
        view = self.planner.policy.view(self.resource, self.standing)
        shown = Selector(Source(self.grounds, self.resource), columns, _no_related).node(view, WHOLE)
        return [*keys, lower(readable, {}).label("visible"), *columns.labelled], shown

    def _field_question(self, rule: Rule, row: FromClause, *, created: bool) -> FieldQuestion | None:
        """Prepare the question, asked only after the statement wrote nothing."""
        if not self.asked:
            return None
        asked = [lower(each, {self.table: row}) for each in (rule, *self.asked.values())]
        if created:
            chosen = select(*(each.label(f"a{place}") for place, each in enumerate(asked))).select_from(row)
        else:
            found = [exists(select(1).select_from(row).where(each).correlate(self.table)) for each in asked]
            old = (EVERYBODY, *self.asked.values())
            both = [and_(lower(was, {}), each) for was, each in zip(old, found, strict=True)]
            chosen = select(*(each.label(f"a{place}") for place, each in enumerate(both)))
            chosen = chosen.select_from(self.table).where(*by_key(self.resource))
        return FieldQuestion(tuple(self.asked), self.planner.database.prepare(chosen))

    def _old(self, action: str) -> list[ColumnElement[Any]]:
        """Return the conditions on the row as it is: it may be read, and the action's rule holds."""
        policy = self.planner.policy
        rules = [policy.rule(self.resource, each, self.standing) for each in ("read", action)]
        return [lower(rule, {}) for rule in rules if rule != EVERYBODY]

    def _allowed(self, action: str) -> Any:
        chosen = [part.column for part in self.resource.key]
        return select(*chosen).where(*by_key(self.resource), *self._old(action))

    def may_create(self) -> Statement:
        """Return the question whether the rule of create holds for a row whose fields are all bound."""
        row = self._row({each: self._cast(_bound(each), each) for each in self.resource.fields.values()}, absent=null())
        rule = self.planner.policy.rule(self.resource, "create", self.standing)
        return self.planner.database.prepare(select(1).select_from(row).where(lower(rule, {self.table: row})))

    def _created(self, each: Field | Beyond) -> Any:
        if each.name in self.given:
            return _bound(each)
        return self._in_sql(each.default, each)

    def _updated(self, each: Field | Beyond) -> Any:
        if each.name in self.given:
            return _bound(each)
        if each is self.resource.version:
            return each.column + 1
        if each.name in self.reset:
            return self._in_sql(each.default, each)
        return self._in_sql(each.onupdate, each)

    def _in_sql(self, default: Default, each: Field | Beyond) -> Any:
        return in_sql(default, each.column, self.planner.database.dialect)

    def _cast(self, value: Any, each: Field | Beyond) -> Any:
        """Return the value with its column's type: PostgreSQL finds untyped binds ambiguous. Not on SQLite, where
        `CAST(x AS DATE)` is a number."""
        return self._typed(value, each.column)

    def _typed(self, value: Any, column: Any) -> Any:
        return cast(value, column.type) if self.planner.database.casts else value

    def _row(self, values: Mapping[Field | Beyond, Any], *, absent: Any) -> FromClause:
        """Return the row as it would be. What is not written is `absent`, or as it is."""
        by_column = {each.column: value for each, value in values.items()}
        computed = [column for column in self.table.columns if column.computed is not None]
        members = []
        for column in self.table.columns:
            value = by_column.get(column)
            if value is None:
                value = column if absent is None else self._typed(absent, column)
            elif isinstance(column.type, String) and column.type.collation:
                value = value.collate(column.type.collation)
            if column not in computed:
                members.append(value.label(column.name if computed else column.key))
        row = select(*members).correlate(self.table)
        return self._computing(row.subquery(f"{ROW}_written"), computed) if computed else row.subquery(ROW)

    def _computing(self, written: FromClause, computed: Sequence[Column[Any]]) -> FromClause:
        """Return the row with the columns that the database computes of the others, as they would be."""
        members = []
        for column in self.table.columns:
            if column not in computed:
                members.append(written.c[column.name].label(column.key))
                continue
            assert column.computed is not None
            sqltext = column.computed.sqltext
            if isinstance(sqltext, TextClause):
                expression: Any = literal_column(f"({sqltext.text})", column.type)
            else:
                expression = rebuilt(sqltext, lambda each: written.c[each.name] if isinstance(each, Column) else None)
            members.append(expression.label(column.key))
        return select(*members).select_from(written).subquery(ROW)


def _no_related(*_: Any) -> int:
    raise AssertionError("a whole row without its relations was asked for")


def _bound(each: Field | Beyond) -> Any:
    return bindparam(f"n_{each.name}", type_=each.column.type)
