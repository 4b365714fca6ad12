"""Read the query string of a request into a ListAsk, or a Selection for one row.

Everything that can be told without a database is refused here: names that the caller cannot see, values of the wrong
type, cursors of another query, and what would cost too much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from meze.errors import BadRequest, Entry, Text, TooExpensive, UnknownField, UnknownParameter
from meze.query.ask import (
    WHOLE,
    Compare,
    Condition,
    ListAsk,
    ListShape,
    Scope,
    Selection,
    SortKey,
    compares_of,
    groups_of,
)
from meze.query.condition import CONDITIONS, Meant, bind, check_piece, meant
from meze.query.cursor import CursorSeal, Position, bad_cursor
from meze.query.operators import FoldValue
from meze.query.recipes import SAID, Recipe, Recipes, form_of
from meze.query.select import cost_of, paths_of, selection_of
from meze.query.values import LIST_VALUES, bad_value, forms, record, truth, whole_number
from meze.query.view import Path, View, resolve, unknown_field, view_at
from meze.resources.registry import Registry
from meze.resources.resource import Field, Resource, nearest

Arguments = Sequence[tuple[str, str]]
"""The pairs of a query string, in order, percent-decoded."""

AGGREGATE_PARAMETERS = ("aggregate", "group")
"""What asks for aggregates of the rows in place of the rows; see `groups.py`."""
LIST_PARAMETERS = ("q", "sort", "limit", "cursor", "page", "count", "etag", "fields", "expand", *AGGREGATE_PARAMETERS)
EXPORT_PARAMETERS = ("format", "bom")
"""What a list takes besides, to be answered as a file; see `web/exports.py`."""
ONE_PARAMETERS = ("fields", "expand")
PATHS = 20
SORT_KEYS = 8
ROWS = 10_000
"""How many rows one answer may cost: `page` times `limit`, and `limit` times 20 for each to-many step of `expand`."""


class Counted(Protocol):
    """A request whose pages may be asked for by their numbers."""

    @property
    def limit(self) -> int: ...

    @property
    def page(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The size of a page where none is asked for, and the greatest that may be."""

    default: int = 20
    greatest: int = 100

    def of(self, resource: Resource) -> Limits:
        greatest = resource.page_limit or self.greatest
        return Limits(min(self.default, greatest), greatest)

    def asked(self, written: str | None) -> int:
        """Return the size of a page that is asked for so, or not at all. Raises BadValue."""
        return self.default if written is None else whole_number("limit", written, 1, self.greatest)


@dataclass(frozen=True, slots=True)
class ListParser:
    """Reads list requests. `fold` is the database's case folding, `seal` opens the cursors of this server."""

    limits: Limits
    seal: CursorSeal
    fold: FoldValue
    resources: Registry
    recipes: Recipes = field(default_factory=Recipes)

    def parse(self, arguments: Arguments, view: View) -> ListAsk:
        """Return what the query string asks of the resource that `view` shows.

        Raises:
            BadRequest: a name or value that cannot be used; TooExpensive: more than one answer may cost.
        """
        return self.known(arguments, view) or self.asked(*self.told(arguments, view), view)

    def known(self, arguments: Arguments, view: View) -> ListAsk | None:
        """Return what `parse` does where the values of filters are all that was not read before, else None."""
        form = form_of(arguments, view, LIST_PARAMETERS)
        if form is None:
            return None
        recipe = self.recipes.find(form)
        if recipe is None:
            recipe = self._recipe(arguments, view)
            if recipe is None:
                return None
            self.recipes.keep(form, recipe)
        values: dict[str, Any] = {}
        filtered = [each for each in arguments if each[0] not in SAID]
        for (name, text), said in zip(filtered, recipe.meant, strict=True):
            self._bind(name, text, said, values)
        filtered.sort()
        binding = _binding(view.resource.name, filtered, None, recipe.order)
        return ListAsk(recipe.shape, recipe.limit, binding, values)

    def _recipe(self, arguments: Arguments, view: View) -> Recipe | None:
        """Read a request as a whole, and return what it has in common with those of its form; None for nothing."""
        control, conditions, values, filtered = self.told(arguments, view)
        filters = [each for each in arguments if each[0] not in SAID]
        meanings = tuple(meant(name, _resolved(name, view), view) for name, _ in filters)
        if any(said.takes_many or said.takes_flag or said.field is None for said in meanings):
            return None
        ask = self.asked(control, conditions, values, filtered, view)
        return Recipe(ask.shape, ask.limit, _order(ask.shape.sort), meanings)

    def told(
        self, arguments: Arguments, view: View
    ) -> tuple[dict[str, str], tuple[Condition, ...], dict[str, Any], list[Any]]:
        """Return what LIST_PARAMETERS say, the conditions, their operands, and both as JSON, as `asked` takes them."""
        control, filters = _told_apart(arguments)
        if len(filters) > CONDITIONS:
            raise too_many_conditions()
        values: dict[str, Any] = {}
        conditions = tuple(self._condition(name, text, view, values) for name, text in filters)
        return control, conditions, values, sorted(filters)

    def filters(self, arguments: Arguments, view: View) -> tuple[tuple[Condition, ...], dict[str, Any]]:
        """Return the conditions of a request that takes nothing else, and their operands. There must be one at least.

        Raises:
            BadRequest: there is none, or a name or value cannot be used; TooExpensive: there are too many.
        """
        control, filters = _told_apart(arguments)
        for name in control:
            raise unknown_parameter(name, ())
        if not filters:
            raise BadRequest(Text("Name the rows by at least one filter.", "请至少用一个过滤条件指明要操作的行。"))
        if len(filters) > CONDITIONS:
            raise too_many_conditions()
        values: dict[str, Any] = {}
        conditions = tuple(self._condition(name, text, view, values) for name, text in filters)
        if len(values) > LIST_VALUES:
            raise too_many_values()
        refuse_many_paths(conditions, [], WHOLE, view)
        return conditions, values

    def asked(
        self,
        control: Mapping[str, str],
        conditions: tuple[Condition, ...],
        values: dict[str, Any],
        filtered: Sequence[Any],
        view: View,
    ) -> ListAsk:
        """Return what LIST_PARAMETERS ask of the rows that fulfil `conditions`, whose operands are in `values`.

        `filtered` says the conditions and their values as JSON, and ties cursors to them.
        """
        for name in AGGREGATE_PARAMETERS:
            if name in control:
                raise bad_value(name, Text("Only rows can be asked for here.", "此处只能查询行。"))
        if sum(len(compare.operands) for compare in compares_of(conditions)) > LIST_VALUES:
            raise too_many_values()
        search = search_of(control.get("q"), view)
        sort = _sort(control.get("sort"), view)
        limit = self.limits.of(view.resource).asked(control.get("limit"))
        selection = selection_of(control.get("fields"), control.get("expand"), view)
        _refuse_costly(cost_of(selection, view, limit))
        refuse_many_paths(conditions, [key.path for key in sort], selection, view)
        binding = _binding(view.resource.name, filtered, search, _order(sort))
        page = page_of(control, limit)
        after, scope = None, None
        if "cursor" in control:
            position = self.seal.open(control["cursor"], binding)
            after = _cursor_values(position, sort, view, values)
            scope = self._scope(position, values)
        return ListAsk(
            shape=ListShape(
                conditions=conditions,
                sort=sort,
                selection=selection,
                search=search is not None,
                count="count" in control and truth("count", control["count"]),
                etag="etag" in control and truth("etag", control["etag"]),
                offset=page is not None,
                after=after,
                scope=scope,
            ),
            limit=limit,
            binding=binding,
            values=values,
            search=search,
            page=page,
        )

    def may_count_to(self, ask: Counted) -> bool:
        """Say whether the page after this one may be asked for by its number."""
        return ((ask.page or 0) + 1) * ask.limit <= ROWS

    def _condition(self, name: str, text: str, view: View, values: dict[str, Any]) -> Compare:
        said = meant(name, _resolved(name, view), view)
        if said.takes_flag or said.field is None:
            return Compare(said.path, said.operator.name, flag=truth(name, text))
        texts = record(name, text) if said.takes_many else [text]
        names = tuple([self._bind(name, each, said, values) for each in texts])
        return Compare(said.path, said.operator.name, names)

    def _bind(self, name: str, text: str, said: Meant, values: dict[str, Any]) -> str:
        """Read one operand, bind it in `values`, and return the name of its bind."""
        assert said.field is not None
        check_piece(name, said.operator, text)
        return bind(said, forms(name, text, said.field.type), values, self.fold)

    def _scope(self, position: Position, values: dict[str, Any]) -> Scope | None:
        if position.scope is None:
            return None
        name, relation, *key = position.scope
        parent = self.resources.named(name)
        if parent is None or relation not in parent.relations or len(key) != len(parent.key):
            raise bad_cursor()
        for index, (part, frozen) in enumerate(zip(parent.key, key, strict=True)):
            values[f"s{index}"] = part.type.thaw(frozen)
        return Scope(name, relation)


def parse_one(arguments: Arguments, view: View, rows: int = 1) -> Selection:
    """Return what the query string of one row asks to be shown, or of so many rows."""
    if not arguments:
        return WHOLE
    control: dict[str, str] = {}
    for name, text in arguments:
        if name not in ONE_PARAMETERS:
            raise unknown_parameter(name, ONE_PARAMETERS)
        _once(control, name, text)
    selection = selection_of(control.get("fields"), control.get("expand"), view)
    _refuse_costly(cost_of(selection, view, rows))
    refuse_many_paths((), [], selection, view)
    return selection


def parse_nothing(arguments: Arguments) -> None:
    """Refuse every parameter, where none means anything."""
    for name, _ in arguments:
        raise unknown_parameter(name, ())


def list_binding(resource: Resource) -> bytes:
    """Return the binding of the unfiltered list in the order of the key, which `next` of a related list continues."""
    return _binding(resource.name, (), None, _order(key_sort(resource, ())))


def key_sort(resource: Resource, sort: tuple[SortKey, ...]) -> tuple[SortKey, ...]:
    """Add the key to a sort, in the direction of its last part, so that the order is total."""
    named = {str(key.path) for key in sort}
    descending = sort[-1].descending if sort else False
    added = (SortKey(Path((), part.name), descending) for part in resource.key if part.name not in named)
    return (*sort, *added)


def too_many_conditions() -> TooExpensive:
    text = Text("At most {max} conditions in one request.", "单个请求最多 {max} 个条件。")
    return TooExpensive(text, params={"max": CONDITIONS})


def too_many_values() -> TooExpensive:
    text = Text("At most {max} values in one request.", "单个请求最多 {max} 个值。")
    return TooExpensive(text, params={"max": LIST_VALUES})


def unknown_parameter(name: str, known: Iterable[str]) -> UnknownParameter:
    near = nearest(name, known)
    params = {"name": name} | ({"nearest": near} if near else {})
    text = UnknownParameter.text
    if near:
        text = Text(text.en + " Did you mean '{nearest}'?", text.zh + "你是指“{nearest}”吗？")
    return UnknownParameter(text, params=params, entries=[Entry("unknown", parameter=name, params=params, text=text)])


def _told_apart(arguments: Arguments) -> tuple[dict[str, str], list[tuple[str, str]]]:
    control: dict[str, str] = {}
    filters = []
    for name, text in arguments:
        if name in LIST_PARAMETERS:
            _once(control, name, text)
        else:
            filters.append((name, text))
    return control, filters


def _once(control: dict[str, str], name: str, text: str) -> None:
    if name in control:
        raise bad_value(name, Text("Give this parameter once.", "此参数只能出现一次。"))
    control[name] = text


def _resolved(name: str, view: View) -> tuple[Path, View, list[str]]:
    try:
        return resolve(name, view, name)
    except UnknownField:
        # A misspelt `limit` is more likely than a field of that name; what fields exist plays no part in telling.
        if nearest(name, LIST_PARAMETERS) is not None:
            raise unknown_parameter(name, LIST_PARAMETERS) from None
        raise


def search_of(text: str | None, view: View) -> str | None:
    if text is None:
        return None
    if not view.resource.search or any(field.name not in view.askable for field in view.resource.search):
        # Searching fields that the caller may not read would tell what they hold.
        raise unknown_parameter("q", ())
    return text


def _sort(written: str | None, view: View) -> tuple[SortKey, ...]:
    if written is None:
        return key_sort(view.resource, ())
    keys: list[SortKey] = []
    for piece in written.split(","):
        name = piece.removeprefix("-")
        path, end, rest = resolve(name, view, "sort")
        if rest or path.field is None:
            raise unknown_field(name, end, "sort")
        if crosses_many(path, view):
            text = Text("'{name}' leads to many rows and gives no order.", "“{name}”指向多行，无法排序。")
            raise bad_value("sort", text, "not_one_of", name=name)
        if not end.fields[path.field].type.sortable:
            text = Text("'{name}' has no order to sort by.", "“{name}”没有可排序的次序。")
            raise bad_value("sort", text, "not_one_of", name=name)
        # A field that stands here again orders nothing more.
        if not any(key.path == path for key in keys):
            keys.append(SortKey(path, piece.startswith("-")))
    if len(keys) > SORT_KEYS:
        raise bad_value("sort", Text("At most {max} fields.", "最多 {max} 个字段。"), "too_long", max=SORT_KEYS)
    return key_sort(view.resource, tuple(keys))


def crosses_many(path: Path, view: View) -> bool:
    for name in path.relations:
        if view.relations[name].to_many:
            return True
        view = view.related(name)
    return False


def page_of(control: Mapping[str, str], limit: int) -> int | None:
    if "page" not in control:
        return None
    if "cursor" in control:
        raise bad_value("page", Text("Use `page` or `cursor`, not both.", "`page` 与 `cursor` 不能同时使用。"))
    return whole_number("page", control["page"], 1, ROWS // limit)


def _refuse_costly(rows: int) -> None:
    if rows > ROWS:
        text = Text(
            "This could read {rows} rows; one request may read {max}. Ask for a smaller `limit` or fewer relations.",
            "此请求可能读取 {rows} 行，单个请求最多 {max} 行。请减小 `limit` 或减少关系。",
        )
        raise TooExpensive(text, params={"rows": rows, "max": ROWS})


def refuse_many_paths(conditions: Iterable[Condition], sort: Iterable[Path], selection: Selection, view: View) -> None:
    """Refuse what would join too many tables: each relation that is crossed, in whichever part, is one.

    Alternatives and complements cross to-many relations each for themselves.
    """
    crossed, apart = set(paths_of(selection)), 0
    outermost, *others = groups_of(conditions)
    for path in (*(compare.path for compare in outermost), *sort):
        crossed |= _steps_of(path)
    for group in others:
        steps = frozenset[tuple[str, ...]]().union(*(_steps_of(compare.path) for compare in group))
        own = {each for each in steps if crosses_many(Path(each, None), view)}
        crossed |= steps - own
        apart += len(own)
    if len(crossed) + apart > PATHS:
        text = Text(
            "This crosses {paths} relations; one request may cross {max}.",
            "此请求跨越 {paths} 个关系，单个请求最多 {max} 个。",
        )
        raise TooExpensive(text, params={"paths": len(crossed) + apart, "max": PATHS})


def _steps_of(path: Path) -> frozenset[tuple[str, ...]]:
    return frozenset(path.relations[: length + 1] for length in range(len(path.relations)))


def _order(sort: tuple[SortKey, ...]) -> tuple[str, ...]:
    return tuple(("-" if key.descending else "") + str(key.path) for key in sort)


def _binding(name: str, filtered: Sequence[Any], search: str | None, order: Sequence[str]) -> bytes:
    return hashlib.blake2b(msgspec.json.encode((name, filtered, search, order)), digest_size=16).digest()


def _cursor_values(
    position: Position, sort: tuple[SortKey, ...], view: View, values: dict[str, Any]
) -> tuple[bool, ...] | None:
    if not position.values:
        return None
    if len(position.values) != len(sort):
        raise bad_cursor()
    for index, (key, frozen) in enumerate(zip(sort, position.values, strict=True)):
        if frozen is not None:
            values[f"c{index}"] = sort_field(key, view).type.thaw(frozen)
    return tuple(frozen is None for frozen in position.values)


def sort_field(key: SortKey, view: View) -> Field:
    """Return the Field that a sort key names. The key's own fields are found even where they are not readable."""
    assert key.path.field is not None
    return view_at(key.path.relations, view).resource.fields[key.path.field]
