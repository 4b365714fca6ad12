"""What a client is told when the database refuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from meze.databases import Fault, FaultKind
from meze.errors import (
    AlreadyExists,
    Entry,
    Invalid,
    Problem,
    StillReferenced,
    StorageFull,
    Text,
    TooExpensive,
    Unavailable,
)
from meze.records.check import pointer
from meze.resources.resource import Resource


def problem_of(fault: Fault, resource: Resource | None, named: Collection[str], referring: str | None) -> Problem:
    """Return the answer for a fault: the field where it is known, never the constraint's name.

    `named` are the fields that the caller may know of, `referring` the resource that still points at the row, if known.
    `resource` is None where a whole transaction was refused, not one of its writes.
    """
    names = [] if resource is None else [name for name in _names(fault.columns, resource) if name in named]
    match fault.kind:
        case FaultKind.UNIQUE:
            return AlreadyExists(entries=[Entry("already_exists", pointer=pointer(name)) for name in names])
        case FaultKind.FOREIGN_KEY:
            return Invalid(_at(names, "no_such_row"))
        case FaultKind.STILL_REFERENCED:
            text = Text("Rows of {resource} still point at this one.", "{resource} 中仍有行引用这一行。")
            return StillReferenced(text, params={"resource": referring}) if referring else StillReferenced()
        case FaultKind.NOT_NULL:
            return Invalid(_at(names, "required"))
        case FaultKind.CHECK | FaultKind.BAD_DATA:
            text = Text("The database does not accept this value.", "数据库不接受此值。")
            return Invalid(_at(names, "bad_format", text))
        case FaultKind.TOO_SLOW:
            return TooExpensive(Text("This took longer than one statement may.", "此请求超过了单条语句的时限。"))
        case FaultKind.FULL:
            return StorageFull()
        case FaultKind.BUSY | FaultKind.GONE:
            return Unavailable(retry_after_seconds=1)


def _names(columns: Iterable[str], resource: Resource) -> list[str]:
    by_column = {each.column.name: name for name, each in resource.fields.items()}
    return [by_column[column] for column in columns if column in by_column]


def _at(names: Iterable[str], code: str, text: Text | None = None) -> list[Entry]:
    """Return an entry for each field, or one for the whole body where the database does not say which."""
    return [Entry(code, pointer=pointer(name), text=text) for name in names] or [Entry(code, pointer="", text=text)]
