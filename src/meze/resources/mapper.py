"""Read a mapped class into fields and relations, refusing what generated routes would not honour.

The routes speak Core: what lives in the ORM's unit of work alone (validators, mapper events, cascades without the
database's own) would be bypassed without a word, so it is refused at start instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, Computed, Identity, MetaData, Table, UniqueConstraint
from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.schema import DefaultClause
from sqlalchemy.types import TypeEngine

from meze.errors import Mistake
from meze.resources.fields import field_type
from meze.resources.resource import Beyond, Default, DefaultKind, Field, Relation

_EVENTS = ("before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete")


def mapper_of(model: object, metadata: MetaData, where: str | None) -> Mapper[Any]:
    """Return the mapper of a class that can be served.

    Raises:
        Mistake: it is no mapped class, not of this Base, spread over several tables, or relies on the unit of work.
    """
    name = getattr(model, "__name__", repr(model))
    if not isinstance(model, type):
        raise Mistake(f"{name} is not a class.", "Give api.resource() the model: api.resource(City, ...).", where)
    mapper: Any = sqlalchemy_inspect(model, raiseerr=False)
    if not isinstance(mapper, Mapper):
        raise Mistake(
            f"{name} has no table: SQLAlchemy does not map it.",
            f'Derive it from your Base and give it __tablename__ = "{name.lower()}s" and a primary key.',
            where,
        )
    table = mapper.local_table
    if not isinstance(table, Table) or len(mapper.tables) != 1:
        raise Mistake(
            f"{name} is spread over several tables (joined inheritance), which generated routes do not write.",
            "Use single-table inheritance, or serve the tables as resources of their own.",
            where,
        )
    if metadata.tables.get(table.key) is not table:
        raise Mistake(
            f"{name} belongs to another Base than the one that Meze(app, Base) was given.",
            f"Derive {name} from that Base.",
            where,
        )
    _refuse_unit_of_work(mapper, name, where)
    return mapper


def table_of(mapper: Mapper[Any]) -> Table:
    """Return the one table of a mapper that `mapper_of` let through."""
    table = mapper.local_table
    assert isinstance(table, Table)
    return table


def _refuse_unit_of_work(mapper: Mapper[Any], name: str, where: str | None) -> None:
    if mapper.validators:
        raise Mistake(
            f"{name} uses @validates({', '.join(map(repr, mapper.validators))}), which generated routes would bypass.",
            "Say it where the database holds it: a CheckConstraint, a String(length), an Enum or a unique constraint.",
            where,
        )
    events = [event for event in _EVENTS if list(getattr(mapper.dispatch, event))]
    if events:
        raise Mistake(
            f"{name} listens to the mapper events {', '.join(events)}, which generated routes would bypass.",
            "Use a column default, onupdate=, a server default or a trigger of the database.",
            where,
        )
    for relationship in mapper.relationships:
        if "delete" in relationship.cascade and not relationship.viewonly and not _database_cascades(relationship):
            raise Mistake(
                f"{name}.{relationship.key} deletes related rows through the ORM alone: {relationship.cascade!r}.",
                'Let the database do it: ForeignKey(..., ondelete="CASCADE") and passive_deletes=True.',
                where,
            )


def _database_cascades(relationship: Any) -> bool:
    remote = relationship.remote_side
    keys = [key for column in remote for key in column.foreign_keys]
    return bool(keys) and all((key.ondelete or "").upper() == "CASCADE" for key in keys)


def fields_of(
    mapper: Mapper[Any], database: str, integer_bits: Callable[[TypeEngine[Any]], int], where: str | None
) -> dict[str, Field]:
    """Return the columns of the class by the names of its attributes, in the order of the model."""
    fields = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column, Column) and column.table is mapper.local_table:
            if "__" in attribute.key:
                raise Mistake(
                    f"{mapper.class_.__name__}.{attribute.key} holds two underscores, which mean a path in filters.",
                    f'Name the attribute otherwise and keep the column: mapped_column("{column.name}").',
                    where,
                )
            name = str(attribute.key)
            fields[name] = _field(name, column, mapper, database, integer_bits)
    if not any(each.key for each in fields.values()):
        raise Mistake(
            f"{mapper.class_.__name__} has no primary key among its attributes.",
            "Map it: id: Mapped[int] = mapped_column(primary_key=True).",
            where,
        )
    return fields


def _field(
    name: str, column: Column[Any], mapper: Mapper[Any], database: str, integer_bits: Callable[[TypeEngine[Any]], int]
) -> Field:
    numbered = column.table._autoincrement_column is column and not column.foreign_keys and column.default is None
    generated = (
        numbered
        or isinstance(column.server_default, Computed | Identity)
        or column is mapper.version_id_col
        or column is mapper.polymorphic_on
    )
    return Field(
        name=name,
        column=column,
        type=field_type(column, integer_bits, database),
        nullable=bool(column.nullable) and not column.primary_key,
        key=column.primary_key,
        generated=generated,
        default=Default(DefaultKind.DATABASE) if numbered else _default(column.default, column.server_default),
        onupdate=_default(column.onupdate, column.server_onupdate),
        foreign=_foreign(column),
    )


def _default(own: Any, server: Any) -> Default:
    if own is not None:
        if own.is_scalar:
            return Default(DefaultKind.VALUE, own.arg)
        if own.is_callable:
            return Default(DefaultKind.CALL, own.arg)
        if own.is_clause_element:
            return Default(DefaultKind.SQL, own.arg)
        return Default(DefaultKind.SQL, own.next_value())
    if isinstance(server, Computed | Identity):
        return Default(DefaultKind.DATABASE)
    if isinstance(server, DefaultClause):
        return Default(DefaultKind.SQL, server.arg)
    return Default() if server is None else Default(DefaultKind.DATABASE)


def beyond_of(mapper: Mapper[Any], fields: Mapping[str, Field]) -> tuple[Beyond, ...]:
    """Return the columns that fill themselves though this class does not map them: those of its subclasses, say."""
    mapped = {each.column for each in fields.values()}
    found = [
        (column, _default(column.default, column.server_default), _default(column.onupdate, column.server_onupdate))
        for column in table_of(mapper).columns
        if column not in mapped
    ]
    return tuple(
        Beyond(f"beyond_{place}", column, default, onupdate)
        for place, (column, default, onupdate) in enumerate(found)
        if default or onupdate
    )


def _foreign(column: Column[Any]) -> Column[Any] | None:
    """Return the column that a foreign key of this column alone points at."""
    for key in column.foreign_keys:
        if key.constraint is None or len(key.constraint.columns) == 1:
            return key.column
    return None


def relations_of(mapper: Mapper[Any], where: str | None) -> dict[str, Relation]:
    """Return the relationships of the class by name."""
    relations = {}
    for relationship in mapper.relationships:
        if not relationship.uselist and not _at_most_one(relationship):
            raise Mistake(
                f"{mapper.class_.__name__}.{relationship.key} is to-one, but nothing keeps a second related row out.",
                "Make the foreign key on the other side unique (unique=True), or let the relationship be a list.",
                where,
            )
        relations[str(relationship.key)] = Relation(
            name=str(relationship.key),
            model=relationship.mapper.class_,
            to_many=bool(relationship.uselist),
            through=relationship.secondary,
            _property=relationship,
        )
    return relations


def _at_most_one(relationship: Any) -> bool:
    if relationship.secondary is not None:
        return False
    compared = {remote.name for _, remote in relationship.local_remote_pairs}
    return any(set(names) <= compared for names in unique_sets(relationship.mapper.local_table))


def unique_sets(table: Table) -> list[tuple[str, ...]]:
    """Return each list of column names that the database keeps unique, the primary key first."""
    sets = [tuple(column.name for column in table.primary_key.columns)]
    sets += [tuple(c.name for c in each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    sets += [tuple(c.name for c in each.columns) for each in table.indexes if each.unique and each.columns]
    return [each for each in sets if each]
