"""Tokens: what they look like, what is stored of them, and what follows one. No database.

    meze_access_<family><secret><checksum>

A token says what it is for, so that one kind is never taken for another, and ends in a checksum, so that a scanner for
leaked secrets can tell it from chance and a mistyped one is refused without a question to the database. 256 bits of it
are secret. Tokens of a session begin with the 128 bits of their family, by which the session of an old one is known.
Only SHA-256 of a token is stored: 256 bits of chance need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FAMILY_DIGITS = 22  # base 62 needs 22 digits for 128 bits, 43 for 256, 6 for 32
_SECRET_DIGITS = 43
_CHECK_DIGITS = 6
LONGEST = 100


class TokenKind(Enum):
    """What a token opens; the value stands in it."""

    ACCESS = "access"
    REFRESH = "refresh"
    COOKIE = "cookie"
    KEY = "key"
    MFA = "mfa"
    RESET = "reset"
    EMAIL = "email"
    REGISTRATION = "registration"
    INVITATION = "invitation"
    FIRST_ADMIN = "admin"

    @property
    def has_family(self) -> bool:
        return self in (TokenKind.ACCESS, TokenKind.REFRESH, TokenKind.COOKIE)


class Token(NamedTuple):
    """A token that was read. `text` is the whole of it; `family` is empty where its kind has none."""

    kind: TokenKind
    family: str
    text: str

    @property
    def hash(self) -> bytes:
        return digest(self.text)

    @property
    def family_hash(self) -> bytes:
        return digest(self.family)

    def __repr__(self) -> str:
        return f"Token({self.kind.value})"


def new_family() -> str:
    """Return 128 bits of chance."""
    return _written(secrets.randbits(128), _FAMILY_DIGITS)


def new_token(kind: TokenKind, family: str = "") -> str:
    """Return a token of 256 bits of chance, in a family where the kind has one."""
    return _put_together(kind, family, secrets.randbits(256))


def successor(presented: Token, kind: TokenKind, key: bytes) -> str:
    """Return the one token of `kind` that follows a presented refresh token: the same at every retry.

    It is an HMAC, so nothing needs to be stored to repeat it, and whoever knows the old one cannot make it.
    """
    message = f"{kind.value}:{presented.text}".encode()
    return _put_together(kind, presented.family, int.from_bytes(hmac.digest(key, message, "sha256"), "big"))


def read(text: str, *kinds: TokenKind) -> Token | None:
    """Return a token that is well formed and one of `kinds`, else None. Whether it is good, the database knows."""
    if len(text) > LONGEST:
        return None
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-_CHECK_DIGITS]) != text[-_CHECK_DIGITS:]:
        return None
    kind = TokenKind(found["kind"])
    if kind not in kinds or len(found["rest"]) != (_FAMILY_DIGITS if kind.has_family else 0) + _SECRET_DIGITS:
        return None
    return Token(kind, found["rest"][:_FAMILY_DIGITS] if kind.has_family else "", text)


def digest(text: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode()).digest()


def same(stored: bytes | None, presented: bytes) -> bool:
    """Compare two hashes without telling by the time how far they agree."""
    return stored is not None and hmac.compare_digest(stored, presented)


def one_of(candidates: Sequence[str], stored: bytes) -> str | None:
    """Return the token whose hash is stored, None where it is none of them."""
    return next((each for each in candidates if same(stored, digest(each))), None)


_FORM = re.compile(
    rf"meze_(?P<kind>{'|'.join(kind.value for kind in TokenKind)})_(?P<rest>[0-9A-Za-z]+)[0-9A-Za-z]{{{_CHECK_DIGITS}}}"
)


def _put_together(kind: TokenKind, family: str, secret: int) -> str:
    text = f"meze_{kind.value}_{family}{_written(secret, _SECRET_DIGITS)}"
    return text + _checksum(text)


def _checksum(text: str) -> str:
    return _written(zlib.crc32(text.encode()), _CHECK_DIGITS)


def _written(number: int, digits: int) -> str:
    written = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        written.append(_DIGITS[digit])
    return "".join(reversed(written))
