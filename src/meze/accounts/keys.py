"""API keys: for programs that call in somebody's name, each with scopes and, if wanted, an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from meze.access.scopes import scope_faults
from meze.accounts.moments import written
from meze.accounts.session_statements import KEYS_LISTED, LARGEST_ID, OWNER_LOCKED, REVOKE_KEY
from meze.accounts.storage import Also, Storage, nothing_else
from meze.accounts.tables import KEYS
from meze.accounts.tokens import TokenKind, digest, new_token
from meze.errors import Entry, Forbidden, Invalid, Text, TokenRevoked

LONGEST_NAME = 100
MOST_SCOPES = 100
MOST_KEYS = 100
_HINT = len("meze_key_") + 4
_LATEST = 253_402_300_799.0
"""The end of the year 9999, the last moment that can be written."""

_TOO_MANY_KEYS = Text("At most {max} API keys; revoke one first.", "最多 {max} 个 API 密钥，请先吊销一个。")
_TOO_MANY_SCOPES = Text("At most {max} scopes.", "最多 {max} 个权限范围。")
_NO_SCOPE = Text("Give at least one scope.", "请至少给出一个权限范围。")
_UNKNOWN_SCOPE = Text(
    "There is no scope '{scope}': use read, write, admin or <resource>:<action>.",
    "没有权限范围“{scope}”：请使用 read、write、admin 或 <资源>:<操作>。",
)
_MEANT_SCOPE = Text(
    "There is no scope '{scope}'. Did you mean '{nearest}'?", "没有权限范围“{scope}”。你是指“{nearest}”吗？"
)


class Keys:
    """`resource_names` are those that scopes may name."""

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], float] = time.time,
        *,
        resource_names: Collection[str],
    ) -> None:
        self._storage = storage
        self._resource_names = frozenset(resource_names)
        self._clock = clock

    def create(
        self,
        user_id: int,
        name: str,
        scopes: Sequence[str],
        expires_at: float | None = None,
        also: Also = nothing_else,
    ) -> tuple[dict[str, Any], str]:
        """Make a key and return it as it is listed, with the secret, which is never shown again.

        `expires_at` is seconds since 1970; `also` is done in the same transaction.

        Raises:
            Invalid: at `/name`, `/scopes` or `/expires_at`.
            Forbidden: there are as many keys as one user may have.
        """
        now = self._clock()
        faults = [*_name_faults(name), *self._scope_faults(scopes), *_expiry_faults(expires_at, now)]
        if faults:
            raise Invalid(faults)
        kept = sorted(set(scopes))
        secret = new_token(TokenKind.KEY)
        with self._storage.writing() as work:
            if work.row(OWNER_LOCKED, of_user=user_id) is None:
                raise TokenRevoked  # the account was deleted while it asked
            if len(work.rows(KEYS_LISTED, of_user=user_id, now=now)) >= MOST_KEYS:
                raise Forbidden(_TOO_MANY_KEYS, params={"max": MOST_KEYS})
            key_id = work.add_one(
                KEYS,
                user_id=user_id,
                name=name,
                hash=digest(secret),
                hint=secret[:_HINT],
                scopes=kept,
                created_at=now,
                expires_at=expires_at,
            )
            also(work)
        return _shown((key_id, name, secret[:_HINT], kept, now, expires_at, None)), secret

    def listed(self, user_id: int) -> list[dict[str, Any]]:
        """Return the living keys, the oldest first; `hint` is how each begins."""
        with self._storage.reading() as work:
            return [_shown(row) for row in work.rows(KEYS_LISTED, of_user=user_id, now=self._clock())]

    def revoke(self, user_id: int, key_id: int, also: Also = nothing_else) -> bool:
        """End one key of a user; False where they have no such key. `also` is done in the same transaction."""
        if not 0 < key_id <= LARGEST_ID:
            return False
        with self._storage.writing() as work:
            revoked = bool(work.execute(REVOKE_KEY, key_id=key_id, of_user=user_id, now=self._clock()))
            if revoked:
                work.revoke(user_id)
                also(work)
        return revoked

    def _scope_faults(self, scopes: Sequence[str]) -> Iterator[Entry]:
        if not scopes:
            yield Entry("too_short", pointer="/scopes", params={"min": 1}, text=_NO_SCOPE)
        elif len(scopes) > MOST_SCOPES:
            yield Entry("too_long", pointer="/scopes", params={"max": MOST_SCOPES}, text=_TOO_MANY_SCOPES)
        else:
            for fault in scope_faults(scopes, self._resource_names):
                text = _UNKNOWN_SCOPE if fault.nearest is None else _MEANT_SCOPE
                params = {"scope": fault.scope, "nearest": fault.nearest}
                yield Entry("not_one_of", pointer=f"/scopes/{fault.place}", params=params, text=text)


def _name_faults(name: str) -> Iterator[Entry]:
    if not name.strip():
        yield Entry("too_short", pointer="/name", params={"min": 1})
    elif len(name) > LONGEST_NAME:
        yield Entry("too_long", pointer="/name", params={"max": LONGEST_NAME})
    elif not name.isprintable():
        params = {"expected": "one line of printable text", "expected_zh": "一行可打印的文本"}
        yield Entry("bad_format", pointer="/name", params=params)


def _expiry_faults(expires_at: float | None, now: float) -> Iterator[Entry]:
    if expires_at is not None and expires_at > _LATEST:
        yield Entry("too_big", pointer="/expires_at", params={"max": written(_LATEST)})
    elif expires_at is not None and expires_at <= now:
        yield Entry("too_small", pointer="/expires_at", params={"min": written(now)})


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    key_id, name, hint, scopes, created_at, expires_at, last_used_at = row
    return {
        "id": key_id,
        "name": name,
        "hint": hint,
        "scopes": scopes,
        "created_at": written(created_at),
        "expires_at": None if expires_at is None else written(expires_at),
        "last_used_at": None if last_used_at is None else written(last_used_at),
    }
