"""PostgreSQL's arrays of scalars: JSON arrays of one dimension, whose items may be null."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Strict, TypeAdapter
from sqlalchemy import ARRAY
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import FieldKind, FieldType, Place, Unservable
from meze.resources.fields.refusal import refuse


def _array(sqltype: ARRAY[Any], place: Place) -> FieldType:
    if place.database != "postgresql":
        raise Unservable(f"is {sqltype!r}, which only PostgreSQL has", "Use JSON, or a table of its own for the items.")
    item = place.make(sqltype.item_type, place)
    if (sqltype.dimensions or 1) > 1 or not item.sortable:
        raise Unservable(f"is {sqltype!r}, and arrays hold scalars in one dimension here", "Use JSON (JSONB).")
    items: Any = item.annotation | None
    annotation: Any = Annotated[list[items], Strict()]
    return FieldType(
        name="array",
        phrase=Text(f"a list, each item {item.phrase.en}", f"列表，每一项是{item.phrase.zh}"),
        schema=_of(item.schema),
        body_schema=None if item.body_schema is None else _of(item.body_schema),
        example=[item.example],
        annotation=annotation,
        parse=_parser(TypeAdapter(annotation)),
        struct=list[Any],
        operators=frozenset({"eq", "ne", "isnull"}),
        sortable=False,
        wire=_each(item.wire),
        store=None if item.store is None else _each_or_none(item.store),
    )


def _of(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"anyOf": [items, {"type": "null"}]}}


def _parser(adapter: TypeAdapter[Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        """Read a JSON array; a fault in an item is a fault of the whole."""
        try:
            return adapter.validate_python(json.loads(text, parse_float=Decimal))
        except (ValueError, RecursionError):
            raise refuse("bad_format") from None

    return parse


def _each(wire: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Write the items. A row may hold more dimensions than the column says: PostgreSQL does not look."""

    def write(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [write(each) for each in value]
        return value if wire is None or value is None else wire(value)

    return write


def _each_or_none(store: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def each(value: list[Any] | None) -> list[Any] | None:
        return None if value is None else [store(item) for item in value]

    return each


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, ARRAY)


ARRAY_KIND = FieldKind("array", _matches, _array)
