"""What every answer must be, worked out in plain Python from rows in memory. Knows nothing of Meze's code.

A question is refused with a Refusal, which holds the status and code that the client must see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cmp_to_key
from typing import Any

from contracts.rules import SIGNS, Data, HasRole, Judge, Person, Row, Rule, Truth
from contracts.schema import KINDS, TABLES, Linked, Sort, ToOne

WRITES = ("create", "update", "delete")
EMBEDDED = 20
COST = 10_000
PATHS = 20

EVERY_KIND = tuple(
    Person(id, None if id is None else "x@example.org", frozenset(roles))
    for id in (None, 1)
    for roles in ((), ("editor",), ("keeper",), ("editor", "keeper"))
)
"""A caller of every kind that the rules of fields can tell apart, admins aside."""


@dataclass(frozen=True)
class Narrowed:
    """What was said of one field. Where nothing is said of writing, it is as reading."""

    read: Rule | None = None
    write: Rule | None = None
    create_only: bool = False


@dataclass(frozen=True)
class Declared:
    """What was said of one table. `fields` closes fields to all but holders of a role, to everyone (None), or on some
    rows."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    admin: bool = True
    fields: Mapping[str, str | Narrowed | None] = field(default_factory=dict)
    owner: str | None = None

    def field_rule(self, action: str, name: str) -> Rule | bool:
        """Return the rule of a field, True where there is none."""
        match self.fields.get(name, Narrowed()):
            case None:
                return False
            case str(role):
                return HasRole(role)
            case Narrowed(read, write):
                said = read if action == "read" or write is None else write
                return True if said is None else said

    def create_only(self, name: str) -> bool:
        said = self.fields.get(name)
        return isinstance(said, Narrowed) and said.create_only


@dataclass(frozen=True)
class Condition:
    relations: tuple[str, ...]
    column: str | None
    operator: str
    operand: Any


@dataclass(frozen=True)
class AllOf:
    """Every one of them; under one path, together with what it stands beside, they mean one related row."""

    members: tuple[Asked, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one, each with related rows of its own."""

    members: tuple[Asked, ...]


@dataclass(frozen=True)
class Complement:
    """The rows for which `member` is false or unknown: only what is true lets a row through."""

    member: Asked


Asked = Condition | AllOf | AnyOf | Complement


@dataclass(frozen=True)
class Order:
    relations: tuple[str, ...]
    column: str
    descending: bool


@dataclass(frozen=True)
class Shown:
    """Which columns of a row are shown (None: every one that may be read), and which related rows with it."""

    columns: tuple[str, ...] | None = None
    related: Mapping[str, Shown] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    conditions: tuple[Asked, ...] = ()
    sort: tuple[Order, ...] = ()
    shown: Shown = Shown()
    limit: int = 20


class Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status = status
        self.code = code
        super().__init__(status, code)


class Oracle:
    """Answers for one caller, over `data` as it is now."""

    def __init__(self, data: Data, declared: Mapping[str, Declared], caller: Person) -> None:
        self.data = data
        self.declared = declared
        self.caller = caller
        self.judge = Judge(data, caller)

    def allows(self, action: str, table: str, row: Row) -> bool:
        """Say whether the rule of `action` holds for `row`, which need not be a stored one."""
        said = self._said(action, table)
        return said if isinstance(said, bool) else self.judge.truth(said, ((table, row),)) is True

    def settled(self, action: str, table: str) -> Truth:
        """Return what the caller alone decides of an action: True, False, or None where rows are to be asked."""
        said = self._said(action, table)
        return said if isinstance(said, bool) else self.judge.settled(said)

    def _said(self, action: str, table: str) -> Rule | bool:
        if table == "users":
            return action == "read"
        declared = self.declared[table]
        if declared.admin and self.caller.is_admin:
            return True
        return declared.rules.get(action, False)

    def require(self, table: str, *actions: str) -> None:
        """Refuse a caller for whom no row can pass."""
        if any(self.settled(action, table) is False for action in actions):
            raise self.refused()

    def refused(self) -> Refusal:
        return Refusal(401, "unauthenticated") if self.caller.id is None else Refusal(403, "forbidden")

    def visible(self, table: str, row: Row) -> bool:
        return self.allows("read", table, row)

    def field_settled(self, action: str, table: str, name: str) -> Truth:
        """Return what the caller alone decides of a field: True, False, or None where rows are to be asked."""
        said = self._field_said(action, table, name)
        return said if isinstance(said, bool) else self.judge.settled(said)

    def field_allows(self, action: str, table: str, name: str, row: Row) -> bool:
        """Say whether the rule to read or write a field holds for `row`."""
        said = self._field_said(action, table, name)
        return said if isinstance(said, bool) else self.judge.truth(said, ((table, row),)) is True

    def _field_said(self, action: str, table: str, name: str) -> Rule | bool:
        if table == "users" or name not in TABLES[table].columns:
            return name in TABLES[table].columns
        said = self.declared[table].field_rule(action, name)
        if isinstance(said, bool):
            return said
        passes = self.caller.is_admin and self.declared[table].admin
        # A rule that lets nobody pass, whatever the row, is as good as hidden: admins do not pass it either.
        return said if not passes else any(Judge(self.data, each).settled(said) is not False for each in EVERY_KIND)

    def readable(self, table: str, name: str) -> bool:
        """Say whether the caller may know of a field."""
        return self.field_settled("read", table, name) is not False

    def known(self, table: str, row: Row) -> Row:
        """Return the row as it is shown, as data."""
        allowed = {name: self.field_allows("read", table, name, row) for name in self.columns(table)}
        return {name: row[name] if may else None for name, may in allowed.items()}

    def askable(self, table: str, name: str) -> bool:
        """Say whether rows may be chosen by a field: the caller may read it on every row."""
        return self.field_settled("read", table, name) is True

    def columns(self, table: str) -> list[str]:
        return [name for name in TABLES[table].columns if self.readable(table, name)]

    def target(self, table: str, relation: str) -> str:
        """Return where a relation leads, refusing it where the caller may read no row there at all.

        What stands on a column that the caller may not read everywhere would tell what it holds, so it is refused too.
        """
        crossed = TABLES[table].relations[relation]
        holder = table if isinstance(crossed, ToOne) else crossed.target
        hidden = not isinstance(crossed, Linked) and not self.askable(holder, crossed.column)
        if hidden or self.settled("read", crossed.target) is False:
            raise Refusal(400, "unknown_field")
        return crossed.target

    def one(self, table: str, row: Row | None, name: str) -> Row | None:
        """Return the row that a to-one relation leads to; None where there is none, or none that may be read."""
        found = self.many(table, row, name)
        return found[0] if found else None

    def many(self, table: str, row: Row | None, name: str) -> list[Row]:
        target = self.target(table, name)
        related = [] if row is None else self.data.related(table, row, name)
        return [each for each in related if self.visible(target, each)]

    # What a list holds ------------------------------------------------------------------------------------------

    def check(self, table: str, question: Question) -> None:
        """Refuse what names something that the caller may not know of, and what would cost too much."""
        self.require(table, "read")
        groups = [*groups_of(question.conditions)]
        for condition in (each for group in groups for each in group):
            self._check_path(table, condition.relations, condition.column)
        for order in question.sort:
            self._check_path(table, order.relations, order.column)
        self._check_shown(table, question.shown)
        # To-one paths are joined once; each group asks for the rows of to-many ones by itself, the first of them beside
        # what is shown.
        crossed = {(0, path) for path in _crossed(question.shown)} | {
            (0, path) for each in question.sort for path in _steps(each.relations)
        }
        for number, group in enumerate(groups):
            for path in (step for each in group for step in _steps(each.relations)):
                crossed.add((number if _leads_to_many(table, path) else 0, path))
        if self._cost(table, question.shown, question.limit) > COST or len(crossed) > PATHS:
            raise Refusal(422, "too_expensive")

    def listed(self, table: str, question: Question) -> list[Row]:
        """Return every row of a list, in order."""
        self.check(table, question)
        rows = [row for row in self.data.rows[table].values() if self.visible(table, row)]
        rows = [row for row in rows if self.fulfils(table, row, question.conditions)]
        return self.ordered(table, rows, question.sort)

    def ordered(self, table: str, rows: Iterable[Row], sort: Sequence[Order]) -> list[Row]:
        last = sort[-1].descending if sort else False
        order = [*sort, Order((), "id", last)]

        def compare(left: Row, right: Row) -> int:
            for each in order:
                found = _three_way(self._sorted_by(table, left, each), self._sorted_by(table, right, each))
                if found:
                    return -found if each.descending else found
            return 0

        return sorted(rows, key=cmp_to_key(compare))

    def _sorted_by(self, table: str, row: Row | None, order: Order) -> Any:
        for name in order.relations:
            table, row = self.target(table, name), self.one(table, row, name)
        value = None if row is None else row[order.column]
        return KINDS.index(value) if value is not None and TABLES[table].columns[order.column] is Sort.KIND else value

    def fulfils(self, table: str, row: Row, asked: Sequence[Asked]) -> bool:
        """Say whether a row fulfils all of these trees."""
        beside = [*_flat(asked)]
        for each in beside:
            if isinstance(each, AnyOf) and not any(self.fulfils(table, row, (one,)) for one in each.members):
                return False
            if isinstance(each, Complement) and self.fulfils(table, row, (each.member,)):
                return False
        return self.satisfies(table, row, [each for each in beside if isinstance(each, Condition)])

    def satisfies(self, table: str, row: Row | None, conditions: Sequence[Condition]) -> bool:
        """Say whether a row (None: a missing one) fulfils every condition. Under one relation they mean one row."""
        crossing: dict[str, list[Condition]] = {}
        for each in conditions:
            if not each.relations:
                if not _compares(each, None if row is None or each.column is None else row[each.column]):
                    return False
            elif len(each.relations) == 1 and each.column is None:
                if (not self.many(table, row, each.relations[0])) is not each.operand:
                    return False
            else:
                rest = Condition(each.relations[1:], each.column, each.operator, each.operand)
                crossing.setdefault(each.relations[0], []).append(rest)
        for name, inner in crossing.items():
            target = self.target(table, name)
            if isinstance(TABLES[table].relations[name], ToOne):
                candidates: list[Row | None] = [self.one(table, row, name)]
            else:
                candidates = [*self.many(table, row, name)]
            if not any(self.satisfies(target, candidate, inner) for candidate in candidates):
                return False
        return True

    def _check_path(self, table: str, relations: tuple[str, ...], column: str | None) -> None:
        for name in relations:
            table = self.target(table, name)
        if column is not None and not self.askable(table, column):
            raise Refusal(400, "unknown_field")

    def _check_shown(self, table: str, shown: Shown) -> None:
        if not all(self.readable(table, name) for name in shown.columns or ()):
            raise Refusal(400, "unknown_field")
        for name, inner in shown.related.items():
            self._check_shown(self.target(table, name), inner)

    def _cost(self, table: str, shown: Shown, rows: int) -> int:
        beyond = 0
        for name, inner in shown.related.items():
            relation = TABLES[table].relations[name]
            beyond += self._cost(relation.target, inner, rows * (1 if isinstance(relation, ToOne) else EMBEDDED))
        return max(rows, beyond)

    # What is shown of a row -------------------------------------------------------------------------------------

    def shown(self, table: str, row: Row, shown: Shown = Shown()) -> dict[str, Any]:
        """Return the JSON of a row. Of a related list `next` is said as whether there is more."""
        names = self.columns(table) if shown.columns is None else shown.columns
        made = {name: written(row[name]) if self.field_allows("read", table, name, row) else None for name in names}
        for name, inner in shown.related.items():
            target = self.target(table, name)
            if isinstance(TABLES[table].relations[name], ToOne):
                one = self.one(table, row, name)
                made[name] = None if one is None else self.shown(target, one, inner)
            else:
                many = self.many(table, row, name)
                items = [self.shown(target, each, inner) for each in many[:EMBEDDED]]
                made[name] = {"items": items, "next": len(many) > EMBEDDED}
        return made


def groups_of(asked: Iterable[Asked]) -> Iterator[list[Condition]]:
    """Yield the conditions that may mean one related row together: the outermost first."""
    beside = [*_flat(asked)]
    yield [each for each in beside if isinstance(each, Condition)]
    for each in beside:
        inner = each.members if isinstance(each, AnyOf) else (each.member,) if isinstance(each, Complement) else ()
        for one in inner:
            yield from groups_of((one,))


def _flat(asked: Iterable[Asked]) -> Iterator[Asked]:
    for each in asked:
        if isinstance(each, AllOf):
            yield from _flat(each.members)
        else:
            yield each


def _steps(relations: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [relations[:steps] for steps in range(1, len(relations) + 1)]


def _leads_to_many(table: str, relations: tuple[str, ...]) -> bool:
    for name in relations:
        crossed = TABLES[table].relations[name]
        if not isinstance(crossed, ToOne):
            return True
        table = crossed.target
    return False


def _crossed(shown: Shown, start: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in shown.related.items():
        yield (*start, name)
        yield from _crossed(inner, (*start, name))


def written(value: Any) -> Any:
    """Return a value as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value


def _three_way(left: Any, right: Any) -> int:
    """Compare two values, NULL being the greatest."""
    if left is None or right is None:
        return (left is None) - (right is None)
    return int(left > right) - int(left < right)


def _compares(condition: Condition, value: Any) -> bool:
    operand = condition.operand
    match condition.operator:
        case "isnull":
            return (value is None) is operand
        case "ne":
            return value is None or bool(value != operand)
        case "not_in":
            return value is None or value not in operand
    if value is None:
        return False
    match condition.operator:
        case "in":
            return value in operand
        case "contains":
            return operand.casefold() in value.casefold()
        case "startswith":
            return bool(value.casefold().startswith(operand.casefold()))
        case "endswith":
            return bool(value.casefold().endswith(operand.casefold()))
    signs = {"eq": "==", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
    return SIGNS[signs[condition.operator]](value, operand)
