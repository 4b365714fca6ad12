"""Write the rows of a file for one caller: all of them in one transaction, or none.

The file is read twice. First every row is checked and every fault told, before anything is locked; then the rows are
written, many by one statement. Rows may refer to others of the same file that stand further down: they wait for them.
What only the database can tell (a row that a foreign key should lead to, a value that is taken, a rule) is found while
they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any

from sqlalchemy import ForeignKeyConstraint

from meze.databases import Connection
from meze.errors import ENTRIES_SHOWN, Entry, Invalid, NotFound, PreconditionRequired, Problem, Text
from meze.query.ask import WHOLE
from meze.records.cost import Load
from meze.records.places import moved, placed
from meze.records.records import Records, Within
from meze.records.visit import Visit, keyed
from meze.records.writes import Act, Writes
from meze.resources.resource import Resource

SECONDS = 300.0
"""How long all of it may take; each statement has its own limit besides."""
_AT_ONCE = 200
_NO_OBJECT = Text("Must be a JSON object.", "必须是 JSON 对象。")
_TWICE = Text("This row stands at {first} already.", "这一行已经出现在 {first}。")
_NEEDS_MATCH = Text(
    "Changes here need `If-Match`, which a file cannot say for each row; use on_conflict=error.",
    "这里的修改需要 `If-Match`，而文件无法逐行给出；请使用 on_conflict=error。",
)
_NOT_LISTED = Entry("bad_format", pointer="")
"""Stands for the faults that are only counted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One row of a file: the line it begins at, what it says, and what could not be read of it.

    `body` is any JSON value. Of a row with `entries`, whose pointers are into the row, it is not looked at.
    """

    line: int
    body: Any
    entries: tuple[Entry, ...] = ()


Source = Callable[[], Iterator[Sent]]
"""Begins to read the file anew."""


@dataclass(frozen=True, slots=True)
class Visits:
    """For which visits rows are written; `changing` is None where a key that exists is a conflict."""

    making: Visit
    changing: Visit | None


@dataclass(slots=True)
class Faults:
    """The faults of a file: the first are listed, the rest is counted."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def left(self) -> int:
        return max(0, ENTRIES_SHOWN - len(self.entries))

    def add(self, entries: Iterable[Entry], at: int, line: int) -> None:
        for each in entries:
            self.entries.append(_told(each, at, line) if self.left else _NOT_LISTED)


def _told(entry: Entry, at: int, line: int) -> Entry:
    """Return an entry of a row as one of the file, with its line."""
    (found,) = moved([entry], f"/{at}")
    return replace(found, params={**found.params, "line": line})


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that was checked: what it does by itself, and what it does where its key is not there to be changed."""

    at: int
    line: int
    act: Act
    otherwise: Callable[[Writes], Act] | None
    key: list[Any] | None


class Importing:
    """Imports a file of at most `most` rows."""

    def __init__(self, records: Records, most: int) -> None:
        self._records = records
        self._most = most

    def visits(self, making: Visit, changing: Visit | None) -> Visits:
        """Let a caller in whose file may change rows, if `changing` is given.

        Raises:
            PreconditionRequired: changes need If-Match here.
            Forbidden, Unauthenticated: the caller may not read the key, and so cannot say which row is meant.
        """
        if changing is not None:
            resource = changing.resource
            if resource.require_match:
                raise PreconditionRequired(_NEEDS_MATCH, entries=[Entry("required", header="If-Match")])
            if not all(part.name in self._records.view(changing).fields for part in resource.key):
                raise self._records.planner.policy.refuse(changing.standing)
        return Visits(making, changing)

    def run(self, visits: Visits, source: Source) -> tuple[int, int]:
        """Write every row of the file, and return how many were made and how many changed.

        Raises:
            Problem: a row cannot be written; nothing was.
        """
        order = self._checked(visits, source)
        with self._records.slots.taken(Load(suspect=True)), self._transaction(visits) as within:
            made = changed = 0
            faults = Faults()
            rows = order.sorted(self._rows(within.records.writes, visits, source, faults))
            while some := list(islice(rows, _AT_ONCE)):
                within.lending.check_time()
                new, old = self._written(within, visits, some, faults)
                made, changed = made + new, changed + old
            if faults.entries:
                raise Invalid(faults.entries)
        return made, changed

    @contextmanager
    def _transaction(self, visits: Visits) -> Iterator[Within]:
        records = self._records
        with records.lending.writing(visits.making) as connection:
            yield records.within(records.lending.within(connection, SECONDS), connection)

    def _checked(self, visits: Visits, source: Source) -> _Order:
        """Check every row without asking the database, and return the order that they are to be written in."""
        faults, order = Faults(), _Order(visits.making)
        keys: dict[tuple[Any, ...], int] = {}
        for row in self._rows(self._records.writes, visits, source, faults):
            order.note(row)
            if row.key is not None and (first := keys.setdefault(tuple(row.key), row.at)) != row.at:
                entry = Entry("already_exists", pointer="", params={"first": f"/{first}"}, text=_TWICE)
                faults.add([entry], row.at, row.line)
        if faults.entries:
            raise Invalid(faults.entries)
        return order

    def _rows(self, writes: Writes, visits: Visits, source: Source, faults: Faults) -> Iterator[_Row]:
        """Yield the rows that are sound, and note the faults of the others."""
        for at, sent in enumerate(source()):
            if at == self._most:
                text = Text("At most {max} rows in one import.", "单次导入最多 {max} 行。")
                raise Invalid([Entry("too_long", pointer="", params={"max": self._most}, text=text)])
            if sent.entries:
                faults.add(sent.entries, at, sent.line)
            elif not isinstance(sent.body, dict):
                faults.add([Entry("wrong_type", pointer="", text=_NO_OBJECT)], at, sent.line)
            else:
                try:
                    yield self._row(writes, visits, at, sent, faults.left)
                except Invalid as invalid:
                    faults.add(invalid.entries, at, sent.line)

    def _row(self, writes: Writes, visits: Visits, at: int, sent: Sent, shown: int) -> _Row:
        resource, body = visits.making.resource, sent.body
        names = {part.name for part in resource.key}
        if visits.changing is None or any(body.get(name) is None for name in names):
            if not resource.chosen_key and visits.changing is not None:
                body = {name: value for name, value in body.items() if name not in names or value is not None}
            return _Row(at, sent.line, writes.creating(visits.making, body, WHOLE, shown), None, None)
        key, entries = writes.key_in(resource, body)
        if entries:
            raise Invalid(entries)
        rest = {name: value for name, value in body.items() if name not in names}
        act = writes.patching(visits.changing, key, rest, None, WHOLE, shown)
        # A key that the database numbers and that is not there cannot be made: the check of a create says so.
        return _Row(at, sent.line, act, lambda then: then.creating(visits.making, body, WHOLE), key)

    def _written(self, within: Within, visits: Visits, rows: list[_Row], faults: Faults) -> tuple[int, int]:
        """Write some rows, and return how many were made and how many changed."""
        try:
            with within.lending.writing(visits.making) as connection:
                return self._many(within.records.writes, connection, rows)
        except (_Refused, Problem):
            # One of them was refused, and which is told only by writing them one by one.
            return self._one_by_one(within.records.writes, rows, faults)

    def _many(self, writes: Writes, connection: Connection, rows: list[_Row]) -> tuple[int, int]:
        changing = [row for row in rows if row.otherwise is not None]
        missing = {row.at for row, found in _run(connection, changing) if not found}
        unsure = [row for row in changing if row.at in missing]
        if unsure:
            self._refuse_visible(connection, unsure)
        making = [
            row if row.otherwise is None else replace(row, act=row.otherwise(writes))
            for row in rows
            if row.otherwise is None or row.at in missing
        ]
        if not all(found for _, found in _run(connection, making)):
            raise _Refused
        return len(making), len(changing) - len(missing)

    def _refuse_visible(self, connection: Connection, rows: list[_Row]) -> None:
        """Give up where a row that was not changed is there to be read: what forbade it is still to be asked."""
        visit = rows[0].act.visit
        plan = self._records.planner.row(visit.resource, visit.standing)
        asked = [keyed(row.key or []) | visit.me for row in rows]
        if any(connection.rows_of_each(plan.statement, asked)):
            raise _Refused

    @staticmethod
    def _one_by_one(writes: Writes, rows: list[_Row], faults: Faults) -> tuple[int, int]:
        made = changed = 0
        for row in rows:
            try:
                if _write_one(writes, row):
                    made += 1
                else:
                    changed += 1
            except Invalid as invalid:
                faults.add(invalid.entries, row.at, row.line)
            except Problem as problem:
                if faults.entries:
                    raise Invalid(faults.entries) from problem
                raise _of_file(problem, row) from problem.__cause__
        return made, changed


class _Refused(Exception):
    """A row of several was not written; why is still to be asked."""


def _run(connection: Connection, rows: list[_Row]) -> Iterator[tuple[_Row, bool]]:
    """Do what rows do, those that follow each other with the same statement at once; yield whether it found its row."""
    for _, alike in groupby(rows, lambda row: id(row.act if row.act.statement is None else row.act.statement)):
        some = list(alike)
        statement = some[0].act.statement
        if statement is None:
            for row in some:
                try:
                    row.act.write(connection)
                    yield row, True
                except NotFound:
                    yield row, False
            continue
        found = connection.rows_of_each(statement, [row.act.bound for row in some])
        yield from zip(some, map(bool, found), strict=True)


def _write_one(writes: Writes, row: _Row) -> bool:
    """Do what a row does, and say whether it was made."""
    try:
        writes.write(row.act)
        return row.otherwise is None
    except NotFound:
        if row.otherwise is None:
            raise
        writes.write(row.otherwise(writes))
        return True


def _of_file(problem: Problem, row: _Row) -> Problem:
    """Make a row's problem one of the file. One that names no field points at the row."""
    if not problem.entries and problem.status == 409:
        problem.entries = (Entry("already_exists", pointer=""),)
    problem.entries = tuple(replace(each, params={**each.params, "line": row.line}) for each in problem.entries)
    return placed(problem, f"/{row.at}")


class _Order:
    """In which order rows are written that refer to rows of their own table: those that are referred to come first.

    Rows that refer to each other in a circle keep the order of the file, and the database says what it makes of them.
    """

    def __init__(self, visit: Visit) -> None:
        resource = visit.resource
        self._keys = {part.name: f"k{index}" for index, part in enumerate(resource.key)}
        self._references = [
            names
            for constraint in resource.table.foreign_key_constraints
            if constraint.referred_table is resource.table and (names := _names(constraint, resource))
        ]
        self._standing: list[dict[tuple[Any, ...], int]] = [{} for _ in self._references]
        self._wanted: list[dict[int, tuple[Any, ...]]] = [{} for _ in self._references]

    def note(self, row: _Row) -> None:
        for names, standing, wanted in zip(self._references, self._standing, self._wanted, strict=True):
            referred = tuple(self._value(row.act.bound, name) for _, name in names)
            pointing = tuple(row.act.bound.get(f"n_{name}") for name, _ in names)
            if None not in referred:
                standing[referred] = row.at
            if None not in pointing:
                wanted[row.at] = pointing

    def sorted(self, rows: Iterator[_Row]) -> Iterator[_Row]:
        """Yield the rows of the file; one that waits for another is held back until that one was yielded."""
        if not self._references:
            yield from rows
            return
        done: set[int] = set()
        waiting: dict[int, list[_Row]] = {}
        held: dict[int, _Row] = {}
        for each in rows:
            ready = [each]
            while ready:
                row = ready.pop()
                first = self._missing(row.at, done)
                if first is not None:
                    waiting.setdefault(first, []).append(row)
                    held[row.at] = row
                    continue
                held.pop(row.at, None)
                done.add(row.at)
                yield row
                ready += waiting.pop(row.at, [])
        yield from (held[at] for at in sorted(held))

    def _missing(self, at: int, done: set[int]) -> int | None:
        for standing, wanted in zip(self._standing, self._wanted, strict=True):
            other = standing.get(wanted[at]) if at in wanted else None
            if other is not None and other != at and other not in done:
                return other
        return None

    def _value(self, bound: Mapping[str, Any], name: str) -> Any:
        return bound[f"n_{name}"] if f"n_{name}" in bound else bound.get(self._keys.get(name, ""))


def _names(constraint: ForeignKeyConstraint, resource: Resource) -> list[tuple[str, str]]:
    """Return the fields that refer and those they refer to, empty where one of them is no field."""
    pairs = [(resource.field_of(each.parent), resource.field_of(each.column)) for each in constraint.elements]
    found = [(pointing.name, referred.name) for pointing, referred in pairs if pointing and referred]
    return found if len(found) == len(pairs) else []
