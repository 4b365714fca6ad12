"""Read `fields` and `expand` into a Selection, and say what it may cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from meze.errors import Text
from meze.query.ask import WHOLE, Selection
from meze.query.values import bad_value
from meze.query.view import View, resolve, resolve_shown, unknown_field, unknown_shown, view_at

EMBEDDED_ROWS = 20
"""How many rows of a to-many relation are embedded before `next` takes over."""


@dataclass(slots=True)
class _Draft:
    """A selection while it is read. A row that was neither `expanded` nor has `names` is only on the way to another."""

    expanded: bool = False
    names: list[str] = field(default_factory=list)
    related: dict[str, _Draft] = field(default_factory=dict)

    def at(self, relations: tuple[str, ...]) -> _Draft:
        draft = self
        for name in relations:
            draft = draft.related.setdefault(name, _Draft())
        return draft

    def selection(self) -> Selection:
        related = tuple((name, draft.selection()) for name, draft in self.related.items())
        return Selection(None if self.expanded and not self.names else tuple(self.names), related)


def selection_of(fields: str | None, expand: str | None, view: View) -> Selection:
    """Return what is shown: `fields=id,artist__name` narrows, `expand=artist,tracks` embeds."""
    if fields is None and expand is None:
        return WHOLE
    draft = _Draft(expanded=fields is None)
    if expand is not None:
        for name in _names(expand, "expand"):
            path, end, rest = resolve(name, view, "expand")
            if path.field is not None or rest:
                raise unknown_field(path.field or rest[0], end, "expand")
            draft.at(path.relations).expanded = True
    if fields is not None:
        for name in _names(fields, "fields"):
            path, end, rest = resolve_shown(name, view, "fields")
            if path.field is None:
                raise unknown_shown(path.relations[-1], view_at(path.relations[:-1], view), "fields")
            if rest:
                raise unknown_shown(rest[0], end, "fields")
            place = draft.at(path.relations)
            if path.field not in place.names:
                place.names.append(path.field)
    return draft.selection()


def _names(written: str, parameter: str) -> list[str]:
    names = written.split(",")
    if len(names) > 200 or not all(names):
        text = Text("Must be names with commas between them.", "必须是用逗号分隔的名称。")
        raise bad_value(parameter, text)
    return names


def cost_of(selection: Selection, view: View, rows: int) -> int:
    """Return how many rows the ends of all paths of the selection may read, when `rows` of the first are shown."""
    beyond = 0
    for name, inner in selection.related:
        factor = EMBEDDED_ROWS if view.relations[name].to_many else 1
        beyond += cost_of(inner, view.related(name), rows * factor)
    return max(rows, beyond)


def paths_of(selection: Selection, start: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every path of relations that the selection crosses."""
    for name, inner in selection.related:
        yield (*start, name)
        yield from paths_of(inner, (*start, name))
