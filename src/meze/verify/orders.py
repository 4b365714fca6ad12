"""In which order the database puts the values of a column: asked once of each column, with plain SQL.

A collation decides the order of texts, the declaration that of enums; what the database says of its own values is
compared with what answers are ordered by.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, func, select

from meze.resources.resource import Field
from meze.verify.world import Key, Row


class Orders:
    """The place of each row by each column, of the rows as they were when it was asked first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[Field, Mapping[Key, int]] = {}
        self._found: dict[tuple[Field, Row], int | None] = {}

    def of(self, field: Field, row: Row) -> int | None:
        """Return the place of a row's value among those of its column, the same for equal values; None for NULL."""
        at = (field, row)
        if at not in self._found:
            if field not in self._known:
                self._known[field] = self._ask(field)
            self._found[at] = self._known[field].get(row.key)
        return self._found[at]

    def _ask(self, field: Field) -> Mapping[Key, int]:
        column = field.column
        keys = tuple(column.table.primary_key.columns)
        place = func.dense_rank().over(order_by=column)
        with self._engine.connect() as connection:
            found = connection.execute(select(*keys, place).where(column.is_not(None)))
            return {tuple(row[:-1]): row[-1] for row in found}
