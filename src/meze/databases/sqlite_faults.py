"""Tell from a SQLite error what was refused. The driver gives a code and an English sentence; both are read here."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sqlalchemy import Delete, Insert, Table, Update, exc
from sqlalchemy.sql.dml import UpdateBase

from meze.databases.database import DatabaseError, Fault, FaultKind
from meze.databases.statement import Statement

# Primary result codes (https://www.sqlite.org/rescode.html); the low byte of an extended one.
BUSY, LOCKED, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN = 5, 6, 8, 9, 10, 11, 13, 14
TOOBIG, CONSTRAINT, MISMATCH = 18, 19, 20

KINDS = {
    BUSY: FaultKind.BUSY,
    LOCKED: FaultKind.BUSY,
    READONLY: FaultKind.GONE,
    INTERRUPT: FaultKind.TOO_SLOW,
    IOERR: FaultKind.FULL,
    FULL: FaultKind.FULL,
    CANTOPEN: FaultKind.GONE,
    TOOBIG: FaultKind.BAD_DATA,
    MISMATCH: FaultKind.BAD_DATA,
}

BAD_VALUES = ("integer overflow", "malformed JSON", "LIKE or GLOB pattern too complex", "bad JSON path")
"""What SQLite says, with its general error code, of a value that a function cannot take."""

TOO_MUCH = (
    "at most 64 tables in a join",
    "too many ",
    "Expression tree is too large",
    "parser stack overflow",
)
"""What SQLite says, with its general error code, of a statement that is larger than it takes."""

COLUMNS_FAILED = re.compile(r"(UNIQUE|NOT NULL) constraint failed: (.+)", re.DOTALL)
INDEX_FAILED = re.compile(r"index '(.+)'", re.DOTALL)
STRICT_FAILED = re.compile(r"cannot store \w+ value in \w+ column (.+)\.(.+)", re.DOTALL)


class SQLiteFaults:
    """Explains the errors of one driver module. `ask` runs a query on the catalog and returns its rows."""

    def __init__(self, module: ModuleType, ask: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]) -> None:
        self._error: type[Exception] = module.Error
        self._ask = ask

    def explain(self, error: BaseException, statement: Statement | None) -> Fault | None:
        """Return what `error` means; `statement` is the one that failed, where that is known."""
        if isinstance(error, DatabaseError):
            return error.fault
        if isinstance(error, exc.TimeoutError):
            return Fault(FaultKind.BUSY)
        if isinstance(error, exc.StatementError):
            return None if error.orig is None else self.explain(error.orig, None)
        if isinstance(error, OverflowError | UnicodeEncodeError):
            return Fault(FaultKind.BAD_DATA)
        if not isinstance(error, self._error):
            return None
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        message = str(error)
        if code == CONSTRAINT:
            return self._constraint(message, statement.clause if statement else None)
        if code in KINDS:
            return Fault(KINDS[code])
        if message.startswith(TOO_MUCH):
            return Fault(FaultKind.TOO_SLOW)
        return Fault(FaultKind.BAD_DATA) if message.startswith(BAD_VALUES) else None

    def _constraint(self, message: str, clause: Any) -> Fault:
        if found := COLUMNS_FAILED.match(message):
            kind = FaultKind.UNIQUE if found[1] == "UNIQUE" else FaultKind.NOT_NULL
            if index := INDEX_FAILED.fullmatch(found[2]):
                return Fault(kind, *self._indexed(index[1]))
            names = [name.rpartition(".") for name in found[2].split(", ")]
            return Fault(kind, names[0][0], tuple(column for _, _, column in names))
        if message.startswith("FOREIGN KEY"):
            return _foreign_key(clause)
        if found := STRICT_FAILED.match(message):
            return Fault(FaultKind.BAD_DATA, found[1], (found[2],))
        return Fault(FaultKind.CHECK, _table_name(clause))

    def _indexed(self, index: str) -> tuple[str | None, tuple[str, ...]]:
        """Return the table and the columns of an index over expressions: those that its definition names."""
        found = self._ask("SELECT tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND name = ?", (index,))
        if not found:
            return None, ()
        table, sql = found[0]
        definition = sql.partition("(")[2].casefold()
        columns = self._ask("SELECT name FROM pragma_table_info(?)", (table,))
        return table, tuple(name for (name,) in columns if re.search(rf"\b{re.escape(name.casefold())}\b", definition))


def _table_name(clause: Any) -> str | None:
    return clause.table.name if isinstance(clause, UpdateBase) and isinstance(clause.table, Table) else None


def _foreign_key(clause: Any) -> Fault:
    """Return what SQLite leaves unsaid, as far as the statement tells: who pointed at whom."""
    table = _table_name(clause)
    if isinstance(clause, Delete):
        return Fault(FaultKind.STILL_REFERENCED, table)
    if not isinstance(clause, Insert | Update) or not isinstance(clause.table, Table):
        return Fault(FaultKind.FOREIGN_KEY)
    written = _columns_set(clause) if isinstance(clause, Update) else None
    keys = [
        tuple(element.parent.name for element in constraint.elements)
        for constraint in clause.table.foreign_key_constraints
        if written is None or any(element.parent.key in written for element in constraint.elements)
    ]
    if written is not None and not keys:
        return Fault(FaultKind.STILL_REFERENCED, table)
    return Fault(FaultKind.FOREIGN_KEY, table, keys[0] if len(keys) == 1 else ())


def _columns_set(clause: Update) -> set[str]:
    # SQLAlchemy has no public name for what an UPDATE sets.
    values: Any = clause._values or {}
    return {str(getattr(column, "key", column)) for column in dict(values)}
