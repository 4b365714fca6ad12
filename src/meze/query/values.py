"""Read the values of query parameters, naming the parameter in every error."""

from __future__ import annotations

import csv
from typing import Any

from meze.errors import BadValue, Entry, Text
from meze.resources.fields import FieldType, parameter_entry

LIST_VALUES = 1000
"""How many values `in` and `not_in` take."""


def bad_value(parameter: str, text: Text, code: str = "bad_format", **params: Any) -> BadValue:
    """Return the 400 for a parameter whose value cannot be used, saying why in `text`."""
    entry = Entry(code, parameter=parameter, params=params, text=text)
    return BadValue(params={"name": parameter}, entries=[entry])


def whole_number(parameter: str, written: str, least: int, most: int) -> int:
    """Read a number that steers the request, such as `limit`."""
    if not (written.isascii() and written.isdigit()) or len(written) > 10:
        raise bad_value(parameter, Text("Must be a whole number.", "必须是整数。"), "wrong_type")
    number = int(written)
    if number < least:
        raise bad_value(parameter, Text("At least {min}.", "不能小于 {min}。"), "too_small", min=least)
    if number > most:
        raise bad_value(parameter, Text("At most {max}.", "不能大于 {max}。"), "too_big", max=most)
    return number


def truth(parameter: str, written: str) -> bool:
    """Read `true` or `false`, and nothing else."""
    if written not in ("true", "false"):
        text = Text("Must be true or false.", "必须是 true 或 false。")
        raise bad_value(parameter, text, "not_one_of", allowed="true, false")
    return written == "true"


def forms(parameter: str, written: str, type_: FieldType) -> tuple[Any, ...]:
    """Read a value that is compared: what is bound, or the least and the greatest form of it where it has several."""
    try:
        return forms_of(type_.parse(written), type_)
    except ValueError as error:
        raise BadValue(params={"name": parameter}, entries=[parameter_entry(error, type_, parameter)]) from None


def forms_of(read: Any, type_: FieldType) -> tuple[Any, ...]:
    """Return the forms of a value that was read: one that is bound, or the least and the greatest."""
    if type_.spellings is not None:
        return type_.spellings(read)
    return (read if type_.store is None else type_.store(read),)


def record(parameter: str, written: str) -> list[str]:
    """Read one CSV record (RFC 4180): `a,"b, c"`."""
    try:
        rows = list(csv.reader([written], strict=True))
    except csv.Error:
        rows = []
    if len(rows) != 1 or not rows[0]:
        text = Text('Must be one CSV record: a,"b, c".', '必须是一条 CSV 记录：a,"b, c"。')
        if written:
            raise bad_value(parameter, text)
        return [""]
    if len(rows[0]) > LIST_VALUES:
        raise bad_value(parameter, Text("At most {max} values.", "最多 {max} 个值。"), "too_long", max=LIST_VALUES)
    return rows[0]
