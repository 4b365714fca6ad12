"""Random rows, rules, questions and writes, over few values, so that they meet."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, cast

from hypothesis import strategies as st

from contracts import rules
from contracts.oracle import (
    WRITES,
    AllOf,
    AnyOf,
    Asked,
    Complement,
    Condition,
    Declared,
    Narrowed,
    Oracle,
    Order,
    Question,
    Shown,
)
from contracts.rules import Data, Rule
from contracts.schema import DAYS, KINDS, SERVED, TABLES, Sort, ToOne

WORDS = (
    "",
    "a",
    "A",
    "b",
    "aB",
    "Straße",
    "STRASSE",
    "é",
    "É",
    "100%",
    "a_b",
    "a\\b",
    "文",
    "ﬁn",
    "FIN",
    "ος",
    "ΟΣ",
    'q"',
    "x,y",
)
EMAILS = ("ann@example.org", "cyd@example.org", "ben@example.org", "ANN@example.org")
NOTHING = 777
"""An id that no row has."""

VALUES: Mapping[Sort, tuple[Any, ...]] = {
    Sort.KEY: (1, 2, 3, NOTHING),
    Sort.NUMBER: (-1, 0, 1, 2),
    Sort.TEXT: WORDS,
    Sort.TRUTH: (True, False),
    Sort.KIND: KINDS,
    Sort.DAY: DAYS,
    Sort.REFERENCE: (1, 2, 3, 4, 5),
}
MINE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "trips": (("owner_id", "id"), ("email", "email")),
    "places": (("curator_id", "id"),),
    "users": (("id", "id"),),
}
"""Columns that say whose a row is, and what of the caller they are compared with."""

EQUALITY = ("eq", "ne", "in", "not_in", "isnull")
ORDERED = (*EQUALITY, "lt", "lte", "gt", "gte")
OPERATORS: Mapping[Sort, tuple[str, ...]] = {
    Sort.KEY: ORDERED,
    Sort.NUMBER: ORDERED,
    Sort.TEXT: (*ORDERED, "contains", "startswith", "endswith"),
    Sort.TRUTH: EQUALITY,
    Sort.KIND: EQUALITY,
    Sort.DAY: ORDERED,
    Sort.REFERENCE: ORDERED,
}


def values(table: str, column: str) -> tuple[Any, ...]:
    return EMAILS if column == "email" else VALUES[TABLES[table].columns[column]]


T = TypeVar("T")
P = ParamSpec("P")


def made_once(make: Callable[P, st.SearchStrategy[T]]) -> Callable[P, st.SearchStrategy[T]]:
    """Return the strategy of before to whoever asks with the same arguments.

    Hypothesis looks through each new strategy before it draws from it, which takes as long as the draw.
    """
    return cast("Callable[P, st.SearchStrategy[T]]", functools.cache(make))


def choices(among: Collection[T]) -> st.SearchStrategy[T]:
    """Draw one of these, as `sampled_from` does, by a strategy that is made once."""
    return _choices(tuple(among), tuple(map(type, among)))


@functools.lru_cache(maxsize=10_000)
def _choices(among: tuple[Any, ...], _: tuple[type, ...]) -> st.SearchStrategy[Any]:
    """The types tell True from 1."""
    return st.sampled_from(among)


@made_once
def sometimes(often: int = 3) -> st.SearchStrategy[bool]:
    """Draw True once in `often` times; what shrinks goes to False."""
    return st.integers(1, often).map(lambda number: number == often)


# Rows ---------------------------------------------------------------------------------------------------------------


@st.composite
def datasets(draw: st.DrawFn, least: int = 0, most: int = 5) -> Data:
    data = Data()
    for id in range(1, 6):
        data.rows["users"][id] = {"id": id, "name": ("Ann", "Ben", "Cyd", "Dan", "Eve")[id - 1]}
    counts = {name: draw(st.integers(least, most)) for name in SERVED}
    for name in SERVED:
        for id in range(1, counts[name] + 1):
            row = {}
            for column, sort in TABLES[name].columns.items():
                if sort is Sort.KEY:
                    row[column] = id
                    continue
                target = TABLES[name].references.get(column)
                # Few rows are pointed at, so that some have many that point at them.
                most_pointed_at = min(counts[target], 3) if target in counts else 5
                known = range(1, most_pointed_at + 1) if target else values(name, column)
                row[column] = draw(choices((None, *known)))
            data.rows[name][id] = row
    pairs = [(place, label) for place in data.rows["places"] for label in data.rows["labels"]]
    if pairs:
        data.links = draw(st.sets(st.sampled_from(pairs), max_size=9))
    return data


# Rules --------------------------------------------------------------------------------------------------------------

ASKED = [sort for sort in Sort if sort is not Sort.KEY]
Frames = tuple[tuple[str, bool], ...]
"""The tables that a rule is inside of, innermost first, and whether each was crossed to as an alias."""


def _columns(frames: Frames, sorts: Collection[Sort]) -> list[tuple[rules.Column, str]]:
    """Return the columns that can be named: a row is out of reach behind another of its own table."""
    found, seen = [], set()
    for depth, (table, apart) in enumerate(frames):
        if not apart and table in seen:
            continue
        if not apart:
            seen.add(table)
        for name, sort in TABLES[table].columns.items():
            if sort in sorts and (table != "users" or name == "id"):
                found.append((rules.Column(depth, name), table))
    return found


@made_once
@st.composite
def comparisons(draw: st.DrawFn, frames: Frames) -> Rule:
    column, table = draw(choices(_columns(frames, ASKED) or _columns(frames, {Sort.KEY})))
    sort = TABLES[table].columns[column.name]
    shapes = ["me"] * 4 if column.name in ("owner_id", "curator_id", "email") or table == "users" else []
    shapes += ["constant", "constant", "column", "null", "one of"] + (
        ["truth", "flag"] * 2 if sort is Sort.TRUTH else []
    )
    shape = draw(choices(shapes))
    match shape:
        case "null":
            return rules.IsNull(column, draw(st.booleans()))
        case "one of":
            chosen = draw(st.lists(choices(values(table, column.name)), max_size=3, unique=True))
            return rules.OneOf(column, tuple(chosen), draw(st.booleans()))
        case "truth":
            return rules.IsTruth(column, draw(st.booleans()))
        case "flag":
            return rules.Flag(column)
        case "me":
            right: rules.Operand = rules.Me("email" if column.name == "email" else "id")
        case "column":
            right = draw(st.sampled_from([other for other, _ in _columns(frames, {sort})]))
        case _:
            right = rules.Constant(draw(choices(values(table, column.name))))
    if draw(sometimes(5)) and sort is not Sort.TRUTH:
        return rules.Distinct(column, right, draw(st.booleans()))
    equal = sort in (Sort.TRUTH, Sort.KIND)
    return rules.Compare(column, draw(choices(("==", "!=") if equal else tuple(rules.SIGNS))), right)


@made_once
@st.composite
def mine(draw: st.DrawFn, table: str) -> Rule:
    """Draw a comparison with the caller."""
    name, attribute = draw(choices(MINE[table]))
    return rules.Compare(rules.Column(0, name), draw(choices(("==", "!="))), rules.Me(attribute))


@made_once
@st.composite
def rule(draw: st.DrawFn, frames: Frames, depth: int = 3) -> Rule:
    table = frames[0][0]
    crossing = [name for name, each in TABLES[table].relations.items() if each.target != "users" or depth > 1]
    shapes = ["caller", "compare", "compare"] + (["mine"] * 2 if table in MINE else [])
    if depth:
        shapes += ["every", "either", "not"] + (["related"] * 3 if crossing else [])
    match draw(choices(shapes)):
        case "caller":
            words: list[Rule] = [rules.Anyone(), rules.SignedIn(), rules.HasRole("editor"), rules.HasRole("keeper")]
            return draw(choices(words))
        case "mine":
            return draw(mine(table))
        case "every":
            return rules.Every((draw(rule(frames, depth - 1)), draw(rule(frames, depth - 1))))
        case "either":
            return rules.Either((draw(rule(frames, depth - 1)), draw(rule(frames, depth - 1))))
        case "not":
            if table in MINE and draw(st.booleans()):
                # What a null `me` comes to shows only where a negation stands around more than the comparison.
                parts = (draw(mine(table)), draw(comparisons(frames)))
                return rules.Not(rules.Every(parts) if draw(st.booleans()) else rules.Either(parts))
            return rules.Not(draw(rule(frames, depth - 1)))
        case "related":
            # Out and back is where the row as it would be and the stored ones are easily taken for each other.
            outward = {outer for outer, _ in frames}
            back = [name for name in crossing if TABLES[table].relations[name].target in outward]
            name = draw(choices(crossing + back * 2))
            target = TABLES[table].relations[name].target
            apart = draw(sometimes(3)) and target != "users"
            if draw(sometimes(8)):
                return rules.Related(name, None, apart)
            return rules.Related(name, draw(rule(((target, apart), *frames), depth - 1)), apart)
    return draw(comparisons(frames))


@made_once
@st.composite
def out_and_back(draw: st.DrawFn, table: str) -> Rule:
    """Draw a rule that asks rows of the same table: those are the stored ones, whatever is being written."""
    out = draw(choices(list(TABLES[table].relations)))
    target = TABLES[table].relations[out].target
    if target == table:
        return rules.Related(out, draw(comparisons(((table, False),))))
    back = [name for name, each in TABLES[target].relations.items() if each.target == table]
    if not back:
        return draw(rule(((table, False),)))
    frames = ((table, False), (target, False), (table, False))
    return rules.Related(out, rules.Related(draw(choices(back)), draw(comparisons(frames))))


def rules_of(table: str, closed: int) -> st.SearchStrategy[Rule]:
    """Draw rules of a table: one that lets everybody pass, and `closed` times as often another."""
    some = [rule(((table, False),)), rule(((table, False),)), out_and_back(table)]
    return st.one_of(st.just(rules.Anyone()), *(some[number % len(some)] for number in range(closed)))


@made_once
@st.composite
def narrowed(draw: st.DrawFn, table: str) -> str | Narrowed | None:
    """Draw what is said of one field."""
    if draw(sometimes(3)):
        return draw(choices((None, "editor", "keeper")))
    some = [rule(((table, False),), 2), comparisons(((table, False),)), *([mine(table)] if table in MINE else [])]
    maybe = st.one_of(st.none(), *some)
    return Narrowed(draw(maybe), draw(maybe), draw(sometimes(5)))


@st.composite
def declarations(
    draw: st.DrawFn, closed: int, changing: int | None = None, *, fields: bool = False
) -> dict[str, Declared]:
    """Draw what is said of every table. Rules of reading let everybody pass once in `closed` + 1 times.

    Those of writing do so once in `changing` + 1 times; there are none where it is None. `fields` says that it is all
    about rules of fields.
    """
    often = {"read": closed} | ({} if changing is None else dict.fromkeys(WRITES, changing))
    said = {}
    for name in SERVED:
        given = {action: draw(rules_of(name, times)) for action, times in often.items() if not draw(sometimes(12))}
        closable = choices([column for column in TABLES[name].columns if column != "id"])
        least, most = (2, 5) if fields else (0, 2 if draw(sometimes(2)) else 0)
        of_fields = draw(st.dictionaries(closable, narrowed(name), min_size=least, max_size=most))
        owner = "owner_id" if name == "trips" and draw(st.booleans()) else None
        said[name] = Declared(given, not draw(sometimes(4)), of_fields, owner)
    return said


# Questions ----------------------------------------------------------------------------------------------------------


@made_once
@st.composite
def paths(draw: st.DrawFn, table: str, most: int = 3, *, to_one: bool = False) -> tuple[tuple[str, ...], str]:
    """Draw relations to cross, and return them with the table that they lead to."""
    crossed: list[str] = []
    for _ in range(min(most, draw(choices((0, 0, 1, 1, 2, 3))))):
        names = [n for n, each in TABLES[table].relations.items() if not to_one or isinstance(each, ToOne)]
        if not names:
            break
        crossed.append(draw(choices(names)))
        table = TABLES[table].relations[crossed[-1]].target
    return tuple(crossed), table


@made_once
@st.composite
def conditions(draw: st.DrawFn, table: str) -> Condition:
    crossed, end = draw(paths(table))
    return draw(conditions_at(crossed, end))


@made_once
@st.composite
def conditions_at(draw: st.DrawFn, crossed: tuple[str, ...], end: str) -> Condition:
    """Draw a condition on what a path leads to, the rows of `end`."""
    if draw(sometimes(5)) and crossed:
        return Condition(crossed, None, "isnull", draw(st.booleans()))
    column, sort = draw(choices(list(TABLES[end].columns.items())))
    name = draw(choices(OPERATORS[sort]))
    return Condition(crossed, column, name, draw(_operands(name, values(end, column))))


@made_once
def _operands(operator: str, known: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    found: st.SearchStrategy[Any] = choices(known)
    if operator == "isnull":
        found = st.booleans()
    elif operator in ("in", "not_in"):
        found = st.lists(choices(known), min_size=1, max_size=3).map(tuple)
    return found


@made_once
@st.composite
def orders(draw: st.DrawFn, table: str) -> tuple[Order, ...]:
    found: dict[tuple[tuple[str, ...], str], Order] = {}
    for _ in range(draw(st.integers(0, 3))):
        crossed, end = draw(paths(table, 2, to_one=True))
        column = draw(choices(list(TABLES[end].columns)))
        found.setdefault((crossed, column), Order(crossed, column, draw(st.booleans())))
    return tuple(found.values())


@made_once
@st.composite
def selections(draw: st.DrawFn, table: str, depth: int = 2) -> Shown:
    columns = None
    if draw(sometimes(3)):
        columns = tuple(draw(st.lists(choices(list(TABLES[table].columns)), min_size=1, max_size=3, unique=True)))
    related = {}
    if depth and TABLES[table].relations and draw(sometimes(2)):
        for name in draw(st.lists(choices(list(TABLES[table].relations)), min_size=1, max_size=2, unique=True)):
            related[name] = draw(selections(TABLES[table].relations[name].target, depth - 1))
    return Shown(columns, related)


def _narrows(shown: Shown) -> bool:
    return shown.columns is not None or any(_narrows(inner) for inner in shown.related.values())


@made_once
@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Question]:
    table = draw(choices(SERVED))
    found = tuple(draw(conditions(table)) for _ in range(draw(choices((0, 1, 1, 1, 2)))))
    if draw(sometimes(4)) and found:
        # Another condition on the path of the last one: together they mean one related row.
        crossed = found[-1].relations
        end = table
        for name in crossed:
            end = TABLES[end].relations[name].target
        found = (*found, draw(conditions_at(crossed, end)))
    shown = draw(selections(table)) if draw(st.booleans()) else Shown()
    if shown.columns is None and _narrows(shown):
        # `fields` says all that is shown: where it names fields of related rows alone, the row itself shows none.
        shown = Shown((), shown.related)
    return table, Question(found, draw(orders(table)), shown, draw(st.integers(1, 4)))


@made_once
@st.composite
def trees(draw: st.DrawFn, table: str, depth: int = 3) -> Asked:
    """Draw conditions joined by AND, OR and NOT, often several on one path, where it matters which mean one row."""
    shape = draw(choices(("one", "pair", "not", "all", "any"))) if depth else "one"
    match shape:
        case "pair":
            many = [name for name, each in TABLES[table].relations.items() if not isinstance(each, ToOne)]
            crossed, end = draw(paths(table, 2))
            if many and draw(st.booleans()):
                crossed, end = (many[0],), TABLES[table].relations[many[0]].target
            one, other = draw(conditions_at(crossed, end)), draw(conditions_at(crossed, end))
            beside: list[Asked] = [AllOf((one, other)), AnyOf((one, other)), AllOf((one, AllOf((other,))))]
            return draw(st.sampled_from([*beside, AllOf((one, AnyOf((other,)))), AllOf((one, Complement(other)))]))
        case "not":
            return Complement(draw(trees(table, depth - 1)))
        case "all":
            return AllOf(tuple(draw(st.lists(trees(table, depth - 1), max_size=3))))
        case "any":
            return AnyOf(tuple(draw(st.lists(trees(table, depth - 1), min_size=1, max_size=3))))
    return draw(conditions(table))


@made_once
@st.composite
def questions_in_bodies(draw: st.DrawFn) -> tuple[str, Question]:
    table, question = draw(questions())
    found = tuple(draw(st.lists(trees(table), min_size=1, max_size=2)))
    return table, replace(question, conditions=found)


# Writes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Write:
    """`form` says what is sent back but for what is in `body`: the foreign keys as they are stored, or all that the
    caller is shown of the row."""

    method: str
    table: str
    id: int
    body: dict[str, Any]
    form: str

    def sent(self, oracle: Oracle) -> dict[str, Any]:
        row = oracle.data.rows[self.table].get(self.id)
        if row is None or self.method not in ("PATCH", "PUT"):
            return self.body
        if self.form == "stored":
            return {name: row[name] for name in TABLES[self.table].references} | self.body
        return oracle.known(self.table, row) | self.body if self.form == "shown" else self.body


@made_once
@st.composite
def writes(draw: st.DrawFn) -> Write:
    table = draw(choices(SERVED))
    method = draw(choices(("POST", "PATCH", "PATCH", "PUT", "DELETE")))
    body = {}
    if method != "DELETE":
        columns = list(TABLES[table].columns)
        most = 3 if method == "PATCH" else len(columns)
        for column in draw(st.lists(choices(columns), max_size=most, unique=True)):
            if column == "id" and not draw(sometimes(4)):
                continue
            known = values(table, column)
            if column in TABLES[table].references:
                known = (1, 2, 3, 4, NOTHING)
            body[column] = draw(choices((None, *known) if column != "id" else known))
    form = draw(choices(("", "", "", "stored", "shown", "shown")))
    return Write(method, table, draw(st.integers(1, 4)), body, form)
