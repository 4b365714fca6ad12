"""What a write must come to: worked out from the judge, the rows in memory and the declaration alone.

The refusals come in this order: what no row could pass (401, 403), a row that is not there to be seen (404), closed
fields (422), the rule over the row as it is (403), foreign keys and the rules of fields (422), the rule over the row as
it would be (403), values that are taken (409).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CheckConstraint, Column, Enum, ForeignKeyConstraint, Table, UniqueConstraint

from meze.resources.resource import DefaultKind, Field, Resource
from meze.verify import wire
from meze.verify.sight import Sight
from meze.verify.world import Row

Values = Mapping[str, Any]
"""What is written, by the names of fields: as SQLAlchemy takes it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is what must come, `fields` the fields that a 422 must name; `row` is the row as it would be."""

    status: int
    why: str
    fields: Mapping[str, str] = None  # type: ignore[assignment]
    row: Row | None = None

    @property
    def done(self) -> bool:
        return self.status < 300


class Expected:
    """Works out writes at one resource for the caller of a Sight."""

    def __init__(self, sight: Sight, resource: Resource) -> None:
        self.sight = sight
        self.resource = resource
        self.judge = sight.judge
        self.actor = sight.actor
        self._open: dict[bool, list[Field]] = {}

    def open_fields(self, *, creating: bool) -> list[Field]:
        """Return the fields that the caller may set, of some rows at least."""
        if creating not in self._open:
            self._open[creating] = self._opened(creating=creating)
        return self._open[creating]

    def _opened(self, *, creating: bool) -> list[Field]:
        return [
            field
            for name, field in self.resource.fields.items()
            if not field.generated
            and field is not self.resource.owner
            and (not field.key or (creating and self.resource.chosen_key))
            and (creating or name not in self.resource.create_only)
            and self.judge.may_write_field(self.actor, self.resource, name)
        ]

    def creation(self, values: Values) -> Outcome:
        """Return what making a row must come to."""
        shut = self.sight.refusal(self.resource, "create")
        if shut is not None:
            return Outcome(shut, "no such caller may make any row")
        row = self.new_row(values)
        dangling = self._dangling(row, None, values)
        if dangling:
            return Outcome(
                422, "a foreign key leads to no row that may be read", dict.fromkeys(dangling, "no_such_row")
            )
        if self.judge.truth(self.actor, "create", self.resource, row) is not True:
            return Outcome(self.sight.forbidden, "the rule of create does not hold for the row")
        closed = [name for name in values if not self._may_write(name, row)]
        if closed:
            return Outcome(422, "a field of this row may not be written", dict.fromkeys(closed, "closed"))
        if self.taken(row, None):
            return Outcome(409, "a value that must be unique is taken")
        return Outcome(201, "the rule of create holds", row=row)

    def change(self, row: Row, values: Values) -> Outcome:
        """Return what changing a row must come to; `values` are of open fields."""
        shut = self.sight.refusal(self.resource, "update")
        if shut is not None:
            return Outcome(shut, "no such caller may change any row")
        if row not in self.sight.visible(self.resource):
            return Outcome(404, "the row may not be read")
        if self.judge.truth(self.actor, "update", self.resource, row) is not True:
            return Outcome(self.sight.forbidden, "the rule of update does not hold for the row as it is")
        new = self.changed_row(row, values)
        closed = [name for name in values if not self._may_write(name, row, new)]
        differing = [name for name in closed if self._shown(row, name) != self._of_new(new, name)]
        kept = [name for name in closed if name not in differing]
        if kept:
            values = {name: value for name, value in values.items() if name not in kept}
            new = self.changed_row(row, values)
        dangling = [name for name in self._dangling(new, row, values) if name not in closed]
        if dangling or differing:
            named = dict.fromkeys(dangling, "no_such_row") | dict.fromkeys(differing, "closed")
            return Outcome(422, "a foreign key leads to no row that may be read, or a field may not be written", named)
        if values and self.judge.truth(self.actor, "update", self.resource, new) is not True:
            return Outcome(self.sight.forbidden, "the rule of update does not hold for the row as it would be")
        if self.taken(new, row):
            return Outcome(409, "a value that must be unique is taken")
        return Outcome(200, "the rule of update holds before and after", row=new)

    def removal(self, row: Row) -> Outcome:
        """Return what deleting a row must come to, rows that refer to it aside."""
        shut = self.sight.refusal(self.resource, "delete")
        if shut is not None:
            return Outcome(shut, "no such caller may delete any row")
        if row not in self.sight.visible(self.resource):
            return Outcome(404, "the row may not be read")
        if self.judge.truth(self.actor, "delete", self.resource, row) is not True:
            return Outcome(self.sight.forbidden, "the rule of delete does not hold for the row")
        return Outcome(204, "the rule of delete holds")

    def _may_write(self, name: str, *rows: Row) -> bool:
        ruled = name in self.resource.field_rules
        return not ruled or self.judge.may_write_field(self.actor, self.resource, name, *rows)

    # Rows as they would be -------------------------------------------------------------------------------------

    def new_row(self, values: Values) -> Row:
        resource = self.resource
        made: dict[str, Any] = {column.key: None for column in resource.table.columns}
        for name, field in resource.fields.items():
            if name in values:
                made[field.column.key] = values[name]
            elif field.default.kind is DefaultKind.VALUE:
                made[field.column.key] = field.default.argument
        if resource.owner is not None:
            made[resource.owner.column.key] = self.actor.caller.id
        if resource.identity is not None:
            made[resource.identity[0].column.key] = resource.identity[1]
        return Row(resource.table, made)

    def changed_row(self, row: Row, values: Values) -> Row:
        fields = self.resource.fields
        made = {
            field.column.key: field.onupdate.argument
            for field in fields.values()
            if field.onupdate.kind is DefaultKind.VALUE and values
        }
        return row.changed(made | {fields[name].column.key: value for name, value in values.items()})

    def _shown(self, row: Row, name: str) -> Any:
        state = self.judge.readable_fields(self.actor, self.resource, row)[name]
        return wire.shown(self.resource.fields[name], row.of(self.resource.fields[name])) if state != "masked" else None

    def _of_new(self, new: Row, name: str) -> Any:
        return wire.shown(self.resource.fields[name], new.of(self.resource.fields[name]))

    # Foreign keys and unique values ----------------------------------------------------------------------------

    def _dangling(self, row: Row, old: Row | None, values: Values) -> list[str]:
        return [
            field.name
            for constraint, fields in self.foreign_keys()
            for field in fields
            if any(each.name in values for each in fields) and not self._may_point(constraint, row, old)
            if field.name in values
        ]

    def foreign_keys(self) -> Iterator[tuple[ForeignKeyConstraint, list[Field]]]:
        """Yield each foreign key of the table with its fields, the owner's aside: that is set by us."""
        for constraint in self.resource.table.foreign_key_constraints:
            found = [self.resource.field_of(column) for column in constraint.columns]
            fields = [each for each in found if each is not None and each is not self.resource.owner]
            if fields:
                yield constraint, fields

    def _may_point(self, constraint: ForeignKeyConstraint, row: Row, old: Row | None) -> bool:
        pairs = [(element.parent, element.column) for element in constraint.elements]
        pointing = [row[column.key] for column, _ in pairs]
        if any(value is None for value in pointing):
            return True
        if old is not None and pointing == [old[column.key] for column, _ in pairs] and self._knows(old, pairs):
            return True
        target = self.judge.resources.of_table(constraint.referred_table)
        if target is None:
            return False
        states = self.sight.states(target)
        named = [target.field_of(column) for _, column in pairs]
        if any(field is None or states[field.name] != "open" for field in named):
            return False
        return any(
            all(each[column.key] == value for (_, column), value in zip(pairs, pointing, strict=True))
            and self.judge.allows(self.actor, "read", target, each)
            and self.judge.keeps_tenant(self.resource, constraint, row, old, each)
            for each in self.judge.world.rows(target.table)
        )

    def _knows(self, old: Row, pairs: Sequence[tuple[Column[Any], Column[Any]]]) -> bool:
        known = self.judge.readable_fields(self.actor, self.resource, old)
        fields = [self.resource.field_of(column) for column, _ in pairs]
        return all(known[field.name] in ("open", "shown") for field in fields if field is not None)

    def taken(self, row: Row, old: Row | None) -> bool:
        """Say whether another row has what only one may have."""
        for columns in unique_columns(self.resource.table):
            value = [row[column.key] for column in columns]
            if None in value:
                continue
            if old is not None and value == [old[column.key] for column in columns]:
                continue
            rows = self.judge.world.rows(self.resource.table)
            if any(value == [each[column.key] for column in columns] for each in rows if each is not old):
                return True
        return False


def unique_columns(table: Table) -> list[tuple[Column[Any], ...]]:
    """Return the sets of columns of which no two rows have the same values."""
    found = [tuple(table.primary_key.columns)]
    found += [tuple(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    found += [tuple(each.columns) for each in table.indexes if each.unique]
    return found


def is_checked(table: Table) -> bool:
    """Say whether the database has conditions of its own on the rows of a table."""
    enums = any(isinstance(column.type, Enum) for column in table.columns)
    return (
        any(isinstance(each, CheckConstraint) for each in table.constraints)
        or enums
        or any(each.unique for each in table.indexes)
    )
