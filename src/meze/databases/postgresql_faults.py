"""Tell from a PostgreSQL error what was refused: by SQLSTATE and catalog, since its sentences are translated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import sqlalchemy.exc

from meze.databases.database import DatabaseError, Fault, FaultKind

# https://www.postgresql.org/docs/current/errcodes-appendix.html
KINDS = {
    "23502": FaultKind.NOT_NULL,
    "23503": FaultKind.FOREIGN_KEY,
    "23001": FaultKind.STILL_REFERENCED,
    "23505": FaultKind.UNIQUE,
    "23514": FaultKind.CHECK,
    "23P01": FaultKind.CHECK,
    "25006": FaultKind.GONE,  # read-only: this server is a standby now
    "40001": FaultKind.BUSY,
    "40P01": FaultKind.BUSY,
    "53100": FaultKind.FULL,
    "53200": FaultKind.BUSY,
    "53300": FaultKind.BUSY,
    "55P03": FaultKind.BUSY,  # lock_timeout
    "57014": FaultKind.TOO_SLOW,  # statement_timeout
    "57P01": FaultKind.GONE,
    "57P02": FaultKind.GONE,
    "57P03": FaultKind.GONE,
    "57P05": FaultKind.GONE,
}
CLASSES = {"08": FaultKind.GONE, "22": FaultKind.BAD_DATA, "54": FaultKind.BAD_DATA}
"""By the first two characters; 54 is a limit that a value passed, such as the size of an index row."""

INDEXED = """
SELECT DISTINCT a.attname, coalesce(array_position(i.indkey::int2[], a.attnum), 99)
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND (
    a.attnum = ANY (i.indkey)
    OR 0 = ANY (i.indkey) AND EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
        AND d.refobjid = t.oid AND d.refobjsubid = a.attnum
    )
)
WHERE n.nspname = %s AND t.relname = %s AND x.relname = %s
ORDER BY 2, 1
"""
"""The columns of a unique index, those inside its expressions last."""

REFERRING = """
SELECT a.attname, r.relname
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class r ON r.oid = c.confrelid
CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
WHERE n.nspname = %s AND t.relname = %s AND c.conname = %s
ORDER BY k.place
"""
"""The columns of a foreign key, each with the table that it points at."""

Ask = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class PostgreSQLFaults:
    """Explains psycopg's errors. `ask` runs a query on the catalog, on a connection other than the failed one."""

    def __init__(self, module: ModuleType, ask: Ask) -> None:
        self._module = module
        self._ask = ask
        self._told: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}

    def explain(self, error: BaseException) -> Fault | None:
        """Return what `error` means, None if it is not the database's refusal."""
        if isinstance(error, DatabaseError):
            return error.fault
        if isinstance(error, sqlalchemy.exc.TimeoutError):
            return Fault(FaultKind.BUSY)
        if isinstance(error, sqlalchemy.exc.StatementError):
            return None if error.orig is None else self.explain(error.orig)
        if isinstance(error, UnicodeEncodeError):
            return Fault(FaultKind.BAD_DATA)
        if not isinstance(error, self._module.Error):
            return None
        if error.sqlstate is None:
            return _of_the_client(error, self._module)
        kind = KINDS.get(error.sqlstate) or CLASSES.get(error.sqlstate[:2])
        return None if kind is None else self._located(Fault(kind, error.diag.table_name), error)

    def _located(self, fault: Fault, error: Any) -> Fault:
        diag = error.diag
        if fault.kind is FaultKind.NOT_NULL:
            return replace(fault, columns=(diag.column_name,))
        if fault.kind is FaultKind.UNIQUE:
            return replace(fault, columns=tuple(row[0] for row in self._look_up(INDEXED, diag)))
        if fault.kind in (FaultKind.FOREIGN_KEY, FaultKind.STILL_REFERENCED):
            key = self._look_up(REFERRING, diag)
            target = key[0][1] if key else None
            if fault.kind is FaultKind.STILL_REFERENCED or _row_is_referred_to(diag, target):
                return Fault(FaultKind.STILL_REFERENCED, target, referring_table=diag.table_name)
            return replace(fault, columns=tuple(row[0] for row in key))
        return fault

    def _look_up(self, query: str, diag: Any) -> list[tuple[Any, ...]]:
        """Ask the catalog about the constraint once. Where it cannot be asked, the fault is told without columns."""
        place = (diag.schema_name, diag.table_name, diag.constraint_name)
        if place not in self._told:
            try:
                self._told[place] = self._ask(query, place)
            except sqlalchemy.exc.SQLAlchemyError:
                return []
        return self._told[place]


def _of_the_client(error: Any, psycopg: Any) -> Fault | None:
    """Explain what psycopg itself says, without an answer from the server."""
    if isinstance(error, psycopg.DataError):
        return Fault(FaultKind.BAD_DATA)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault(FaultKind.GONE)
    return None


def _row_is_referred_to(diag: Any, target: str | None) -> bool:
    """Tell a delete of a row that others point at from a row that points at nothing: both are SQLSTATE 23503.

    The table of the diagnostics is the referring one in both cases. The sentence names the other table only when that
    one was changed, in whatever language it is.
    """
    sentence = diag.message_primary or ""
    if sentence.startswith("insert or update on table"):
        return False
    if sentence.startswith("update or delete on table"):
        return True
    if target is None:
        return False
    rest = sentence.replace(diag.constraint_name or "", "")
    mentions = len(re.findall(rf"(?<!\w){re.escape(target)}(?!\w)", rest))
    return mentions >= (2 if target == diag.table_name else 1)
