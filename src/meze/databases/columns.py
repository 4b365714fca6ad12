"""Add a column to a table that may hold rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnDefault, exc, literal, select
from sqlalchemy import Connection as EngineConnection
from sqlalchemy.schema import DefaultClause
from sqlalchemy.types import SchemaType


def fits_old_rows(connection: EngineConnection, column: Column[Any]) -> bool:
    """Tell whether the column can be added with every row kept: the old rows have something to hold in it."""
    if column.primary_key or column.computed is not None or column.identity is not None:
        return False
    if not connection.execute(select(1).select_from(column.table).limit(1)).first():
        return True
    if column.server_default is not None:
        return connection.dialect.name != "sqlite" or _is_constant(column)
    return bool(column.nullable) or old_rows_value(connection, column) is not None


def add_column(connection: EngineConnection, column: Column[Any]) -> None:
    """Add `column` to its table, with the foreign key that it alone makes and the checks on it.

    Where it may not be null and only Python knows its default, that is what the rows which are there get. The
    database keeps it as its own default on SQLite, which cannot take one away.
    """
    dialect = connection.dialect
    preparer = dialect.identifier_preparer
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type] # as SQLAlchemy itself makes one
    if isinstance(column.type, SchemaType):
        column.type.create(connection, checkfirst=True)
    value = None if column.nullable or column.server_default is not None else old_rows_value(connection, column)
    specification = compiler.get_column_specification(column)
    if value is not None:
        specification += f" DEFAULT {value}"
    for constraint in column.table.foreign_key_constraints:
        if list(constraint.columns) == [column]:
            specification += " REFERENCES" + str(compiler.process(constraint)).partition("REFERENCES")[2]
    specification += "".join(f" {compiler.process(check)}" for check in column.constraints)
    table = preparer.format_table(column.table)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {specification}")
    if value is not None and dialect.name != "sqlite":
        connection.exec_driver_sql(f"ALTER TABLE {table} ALTER COLUMN {preparer.format_column(column)} DROP DEFAULT")


def old_rows_value(connection: EngineConnection, column: Column[Any]) -> str | None:
    """Return, as SQL, the plain value that is the column's default in Python; None if it has none."""
    if not isinstance(column.default, ColumnDefault) or not column.default.is_scalar:
        return None
    value = literal(column.default.arg, column.type)
    try:
        return str(value.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    except exc.CompileError:  # a type that SQLAlchemy cannot write out
        return None


def _is_constant(column: Column[Any]) -> bool:
    default = column.server_default
    if not isinstance(default, DefaultClause):
        return False
    return isinstance(default.arg, str) or str(default.arg).strip("'").replace(".", "", 1).isalnum()
