"""Read a body of JSON (RFC 8259), refusing what readers are known to disagree about.

Duplicate keys, NaN and a byte order mark are refused; numbers with a point are read as Decimal, so that nothing is lost
before a field's own type is asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from meze.errors import BadRequest, Entry, Invalid, Text, UnsupportedMediaType
from meze.web.messages import JSON, Request

MERGE_PATCH = "application/merge-patch+json"


def json_object(request: Request, accepted: Sequence[str] = (JSON,)) -> dict[str, Any]:
    """Return the body, which must be a JSON object of one of the `accepted` media types.

    Raises:
        UnsupportedMediaType: it says that it is something else; with `Accept-Patch` on PATCH, `Accept-Query` on QUERY.
        BadRequest: it is not JSON in UTF-8.
        Invalid: it is JSON, but not an object.
    """
    return object_of(json_value(request, accepted))


def json_value(request: Request, accepted: Sequence[str] = (JSON,)) -> Any:
    """Return the body, which must be JSON of one of the `accepted` media types.

    Raises:
        UnsupportedMediaType, BadRequest: as `json_object` does.
    """
    if request.part is not None:
        return request.part()
    _check_type(request, accepted)
    return parsed(request.read())


def object_of(value: Any) -> dict[str, Any]:
    """Return a body that must be an object.

    Raises:
        Invalid: it is none.
    """
    if not isinstance(value, dict):
        text = Text("The body must be a JSON object.", "正文必须是一个 JSON 对象。")
        raise Invalid([Entry("wrong_type", pointer="", text=text)])
    return value


def parsed(body: bytes) -> Any:
    """Return the value that `body` holds.

    Raises:
        BadRequest: it is not JSON, or in a form that two readers may understand differently.
    """
    if not body:
        raise _malformed("The body is empty.", "正文为空。")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("The body is not UTF-8.", "正文不是 UTF-8 编码。") from None
    if text.startswith("\ufeff"):
        raise _malformed("The body begins with a byte order mark.", "正文以字节顺序标记（BOM）开头。")
    try:
        return _decode(text)
    except RecursionError:
        raise _malformed("The body is nested too deeply.", "正文嵌套过深。") from None
    except ValueError:
        raise _malformed("The body is not valid JSON.", "正文不是合法的 JSON。") from None


def _check_type(request: Request, accepted: Sequence[str]) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type in accepted:
        return
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charsets = [piece.partition("=")[2].strip('"') for piece in parameters if piece.startswith("charset=")]
    if name in accepted and all(charset in ("utf-8", "utf8") for charset in charsets):
        return
    telling = {"PATCH": "Accept-Patch", "QUERY": "Accept-Query"}.get(request.method)
    headers = {} if telling is None else {telling: ", ".join(accepted)}
    raise UnsupportedMediaType(params={"accepted": ", ".join(accepted)}, headers=headers)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("An object in the body holds a key twice.", "正文中的对象含有重复的键。")
    return found


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent of a billion digits
        raise _malformed("A number in the body is too large.", "正文中的数字过大。") from None


def _constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not JSON.", f"{name} 不是 JSON。")


def _malformed(en: str, zh: str) -> BadRequest:
    return BadRequest(Text(en, zh))


# Made once: json.loads would make a decoder for each body.
_decode = json.JSONDecoder(object_pairs_hook=_object, parse_float=_decimal, parse_constant=_constant).decode
