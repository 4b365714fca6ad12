"""JSON columns: one value of any shape, replaced whole. JSON's null is SQL's NULL."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from pydantic import PlainValidator
from sqlalchemy import JSON, null
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse
from meze.resources.fields.text import storable

DEEPEST = 64
"""How deep objects and arrays may be nested; far less than any reader of ours or of the databases gives up at."""


def _read(value: Any, depth: int = 0) -> Any:
    """Return what both databases store of a JSON value: numbers as doubles, storable text, bounded depth."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Decimal | float):
        number = float(value)
        if not math.isfinite(number):
            raise refuse("bad_format")
        return number
    if depth == DEEPEST:
        raise refuse(
            "bad_format", expected=f"JSON at most {DEEPEST} deep", expected_zh=f"嵌套不超过 {DEEPEST} 层的 JSON"
        )
    if isinstance(value, list):
        return [_read(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {storable(name): _read(each, depth + 1) for name, each in value.items()}
    raise refuse("wrong_type")


def _parse(_text: str) -> Any:
    """Nothing filters by a JSON value; its one operator, `isnull`, has a boolean operand."""
    raise refuse("bad_format")


def _wire(value: Any) -> Any:
    """Write at once what is written fast; another program's lone surrogates and NaN are mended on the slow way."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except (UnicodeEncodeError, OverflowError):
        return msgspec.Raw(json.dumps(_mended(value), ensure_ascii=True).encode())


def _mended(value: Any) -> Any:
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _store(value: Any) -> Any:
    """SQLAlchemy writes None into a JSON column as JSON's null, which `IS NULL` does not find."""
    return null() if value is None else value


def _json(_sqltype: JSON, place: Place) -> FieldType:
    return FieldType(
        name="json",
        phrase=Text("JSON", "JSON"),
        schema={"type": ["object", "array", "string", "number", "boolean"]},
        example={"key": ["value", 1]},
        annotation=Annotated[Any, PlainValidator(_read)],
        parse=_parse,
        struct=msgspec.Raw,
        operators=frozenset({"isnull"}),
        sortable=False,
        wire=_wire,
        store=None if place.decorated else _store,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, JSON)


JSON_KIND = FieldKind("json", _matches, _json)
