"""JSON Schema of single values: in answers, in bodies and in URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from meze.openapi.description import Json
from meze.query.condition import PIECE_CHARACTERS
from meze.query.operators import Operand, Operator
from meze.query.values import LIST_VALUES
from meze.resources.fields import FieldType
from meze.resources.resource import Field

BOOLEAN: Json = {"type": "boolean"}
_PLAIN_CELL = r'[^",\r\n\x00][^,\r\n\x00]*'
_CELL = rf'(?:{_PLAIN_CELL}|"(?:[^"\x00]|"")*")?'
"""One value of a CSV record (RFC 4180): as it is, or in quotes."""

_WRITTEN: Mapping[str, str] = {
    "integer": "-?[0-9]+",
    "boolean": "(?:true|false)",
    "float": r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "binary": "[A-Za-z0-9+/]+={0,2}",
}
"""How a value is written in a URL, where its kind has one pattern."""


def nullable(schema: Mapping[str, Any]) -> Json:
    """Return the schema with null let through."""
    if "type" not in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]} if "anyOf" in schema else dict(schema)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    changed = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def answered(each: Field) -> Json:
    """Return the schema of a field's value in an answer. Some kinds write what JSON does not have as null."""
    may_be_null = each.nullable or each.type.name == "json" or type(None) in get_args(each.type.struct)
    return nullable(each.type.schema) if may_be_null else dict(each.type.schema)


def sent(each: Field) -> Json:
    """Return the schema of a field's value in a body."""
    schema = each.type.body_schema or each.type.schema
    return nullable(schema) if each.nullable else dict(schema)


def asked(type_: FieldType) -> Json:
    """Return the schema of a value in a URL. The length of a column does not bound what may be asked."""
    schema = {name: value for name, value in type_.schema.items() if name != "maxLength" or type_.name == "decimal"}
    return schema | {"minLength": 1} if type_.name == "binary" else schema


def operand(operator: Operator, type_: FieldType) -> Json:
    """Return how an operator's operand is described as a parameter: its schema, and its style where it is a list."""
    if operator.operand is Operand.FLAG:
        return {"schema": BOOLEAN}
    if operator.operand is Operand.MANY:
        return {"style": "form", "explode": False, "schema": _list_of(_cell(type_))}
    if type_.name == "array":
        return {"content": {"application/json": {"schema": dict(type_.schema)}}}
    return {"schema": asked(type_)}


def operand_text(operator: Operator, type_: FieldType) -> Json:
    """Return the schema of an operand inside an object of parameters, where a list has no style and is one text."""
    if operator.operand is Operand.FLAG:
        return BOOLEAN
    if operator.operand is Operand.MANY:
        one = _CELL if type_.name == "text" else written(type_)
        return {"type": "string", "pattern": f"^{one}(?:,{one}){{0,{LIST_VALUES - 1}}}$"}
    if type_.name == "array":
        return {"type": "string", "contentMediaType": "application/json"}
    return asked(type_)


def operand_json(operator: Operator, type_: FieldType) -> Json:
    """Return the schema of an operand in a body, where a value is as in the body of a write, of any length."""
    if operator.operand is Operand.FLAG:
        return BOOLEAN
    if operator.prepare is not None:
        return {"type": "string", "maxLength": PIECE_CHARACTERS}
    schema = dict(type_.body_schema or type_.schema)
    if type_.name == "text":
        schema.pop("maxLength", None)
    return _list_of(schema) if operator.operand is Operand.MANY else schema


def written(type_: FieldType) -> str:
    """Return the pattern, without anchors, of a value as a URL spells it; of a text it is that of anything."""
    if type_.name in _WRITTEN:
        return _WRITTEN[type_.name]
    if type_.name == "enum":
        return f"(?:{'|'.join(_literal(cell(value)) for value in type_.schema['enum'])})"
    if type_.name != "text" and "pattern" in type_.schema:
        return f"(?:{type_.schema['pattern'].removeprefix('^').removesuffix('$')})"
    return "[^,]+"


def cell(value: Any) -> str:
    """Return a value as it stands in a CSV record."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text


def _cell(type_: FieldType) -> Json:
    if type_.name == "enum":
        return {"enum": [cell(value) if isinstance(value, str) else value for value in type_.schema["enum"]]}
    return {"type": "string", "pattern": f"^{_CELL}$"} if type_.name == "text" else asked(type_)


def _literal(text: str) -> str:
    """Return the pattern of a text, escaping only what every dialect of regular expressions lets be escaped."""
    return re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", text)


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": LIST_VALUES}
