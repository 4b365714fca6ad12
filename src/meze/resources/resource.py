"""What the user declared, as data: a Resource, its Fields and its Relations. Nothing here decides or runs anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_
from sqlalchemy.orm import Mapper, RelationshipProperty
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.sql.visitors import iterate

from meze.resources.fields import FieldType
from meze.resources.rewrite import plain, rebuilt

ACTIONS = ("read", "create", "update", "delete")
WRITES = ("create", "update", "delete")


class DefaultKind(Enum):
    """Where a column's value comes from when none is given."""

    NONE = "none"
    VALUE = "value"
    CALL = "call"
    SQL = "sql"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Default:
    """`argument` is the value, the callable (of one argument, SQLAlchemy's context) or the SQL expression.

    A SQL default that is a plain string is the value's text, as `server_default="0"` gives it.

    A DATABASE default is made by the database alone (identity, autoincrement, computed, a trigger): the column is left
    out of the statement.
    """

    kind: DefaultKind = DefaultKind.NONE
    argument: Any = None

    def __bool__(self) -> bool:
        return self.kind is not DefaultKind.NONE


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column of a model under the name of its Python attribute.

    `generated` fields are never a client's to choose: keys that the database numbers, computed columns, the row's
    version, the discriminator of a class hierarchy.
    """

    name: str
    column: Column[Any]
    type: FieldType
    nullable: bool
    key: bool
    generated: bool
    default: Default
    onupdate: Default
    foreign: Column[Any] | None

    @property
    def required(self) -> bool:
        """Say whether a row cannot be made without it."""
        return not (self.nullable or self.default or self.generated)


@dataclass(frozen=True, slots=True, eq=False)
class Beyond:
    """A column of the table that the model does not map, but that fills itself when a row is made or changed."""

    name: str
    column: Column[Any]
    default: Default
    onupdate: Default


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A relationship of the model: `model` is the class on its other side, `through` the table between, if any."""

    name: str
    model: type
    to_many: bool
    through: FromClause | None
    _property: RelationshipProperty[Any]

    def joined(self, parent: FromClause, target: FromClause) -> ColumnElement[bool]:
        """Return the condition that a row of `target` is related to the row of `parent`; not for `through`."""
        return _joined(self._property.primaryjoin, near=parent, far=target)

    def joined_through(
        self, parent: FromClause, between: FromClause, target: FromClause
    ) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """Return the conditions between `parent` and the table between, and between that and `target`."""
        second = self._property.secondaryjoin
        assert second is not None
        return (
            _joined(self._property.primaryjoin, near=parent, far=between),
            _joined(second, near=target, far=between),
        )

    @property
    def compared(self) -> frozenset[Column[Any]]:
        """Every column that the relation's conditions name: of the model, of its target, and of the table between."""
        conditions = [self._property.primaryjoin, self._property.secondaryjoin]
        elements = (element for condition in conditions if condition is not None for element in iterate(condition))
        return frozenset(plain(element) for element in elements if isinstance(element, Column))


def _joined(condition: ColumnElement[bool], *, near: FromClause, far: FromClause) -> ColumnElement[bool]:
    def substitute(element: Any) -> Any:
        if isinstance(element, Column):
            return (far if "remote" in element._annotations else near).c[element.key]
        return None

    return and_(rebuilt(condition, substitute))


@dataclass(frozen=True, slots=True)
class FieldRules:
    """Narrows one field: who may read it and who may write it, of which rows.

    Where `read` does not hold for a row, the field's value is null there. Without a `write` of its own a field may be
    written where it may be read. `create_only` closes it once the row is made; `hidden` closes it to everyone, the
    role admin too.
    """

    read: Any = None
    write: Any = None
    create_only: bool = False
    hidden: bool = False


hidden = FieldRules(hidden=True)
"""The field rule of what nobody may see through the API, such as a password's hash."""


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A model that is served, with everything that was said of it.

    `rules` are the user's own expressions, by action; an action that is missing is closed. `restriction` is what every
    row must fulfil to belong here at all (single-table inheritance). `served` is False for what relations may reach but
    no address does. `fixed` are fields that say whose a row is (see access/tenancy.py).
    """

    name: str
    model: type
    mapper: Mapper[Any]
    table: Table
    fields: Mapping[str, Field]
    relations: Mapping[str, Relation]
    key: tuple[Field, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    field_rules: Mapping[str, FieldRules] = field(default_factory=dict)
    owner: Field | None = None
    search: tuple[Field, ...] = ()
    require_match: bool = False
    page_limit: int | None = None
    admin: bool = True
    restriction: ColumnElement[bool] | None = None
    identity: tuple[Field, Any] | None = None
    version: Field | None = None
    beyond: tuple[Beyond, ...] = ()
    where: str | None = None
    lines: Mapping[str, str] = field(default_factory=dict)
    served: bool = True
    fixed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Resource {self.name}>"

    @property
    def chosen_key(self) -> bool:
        """Say whether clients choose the key (text, UUID, composite) rather than the database."""
        return not any(part.generated or part.default for part in self.key)

    @property
    def create_only(self) -> frozenset[str]:
        """The names of the fields that are closed once a row is made, beside those of the key."""
        return self.fixed.union(name for name, rules in self.field_rules.items() if rules.create_only)

    def line_of(self, argument: str) -> str | None:
        """Return the `file:line` that says `argument`: an action, `owner`, `fields`, or `fields.<name>`.

        Where that cannot be told it is the line of the whole declaration; None where the program did not write it.
        """
        whole = "write" if argument in WRITES else argument.partition(".")[0]
        return self.lines.get(argument) or self.lines.get(whole) or self.where

    def field_of(self, column: Column[Any]) -> Field | None:
        """Return the field that holds `column`, or None where the model maps none."""
        return next((each for each in self.fields.values() if each.column is column), None)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that was most likely meant by `name`, or None where none is near."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)), None)
