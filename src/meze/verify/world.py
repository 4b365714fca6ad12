"""The rows that a run of `meze verify` stands on, in memory: what the database holds, read with plain SELECTs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Engine, Table, select

from meze.resources.resource import Field, Resource

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of a table: its values as SQLAlchemy gives them, by the key of the column.

    Two rows are the same only if they are one object; compare `values` to know whether a row was changed.
    """

    table: Table
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    @property
    def key(self) -> Key:
        """What tells the row from others: its primary key; all of its values in a table that has none."""
        if self.table.primary_key.columns:
            return tuple(self.values[column.key] for column in self.table.primary_key.columns)
        return tuple(value if isinstance(value, Hashable) else repr(value) for value in self.values.values())

    def of(self, field: Field) -> Any:
        """Return the value of a resource's field."""
        return self.values[field.column.key]

    def changed(self, values: Mapping[str, Any]) -> Row:
        """Return the row as it would be with these values, by the keys of their columns. It belongs to no world."""
        return Row(self.table, {**self.values, **values})

    def __repr__(self) -> str:
        return f"<{self.table.name} {'/'.join(map(str, self.key))}>"


def key_columns(table: Table) -> tuple[Column[Any], ...]:
    return tuple(table.primary_key.columns) or tuple(table.columns)


class World:
    """Every row of some tables at one moment. It does not change; `World.read` gives the next one."""

    def __init__(self, rows: Mapping[Table, tuple[Row, ...]]) -> None:
        self._rows = dict(rows)
        self._indexes: dict[tuple[Table, str], dict[Any, list[Row]]] = {}

    @classmethod
    def read(cls, engine: Engine, tables: Iterable[Table]) -> World:
        """Return what the database holds now, each table in the order of its key."""
        rows = {}
        with engine.connect() as connection:
            for table in tables:
                found = connection.execute(select(table).order_by(*table.primary_key.columns))
                keys = [column.key for column in table.columns]
                rows[table] = tuple(Row(table, dict(zip(keys, values, strict=True))) for values in found)
        return cls(rows)

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(self._rows)

    def rows(self, table: Table) -> tuple[Row, ...]:
        """Return every row of a table, in the order of its key; nothing for a table that was not read."""
        return self._rows.get(table, ())

    def of(self, resource: Resource) -> tuple[Row, ...]:
        """Return the rows that belong to a resource, whoever may read them, in the order of the table's key.

        A class of a single-table hierarchy has those of its own kinds.
        """
        kinds = kinds_of(resource)
        rows = self.rows(resource.table)
        if kinds is None:
            return rows
        discriminator = resource.mapper.polymorphic_on
        assert discriminator is not None
        return tuple(row for row in rows if row[discriminator.key] in kinds)

    def find(self, table: Table, key: Key) -> Row | None:
        """Return the row with this primary key, in the order of the key's columns."""
        return self._by_key.get((table, key))

    def where(self, table: Table, column: str, value: Any) -> list[Row]:
        """Return the rows whose column, by its key, holds a value that can be hashed; looked up, not searched for."""
        index = self._indexes.get((table, column))
        if index is None:
            index = self._indexes[table, column] = {}
            for row in self.rows(table):
                index.setdefault(row[column], []).append(row)
        return index.get(value, [])

    def __contains__(self, row: object) -> bool:
        """Say whether a row is one of this world, as it is stored, and not one as it would be."""
        return isinstance(row, Row) and self._by_key.get((row.table, row.key)) is row

    def __iter__(self) -> Iterator[Row]:
        return (row for rows in self._rows.values() for row in rows)

    @cached_property
    def _by_key(self) -> dict[tuple[Table, Key], Row]:
        return {(row.table, row.key): row for row in self}


def kinds_of(resource: Resource) -> frozenset[Any] | None:
    """Return the values of the discriminator that make a row this resource's; None where every row of the table is."""
    if resource.mapper.polymorphic_on is None or resource.mapper.inherits is None:
        return None
    return frozenset(each.polymorphic_identity for each in resource.mapper.self_and_descendants)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one row between two worlds: `before` is None where it is new, `after` where it is gone."""

    table: Table
    key: Key
    before: Row | None
    after: Row | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the columns whose values differ; all of them where the row is new or gone."""
        known = self.before or self.after
        assert known is not None
        if self.before is None or self.after is None:
            return tuple(known.values)
        before, after = self.before.values, self.after.values
        return tuple(name for name in before if before[name] != after[name])


def changes_between(before: World, after: World) -> tuple[Change, ...]:
    """Return every row that is new, gone or changed, by table and in the order of `before` and then `after`."""
    found = []
    for table in dict.fromkeys((*before.tables, *after.tables)):
        old = {row.key: row for row in before.rows(table)}
        new = {row.key: row for row in after.rows(table)}
        for key in dict.fromkeys((*old, *new)):
            one, other = old.get(key), new.get(key)
            if one is None or other is None or one.values != other.values:
                found.append(Change(table, key, one, other))
    return tuple(found)
