"""UUIDs: five groups of hexadecimal digits, in either case on the way in, lower on the way out."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainValidator
from sqlalchemy import Uuid
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import ORDER, FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def _parse(text: str) -> UUID:
    if _UUID.fullmatch(text) is None:
        raise refuse("bad_format")
    return UUID(text)


def _read(value: Any) -> UUID:
    if not isinstance(value, str):
        raise refuse("wrong_type")
    return _parse(value)


def _parse_as_text(text: str) -> str:
    return str(_parse(text))


def _read_as_text(value: Any) -> str:
    return str(_read(value))


def _uuid(sqltype: Uuid[Any], _place: Place) -> FieldType:
    as_text = not sqltype.as_uuid
    return FieldType(
        name="uuid",
        phrase=Text("a UUID", "UUID"),
        schema={"type": "string", "format": "uuid"},
        example="018f3b0c-7f3e-7cc2-9d6b-2f6f0a2f5b1e",
        annotation=Annotated[Any, PlainValidator(_read_as_text if as_text else _read)],
        parse=_parse_as_text if as_text else _parse,
        struct=str if as_text else UUID,
        operators=ORDER,
        freeze=str,
        thaw=str if as_text else UUID,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Uuid)


UUID_KIND = FieldKind("uuid", _matches, _uuid)
