"""Bring the rows of a database back to those of a world, by as few statements as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Computed,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exc,
    insert,
    null,
    text,
    update,
)
from sqlalchemy.schema import sort_tables

from meze.verify.world import Change, Key, Row, World, changes_between, key_columns

_ROUNDS = 4


def restore(engine: Engine, before: World, found: tuple[Change, ...] | None = None) -> tuple[Change, ...]:
    """Make what the database holds what it was, and return what had become of it: `found`, where that is known.

    Only what differs is written. Where rows stand in each other's way (two that swapped a unique value), everything is
    deleted and put in again.
    """
    if found is None:
        found = changes_between(before, World.read(engine, before.tables))
    touched = _near({change.table for change in found}, before)
    left: Sequence[Change] = found
    for _ in range(_ROUNDS):
        if not left:
            return found
        with deferring(engine) as connection:
            _mend(connection, left)
        left = changes_between(touched, World.read(engine, touched.tables))
    _replace_all(engine, before)
    return found


def _near(tables: set[Table], world: World) -> World:
    """Return the part of a world that mending these tables can change: they, and what refers to them."""
    referring = {
        table
        for table in world.tables
        if any(constraint.referred_table in tables for constraint in table.foreign_key_constraints)
    }
    return World({table: world.rows(table) for table in world.tables if table in tables | referring})


class deferring:  # noqa: N801 - used as a context manager, like contextlib's own
    """Lend a connection in a transaction that asks for its foreign keys at the end."""

    def __init__(self, engine: Engine) -> None:
        self._begun = engine.begin()

    def __enter__(self) -> Connection:
        connection = self._begun.__enter__()
        sqlite = connection.dialect.name == "sqlite"
        connection.execute(text("PRAGMA defer_foreign_keys = ON" if sqlite else "SET CONSTRAINTS ALL DEFERRED"))
        return connection

    def __exit__(self, *error: Any) -> None:
        self._begun.__exit__(*error)


def _mend(connection: Connection, changes: Sequence[Change]) -> None:
    """Undo each change by itself; what is refused now may go once others are undone."""
    for change in changes:
        if change.before is not None and change.after is not None:
            _try(connection, _updated(change.before, change.columns))
    for change in changes:
        if change.before is None:
            _try(connection, delete(change.table).where(_is(change.table, change.key)))
    for change in changes:
        if change.before is not None and change.after is None:
            _try(connection, insert(change.table).values(stored(change.before)))


def _try(connection: Connection, statement: Any) -> None:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except exc.DBAPIError:
        pass


def _updated(row: Row, columns: Sequence[str]) -> Any:
    values = {name: value for name, value in stored(row).items() if name in columns}
    return update(row.table).where(_is(row.table, row.key)).values(values)


def _replace_all(engine: Engine, before: World) -> None:
    tables = sort_tables(before.tables, skip_fn=lambda key: key.use_alter)
    with deferring(engine) as connection:
        for table in reversed(tables):
            connection.execute(delete(table))
        for table in tables:
            for row in before.rows(table):
                connection.execute(insert(table).values(stored(row)))


def stored(row: Row) -> dict[str, Any]:
    """Return what puts a row in as it is: without what the database computes."""
    columns = {column.key: column for column in row.table.columns if not isinstance(column.server_default, Computed)}
    return {
        name: null() if value is None and isinstance(columns[name].type, JSON) else value
        for name, value in row.values.items()
        if name in columns
    }


def _is(table: Table, key: Key) -> Any:
    columns = zip(key_columns(table), key, strict=True)
    return and_(*(column.is_(None) if value is None else column == value for column, value in columns))
