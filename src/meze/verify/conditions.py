"""Conditions to ask lists for, and for which rows each holds, as the contract says it of their operators."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from meze.resources.resource import Field, Resource
from meze.verify import wire
from meze.verify.knock import Knock
from meze.verify.sight import Sight
from meze.verify.world import Row

PIECES = ("contains", "startswith", "endswith")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is None where the path ends at a relation, which has `isnull` alone. `probes` are rows whose values are
    compared with; `operand` is what the others take: a flag, or a piece of text."""

    relations: tuple[str, ...]
    field: Field | None
    operator: str
    probes: tuple[Row, ...] = ()
    operand: Any = None

    @property
    def name(self) -> str:
        path = "__".join((*self.relations, *(() if self.field is None else (self.field.name,))))
        return f"{path}__{self.operator}"

    @property
    def value(self) -> Any:
        """The operand as JSON."""
        if self.field is None or self.operator in ("isnull", *PIECES):
            return self.operand
        values = [wire.shown(self.field, row.of(self.field)) for row in self.probes]
        return values if self.operator in ("in", "not_in") else values[0]

    @property
    def argument(self) -> tuple[str, str]:
        """The condition as a parameter of an address."""
        value = self.value
        if not isinstance(value, list):
            return self.name, wire.text(value)
        record = io.StringIO()
        csv.writer(record, lineterminator="").writerow([wire.text(each) for each in value])
        return self.name, record.getvalue()

    def holds(self, sight: Sight, resource: Resource, row: Row) -> bool:
        """Say whether a row that the caller may read is one that is asked for."""
        relations = self.relations
        if self.field is None:
            # A relation is null where no row that may be read is there.
            *before, last = relations
            end = _end(sight, resource, before)
            return sight.holds(resource, row, before, lambda at: (not sight.many(end, last, at)) is self.operand)
        return sight.holds(resource, row, relations, lambda at: self._of_row(sight, at))

    def _of_row(self, sight: Sight, row: Row | None) -> bool:
        field = self.field
        assert field is not None
        place = None if row is None or row.of(field) is None else _value(sight, field, row)
        if self.operator == "isnull":
            return (place is None) is self.operand
        if self.operator in PIECES:
            return place is not None and _holds_piece(self.operator, row.of(field) if row else "", self.operand)
        asked = [_value(sight, field, each) for each in self.probes]
        return _compares(self.operator, place, asked)


def _end(sight: Sight, resource: Resource, relations: Sequence[str]) -> Resource:
    for name in relations:
        resource = sight.target(resource, name)
    return resource


def _value(sight: Sight, field: Field, row: Row) -> Any:
    """Return what stands for a value when it is compared: its place, or itself where its kind has no order."""
    return sight.place(field, row) if field.type.sortable else repr(row.of(field))


def _compares(operator: str, place: Any, asked: list[Any]) -> bool:
    if place is None:
        return operator in ("ne", "not_in")
    match operator:
        case "eq" | "in":
            return place in asked
        case "ne" | "not_in":
            return place not in asked
        case "lt":
            return bool(place < asked[0])
        case "lte":
            return bool(place <= asked[0])
        case "gt":
            return bool(place > asked[0])
    return bool(place >= asked[0])


def _holds_piece(operator: str, text: str, piece: str) -> bool:
    text, piece = text.casefold(), piece.casefold()
    if operator == "contains":
        return piece in text
    return text.startswith(piece) if operator == "startswith" else text.endswith(piece)


def on_field(at: Knock, field: Field, relations: tuple[str, ...] = ()) -> Iterator[Condition]:
    """Yield a condition for each operator of a field. Values of rows that the caller may not read are asked for too."""
    resource = at.judge.resources.of_table(field.column.table)
    rows = [] if resource is None else list(at.judge.world.rows(resource.table))
    known = [row for row in rows if row.of(field) is not None]
    for operator in sorted(field.type.operators):
        if operator == "isnull":
            yield Condition(relations, field, operator, operand=at.random.random() < 0.5)
        elif not known:
            continue
        elif operator in PIECES:
            text = at.random.choice(known).of(field)
            if isinstance(text, str) and text.isascii():
                yield Condition(relations, field, operator, operand=_piece(at, operator, text))
        else:
            count = min(len(known), 3 if operator in ("in", "not_in") else 1)
            yield Condition(relations, field, operator, tuple(at.random.sample(known, count)))


def _piece(at: Knock, operator: str, text: str) -> str:
    size = min(len(text), at.random.randint(1, _LONGEST))
    start = {"contains": at.random.randint(0, len(text) - size), "startswith": 0}.get(operator, len(text) - size)
    return text[start : start + size]


def paths(at: Knock, resource: Resource, steps: int) -> Iterator[tuple[tuple[str, ...], Resource]]:
    """Yield every path of at most so many relations that the caller may follow, with the resource it ends in."""
    for name in at.sight.relations(resource):
        target = at.sight.target(resource, name)
        yield (name,), target
        if steps > 1:
            for rest, end in paths(at, target, steps - 1):
                yield (name, *rest), end
