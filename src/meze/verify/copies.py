"""Rows that are put in past the API, like others but for what must be unique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, exc, insert

from meze.verify.knock import Knock
from meze.verify.outcome import unique_columns
from meze.verify.world import Row


@dataclass(frozen=True, slots=True)
class Copies:
    """New rows of a table, by the keys of their columns."""

    table: Table
    rows: Sequence[Mapping[str, Any]]


def copies(at: Knock, row: Row, count: int, values: Mapping[str, Any] = {}) -> Copies:
    """Return rows like `row`, with other values in the columns of which no two rows may have the same, and `values`."""
    table = row.table
    made = {column.key for columns in unique_columns(table) for column in columns if len(columns) == 1}
    rows = []
    for number in range(count):
        new = {column.key: row[column.key] for column in table.columns if column.computed is None} | dict(values)
        for key in made & new.keys() - values.keys():
            new[key] = _another(at, table, key, number)
        rows.append(new)
    return Copies(table, rows)


def put_in(at: Knock, several: Sequence[Copies]) -> bool:
    """Put rows in, in their order; say whether the database took them. Whoever calls this restores."""
    try:
        with at.scene.stage.database.engine.begin() as connection:
            for each in several:
                connection.execute(insert(each.table), list(each.rows))
    except (exc.SQLAlchemyError, ValueError, TypeError):
        return False  # a rule of the database's own stands against rows that are so much alike
    return True


def _another(at: Knock, table: Table, key: str, number: int) -> Any:
    taken = [row[key] for row in at.judge.world.rows(table) if row[key] is not None]
    if all(isinstance(each, int) for each in taken):
        return max(taken, default=0) + 1 + number
    return f"~{number:02}"
