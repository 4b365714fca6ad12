"""Rows for every table, that satisfy the schema and on which every part of the rules is true, false and unknown.

What a column may hold comes from `pools.py`; here rows are composed, put in one by one, and tried again where the
database refuses one (a CHECK that nobody can read, a trigger). Keys are given where the database lets them be given,
from a range of its own for each table: a row is never found by the number of another table's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKeyConstraint,
    Integer,
    Table,
    and_,
    exc,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import (
    Sequence as SchemaSequence,
)
from sqlalchemy.schema import sort_tables_and_constraints

from meze.accounts.tables import User
from meze.resources.mapper import unique_sets
from meze.resources.resource import Resource
from meze.verify.atoms import Mentions, add_memberships, mentions_of
from meze.verify.pools import FRESH, OMITTED, Pool, Pools
from meze.verify.restore import deferring
from meze.verify.samples import NoSample, sample, varied

LEAST, MOST = 12, 40
_ATTEMPTS = 40
_AS_PLANNED = 20
"""For how many attempts only what CHECK constraints name is chosen anew."""
_REFUSED_IN_A_ROW = 3
_RANGE = 100
"""How many numbers each table has for its keys."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of it: why a table has no rows, and what else could not be done."""

    unfilled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def fill(
    engine: Engine, tables: Sequence[Table], resources: Iterable[Resource], seed: int, roles: Column[Any] | None = None
) -> Filled:
    """Fill `tables`, which are empty, with 12 to 40 rows each; the users are there already. Seeded.

    `roles` is the column that holds as what somebody is a member of a tenant.
    """
    declared = list(resources)
    mentions = mentions_of(declared)
    add_memberships(mentions, declared, roles)
    return _Filling(engine, tables, declared, mentions, seed).run()


class _Filling:
    def __init__(
        self, engine: Engine, tables: Sequence[Table], resources: list[Resource], mentions: Mentions, seed: int
    ) -> None:
        self._engine = engine
        self._random = Random(seed)  # noqa: S311 - the same rows each time, and nothing secret
        users = User.__table__
        assert isinstance(users, Table)
        self._rows: dict[Table, list[Mapping[str, Any]]] = {}
        with engine.connect() as connection:
            self._keep(connection, users)
        self._pools = Pools(mentions, resources, self._rows[users])
        names = {table: place for place, table in enumerate(sorted(tables, key=lambda each: each.fullname), 1)}
        self._first = {table: place * _RANGE for table, place in names.items()}
        sort: Any = sort_tables_and_constraints  # SQLAlchemy gives it no types
        ordered = sort([*tables, users])
        self._order = [table for table, _ in ordered if table is not None and table is not users]
        self._late = {key for table, keys in ordered for key in keys if table is None}
        self._unfilled: dict[str, str] = {}

    def run(self) -> Filled:
        try:
            self._fill_all(self._order)
        except exc.DBAPIError as error:
            # At the end of the transaction a key of a circle led nowhere: do without the tables that hold such keys.
            left_out = {key.parent for key in self._late if not _is_nullable(key)}
            self._unfilled = {table.fullname: _first_line(error) for table in left_out}
            self._rows = {table: rows for table, rows in self._rows.items() if table not in self._order}
            self._fill_all([table for table in self._order if table not in left_out])
        if self._engine.dialect.name == "postgresql":
            self._advance_numbers()
        return Filled(self._unfilled)

    def _fill_all(self, tables: Sequence[Table]) -> None:
        """Fill the tables in one transaction: a key in a circle leads somewhere only when all of it is there."""
        with deferring(self._engine) as connection:
            for table in tables:
                self._fill(connection, table)
            self._close_circles(connection)

    # One table -------------------------------------------------------------------------------------------------

    def _fill(self, connection: Connection, table: Table) -> None:
        try:
            if self._put_all_in(connection, _Composer(self, table)):
                self._keep(connection, table)
                return
            composer = _Composer(self, table)
        except NoSample as reason:
            self._unfilled[table.fullname] = str(reason)
            return
        refused, last = 0, ""
        for number in range(composer.count):
            error = self._put_in(connection, composer, number)
            refused = refused + 1 if error else 0
            last = error or last
            if refused == _REFUSED_IN_A_ROW:
                break
            self._rows.setdefault(table, [])
        self._keep(connection, table)
        if not self._rows[table]:
            self._unfilled[table.fullname] = last or "no row could be composed"

    def _put_all_in(self, connection: Connection, composer: _Composer) -> bool:
        """Put every row in as it was planned, in few statements, and say whether the database took them all."""
        alike: dict[tuple[str, ...], list[Values]] = {}
        for number in range(composer.count):
            composed = (composer.compose(number, attempt) for attempt in range(_ATTEMPTS))
            values = next((each for each in composed if not isinstance(each, str)), None)
            if values is not None:
                composer.accept(values)
                alike.setdefault(tuple(values), []).append(values)
        try:
            with connection.begin_nested():
                for rows in alike.values():
                    connection.execute(insert(composer.table).values(rows))
        except exc.SQLAlchemyError:
            return False
        return bool(alike)

    def _put_in(self, connection: Connection, composer: _Composer, number: int) -> str:
        """Put one row in, and return why it could not be, or nothing."""
        reason = ""
        for attempt in range(_ATTEMPTS):
            values = composer.compose(number, attempt)
            if isinstance(values, str):
                reason = reason or values
                continue
            try:
                with connection.begin_nested():
                    connection.execute(insert(composer.table).values(values))
            except exc.SQLAlchemyError as error:
                reason = _first_line(error)
                continue
            composer.accept(values)
            return ""
        return reason or "its values have to be unique, and there are not as many"

    def _keep(self, connection: Connection, table: Table) -> None:
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        keys = [column.key for column in table.columns]
        self._rows[table] = [dict(zip(keys, row, strict=True)) for row in found]

    # Circles ---------------------------------------------------------------------------------------------------

    def _close_circles(self, connection: Connection) -> None:
        """Let the keys that were left null, as their targets did not exist, lead somewhere; each fifth stays null."""
        for key in sorted(self._late, key=lambda each: (each.parent.fullname, tuple(each.column_keys))):
            table, targets = key.parent, self._rows.get(key.referred_table) or []
            if not _is_nullable(key) or not targets:
                continue
            for place, row in enumerate(self._rows.get(table, [])):
                if place % 5 == 4:
                    continue
                target = targets[(place + place // 5) % max(len(targets) - 1, 1)]
                values = {each.parent.key: target[each.column.key] for each in key.elements}
                own = and_(*(column == row[column.key] for column in table.primary_key.columns))
                try:
                    with connection.begin_nested():
                        connection.execute(update(table).where(own).values(values))
                except exc.SQLAlchemyError:
                    continue  # another constraint is against it; the key stays null
            self._keep(connection, table)

    def _advance_numbers(self) -> None:
        """Let PostgreSQL number rows from above those that were given their number."""
        with self._engine.begin() as connection:
            for table in self._order:
                for column in table.primary_key.columns:
                    if not isinstance(column.type, Integer):
                        continue
                    quoted = connection.dialect.identifier_preparer.format_table(table)
                    name = text("SELECT pg_get_serial_sequence(:table, :column)")
                    found = connection.execute(name, {"table": quoted, "column": column.name}).scalar()
                    if found is None and isinstance(column.default, SchemaSequence):
                        found = column.default.name
                    if found is not None:
                        top = self._first[table] + _RANGE
                        connection.execute(select(func.setval(found, top)))


class _Composer:
    """Composes rows of one table: first as planned, so that every value of every pool is met, then at random."""

    def __init__(self, filling: _Filling, table: Table) -> None:
        self.table = table
        self._filling = filling
        self._random = filling._random
        self._first = filling._first[table]
        self._fresh = 0
        keys = sorted(table.foreign_key_constraints, key=lambda each: tuple(each.column_keys))
        self._keys = [key for key in keys if key not in filling._late or not _is_nullable(key)]
        held = {column for key in keys for column in key.columns}
        self._unique = unique_sets(table)
        self._seen: dict[tuple[str, ...], set[Any]] = {names: set() for names in self._unique}
        self._pools = {
            column: pool
            for column in table.columns
            if column not in held and (pool := filling._pools.of(column)) is not None
        }
        alone = {names[0] for names in self._unique if len(names) == 1}
        self._alone = {column for column in table.columns if column.name in alone}
        for key in self._keys:
            target = key.referred_table
            if not (filling._rows.get(target) or _is_nullable(key) or key in filling._late or target is table):
                raise NoSample(f"it refers to {target.fullname}, which has no rows")
        self.count, self._planned = self._plan()
        self._accepted: list[Values] = []

    def _plan(self) -> tuple[int, list[dict[Column[Any], Any]]]:
        """Return how many rows there will be, and for each the values of those columns that rules look at."""
        asked = [(column, pool.values) for column, pool in self._pools.items() if pool.asked]
        choices = 1
        for _, values in asked:
            choices *= len(values)
        for key in self._keys:
            if key.referred_table is User.__table__:
                choices *= len(self._filling._rows[key.referred_table])
        # As many as there are parents: each of them is met, save the one that is left without.
        parents = [len(self._filling._rows.get(key.referred_table, ())) for key in self._keys]
        count = min(MOST, max(LEAST, choices, *parents))
        columns = {}
        for column, values in asked:
            # Each value as often as any other, in an order of its own for each column.
            repeated = [values[place % len(values)] for place in range(count)]
            self._random.shuffle(repeated)
            columns[column] = repeated
        return count, [{column: values[place] for column, values in columns.items()} for place in range(count)]

    def compose(self, number: int, attempt: int) -> Values | str:
        """Return the values of a row, or why there are none this time."""
        values: Values = {}
        if not self._refer(values, number, attempt):
            return "there is no row left that it may refer to"
        for column, pool in self._pools.items():
            value = self._choose(column, pool, number, attempt)
            if value is FRESH:
                value = self._sample(column, number)
            if value is not OMITTED:
                values[column.key] = value
        return values if self._is_new(values) else "its values have to be unique, and there are not as many"

    def _choose(self, column: Column[Any], pool: Pool, number: int, attempt: int) -> Any:
        if column in self._alone or column.primary_key:
            unused = [each for each in pool.named if (each,) not in self._seen.get((column.name,), ())]
            if attempt and pool.checked:
                return varied(self._random.choice(pool.checked), self._random)
            return unused[0] if unused and number % 2 and not attempt else FRESH
        if attempt and pool.checked is not None:
            return self._tried(column, pool)
        if attempt < _AS_PLANNED and column in self._planned[number]:
            return self._planned[number][column]
        if attempt < _AS_PLANNED:
            return pool.values[(number + len(column.key)) % len(pool.values)]
        return self._random.choice(pool.values)

    def _tried(self, column: Column[Any], pool: Pool) -> Any:
        """Return a value of a column that a CHECK names: one that was taken before, one near its literals, or null."""
        taught = [each[column.key] for each in self._accepted if column.key in each]
        chance = self._random.random()
        if column.nullable and chance < 0.2:
            return None
        if taught and chance < 0.5:
            return self._random.choice(taught)
        if pool.checked and chance < 0.8:
            return varied(self._random.choice(pool.checked), self._random)
        return self._random.choice([*pool.values, *(pool.checked or ())])

    def _sample(self, column: Column[Any], number: int) -> Any:
        self._fresh += 1
        if column.primary_key and isinstance(column.type, Integer):
            return self._first + 1 + number
        return sample(column, self._fresh, self._random)

    def _refer(self, values: Values, number: int, attempt: int) -> bool:
        """Let every foreign key point at a row, at those in turn; the last one of a table is left without any."""
        for turn, key in enumerate(self._keys):
            targets = self._targets(key, number)
            fitting = [
                each
                for each in targets
                if all(
                    values.get(column.parent.key, each[column.column.key]) == each[column.column.key]
                    for column in key.elements
                )
            ]
            nullable = [column for column in key.columns if column.nullable and column.key not in values]
            if nullable and (not fitting or self._random.random() < 0.15):
                values.update({column.key: None for column in nullable})
                continue
            if not fitting:
                return False
            if len(fitting) > 1 and key.referred_table is not User.__table__:
                fitting = fitting[:-1]
            place = number * (turn * 2 + 1) + turn if attempt == 0 else self._random.randrange(len(fitting))
            target = fitting[place % len(fitting)]
            values.update({each.parent.key: target[each.column.key] for each in key.elements})
        return True

    def _targets(self, key: ForeignKeyConstraint, number: int) -> Sequence[Mapping[str, Any]]:
        """Return the rows that a key may point at: also its own, and such as will be there when it is looked for."""
        table = key.referred_table
        if table is self.table:
            made = self._accepted
            own = {column.key: self._first + 1 + number for column in table.primary_key.columns}
            known = [each for each in made if all(part.column.key in each for part in key.elements)]
            return known or ([own] if all(part.column.key in own for part in key.elements) else [])
        if key in self._filling._late:
            first = self._filling._first[table]
            return [{each.column.key: first + 1 + number for each in key.elements}]
        return self._filling._rows.get(table, [])

    def _is_new(self, values: Values) -> bool:
        for names in self._unique:
            taken = self._taken(values, names)
            if taken is not None and taken in self._seen[names]:
                return False
        return True

    def _taken(self, values: Values, names: tuple[str, ...]) -> Any:
        """Return the values that have to be unique; None where one is null or left to the database."""
        found = tuple(values.get(self.table.columns[name].key) for name in names)
        return None if any(each is None for each in found) else tuple(map(_hashable, found))

    def accept(self, values: Values) -> None:
        """Remember a row that was taken."""
        self._accepted.append(values)
        for names in self._unique:
            taken = self._taken(values, names)
            if taken is not None:
                self._seen[names].add(taken)


def _is_nullable(key: ForeignKeyConstraint) -> bool:
    return any(column.nullable for column in key.columns)


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _first_line(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
