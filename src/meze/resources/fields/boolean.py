"""True and false."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Strict
from sqlalchemy import Boolean
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import EQUALITY, FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse


def parse_boolean(text: str) -> bool:
    """Read `true` or `false`, and nothing else."""
    if text in ("true", "false"):
        return text == "true"
    raise refuse("bad_format")


def _boolean(_sqltype: Boolean, _place: Place) -> FieldType:
    return FieldType(
        name="boolean",
        phrase=Text("true or false", "true 或 false"),
        schema={"type": "boolean"},
        example=True,
        annotation=Annotated[bool, Strict()],
        parse=parse_boolean,
        struct=bool,
        operators=EQUALITY,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, Boolean)


BOOLEAN = FieldKind("boolean", _matches, _boolean)
