"""Say what is wrong with one value, in the words of the contract.

A kind refuses with `refuse`; pydantic's own faults are translated by the table below. Both end as an Entry, for a place
in a body (`entry_for`) or for a parameter (`parameter_entry`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails, PydanticCustomError

from meze.errors import ENTRY_TEXTS, Entry, Text
from meze.resources.fields.field_type import FieldType

SOMETHING = Text("a value of another kind", "其他类型的值")
STORABLE = Text("text without NUL characters and lone surrogates", "不含 NUL 字符和孤立代理项的文本")

_CODES: dict[str, str] = {
    "missing": "required",
    "missing_argument": "required",
    "extra_forbidden": "unknown",
    "unexpected_keyword_argument": "unknown",
    "frozen_field": "closed",
    "string_too_long": "too_long",
    "bytes_too_long": "too_long",
    "string_too_short": "too_short",
    "bytes_too_short": "too_short",
    "less_than": "too_big",
    "less_than_equal": "too_big",
    "decimal_max_digits": "too_big",
    "decimal_whole_digits": "too_big",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "string_unicode": "bad_format",
    "string_pattern_mismatch": "bad_format",
    "finite_number": "bad_format",
    "decimal_max_places": "bad_format",
    "multiple_of": "bad_format",
    "value_error": "bad_format",
    "assertion_error": "bad_format",
}
"""pydantic's error types by the contract's codes, as far as their names do not tell (see `_code`)."""

_LIMITS = {
    "too_long": ("max", ("max_length",)),
    "too_short": ("min", ("min_length",)),
    "too_big": ("max", ("le", "lt", "max_digits", "whole_digits")),
    "too_small": ("min", ("ge", "gt")),
    "not_one_of": ("allowed", ("expected",)),
}


def refuse(code: str, text: Text | None = None, **params: Any) -> PydanticCustomError:
    """Return the error that refuses a value with the contract's `code`; `text` stands in for the code's own sentence.

    It is a ValueError, so `parse` may raise it as well as a validator.
    """
    return PydanticCustomError(code, "{code}", {"code": code, "text": text, "params": params})


def entry_for(error: ErrorDetails, field_type: FieldType | None, pointer: str) -> Entry:
    """Return the entry for one of pydantic's errors, met at `pointer` in a body.

    `field_type` is that of the field, None where the fault is not in a field's value (an unknown name, say).
    """
    code, params, text = _read(error["type"], error.get("ctx", {}), error["msg"], field_type)
    return Entry(code, pointer=pointer, params=params, text=text)


def parameter_entry(error: ValueError, field_type: FieldType, parameter: str) -> Entry:
    """Return the entry for what `parse` raised on the text of a query parameter."""
    if isinstance(error, PydanticCustomError):
        code, params, text = _read(error.type, error.context or {}, "", field_type)
    else:
        code, params, text = _read("value_error", {}, "", field_type)
    return Entry(code, parameter=parameter, params=params, text=text)


def _read(
    kind: str, context: Mapping[str, Any], message: str, field_type: FieldType | None
) -> tuple[str, dict[str, Any], Text | None]:
    if "params" in context and kind in ENTRY_TEXTS:
        code, params, text = kind, dict(context["params"]), context["text"]
    else:
        code, text = _code(kind), None
        params = _params(code, context)
    if text is not None:
        return code, params, text
    if kind == "string_unicode":
        params.setdefault("expected", STORABLE.en)
        params.setdefault("expected_zh", STORABLE.zh)
    if "{expected}" in ENTRY_TEXTS[code].en and "expected" not in params:
        if field_type is None and message:
            return code, params, Text(message, message)
        phrase = field_type.phrase if field_type is not None else SOMETHING
        params |= {"expected": phrase.en, "expected_zh": phrase.zh}
    if code in _LIMITS and _LIMITS[code][0] not in params:
        return code, params, Text(message, message)
    return code, params, None


def _code(kind: str) -> str:
    """Return the contract's code. What neither table nor name tells is a value of the wrong type."""
    if kind in ENTRY_TEXTS and kind not in ("too_long", "too_short"):
        return kind
    if kind in _CODES:
        return _CODES[kind]
    if kind.endswith(("too_long", "too_short")):
        return "too_long" if kind.endswith("too_long") else "too_short"
    return "wrong_type" if kind.endswith(("_type", "_instance_of")) else "bad_format"


def _params(code: str, context: Mapping[str, Any]) -> dict[str, Any]:
    if code not in _LIMITS:
        return {}
    name, sources = _LIMITS[code]
    limit = next((context[source] for source in sources if source in context), None)
    return {} if limit is None else {name: limit if isinstance(limit, str | int | float) else str(limit)}
