"""Compile a SQLAlchemy statement once, so that running it needs only the driver.

Takes any Core select, insert, update or delete and keeps what SQLAlchemy's compiler made of it: the text, the order of
the binds, and the processors that turn Python values into the driver's and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Processor = Callable[[Any], Any]
Row = tuple[Any, ...]
Readers = tuple[tuple[int, Processor], ...]


class Slot(NamedTuple):
    """A place in the arguments that is filled at each run: by the caller's value `name`, or by `produce()`."""

    key: Any
    name: str
    process: Processor | None
    produce: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text of one database, with all that its driver needs to run it.

    `binds` are the names that the caller gives values for. `constants` hold the values that were written into the
    statement, already processed: a list in the driver's order, or a dictionary where the driver takes names.
    """

    sql: str
    clause: ClauseElement
    dialect: Dialect
    binds: tuple[str, ...]
    slots: tuple[Slot, ...]
    constants: list[Any] | dict[str, Any]
    types: tuple[TypeEngine[Any], ...]
    _readers: list[Readers] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return isinstance(self.clause, UpdateBase)

    def arguments(self, values: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
        """Return what the driver takes, with `values` in their places.

        Raises:
            KeyError: a bind of the statement has no value.
        """
        arguments = self.constants.copy()
        for key, name, process, produce in self.slots:
            value = values[name] if produce is None else produce()
            arguments[key] = value if process is None else process(value)
        return arguments

    def readers(self, cursor: Any) -> Readers:
        """Return (column index, processor) for each column of the result that needs one.

        They are settled by the first result, whose `cursor` tells what came: PostgreSQL gives an expression as numeric
        or as double, and the two are read differently.
        """
        if not self._readers:
            codes = [column[1] for column in cursor.description or ()]
            # Plain text among the columns, such as `*`, has no types that could be told apart.
            types = self.types if len(self.types) == len(codes) else ()
            processors = [
                sqltype.dialect_impl(self.dialect).result_processor(self.dialect, code)
                for sqltype, code in zip(types, codes, strict=False)
            ]
            self._readers.append(tuple((index, read) for index, read in enumerate(processors) if read is not None))
        return self._readers[0]


class Fetched(NamedTuple):
    """Rows as the driver gave them, and the readers that make Python values of what their types need."""

    rows: list[Row]
    readers: Readers

    @property
    def decoded(self) -> list[Row]:
        return decode(self.rows, self.readers)


def decode(rows: list[Row], readers: Readers) -> list[Row]:
    """Return `rows` with each reader applied to its column."""
    if not readers or not rows:
        return rows
    # Column by column: the loops over the rows are then the interpreter's own.
    columns: list[Any] = list(zip(*rows, strict=True))
    for index, read in readers:
        columns[index] = map(read, columns[index])
    return list(zip(*columns, strict=True))


def compile_statement(clause: ClauseElement, dialect: Dialect) -> Statement:
    """Compile `clause` for `dialect`.

    A column default that SQLAlchemy would fill in by Python is a bind of the column's name here: whoever runs the
    statement gives it, since nothing is called between the caller and the driver.

    Raises:
        ValueError: an IN has a list that is only known when the statement runs.
    """
    compiled = cast(SQLCompiler, clause.compile(dialect=dialect))
    filled_in = {column.key for column in compiled.prefetch}
    names = {name: bind for bind, name in compiled.bind_names.items()}
    given = {name for name, bind in names.items() if bind.required or bind.key in filled_in}
    for name in given:
        if names[name].expanding:
            raise ValueError(f"the list {name!r} of an IN must be known when the statement is prepared")
    state = compiled.construct_expanded_state(dict.fromkeys(given), escape_names=False)
    positional = state.positiontup is not None
    # The state's own processors are only those of the binds that an IN was expanded into.
    processors: dict[str, Any] = {**compiled._bind_processors, **state.processors}
    places: list[tuple[Any, str]] = (
        list(enumerate(state.positiontup))
        if state.positiontup is not None
        else [(compiled.escaped_bind_names.get(name, name), name) for name in state.parameters]
    )
    constants: dict[Any, Any] = {}
    slots = []
    for key, name in places:
        process = processors.get(name)
        produce = names[name].callable if name in names else None
        if name in given:
            constants[key] = None
            slots.append(Slot(key, names[name].key, process))
        elif produce is not None:
            constants[key] = None
            slots.append(Slot(key, name, process, produce))
        else:
            value = state.parameters[name]
            constants[key] = value if process is None else process(value)
    return Statement(
        sql=state.statement,
        clause=clause,
        dialect=dialect,
        binds=tuple(dict.fromkeys(slot.name for slot in slots if slot.produce is None)),
        slots=tuple(slots),
        constants=list(constants.values()) if positional else constants,
        types=tuple(column.type for column in compiled._result_columns),
    )
