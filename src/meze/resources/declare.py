"""Take what `api.resource(...)` was told, refuse what cannot work, and build the Resource of it.

A declaration is checked twice: at once for what it says by itself, and when the program is complete (`build`), because
models that were written later, and the database, are known only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import Mapper
from sqlalchemy.types import Integer, TypeEngine

from meze.errors import Mistake
from meze.resources.fields.field_type import FieldType
from meze.resources.mapper import beyond_of, fields_of, mapper_of, relations_of, table_of
from meze.resources.registry import Registry
from meze.resources.resource import ACTIONS, WRITES, Field, FieldRules, Resource, nearest

TAKEN_NAMES = ("auth", "users", "batch")
"""Addresses under the prefix that are Meze's own."""

IntegerBits = Callable[[TypeEngine[Any]], int]


@dataclass(frozen=True, slots=True)
class Declaration:
    """One call of `api.resource`, as it was written; `where` is its `file:line`, `lines` those of its arguments."""

    model: Any
    where: str | None
    name: str | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    fields: Mapping[str, FieldRules] = field(default_factory=dict)
    search: Sequence[str] = ()
    require_match: bool = False
    page_limit: int | None = None
    admin: bool = True
    served: bool = True
    lines: Mapping[str, str] = field(default_factory=dict)


def rules_of(read: Any, create: Any, update: Any, delete: Any, write: Any) -> dict[str, Any]:
    """Return the rules by action; `write` stands for those of create, update and delete that are not given."""
    given = {"read": read, "create": create, "update": update, "delete": delete}
    given |= {action: write for action in WRITES if given[action] is None}
    return {action: given[action] for action in ACTIONS if given[action] is not None}


def check(declaration: Declaration) -> None:
    """Refuse what can be told from the declaration alone.

    Raises:
        Mistake: with the declaration's line.
    """
    where = declaration.where
    name = declaration.name or getattr(declaration.model, "__tablename__", None)
    if declaration.served and name in TAKEN_NAMES:
        raise Mistake(
            f"The address `{name}` is Meze's own ({', '.join(TAKEN_NAMES)} are taken).",
            f'Serve it under another name; the table keeps its own: api.resource(..., name="my_{name}").',
            where,
        )
    if declaration.name is not None and not _addressable(declaration.name):
        raise Mistake(
            f"{declaration.name!r} cannot stand in an address.",
            'Use letters, digits, `-` and `_`: name="albums".',
            where,
        )
    if declaration.page_limit is not None and declaration.page_limit < 1:
        raise Mistake(f"page_limit={declaration.page_limit} shows no row.", "Give 1 or more, or leave it out.", where)
    for name, rules in declaration.fields.items():
        if not isinstance(rules, FieldRules):
            raise Mistake(
                f"The rule of the field {name!r} is no FieldRules.",
                f'Write fields={{"{name}": FieldRules(read=role("..."), write=role("..."))}}, or hidden.',
                where,
            )
        if rules.hidden and rules.create_only:
            raise Mistake(
                f"The field {name!r} is hidden, so nobody can give it on create.",
                "Leave create_only out, or say who may read it instead: FieldRules(read=..., create_only=True).",
                where,
            )


def _addressable(name: str) -> bool:
    return bool(name) and name.isascii() and all(letter.isalnum() or letter in "-_" for letter in name)


def build(
    declarations: Sequence[Declaration], metadata: MetaData, database: str, integer_bits: IntegerBits
) -> Registry:
    """Return the resources of a complete program.

    Raises:
        Mistake: a model cannot be served, or a declaration names what its model does not have.
    """
    registry = Registry()
    for declaration in declarations:
        mapper = mapper_of(declaration.model, metadata, declaration.where)
        mapper.registry.configure(cascade=True)
        resource = _resource(declaration, mapper, database, integer_bits)
        if registry.of(resource.model) is not None:
            raise Mistake(
                f"{resource.model.__name__} is declared twice.", "Keep one api.resource(...) of it.", declaration.where
            )
        if registry.named(resource.name) is not None:
            raise Mistake(
                f"Two resources are named {resource.name!r}.",
                'Give one of them another: name="...".',
                declaration.where,
            )
        registry.add(resource)
    return registry


def _resource(declaration: Declaration, mapper: Mapper[Any], database: str, integer_bits: IntegerBits) -> Resource:
    where, table = declaration.where, table_of(mapper)
    fields = fields_of(mapper, database, integer_bits, where)
    key = tuple(_by_column(fields, column, where) for column in table.primary_key.columns)
    discriminator = mapper.polymorphic_on
    restriction = identity = None
    if discriminator is not None:
        kind = _by_column(fields, discriminator, where)
        if mapper.polymorphic_identity is not None:
            identity = (kind, mapper.polymorphic_identity)
        if mapper.inherits is not None:
            restriction = discriminator.in_([each.polymorphic_identity for each in mapper.self_and_descendants])
    version = None if mapper.version_id_col is None else _by_column(fields, mapper.version_id_col, where)
    if version is not None and not isinstance(version.column.type, Integer):
        raise Mistake(
            f"{mapper.class_.__name__}.{version.name} is a version that is no whole number.",
            "Let version_id_col be an Integer column, without a generator of its own.",
            where,
        )
    return Resource(
        name=str(declaration.name or table.name),
        model=mapper.class_,
        mapper=mapper,
        table=table,
        fields=fields,
        relations=relations_of(mapper, where),
        key=key,
        rules=declaration.rules,
        field_rules={_named(name, fields, "fields=", mapper, where).name: r for name, r in declaration.fields.items()},
        owner=None if declaration.owner is None else _named(declaration.owner, fields, "owner=", mapper, where),
        search=tuple(_searched(name, fields, mapper, where) for name in declaration.search),
        require_match=declaration.require_match,
        page_limit=declaration.page_limit,
        admin=declaration.admin,
        restriction=restriction,
        identity=identity,
        version=version,
        beyond=beyond_of(mapper, fields),
        where=where,
        lines=declaration.lines,
        served=declaration.served,
    )


def _by_column(fields: Mapping[str, Field], column: Any, where: str | None) -> Field:
    for each in fields.values():
        if each.column is column:
            return each
    raise Mistake(
        f"The column {column.table.name}.{column.name} is no attribute of its model, and Meze needs it.",
        "Map it: it belongs to the key, or tells the classes of the table apart.",
        where,
    )


def _named(name: str, fields: Mapping[str, Field], said: str, mapper: Mapper[Any], where: str | None) -> Field:
    if name in fields:
        return fields[name]
    near = nearest(name, fields)
    raise Mistake(
        f"{said} names {name!r}, which {mapper.class_.__name__} does not have.",
        f"Did you mean {near!r}?" if near else f"It has {', '.join(fields)}.",
        where,
    )


def _searched(name: str, fields: Mapping[str, Field], mapper: Mapper[Any], where: str | None) -> Field:
    found = _named(name, fields, "search=", mapper, where)
    type_: FieldType = found.type
    if type_.name != "text":
        raise Mistake(
            f"search= names {name!r}, which holds no text but {type_.phrase.en}.",
            "Search fields of text; filter the others by their value.",
            where,
        )
    return found
