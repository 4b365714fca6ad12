"""Check the body of a write: which fields it may set, and to what. Finds every fault at once, and touches no database.

Comes out as a Change: values by field name, of the Python types that SQLAlchemy's column types take.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from meze.access.caller import Caller
from meze.errors import ENTRIES_SHOWN, Entry, Invalid, Text
from meze.query.view import View
from meze.resources.fields import entry_for
from meze.resources.resource import Field, Resource, nearest

LONGEST_NAME = 100
"""How much of an unknown name is compared with the known ones."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a body says. `values` may be written; `closed` were sent though they are not the client's to set, and are
    allowed only where they equal what the row has. `unsure` are the faults of fields of which the row decides whether
    the client may set them: where it may not, nothing was to be said of them."""

    values: dict[str, Any] = field(default_factory=dict)
    closed: dict[str, Any] = field(default_factory=dict)
    unsure: dict[str, Entry] = field(default_factory=dict)

    def without(self, names: Collection[str]) -> Draft:
        """Return what is left to be written where these are not."""
        return Draft({name: value for name, value in self.values.items() if name not in names})


class Opened(NamedTuple):
    """The fields that a client may set here, by name, and the names of those that a new row cannot do without."""

    fields: Mapping[str, Field]
    required: frozenset[str]


class Checker:
    """Checks bodies against one resource's fields.

    `writable` are the fields that field rules let the caller write, on some rows at least; `sometimes` those of them of
    which the row decides.
    """

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._create_only = resource.create_only
        adapters = {name: TypeAdapter(each.type.annotation) for name, each in resource.fields.items()}
        self._validate = {name: adapter.validator.validate_python for name, adapter in adapters.items()}
        self._opened: dict[tuple[frozenset[str], bool], Opened] = {}

    def create(
        self,
        body: Mapping[str, Any],
        view: View,
        writable: frozenset[str],
        caller: Caller,
        shown: int = ENTRIES_SHOWN,
    ) -> Draft:
        """Check the body of a create. Of its faults, `shown` will be listed.

        Raises:
            Invalid: with an entry for every fault.
        """
        draft, entries = self._read(body, view, writable, creating=True, shown=shown)
        for name, sent in draft.closed.items():
            owned = self.resource.owner is not None and self.resource.owner.name == name
            if not owned or sent != caller.id:
                entries.append(Entry("closed", pointer=pointer(name)))
        opened = self._open(writable, creating=True)
        if not opened.required <= body.keys():
            missing = (name for name in opened.fields if name in opened.required and name not in body)
            entries += [Entry("required", pointer=pointer(name)) for name in missing]
        return _sound(draft, entries)

    def columns(self, names: Sequence[str], view: View, writable: frozenset[str], *, whole: bool) -> list[Entry]:
        """Return what is wrong with the columns of a file: unknown ones and, if its rows are `whole`, missing ones."""
        opened = self._open(writable, creating=True).fields
        entries = [self._unknown(name, view) for name in names if name not in opened and name not in view.fields]
        if whole:
            entries += [
                Entry("required", pointer=pointer(each.name))
                for each in opened.values()
                if each.required and each.name not in names
            ]
        return entries

    def closed(self, writable: frozenset[str]) -> frozenset[str]:
        """Return the names of the fields that are never this client's to set."""
        return frozenset(self.resource.fields).difference(self._open(writable, creating=True).fields)

    def patch(
        self,
        body: Mapping[str, Any],
        view: View,
        writable: frozenset[str],
        sometimes: Collection[str] = (),
        shown: int = ENTRIES_SHOWN,
    ) -> Draft:
        """Check a merge patch (RFC 7396); what it leaves out stays."""
        return _sound(*self._read(body, view, writable, sometimes, creating=False, shown=shown))

    def key(self, body: Mapping[str, Any]) -> tuple[list[Any], list[Entry]]:
        """Return the parts of the key that a body carries, as far as they are sound, and what is wrong with them."""
        values: list[Any] = []
        entries: list[Entry] = []
        for part in self.resource.key:
            sent = body.get(part.name)
            if sent is None:
                entries.append(Entry("required", pointer=pointer(part.name)))
                continue
            try:
                values.append(_stored(part, self._validate[part.name](sent)))
            except ValidationError as error:
                entries.append(entry_for(error.errors(include_url=False)[0], part.type, pointer(part.name)))
        return values, entries

    def differing(self, body: Mapping[str, Any], key: list[Any]) -> list[Field]:
        """Return the parts of the key that a body carries with a sound value other than that in `key`."""
        found = []
        for part, value in zip(self.resource.key, key, strict=True):
            if body.get(part.name) is None:
                continue
            try:
                sent = _stored(part, self._validate[part.name](body[part.name]))
            except ValidationError:
                continue
            if sent != value:
                found.append(part)
        return found

    def put(
        self, body: Mapping[str, Any], view: View, writable: frozenset[str], sometimes: Collection[str] = ()
    ) -> tuple[Draft, tuple[Field, ...]]:
        """Check a replacement. Also returns the fields that are to take their default, or NULL, since none was sent."""
        draft, entries = self._read(body, view, writable, sometimes, creating=False)
        absent = [each for name, each in self._open(writable, creating=False).fields.items() if name not in body]
        for each in absent:
            if each.required:
                _required(each.name, draft, entries, sometimes)
        return _sound(draft, entries), tuple(each for each in absent if each.name not in draft.unsure)

    def _read(
        self,
        body: Mapping[str, Any],
        view: View,
        writable: frozenset[str],
        sometimes: Collection[str] = (),
        *,
        creating: bool,
        shown: int = ENTRIES_SHOWN,
    ) -> tuple[Draft, list[Entry]]:
        draft = Draft()
        entries: list[Entry] = []
        open_names = self._open(writable, creating=creating).fields
        for name, sent in body.items():
            each = self.resource.fields.get(name)
            if each is None or (name not in open_names and name not in view.fields):
                # Beyond what is listed nobody reads a suggestion, and finding one takes time.
                entries.append(self._unknown(name, view if len(entries) < shown else None))
                continue
            place = draft.values if name in open_names else draft.closed
            if sent is None:
                if not each.nullable and name in open_names:
                    _required(name, draft, entries, sometimes)
                    place = draft.closed if name in draft.unsure else place
                place[name] = _stored(each, None) if place is draft.values else None
                continue
            try:
                place[name] = _stored(each, self._validate[name](sent))
            except ValidationError as error:
                if name in open_names:
                    entries.append(entry_for(error.errors(include_url=False)[0], each.type, pointer(name)))
                else:
                    entries.append(Entry("closed", pointer=pointer(name)))
        return draft, entries

    def _open(self, writable: frozenset[str], *, creating: bool) -> Opened:
        """Return what a client may set here, as far as field rules let this one."""
        opened = self._opened.get((writable, creating))
        if opened is None:
            owner = self.resource.owner
            fields = {
                name: each
                for name, each in self.resource.fields.items()
                if name in writable
                and not each.generated
                and each is not owner
                and (not each.key or (creating and self.resource.chosen_key))
                and (creating or name not in self._create_only)
            }
            required = frozenset(name for name, each in fields.items() if each.required)
            self._opened[writable, creating] = opened = Opened(fields, required)
        return opened

    def _unknown(self, name: str, view: View | None) -> Entry:
        near = None if view is None else nearest(name[:LONGEST_NAME], view.fields)
        if near is None:
            return Entry("unknown", pointer=pointer(name))
        text = Text("There is no such field. Did you mean '{nearest}'?", "没有这个字段。你是指“{nearest}”吗？")
        return Entry("unknown", pointer=pointer(name), params={"nearest": near}, text=text)


def _required(name: str, draft: Draft, entries: list[Entry], sometimes: Collection[str]) -> None:
    """Note that a field must have a value, if it is the client's to set."""
    entry = Entry("required", pointer=pointer(name))
    if name in sometimes:
        draft.unsure[name] = entry
    else:
        entries.append(entry)


def _stored(each: Field, value: Any) -> Any:
    return value if each.type.store is None else each.type.store(value)


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of a member of the body; what cannot be written in UTF-8 is replaced."""
    name = name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _sound(draft: Draft, entries: list[Entry]) -> Draft:
    if entries:
        raise Invalid(entries)
    return draft
