"""Read what is asked of a collection: rows, or aggregates of them in groups.

`aggregate=count,sum:price&group=artist_id,released__month`. The rows are chosen as those of a list, by the same
parameters under the same names; what is not said of rows (`fields`, `expand`, `count`) is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meze.errors import Entry, Text, UnknownField
from meze.query.aggregate import COUNTED, FUNCTIONS, PARTS, Answered, group_answered, groupable
from meze.query.ask import WHOLE, Condition, ListAsk, compares_of
from meze.query.cursor import bad_cursor
from meze.query.parse import (
    SORT_KEYS,
    Arguments,
    Limits,
    ListParser,
    crosses_many,
    page_of,
    refuse_many_paths,
    search_of,
    too_many_values,
)
from meze.query.values import LIST_VALUES, bad_value
from meze.query.view import Path, View, resolve, unknown_field, view_at
from meze.resources.resource import Field, nearest

MEASURES = 10
GROUPS = 5
"""How many aggregates and how many groups one request may ask for."""
OF_ROWS = ("fields", "expand", "count", "etag")
"""The parameters of a list that say nothing of aggregates."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate; `path` is None where the rows themselves are counted."""

    function: str
    path: Path | None

    def __str__(self) -> str:
        return self.function if self.path is None else f"{self.function}_{self.path}"


@dataclass(frozen=True, slots=True)
class Group:
    """What rows are put together by: a field, or a part of the date in it."""

    path: Path
    part: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.part is None else f"{self.path}__{self.part}"


@dataclass(frozen=True, slots=True)
class Order:
    """One part of the order: the place of a member in the answer, groups before measures."""

    place: int
    descending: bool = False


@dataclass(frozen=True, slots=True)
class AggregateShape:
    """What decides the SQL. `after` is as in a ListShape: which values of the cursor are NULL."""

    measures: tuple[Measure, ...]
    groups: tuple[Group, ...]
    sort: tuple[Order, ...]
    conditions: tuple[Condition, ...] = ()
    search: bool = False
    offset: bool = False
    after: tuple[bool, ...] | None = None

    @property
    def members(self) -> tuple[Group | Measure, ...]:
        """What each element of the answer says, each under its own name."""
        return (*self.groups, *self.measures)


@dataclass(frozen=True, slots=True)
class AggregateAsk:
    """A request for aggregates; as a ListAsk."""

    shape: AggregateShape
    limit: int
    binding: bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    search: str | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class CollectionParser:
    """Reads requests to a collection: with `aggregate` or `group` for aggregates, else for a list."""

    lists: ListParser

    @property
    def limits(self) -> Limits:
        return self.lists.limits

    def parse(self, arguments: Arguments, view: View) -> ListAsk | AggregateAsk:
        """Return what a query string asks of the resource that `view` shows; raises as ListParser.parse."""
        return self.lists.known(arguments, view) or self.asked(*self.lists.told(arguments, view), view)

    def asked(
        self,
        control: Mapping[str, str],
        conditions: tuple[Condition, ...],
        values: dict[str, Any],
        filtered: Sequence[Any],
        view: View,
    ) -> ListAsk | AggregateAsk:
        """Return what is asked of the rows that fulfil `conditions`; as ListParser.asked."""
        if "aggregate" in control or "group" in control:
            return self._aggregates(control, conditions, values, filtered, view)
        return self.lists.asked(control, conditions, values, filtered, view)

    def may_count_to(self, ask: ListAsk | AggregateAsk) -> bool:
        return self.lists.may_count_to(ask)

    def _aggregates(
        self,
        control: Mapping[str, str],
        conditions: tuple[Condition, ...],
        values: dict[str, Any],
        filtered: Sequence[Any],
        view: View,
    ) -> AggregateAsk:
        if sum(len(compare.operands) for compare in compares_of(conditions)) > LIST_VALUES:
            raise too_many_values()
        for name in OF_ROWS:
            if name in control:
                raise bad_value(name, Text("Not together with `aggregate`.", "不能与 `aggregate` 同时使用。"))
        measures, groups = _measures(control, view), _groups(control.get("group"), view)
        members: list[Group | Measure] = [*groups, *measures]
        names = [str(each) for each in members]
        _refuse_same_names(names)
        sort = _sort(control.get("sort"), names, len(groups))
        search = search_of(control.get("q"), view)
        limit = self.limits.of(view.resource).asked(control.get("limit"))
        paths = [each.path for each in members if each.path is not None]
        refuse_many_paths(conditions, paths, WHOLE, view)
        binding = _binding(view.resource.name, filtered, search, names, sort)
        page = page_of(control, limit)
        after = None
        if "cursor" in control:
            position = self.lists.seal.open(control["cursor"], binding)
            if len(position.values) != len(sort):
                raise bad_cursor()
            for index, (order, frozen) in enumerate(zip(sort, position.values, strict=True)):
                if frozen is not None:
                    values[f"c{index}"] = answered(members[order.place], view).thaw(frozen)
            after = tuple(frozen is None for frozen in position.values)
        shape = AggregateShape(
            measures, groups, sort, conditions, search=search is not None, offset=page is not None, after=after
        )
        return AggregateAsk(shape, limit, binding, values, search, page)


def answered(each: Group | Measure, view: View) -> Answered:
    """Return how the values of a member of the answer are written."""
    if isinstance(each, Group):
        return group_answered(field_at(each.path, view).type, each.part)
    if each.path is None:
        return COUNTED
    return FUNCTIONS[each.function].answered(field_at(each.path, view).type, str(each))


def field_at(path: Path, view: View) -> Field:
    """Return the field that a path names."""
    assert path.field is not None
    return view_at(path.relations, view).fields[path.field]


def _measures(control: Mapping[str, str], view: View) -> tuple[Measure, ...]:
    if "aggregate" not in control:
        text = Text(
            "Only together with `aggregate`, such as `aggregate=count`.",
            "须与 `aggregate` 一起使用，例如 `aggregate=count`。",
        )
        raise bad_value("group", text)
    return tuple(_measure(piece, view) for piece in _pieces("aggregate", control["aggregate"], MEASURES))


def _measure(piece: str, view: View) -> Measure:
    name, colon, written = piece.partition(":")
    if name not in FUNCTIONS:
        text = Text("'{name}' is no function; there are: {allowed}.", "没有函数“{name}”；可用：{allowed}。")
        raise bad_value("aggregate", text, "not_one_of", name=name, allowed=", ".join(FUNCTIONS))
    function = FUNCTIONS[name]
    if name == "count" and not colon:
        return Measure(name, None)
    if not written:
        text = Text("Say of which field: `{name}:field`.", "请指明字段：`{name}:field`。")
        raise bad_value("aggregate", text, name=name)
    path, rest = _path(written, view, "aggregate")
    if rest:
        raise unknown_field(rest[0], view_at(path.relations, view), "aggregate")
    if not function.takes(field_at(path, view).type):
        text = Text(
            f"'{{name}}' is not for this field, but for {function.taking.en}.",
            f"“{{name}}”不适用于此字段，仅适用于{function.taking.zh}。",
        )
        raise bad_value("aggregate", text, "not_one_of", name=piece)
    return Measure(name, path)


def _groups(written: str | None, view: View) -> tuple[Group, ...]:
    return () if written is None else tuple(_group(piece, view) for piece in _pieces("group", written, GROUPS))


def _group(piece: str, view: View) -> Group:
    path, rest = _path(piece, view, "group")
    type_ = field_at(path, view).type
    if not rest and groupable(type_):
        return Group(path)
    if len(rest) == 1 and rest[0] in type_.parts:
        return Group(path, rest[0])
    if not rest:
        text = Text("'{name}' has no order to make groups by.", "“{name}”没有次序，不能用来分组。")
        raise bad_value("group", text, "not_one_of", name=piece)
    if type_.parts:
        text = Text("'{name}': the parts of a date are {allowed}.", "“{name}”：日期可按 {allowed} 分组。")
        raise bad_value("group", text, "not_one_of", name=piece, allowed=", ".join(PARTS))
    raise unknown_field(rest[0], view_at(path.relations, view), "group")


def _path(written: str, view: View, parameter: str) -> tuple[Path, list[str]]:
    """Return the path of a field across to-one relations, and what is written behind it."""
    path, _, rest = resolve(written, view, parameter)
    if path.field is None:
        raise unknown_field(path.relations[-1], view_at(path.relations[:-1], view), parameter)
    if crosses_many(path, view):
        text = Text("'{name}' leads to many rows.", "“{name}”指向多行。")
        raise bad_value(parameter, text, "not_one_of", name=written)
    return path, rest


def _pieces(parameter: str, written: str, most: int) -> list[str]:
    pieces = written.split(",")
    if len(pieces) > most:
        raise bad_value(parameter, Text("At most {max}.", "最多 {max} 个。"), "too_long", max=most)
    if not all(pieces):
        text = Text("Must be names with commas between them.", "必须是用逗号分隔的名称。")
        raise bad_value(parameter, text)
    return pieces


def _refuse_same_names(names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        text = Text("Two members would be called '{name}'.", "会有两个名为“{name}”的成员。")
        raise bad_value("aggregate", text, name=twice)


def _sort(written: str | None, names: list[str], groups: int) -> tuple[Order, ...]:
    """Read `-count,artist_id`, names of the answer's members. The groups come last, so that the order is total."""
    found: dict[int, Order] = {}
    for piece in [] if written is None else _pieces("sort", written, SORT_KEYS):
        name = piece.removeprefix("-")
        if name not in names:
            raise _unknown_member(name, names)
        found.setdefault(names.index(name), Order(names.index(name), piece.startswith("-")))
    for place in range(groups):
        found.setdefault(place, Order(place))
    return tuple(found.values())


def _unknown_member(name: str, names: list[str]) -> UnknownField:
    params = {"name": name, "allowed": ", ".join(names)}
    near = nearest(name, names)
    text = Text("'{name}' is not in the answer; it has: {allowed}.", "结果中没有“{name}”；可用：{allowed}。")
    if near is not None:
        params["nearest"] = near
        text = Text(text.en + " Did you mean '{nearest}'?", text.zh + "你是指“{nearest}”吗？")
    return UnknownField(text, params=params, entries=[Entry("unknown", parameter="sort", params=params, text=text)])


def _binding(
    name: str, filtered: Sequence[Any], search: str | None, names: list[str], sort: tuple[Order, ...]
) -> bytes:
    order = [("-" if each.descending else "") + names[each.place] for each in sort]
    said = json.dumps(["aggregate", name, filtered, search, names, order])
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
