"""Cursors: where the next page begins, sealed so that a client can neither read nor change it.

A cursor holds the sort values of the last row that was sent, encrypted and authenticated (AES-GCM, RFC 5116) with a key
that is derived from SECRET_KEY for this purpose alone. What it belongs to (resource, filter, sort) is authenticated
with it, so it opens nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meze.errors import BadCursor, Entry, Text

_NONCE_BYTES = 12
_encode = json.JSONEncoder(separators=(",", ":")).encode
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Position:
    """`values` are frozen sort values (JSON), one for each sort key; empty at the start of a list.

    `scope` is `(resource, relation, key...)` where the list is what one row's relation leads to.
    """

    values: tuple[Any, ...]
    scope: tuple[Any, ...] | None = None


class CursorSeal:
    """Seals and opens cursors with a secret; old secrets still open what they sealed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._ciphers = [AESGCM(_derived(secret)) for secret in secrets]

    def seal(self, position: Position, binding: bytes) -> str:
        """Return the cursor as text that is safe in a URL."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = _encode([position.values, position.scope]).encode()
        return _written(nonce + self._ciphers[0].encrypt(nonce, plain, binding))

    def open(self, cursor: str, binding: bytes) -> Position:
        """Return what the cursor holds.

        Raises:
            BadCursor: it was altered, sealed by another server's secret, or made for another query.
        """
        try:
            if len(cursor) > _LONGEST:
                raise ValueError("longer than any cursor of ours")
            sealed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            if _written(sealed) != cursor:
                raise ValueError("spelt in another way than ours")
        except (ValueError, binascii.Error):
            raise bad_cursor() from None
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], binding)
            except (InvalidTag, ValueError):
                continue
            values, scope = json.loads(plain)
            return Position(tuple(values), tuple(scope) if scope is not None else None)
        raise bad_cursor()


def _written(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def bad_cursor() -> BadCursor:
    return BadCursor(
        entries=[
            Entry("bad_format", parameter="cursor", text=Text("Not a cursor of this query.", "不是这个查询的游标。"))
        ]
    )


def _derived(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"meze cursor").derive(secret.encode())
