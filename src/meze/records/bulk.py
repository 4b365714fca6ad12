"""Change several rows of a resource for one caller, all of them or none.

What is wrong with the rows is told of all of them at once. They are then written in one transaction, by runs of the
same statement as far as they have the same shape; only where one is refused is it all done again, row by row, to tell
which. No row is shown before all are written: the answer holds what the caller may then read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from meze.databases import Connection
from meze.databases.statement import Row
from meze.errors import (
    ENTRIES_SHOWN,
    AlreadyExists,
    Changed,
    Entry,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Problem,
    StillReferenced,
    Text,
    TooExpensive,
    Unauthenticated,
)
from meze.query.ask import Condition, Selection
from meze.records.check import pointer
from meze.records.cost import Load
from meze.records.delete import delete_rows, plan_matching
from meze.records.lending import LendingWithin
from meze.records.places import moved, placed
from meze.records.reading_limit import asked_of
from meze.records.records import Records
from meze.records.shape import ETAG
from meze.records.visit import Answer, Match, Visit
from meze.records.writes import Act, Writes
from meze.resources.resource import Resource

ROWS = 1000
"""How many rows one request may write."""

_AT_ONCE = 100
"""How many rows are sent before the time is looked at."""
_OF_A_ROW = (AlreadyExists, Changed, Forbidden, Invalid, NotFound, StillReferenced, Unauthenticated)

Make = Callable[[Writes, Any, int], Act]
"""Checks and plans the write of one row; the number is how many of its faults will be listed."""


class _Refused(Exception):
    """A row of a run was not written; which rule it broke is still to be asked."""


class Bulk:
    def __init__(self, records: Records) -> None:
        self._records = records

    def create(self, visit: Visit, bodies: Sequence[Any], selection: Selection) -> Answer:
        """Make rows, and return them in their order as the caller may now read them."""

        def make(writes: Writes, body: Any, shown: int) -> Act:
            return writes.creating(visit, body, selection, shown)

        return self._several(visit, bodies, make)

    def patch(self, visit: Visit, bodies: Sequence[Any], selection: Selection) -> Answer:
        """Change what each body names of the row whose key it carries, if the row still is what its `_etag` says."""
        resource = visit.resource
        if not all(part.name in self._records.view(visit).fields for part in resource.key):
            # Who may not read the key cannot say which row is meant.
            raise self._records.planner.policy.refuse(visit.standing)
        keys = _Keys(resource)

        def make(writes: Writes, body: Any, shown: int) -> Act:
            key, match, rest = keys.parted(writes, body)
            if resource.require_match and match is None:
                raise PreconditionRequired(_NEEDS_ETAG, entries=[Entry("required", pointer=f"/{ETAG}")])
            return writes.patching(visit, key, rest, match, selection, shown)

        keys.refuse_twice(self._records.writes, bodies)
        return self._several(visit, bodies, make)

    def delete(self, visit: Visit, conditions: tuple[Condition, ...], values: dict[str, Any]) -> int:
        """Delete the rows that fulfil `conditions`, of those that the caller may read; return how many they were.

        Raises:
            Forbidden: one of them may not be deleted; TooExpensive: they are more than one request may write.
        """
        planner = self._records.planner
        matching = self._records.lending.planned(
            visit, lambda: plan_matching(planner, visit.resource, visit.standing, conditions, ROWS + 1)
        )
        with self._records.together() as within, within.lending.writing(visit) as connection:
            limit = self._records.limit
            if limit is not None:
                load = planner.remembered(("delete several", visit.resource, visit.standing, conditions), _unlooked)
                limit.check(load, visit.resource, asked_of(conditions), [(matching, 1)], values | visit.me, connection)
            found = connection.rows(matching, values | visit.me)
            if len(found) > ROWS:
                text = Text(
                    "At most {max} rows in one request; more match.", "单个请求最多 {max} 行；匹配的行超过此数。"
                )
                raise TooExpensive(text, params={"max": ROWS})
            if not all(may for *_, may in found):
                raise planner.policy.refuse(visit.standing)
            if found:
                connection.execute(planner.database.prepare(delete_rows(visit.resource, [row[:-1] for row in found])))
        return len(found)

    def _several(self, visit: Visit, bodies: Sequence[Any], make: Make) -> Answer:
        acts = _checked(self._records.writes, bodies, make)
        with self._records.together() as within:
            try:
                with within.lending.writing(visit) as connection:
                    written = list(_in_runs(acts, connection, within.lending))
            except (_Refused, *_OF_A_ROW):
                acts, written = [], []
                for at, body in enumerate(bodies):
                    act, row = _one_of(within.records.writes, body, make, at)
                    acts.append(act)
                    written.append(row)
            with within.lending.reading(visit) as connection:
                shown = [act.show(row, connection).body for act, row in zip(acts, written, strict=True)]
        return Answer(b'{"items":[' + b",".join(shown) + b"]}", rows=len(shown))


_NEEDS_ETAG = Text("Each row needs its `_etag`.", "每一行都需要带上它的 `_etag`。")
_STALE = Text("A row is not as its `_etag` says it was.", "有一行已与其 `_etag` 所指的版本不同。")
_NO_OBJECT = Text("Must be a JSON object.", "必须是 JSON 对象。")


def _checked(writes: Writes, bodies: Sequence[Any], make: Make) -> list[Act]:
    """Return an act for each body, none of them done.

    Raises:
        Invalid: with every fault of every body.
    """
    acts: list[Act] = []
    entries: list[Entry] = []
    missing: list[Entry] = []
    for at, body in enumerate(bodies):
        try:
            if not isinstance(body, dict):
                raise Invalid([Entry("wrong_type", pointer="", text=_NO_OBJECT)])
            acts.append(make(writes, body, ENTRIES_SHOWN - len(entries)))
        except Invalid as invalid:
            entries += moved(invalid.entries, f"/{at}")
        except PreconditionRequired as problem:
            missing += moved(problem.entries, f"/{at}")
    if entries:
        raise Invalid(entries)
    if missing:
        raise PreconditionRequired(_NEEDS_ETAG, entries=missing)
    return acts


def _in_runs(acts: Sequence[Act], connection: Connection, lending: LendingWithin) -> Iterator[Row]:
    """Do acts in their order, those that follow each other with the same statement at once."""
    for _, run in groupby(acts, lambda act: id(act if act.statement is None else act.statement)):
        alike = list(run)
        statement = alike[0].statement
        for start in range(0, len(alike), _AT_ONCE):
            lending.check_time()
            some = alike[start : start + _AT_ONCE]
            if statement is None:
                yield from (act.write(connection) for act in some)
                continue
            for rows in connection.rows_of_each(statement, [act.bound for act in some]):
                if not rows:
                    raise _Refused
                yield rows[0]


def _one_of(writes: Writes, body: Any, make: Make, at: int) -> tuple[Act, Row]:
    """Do one of several by itself, telling its place in what is refused."""
    try:
        act = make(writes, body, ENTRIES_SHOWN)
        return act, writes.write(act)
    except Changed as problem:
        entry = Entry("not_one_of", pointer=f"/{ETAG}", text=_STALE)
        raise placed(Changed(_STALE, entries=[entry]), f"/{at}") from problem
    except NotFound as problem:
        entries = [Entry("no_such_row", pointer=pointer(part.name)) for part in act.visit.resource.key]
        raise placed(NotFound(entries=entries), f"/{at}") from problem
    except Problem as problem:
        placed(problem, f"/{at}")
        raise


def _unlooked() -> Load:
    return Load(suspect=True)


class _Keys:
    """Tells the key of a row in an array, and its entity tag, from what is to be changed."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def parted(self, writes: Writes, body: dict[str, Any]) -> tuple[list[Any], Match | None, dict[str, Any]]:
        """Return the key, what `_etag` asks, and the rest.

        Raises:
            Invalid: the key is not whole, or what is there cannot be one.
        """
        key, entries = writes.key_in(self._resource, body)
        match = None
        if ETAG in body:
            tag = body[ETAG]
            if not isinstance(tag, str):
                params = {"expected": "text", "expected_zh": "文本"}
                entries.append(Entry("wrong_type", pointer=f"/{ETAG}", params=params))
            else:
                match = Match(frozenset((tag.partition(".")[0],)))
        if entries:
            raise Invalid(entries)
        names = {part.name for part in self._resource.key}
        return key, match, {name: sent for name, sent in body.items() if name not in names and name != ETAG}

    def refuse_twice(self, writes: Writes, bodies: Sequence[Any]) -> None:
        """Refuse a key that stands in the array more than once: which of the two should hold?"""
        seen: dict[tuple[Any, ...], int] = {}
        entries = []
        for at, body in enumerate(bodies):
            if not isinstance(body, dict):
                continue
            key, faults = writes.key_in(self._resource, body)
            if faults:
                continue
            first = seen.setdefault(tuple(key), at)
            if first != at:
                text = Text("This row stands at {first} already.", "这一行已经出现在 {first}。")
                params = {"first": f"/{first}"}
                entries += [
                    Entry("already_exists", pointer=f"/{at}{pointer(part.name)}", params=params, text=text)
                    for part in self._resource.key
                ]
        if entries:
            raise Invalid(entries)
