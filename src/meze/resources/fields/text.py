"""Text of any script, stored as it was sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Strict, StringConstraints
from sqlalchemy import CHAR, NCHAR, Enum, String
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import PIECES, FieldKind, FieldType, Place
from meze.resources.fields.refusal import STORABLE, refuse

WITHOUT_NUL = "^[^\\x00]*$"
"""The pattern, in every dialect of regular expressions that reads JSON Schema, of what `storable` lets through."""

_PADDED = Text("text without spaces at its end", "末尾没有空格的文本")


def storable(value: str) -> str:
    """Return `value` if both databases can store it: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    if "\0" in value or not (value.isascii() or _encodes(value)):
        raise refuse("bad_format", expected=STORABLE.en, expected_zh=STORABLE.zh)
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(sqltype: String, place: Place) -> FieldType:
    # PostgreSQL fills CHAR(n) with spaces and does not count those at the end of a value.
    padded = place.database == "postgresql" and isinstance(sqltype, CHAR | NCHAR)
    length = sqltype.length or (1 if padded else None)
    limits = {} if length is None else {"maxLength": length}

    return FieldType(
        name="text",
        phrase=Text("text", "文本"),
        schema={"type": "string", **limits, "pattern": "^[^\\x00]*[^\\x00 ]$|^$" if padded else WITHOUT_NUL},
        example="text"[:length],
        annotation=Annotated[
            str, Strict(), StringConstraints(max_length=length), AfterValidator(_unpadded if padded else storable)
        ],
        # The limit does not hold in a URL: a longer text is a question with no rows for an answer, not a fault.
        parse=_unpadded if padded else storable,
        struct=str,
        operators=PIECES,
        wire=_without_padding if padded else None,
        freeze=_without_padding if padded else str,
    )


def _unpadded(value: str) -> str:
    if value.endswith(" "):
        raise refuse("bad_format", expected=_PADDED.en, expected_zh=_PADDED.zh)
    return storable(value)


def _without_padding(value: str) -> str:
    return value.rstrip(" ")


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, String) and not isinstance(sqltype, Enum)


TEXT = FieldKind("text", _matches, _text)
