"""Ask of the foreign keys that a write sets whether they point at rows that the caller may read.

The questions are asked over the row as it would be, a derived table; see `write.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ForeignKeyConstraint, and_, exists, false, or_, select
from sqlalchemy.sql.expression import FromClause

from meze.access.rule import EVERYBODY, lower
from meze.databases import Statement
from meze.records.plan import by_key
from meze.records.source import Grounds
from meze.resources.resource import Field, Resource


@dataclass(frozen=True, slots=True, eq=False)
class ForeignKeyQuestion:
    """Asks whether one foreign key of the row as it would be points at a row that the caller may read."""

    fields: tuple[str, ...]
    statement: Statement


@dataclass(frozen=True, slots=True)
class ForeignKeys:
    """Those of a resource that a write sets which gives the fields `given`. `old` is the table where there is a row
    already, `row` stands for the row as it would be."""

    grounds: Grounds
    resource: Resource
    given: frozenset[str]

    def conditions(self, row: FromClause, old: FromClause | None) -> list[ColumnElement[bool]]:
        """Return what must hold of the row beside the constraints of the database."""
        return [
            self._points_at_readable(constraint, fields, row, old)
            for constraint, fields in self._set()
            if not self._points_anywhere(constraint, old)
        ]

    def questions(self, row: FromClause, old: FromClause | None) -> tuple[ForeignKeyQuestion, ...]:
        """Prepare the questions, each asked only after the statement wrote nothing or a constraint refused it."""
        table, questions = self.resource.table, []
        for constraint, fields in self._set():
            asked = select(1).select_from(row).where(self._points_at_readable(constraint, fields, row, old))
            if old is not None:
                asked = select(1).select_from(table).where(*by_key(self.resource), exists(asked.correlate(table)))
            names = tuple(each.name for each in fields)
            questions.append(ForeignKeyQuestion(names, self.grounds.database.prepare(asked)))
        return tuple(questions)

    def _set(self) -> list[tuple[ForeignKeyConstraint, tuple[Field, ...]]]:
        """Return the foreign keys, with those fields of each that the client gives. The owner's is set by us."""
        found = []
        constraints = self.resource.table.foreign_key_constraints
        for constraint in sorted(constraints, key=lambda each: tuple(each.column_keys)):
            fields = (each for column in constraint.columns if (each := self.resource.field_of(column)))
            by_client = [each for each in fields if each.name in self.given and each is not self.resource.owner]
            if by_client:
                found.append((constraint, tuple(by_client)))
        return found

    def _points_anywhere(self, constraint: ForeignKeyConstraint, old: FromClause | None) -> bool:
        """Say whether the caller may let a foreign key point at every row that there is."""
        target = self._target(constraint)
        if target is None or self._stays(constraint, target, old):
            return False
        return self.grounds.policy.rule(target, "read", self.grounds.standing) == EVERYBODY

    def _stays(self, constraint: ForeignKeyConstraint, target: Resource, old: FromClause | None) -> bool:
        """Say whether a foreign key must not leave the tenant of its row; it holds for admins too."""
        tenancy = self.grounds.policy.tenancy
        return tenancy is not None and tenancy.keeps(constraint, self.resource, target, made=old is None)

    def _target(self, constraint: ForeignKeyConstraint) -> Resource | None:
        """Return the resource that a foreign key points into, or None where the caller may not read what it points at.

        A key that refers to a field that is hidden, on some rows at least, would be a way to ask for its values, one
        after the other.
        """
        target = self.grounds.resources.of_table(constraint.referred_table)
        if target is None:
            return None
        askable = {each.column for each in self.grounds.policy.view(target, self.grounds.standing).askable.values()}
        return target if all(element.column in askable for element in constraint.elements) else None

    def _points_at_readable(
        self, constraint: ForeignKeyConstraint, fields: tuple[Field, ...], row: FromClause, old: FromClause | None
    ) -> ColumnElement[bool]:
        """Return the condition that a foreign key is null, as it was, or points at a row that the caller may read.

        Where the caller may not read what it was, to let that pass would tell it.
        """
        columns = [element.parent for element in constraint.elements]
        pointing = [row.c[column.key] for column in columns]
        allowed: list[ColumnElement[bool]] = [column.is_(None) for column in pointing]
        if old is not None:
            policy, standing = self.grounds.policy, self.grounds.standing
            rules = [policy.field_rule(self.resource, each.name, "read", standing) for each in fields]
            known = [lower(rule, {}) for rule in rules if rule != EVERYBODY]
            same = [new == old.c[column.key] for new, column in zip(pointing, columns, strict=True)]
            allowed.append(and_(*known, *same))
        target = self._target(constraint)
        if target is None:
            return or_(false(), *allowed)
        table = target.table.alias()
        there = [table.c[element.column.key] == new for element, new in zip(constraint.elements, pointing, strict=True)]
        there.append(self.grounds.readable(target, table))
        tenancy = self.grounds.policy.tenancy
        if tenancy is not None and self._stays(constraint, target, old):
            there.append(tenancy.kept(constraint, self.resource, row, old, target, table))
        found = select(1).select_from(table).where(*there)
        return or_(*allowed, exists(found.correlate_except(table)))
