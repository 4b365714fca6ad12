"""What a write must do, worked out in plain Python: the rows afterwards, or the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.oracle import Oracle, Refusal
from contracts.rules import Row
from contracts.schema import BLOCKING, CASCADING, TABLES, Sort


class Invalid(Refusal):
    """422, with the code of each entry by its pointer."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        super().__init__(422, "invalid")
        self.entries = {f"/{name}": code for name, code in entries.items()}


class Writer:
    """Works out writes for the caller of an oracle, changing its data where they are allowed."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.data = oracle.data

    def create(self, table: str, body: Mapping[str, Any]) -> Row:
        """Return the new row; its id is None, and it is not stored yet.

        Raises:
            Refusal: the caller may not make this row.
        """
        oracle, declared = self.oracle, self.oracle.declared[table]
        oracle.require(table, "create")
        entries = {}
        for name in body:
            if name in self._open(table, creating=True):
                continue
            own = name == declared.owner and body[name] == oracle.caller.id
            if not own or not oracle.readable(table, name):
                entries[name] = "closed" if oracle.readable(table, name) else "unknown"
        self._refuse(entries)
        row = {name: TABLES[table].defaults.get(name) for name in TABLES[table].columns} | dict(body)
        if declared.owner is not None:
            row[declared.owner] = oracle.caller.id
        self._check_references(table, {name: body[name] for name in body if name != declared.owner})
        if not oracle.allows("create", table, row):
            raise oracle.refused()
        sent = self._open(table, creating=True) & body.keys()
        self._refuse({name: "closed" for name in sent if not oracle.field_allows("write", table, name, row)})
        return row

    def change(self, table: str, id: int, body: Mapping[str, Any], *, whole: bool) -> Row:
        """Return the row after a patch, or after a replacement where `whole`; nothing is stored yet."""
        oracle, open_names = self.oracle, self._open(table, creating=False)
        oracle.require(table, "read", "update")
        closed = {name for name in body if name not in open_names and oracle.readable(table, name)}
        self._refuse({name: "unknown" for name in body if name not in open_names and name not in closed})
        row = self.data.rows[table].get(id)
        if row is None or not oracle.visible(table, row):
            raise Refusal(404, "not_found")
        shown = oracle.known(table, row)
        self._refuse({name: "closed" for name in closed if body[name] != shown[name]})
        if not oracle.allows("update", table, row):
            raise oracle.refused()
        sent = {name: value for name, value in body.items() if name in open_names}
        absent = (open_names - body.keys()) if whole else set()
        while True:
            new = row | {name: TABLES[table].defaults.get(name) for name in absent} | sent
            refused = {name for name in (*sent, *absent) if not self._may_set(table, name, row, new)}
            entries = {
                name: "closed" for name in refused & sent.keys() if name not in shown or sent[name] != shown[name]
            }
            kept = {name: sent[name] for name in sent.keys() - refused}
            pointing = {name: value for name, value in kept.items() if value != shown.get(name)}
            self._refuse(entries | self._dangling(table, pointing))
            if not refused:
                break
            sent, absent = kept, absent - refused
        if new != row and not oracle.allows("update", table, new):
            raise oracle.refused()
        return new

    def _may_set(self, table: str, name: str, row: Row, new: Row) -> bool:
        """Say whether a field is the caller's to write, in the row as it is and as it would be."""
        return all(self.oracle.field_allows("write", table, name, each) for each in (row, new))

    def delete(self, table: str, id: int) -> None:
        """Remove a row, and do to the rows that point at it what the database does."""
        oracle = self.oracle
        oracle.require(table, "read", "delete")
        row = self.data.rows[table].get(id)
        if row is None or not oracle.visible(table, row):
            raise Refusal(404, "not_found")
        if not oracle.allows("delete", table, row):
            raise oracle.refused()
        pointing = [
            (other, column, each)
            for other, schema in TABLES.items()
            for column, target in schema.references.items()
            if target == table
            for each in self.data.rows[other].values()
            if each[column] == id
        ]
        if any((other, column) in BLOCKING and each is not row for other, column, each in pointing):
            raise Refusal(409, "still_referenced")
        for other, column, each in pointing:
            if (other, column) in CASCADING:
                del self.data.rows[other][each["id"]]
            else:
                each[column] = None
        del self.data.rows[table][id]
        side = {"places": 0, "labels": 1}.get(table)
        if side is not None:
            self.data.links = {pair for pair in self.data.links if pair[side] != id}

    def store(self, table: str, row: Row) -> None:
        self.data.rows[table][row["id"]] = row

    def _open(self, table: str, *, creating: bool) -> set[str]:
        """Return the columns that the caller may set, of some rows at least."""
        declared = self.oracle.declared[table]
        return {
            name
            for name, sort in TABLES[table].columns.items()
            if sort is not Sort.KEY
            and name != declared.owner
            and self.oracle.field_settled("write", table, name) is not False
            and (creating or not declared.create_only(name))
        }

    def _check_references(self, table: str, sent: Mapping[str, Any]) -> None:
        """Refuse foreign keys to nothing and to rows that the caller may not read, alike."""
        self._refuse(self._dangling(table, sent))

    def _dangling(self, table: str, sent: Mapping[str, Any]) -> dict[str, str]:
        entries = {}
        for name, target in TABLES[table].references.items():
            value = sent.get(name)
            if value is not None:
                row = self.data.rows[target].get(value)
                if row is None or not self.oracle.visible(target, row):
                    entries[name] = "no_such_row"
        return entries

    @staticmethod
    def _refuse(entries: Mapping[str, str]) -> None:
        if entries:
            raise Invalid(entries)
