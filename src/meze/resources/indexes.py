"""Which columns of a table an index leads to, and the index that one lacks.

An index leads to the rows of a value, to a range and to an order of its first column. It leads nobody to a text that is
contained in another, or that begins another in any letter case: that is what the full-text index of `search=` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex

from meze.databases.indexes import ways


@dataclass(frozen=True, slots=True)
class Advice:
    """An index that is missing: what asks these columns, the SQL that makes it, and how the model says it."""

    table: str
    columns: tuple[str, ...]
    why: tuple[str, ...]
    create_index: str
    declare: str

    @property
    def name(self) -> str:
        """What it is waived by."""
        return f"{self.table}.{self.columns[0]}"


def is_led(column: Column[Any]) -> bool:
    """Say whether an index begins with this column: the primary key, a unique constraint, or an index of every row."""
    return any(found[0] is column for found in ways(column.table))


def leads_through(columns: Sequence[Column[Any]]) -> bool:
    """Say whether an index begins with these columns, of one table, in this order."""
    wanted = list(columns)
    return any(
        all(one is other for one, other in zip(found, wanted, strict=False)) and len(found) >= len(wanted)
        for found in ways(wanted[0].table)
    )


def advise(columns: Sequence[Column[Any]], why: Sequence[str], dialect: Dialect) -> Advice:
    """Return the index over `columns`, which are of one table."""
    table = columns[0].table
    keys = ", ".join(f'"{column.name}"' for column in columns)
    if len(columns) == 1:
        declare = f"write index=True in the mapped_column(...) of {table.name}.{columns[0].key}"
    else:
        declare = f"add Index(None, {keys}) to __table_args__ of the class of {table.name}"
    names = tuple(str(column.name) for column in columns)
    return Advice(str(table.name), names, tuple(why), _sql(columns, dialect), declare)


def _sql(columns: Sequence[Column[Any]], dialect: Dialect) -> str:
    """Return the CREATE INDEX that SQLAlchemy would write, under the name that it would give."""
    table = columns[0].table
    # An Index belongs to its table from the moment it is made, so it is made on a copy.
    copy = table.to_metadata(MetaData(naming_convention=table.metadata.naming_convention))
    index = Index(None, *(copy.c[column.key] for column in columns))
    return str(CreateIndex(index).compile(dialect=dialect))
