"""One of a fixed set: written by value, whatever the column stores."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import Enum
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import EQUALITY, FieldKind, FieldType, Place, Unservable
from meze.resources.fields.refusal import refuse

_KINDS = {str: "string", int: "integer"}


def _enum(sqltype: Enum, _place: Place) -> FieldType:
    members = _members(sqltype)
    listed = [value for _, value in members]
    allowed = ", ".join(map(str, listed))
    by_text = {str(value): members[kind, value] for kind, value in members}
    kinds = sorted({_KINDS[kind] for kind, _ in members}, reverse=True)
    if not members or len(by_text) < len(members):
        raise Unservable("is an Enum whose values cannot be told apart as text", "Give each member its own value.")

    def read(value: Any) -> Any:
        # By type and value, since True == 1 and Decimal(1) == 1.
        if type(value) not in _KINDS:
            raise refuse(
                "wrong_type" if value is None or isinstance(value, dict | list) else "not_one_of", allowed=allowed
            )
        try:
            return members[type(value), value]
        except KeyError:
            raise refuse("not_one_of", allowed=allowed) from None

    def parse(text: str) -> Any:
        try:
            return by_text[text]
        except KeyError:
            raise refuse("not_one_of", allowed=allowed) from None

    by_member = {member: value for (_, value), member in members.items()}
    return FieldType(
        name="enum",
        phrase=Text(f"one of: {allowed}", f"以下之一：{allowed}"),
        schema={"type": kinds[0] if len(kinds) == 1 else kinds, "enum": listed},
        example=listed[0],
        annotation=Annotated[Any, PlainValidator(read)],
        parse=parse,
        struct=str | int,
        operators=EQUALITY,
        wire=attrgetter("value") if sqltype.enum_class else None,
        freeze=by_member.__getitem__,
        thaw=lambda value: members[type(value), value],
    )


def _members(sqltype: Enum) -> Mapping[tuple[type, Any], Any]:
    """Return what the column holds by the type and value that JSON has for it."""
    if sqltype.enum_class is None:
        return {(str, name): name for name in sqltype.enums}
    values = {(type(member.value), member.value): member for member in sqltype.enum_class}
    odd = next((value for kind, value in values if kind not in _KINDS), None)
    if odd is not None:
        raise Unservable(
            f"is an Enum with the value {odd!r}, which JSON and URLs cannot write",
            "Give the members of the enum texts or whole numbers as values.",
        )
    return values


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Enum)


ENUM = FieldKind("enum", _matches, _enum)
