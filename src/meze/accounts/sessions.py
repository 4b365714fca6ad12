"""Sessions: one for each device that somebody signed in from; begun, continued, listed and ended.

A session is carried by a pair of tokens (a program, an app) or by a cookie (a browser). Its row is kept until the
session would have been over, so that its tokens are told as revoked. Who is behind a token is decided in `callers.py`,
what a refresh token turns into in `rotation.py`.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meze.access.caller import Caller
from meze.accounts.callers import Callers
from meze.accounts.keyring import Keyring
from meze.accounts.moments import written
from meze.accounts.revocations import Revocations
from meze.accounts.rotation import Lifetimes, Pair, Rotation, TokenReused
from meze.accounts.session_statements import (
    BEARER,
    CONFIRM,
    CONFIRMED,
    COOKIE,
    END,
    END_ALL,
    END_OLDEST,
    LARGEST_ID,
    LISTED,
    OWNER_LOCKED,
    REVOKE_KEYS,
    SIGNED_IN_FROM,
)
from meze.accounts.storage import Also, Row, Storage, Work, nothing_else
from meze.accounts.tables import SESSIONS
from meze.accounts.tokens import TokenKind, digest, new_family, new_token, read
from meze.accounts.uses import Uses
from meze.accounts.verified import Verified
from meze.accounts.visitor import Visitor
from meze.errors import BadCredentials, ConfirmationRequired, Problem, TokenRevoked
from meze.settings import Settings

CONFIRMED_SECONDS = 600.0

__all__ = ["CONFIRMED_SECONDS", "CookieSession", "Pair", "Sessions", "TokenReused"]


@dataclass(frozen=True, slots=True, repr=False)
class CookieSession:
    """`token` is the cookie's value, `csrf_token` what unsafe requests send beside it; `expires_at` is seconds."""

    token: str
    csrf_token: str
    expires_at: float


class Sessions:
    """Functions that take `work` take part in the caller's transaction.

    Whoever is revoked in one is forgotten here once it is over. `tell` passes that on to other processes, if there is a
    way that is faster than their next question. `uses` are to be written by somebody, now and then.
    """

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        verified: Verified | None = None,
        tell: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._storage = storage
        self._keyring = keyring
        self._lifetimes = Lifetimes.of(settings)
        self._clock = clock
        self._verified = Verified() if verified is None else verified
        self._tell = tell
        self.uses = Uses(storage)
        revocations = Revocations(storage, self._verified)
        self._callers = Callers(storage, self._verified, revocations, self.uses, self._lifetimes, clock)
        storage.when_revoked(self.forget)

    def caller_of(self, text: str) -> Caller:
        """Return whose access token or API key this is. Raises as `Callers.of_bearer` does."""
        return self._callers.of_bearer(text)

    def caller_of_cookie(self, text: str) -> Caller:
        """Return whose session cookie this is. Raises as `Callers.of_cookie` does."""
        return self._callers.of_cookie(text)

    def start(self, work: Work, user_id: int, visitor: Visitor, method: str) -> Pair:
        """Begin a session that tokens carry. `method` is how the user proved who they are."""
        now, family = self._clock(), new_family()
        access, refresh = new_token(TokenKind.ACCESS, family), new_token(TokenKind.REFRESH, family)
        access_until = self._lifetimes.access_until(now, now + self._lifetimes.whole)
        self._add(
            work,
            visitor,
            now,
            user_id=user_id,
            kind=BEARER,
            method=method,
            family_hash=digest(family),
            access_hash=digest(access),
            access_expires_at=access_until,
            refresh_hash=digest(refresh),
        )
        return Pair(access, refresh, int(access_until - now))

    def start_cookie(self, work: Work, user_id: int, visitor: Visitor, method: str) -> CookieSession:
        """Begin a session that a cookie carries. Its token is good as long as the session is."""
        now, family = self._clock(), new_family()
        token, expires_at = new_token(TokenKind.COOKIE, family), now + self._lifetimes.whole
        self._add(
            work,
            visitor,
            now,
            user_id=user_id,
            kind=COOKIE,
            method=method,
            family_hash=digest(family),
            access_hash=digest(token),
            access_expires_at=expires_at,
        )
        return CookieSession(token, self.csrf_token(token), expires_at)

    def _add(self, work: Work, visitor: Visitor, now: float, **columns: Any) -> None:
        expires_at = now + self._lifetimes.whole
        work.add(
            SESSIONS,
            created_at=now,
            last_used_at=now,
            idle_expires_at=self._lifetimes.idle_until(now, expires_at),
            expires_at=expires_at,
            device=visitor.device,
            address=visitor.address,
            **columns,
        )
        if work.execute(END_OLDEST, of_user=columns["user_id"], now=now):
            work.revoke(columns["user_id"])

    def is_unusual(self, work: Work, user_id: int, visitor: Visitor) -> bool:
        """Say whether a user who signed in before never did so with this device, or never from this network.

        To be asked before the event of this sign-in is written. The audit trail is asked, which outlives sessions.
        """
        before = work.rows(SIGNED_IN_FROM, of_user=user_id)
        devices = {device for device, _ in before}
        networks = {Visitor(address).network for _, address in before}
        return bool(before) and (visitor.device not in devices or visitor.network not in networks)

    def refresh(self, text: str, visitor: Visitor) -> tuple[int, Pair]:
        """Return the user and the next pair.

        Raises:
            BadCredentials: it is no refresh token of ours.
            TokenRevoked: its session is over.
            TokenReused: it is over just now, because the token was used before.
        """
        token = read(text, TokenKind.REFRESH)
        if token is None:
            raise BadCredentials
        rotation = Rotation(self._lifetimes, self._keyring.keys("refresh"), self._clock(), visitor)
        with self._storage.writing() as work:
            outcome = rotation.present(work, token)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome.user_id, outcome.pair

    def listed(self, user_id: int, current: int | None) -> list[dict[str, Any]]:
        """Return the living sessions, the last used first; `current` is the one that asks.

        `expires_at` is when a session ends unless it is used before.
        """
        with self._storage.reading() as work:
            rows = work.rows(LISTED, of_user=user_id, now=self._clock())
        return [
            {
                "id": row[0],
                "kind": row[1],
                "created_at": written(row[2]),
                "last_used_at": written(row[3]),
                "expires_at": written(min(row[4], row[5])),
                "method": row[6],
                "device": row[7],
                "address": row[8],
                "current": row[0] == current,
            }
            for row in rows
        ]

    def end(self, user_id: int, session_id: int, also: Also = nothing_else) -> bool:
        """End one session of a user; False where they have no such session. `also` is done in the same transaction."""
        if not 0 < session_id <= LARGEST_ID:
            return False
        with self._storage.writing() as work:
            ended = bool(work.execute(END, session_id=session_id, of_user=user_id, now=self._clock()))
            if ended:
                work.revoke(user_id)
                also(work)
        return ended

    def end_all(self, work: Work, user_id: int, *, but: int | None = None, keys: bool = False) -> None:
        """End every session of a user but one, and with `keys` every API key."""
        now = self._clock()
        work.revoke(user_id)
        work.execute(END_ALL, of_user=user_id, kept_id=but or 0, now=now)
        if keys:
            work.execute(REVOKE_KEYS, of_user=user_id, now=now)

    def confirm(self, session_id: int, also: Also = nothing_else) -> None:
        """Let a session change what opens the account, for ten minutes."""
        with self._storage.writing() as work:
            work.execute(CONFIRM, session_id=session_id, until=self._clock() + CONFIRMED_SECONDS)
            also(work)

    def confirmed(self, session_id: int) -> bool:
        """Say whether the session may do that just now. It is read anew each time."""
        with self._storage.reading() as work:
            return self._confirmed(work.row(CONFIRMED, session_id=session_id))

    def hold_confirmed(self, work: Work, caller: Caller) -> None:
        """Let nobody end the caller's session, nor change what guards the account, until the transaction ends.

        What `confirmed` said may be over by the time that the change is made.

        Raises:
            TokenRevoked, ConfirmationRequired: it is.
        """
        work.row(OWNER_LOCKED, of_user=caller.id)
        row = None if caller.session is None else work.row(CONFIRMED, session_id=caller.session)
        if row is None:
            raise TokenRevoked
        if not self._confirmed(row):
            raise ConfirmationRequired

    def _confirmed(self, row: Row | None) -> bool:
        # A clock that went back does not make it longer.
        return row is not None and row[0] is not None and 0 < row[0] - self._clock() <= CONFIRMED_SECONDS

    def forget(self, user_id: int) -> None:
        """Ask the database anew who the callers of this user are. Whoever calls `Work.revoke` need not call it."""
        self._verified.forget(user_id)
        self._tell(user_id)

    def csrf_token(self, cookie_text: str) -> str:
        """Return what a page of ours sends beside the cookie; another site can neither read nor make it.

        It is keyed by the cookie itself, which is as secret as any key, so it outlives a change of SECRET_KEY.
        """
        made = hmac.digest(cookie_text.encode(), b"meze csrf", "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")
