"""What a column may hold in the rows of a run: what rules and CHECK constraints name, and what comes besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum as PythonEnum
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Computed, Enum, Identity, Integer, String, Table, null
from sqlalchemy.orm import Mapper

from meze.resources.resource import Resource
from meze.verify.atoms import Mention, Mentions, checked
from meze.verify.samples import members_of, near, spelled, stored_type

_SHARED = 2
"""How many values two columns have in common that a rule compares with each other."""


class Marker(PythonEnum):
    """What stands in a pool for a value that is chosen later."""

    FRESH = "a new value"
    OMITTED = "left to the column's default"


FRESH, OMITTED = Marker.FRESH, Marker.OMITTED


@dataclass(frozen=True, slots=True)
class Pool:
    """`values` are what the column holds in turn; `named` those that rules name, `checked` those that CHECK
    constraints name, None where none looks at the column.

    `asked`: a rule looks at the column, or it has few values by nature, so that all of them should be met.
    """

    values: Sequence[Any]
    named: Sequence[Any]
    checked: Sequence[Any] | None
    asked: bool


class Pools:
    """`users` are the rows of the users; a column that is compared with `me` holds what they have."""

    def __init__(self, mentions: Mentions, resources: Iterable[Resource], users: Sequence[Mapping[str, Any]]) -> None:
        self._mentions = mentions
        self._users = users
        self._kinds = _kinds(resources)
        self._checked: dict[Table, dict[Column[Any], list[str]]] = {}

    def of(self, column: Column[Any]) -> Pool | None:
        """Return the pool of a column that is no foreign key; None where the database alone gives its value."""
        if isinstance(column.server_default, Computed):
            return None
        identity = isinstance(column.server_default, Identity) or column.table._autoincrement_column is column
        if identity and not (column.primary_key and isinstance(column.type, Integer)):
            return None
        kind, mention = stored_type(column.type), self._mentions.get(column)
        named = [] if mention is None else self._named(column, mention)
        checks = self._checks(column)
        values: list[Any] = [*named]
        if column in self._kinds:
            values = [*self._kinds[column]]
        elif isinstance(kind, Boolean):
            values = [True, False]
        elif isinstance(kind, Enum):
            values = [*members_of(kind)]
        else:
            values += checks or ()
            values += [FRESH] * (2 if mention is not None or checks else 5)
        if column.nullable and not column.primary_key:
            values.append(null() if isinstance(kind, JSON) else None)
        if (column.default is not None or column.server_default is not None) and not identity:
            values.append(OMITTED)
        few = isinstance(kind, Boolean | Enum) or column in self._kinds
        return Pool(values, named, checks, asked=mention is not None or few)

    def _named(self, column: Column[Any], mention: Mention) -> list[Any]:
        found = [each for value in mention.values for each in near(column, value)]
        if "id" in mention.me:
            found += [row["id"] for row in self._users]
        if "email" in mention.me:
            found += [row["email"] for row in self._users]
        if mention.columns and not column.primary_key:
            kind = stored_type(column.type)
            if isinstance(kind, String) and not isinstance(kind, Enum):
                found += [f"shared-{place}"[-(kind.length or 20) :] for place in range(_SHARED)]
            elif isinstance(kind, Integer):
                found += list(range(1, 1 + _SHARED))
        return list(dict.fromkeys(found))

    def _checks(self, column: Column[Any]) -> list[Any] | None:
        table = column.table
        assert isinstance(table, Table)
        if table not in self._checked:
            self._checked[table] = checked(table)
        literals = self._checked[table].get(column)
        if literals is None:
            return None
        return list(dict.fromkeys(each for literal in literals for each in spelled(column, literal)))


def _kinds(resources: Iterable[Resource]) -> dict[Any, list[Any]]:
    """Return the values of each discriminator, those of classes that are no resources too."""
    mappers: dict[Mapper[Any], None] = {}
    for resource in resources:
        mappers |= dict.fromkeys(sorted(resource.mapper.registry.mappers, key=lambda each: each.class_.__name__))
    found: dict[Any, list[Any]] = {}
    for mapper in mappers:
        if isinstance(mapper.polymorphic_on, Column) and mapper.polymorphic_identity is not None:
            known = found.setdefault(mapper.polymorphic_on, [])
            if mapper.polymorphic_identity not in known:
                known.append(mapper.polymorphic_identity)
    return found
