"""What one kind of caller may see of a resource. Names are looked up here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meze.errors import Entry, Text, UnknownField
from meze.resources.resource import Field, Relation, Resource, nearest

STEPS = 4
"""How many relations a path may cross."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The readable fields of a resource, and its relations to resources that the caller may read any rows of.

    `fields` may stand in an answer; those that are null on some rows, because the caller may not read them there, are
    not `askable`: what they hold must not be told by which rows are found, or in which order.
    """

    resource: Resource
    fields: Mapping[str, Field]
    askable: Mapping[str, Field]
    relations: Mapping[str, Relation]
    related: Callable[[str], View]


@dataclass(frozen=True, slots=True)
class Path:
    """Names of relations, then of a field; the field is None where the path ends at a relation."""

    relations: tuple[str, ...]
    field: str | None

    def __str__(self) -> str:
        return "__".join((*self.relations, *((self.field,) if self.field else ())))


def view_at(relations: tuple[str, ...], view: View) -> View:
    """Return the view of the resource that a path of relations leads to."""
    for name in relations:
        view = view.related(name)
    return view


def unknown_field(name: str, view: View, parameter: str) -> UnknownField:
    """Return the error for a name that does not exist or that the caller may not ask about: the same for both."""
    return _unknown(name, view, view.askable, parameter)


def unknown_shown(name: str, view: View, parameter: str) -> UnknownField:
    """Return the error for a name that does not exist or that the caller may not read: the same for both."""
    return _unknown(name, view, view.fields, parameter)


def _unknown(name: str, view: View, fields: Mapping[str, Field], parameter: str) -> UnknownField:
    near = nearest(name, (*fields, *view.relations))
    params = {"name": name, "resource": view.resource.name}
    text = UnknownField.text
    if near is not None:
        params["nearest"] = near
        text = Text(text.en + " Did you mean '{nearest}'?", text.zh + "你是指“{nearest}”吗？")
    entry = Entry("unknown", parameter=parameter, params=params, text=text)
    return UnknownField(text, params=params, entries=[entry])


def resolve(written: str, view: View, parameter: str) -> tuple[Path, View, list[str]]:
    """Follow `written` (`artist__label__name__gte`) as far as it names relations and then a field to ask about.

    Returns:
        The path, the view of the resource it ends in, and the pieces that are left (an operator, if any).

    Raises:
        UnknownField: a piece names nothing that the caller may ask about, or more than four relations are crossed.
    """
    return _resolved(written, view, parameter, lambda at: at.askable)


def resolve_shown(written: str, view: View, parameter: str) -> tuple[Path, View, list[str]]:
    """Follow `written` as `resolve` does, to a field that is to be shown."""
    return _resolved(written, view, parameter, lambda at: at.fields)


def _resolved(
    written: str, view: View, parameter: str, fields_of: Callable[[View], Mapping[str, Field]]
) -> tuple[Path, View, list[str]]:
    pieces = written.split("__")
    crossed: list[str] = []
    while pieces and pieces[0] in view.relations:
        crossed.append(pieces.pop(0))
        view = view.related(crossed[-1])
        if len(crossed) > STEPS:
            text = Text("A path crosses at most four relations.", "路径最多跨越四层关系。")
            raise UnknownField(text, entries=[Entry("unknown", parameter=parameter, text=text)])
    if pieces and pieces[0] in fields_of(view):
        return Path(tuple(crossed), pieces.pop(0)), view, pieces
    if crossed and (not pieces or pieces == ["isnull"]):
        return Path(tuple(crossed), None), view, pieces
    raise _unknown(pieces[0], view, fields_of(view), parameter)
