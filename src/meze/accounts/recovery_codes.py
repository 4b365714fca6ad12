"""Recovery codes: ten for each second factor, each good once, for who has lost the authenticator.

    4k2m-9x7q-0ghj-tvw3

A code is 80 bits of chance in Crockford's base 32, which has no letters that look like digits. SHA-256 over the user's
id and the code is stored. 80 bits need no slow hash, the id keeps one guess from being tried on every account at once,
and no key is in it, so that the codes survive when SECRET_KEY is changed: a keyed hash could not be made anew.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from sqlalchemy import Double, Integer, LargeBinary, bindparam, delete, func, select, update

from meze.accounts.storage import Work
from meze.accounts.tables import RECOVERY_CODES

COUNT = 10
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 16
_GROUP = 4
_CODE = re.compile(f"[{_DIGITS}]{{{_LENGTH}}}")
_IGNORED = re.compile(r"[\s\-]+")
_LOOKS_LIKE = str.maketrans("ilo", "110")

_OF_USER = RECOVERY_CODES.c.user_id == bindparam("of_user", type_=Integer)
_FORGET = delete(RECOVERY_CODES).where(_OF_USER)
_USE = (
    update(RECOVERY_CODES)
    .where(
        _OF_USER,
        RECOVERY_CODES.c.hash == bindparam("presented", type_=LargeBinary),
        RECOVERY_CODES.c.used_at.is_(None),
    )
    .values(used_at=bindparam("now", type_=Double))
)
_LEFT = select(func.count()).select_from(RECOVERY_CODES).where(_OF_USER, RECOVERY_CODES.c.used_at.is_(None))


def replace(work: Work, user_id: int) -> list[str]:
    """Void the user's codes and return ten new ones, which are shown once and never again."""
    work.execute(_FORGET, of_user=user_id)
    codes = [_new_code() for _ in range(COUNT)]
    for code in codes:
        work.add(RECOVERY_CODES, user_id=user_id, hash=_hash(user_id, code))
    return [_written(code) for code in codes]


def forget(work: Work, user_id: int) -> None:
    work.execute(_FORGET, of_user=user_id)


def read_code(text: str) -> str | None:
    """Return the code that was typed, or None where it is none. Letter case, blanks and hyphens do not matter."""
    code = _IGNORED.sub("", text).lower().translate(_LOOKS_LIKE)
    return code if _CODE.fullmatch(code) else None


def use(work: Work, user_id: int, code: str, now: float) -> bool:
    """Use up a code as `read_code` gives it. Of two parallel uses of one code, one is True."""
    return work.execute(_USE, of_user=user_id, presented=_hash(user_id, code), now=now) == 1


def left(work: Work, user_id: int) -> int:
    """Return how many of the user's codes were not used."""
    return int(work.rows(_LEFT, of_user=user_id)[0][0])


def _new_code() -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(_LENGTH))


def _written(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def _hash(user_id: int, code: str) -> bytes:
    return hashlib.sha256(f"{user_id}:{code}".encode()).digest()
