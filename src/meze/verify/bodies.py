"""Bodies of writes, made of what rows hold: values that fit the columns, because they stand in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meze.resources.resource import Field
from meze.verify import wire
from meze.verify.doors.missing import fresh
from meze.verify.knock import Knock
from meze.verify.outcome import Expected, unique_columns
from meze.verify.world import Row


def body_of(at: Knock, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON."""
    return {name: wire.shown(at.resource.fields[name], value) for name, value in values.items()}


def like(at: Knock, expected: Expected, template: Row) -> dict[str, Any]:
    """Return values for a new row like another: what must be unique is made anew."""
    values = {field.name: template.of(field) for field in expected.open_fields(creating=True)}
    for columns in unique_columns(at.resource.table):
        fields = [field for column in columns if (field := at.resource.field_of(column)) and field.name in values]
        if len(fields) < len(columns) or any(values[field.name] is None for field in fields):
            continue
        free = next((field for field in fields if field.foreign is None and fresh(at, field) is not None), None)
        if free is not None:
            values[free.name] = as_stored(at, free, fresh(at, free))
    return values


def as_stored(at: Knock, field: Field, written: Any) -> Any:
    """Return a value that `fresh` made as SQLAlchemy takes it."""
    stored = [row[field.column.key] for row in at.judge.world.rows(field.column.table)]
    return uuid.UUID(written) if any(isinstance(each, uuid.UUID) for each in stored) else written


def templates(at: Knock, rows: Iterable[Row], marks: Any, most: int, closely: int) -> list[Row]:
    """Return some rows of each kind that `marks` tells apart."""
    kinds: dict[Any, list[Row]] = {}
    for row in rows:
        kinds.setdefault(marks(row), []).append(row)
    return [row for kind in kinds.values() for row in at.some(kind, most, closely)]


def pointing_elsewhere(at: Knock, expected: Expected) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield for each foreign key of one column that of a row which may be read, of one that is hidden, and of none."""
    for constraint, fields in expected.foreign_keys():
        if len(constraint.elements) != 1:
            continue
        (field,), element = fields, constraint.elements[0]
        if field not in expected.open_fields(creating=False):
            continue
        target = at.judge.resources.of_table(constraint.referred_table)
        rows = at.judge.world.rows(constraint.referred_table)
        key = element.column.key
        seen = [row for row in rows if target is not None and at.judge.allows(at.actor, "read", target, row)]
        hidden = [row for row in rows if row not in seen]
        for kind, of in (("a row that may be read", seen), ("a row that is hidden", hidden)):
            for row in at.some(of, 1, 2):
                if row[key] is not None:
                    yield kind, {field.name: row[key]}
        if target is not None and (other := target.field_of(element.column)) is not None:
            nothing = fresh(at, other)
            if nothing is not None:
                yield "no row", {field.name: as_stored(at, other, nothing)}
