"""Bytes: base64 (RFC 4648 §4) with padding, in its one canonical spelling."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import PlainValidator
from sqlalchemy import BINARY, VARBINARY, LargeBinary
from sqlalchemy.types import TypeEngine

from meze.errors import Text
from meze.resources.fields.field_type import EQUALITY, FieldKind, FieldType, Place
from meze.resources.fields.refusal import refuse


def _decode(text: str) -> bytes:
    try:
        value = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise refuse("bad_format") from None
    # The last character may carry bits that mean nothing; two spellings of the same bytes are one too many.
    if binascii.b2a_base64(value, newline=False).decode("ascii") != text:
        raise refuse("bad_format")
    return value


def _reader(length: int | None) -> Callable[[Any], bytes]:
    def read(value: Any) -> bytes:
        if not isinstance(value, str):
            raise refuse("wrong_type")
        decoded = _decode(value)
        if length is not None and len(decoded) > length:
            raise refuse("too_long", Text("At most {max} bytes.", "最多 {max} 字节。"), max=length)
        return decoded

    return read


def _parse(text: str) -> bytes:
    if not text:
        raise refuse("bad_format")
    return _decode(text)


def _binary(sqltype: Any, _place: Place) -> FieldType:
    length = sqltype.length
    limits = {} if length is None else {"maxLength": (length + 2) // 3 * 4}
    return FieldType(
        name="binary",
        phrase=Text("bytes in base64", "base64 编码的字节"),
        schema={"type": "string", "contentEncoding": "base64", "format": "byte", **limits},
        example="TWV6ZQ=="[: limits.get("maxLength")],
        annotation=Annotated[bytes, PlainValidator(_reader(length))],
        parse=_parse,
        struct=bytes,
        operators=EQUALITY,
        sortable=False,
    )


def _matches(sqltype: TypeEngine[Any]) -> bool:
    return isinstance(sqltype, LargeBinary | BINARY | VARBINARY)


BINARY_KIND = FieldKind("binary", _matches, _binary)
