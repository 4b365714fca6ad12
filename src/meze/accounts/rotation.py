"""Turn a refresh token into the next pair; tell a lost answer from a stolen token.

A client whose answer was lost sends the same token again: within ten seconds it gets the same pair. A token that comes
back later, or that is older, is in two hands, and nobody can say whose: the session ends for both (RFC 9700 §4.14.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meze.accounts.session_statements import BEARER, END, ROTATE, SESSION_LOCKED, SessionRow, session_row
from meze.accounts.storage import Work
from meze.accounts.tokens import Token, TokenKind, digest, one_of, same, successor
from meze.accounts.visitor import Visitor
from meze.errors import BadCredentials, Problem, TokenRevoked
from meze.settings import Settings

GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """`expires_in` is how many seconds the access token is good."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True, repr=False)
class Rotated:
    user_id: int
    pair: Pair


class TokenReused(TokenRevoked):
    """A refresh token came back after it was used, so that its session was ended. The client is told no more."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        super().__init__()


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """In seconds: of an access token, of a session that is not used, and of any session."""

    access: float
    idle: float
    whole: float

    @classmethod
    def of(cls, settings: Settings) -> Lifetimes:
        return cls(
            settings.access_token_minutes * 60, settings.session_idle_days * 86400, settings.session_days * 86400
        )

    def idle_until(self, now: float, expires_at: float) -> float:
        return min(now + self.idle, expires_at)

    def access_until(self, now: float, expires_at: float) -> float:
        """No access token outlives its session: a client whose token is over may always try to refresh."""
        return min(now + self.access, self.idle_until(now, expires_at))


@dataclass(frozen=True, slots=True, repr=False)
class Rotation:
    """Presents one refresh token, in one transaction. `keys` are those that successors are made with, today's first."""

    lifetimes: Lifetimes
    keys: Sequence[bytes]
    now: float
    visitor: Visitor

    def present(self, work: Work, token: Token) -> Rotated | Problem:
        """Rotate, repeat or end the session of `token`.

        A problem is returned, to be raised once the transaction is committed: what was ended stays ended.
        """
        row = work.row(SESSION_LOCKED, family=token.family_hash)
        if row is None or (session := session_row(row)).kind != BEARER:
            return BadCredentials()
        if not session.lives(self.now):
            return TokenRevoked()
        if same(session.refresh_hash, token.hash):
            return self._rotated(work, session, token)
        if same(session.previous_refresh_hash, token.hash) and self._in_grace(session):
            return self._repeated(session, token)
        work.execute(END, session_id=session.id, of_user=session.user_id, now=self.now)
        work.revoke(session.user_id)
        return TokenReused(session.user_id)

    def _in_grace(self, session: SessionRow) -> bool:
        # A clock that went back makes the rotation seem to come; it was just now all the same.
        return session.rotated_at is not None and self.now - session.rotated_at <= GRACE_SECONDS

    def _rotated(self, work: Work, session: SessionRow, token: Token) -> Rotated:
        access = successor(token, TokenKind.ACCESS, self.keys[0])
        refresh = successor(token, TokenKind.REFRESH, self.keys[0])
        until = self.lifetimes.access_until(self.now, session.expires_at)
        if session.previous_access_expires_at is not None and self.now < session.previous_access_expires_at:
            work.revoke(session.user_id)  # the access token before the last one ends before its time
        work.execute(
            ROTATE,
            session_id=session.id,
            access=digest(access),
            access_until=until,
            refresh=digest(refresh),
            now=self.now,
            idle_until=self.lifetimes.idle_until(self.now, session.expires_at),
            by_device=self.visitor.device,
            by_address=self.visitor.address,
        )
        return Rotated(session.user_id, Pair(access, refresh, int(until - self.now)))

    def _repeated(self, session: SessionRow, token: Token) -> Rotated | Problem:
        access = one_of([successor(token, TokenKind.ACCESS, key) for key in self.keys], session.access_hash)
        refresh = one_of([successor(token, TokenKind.REFRESH, key) for key in self.keys], session.refresh_hash or b"")
        if access is None or refresh is None:
            # Made with a secret that this process does not know: SECRET_KEY is being changed. It is no theft.
            return BadCredentials()
        return Rotated(session.user_id, Pair(access, refresh, max(0, int(session.access_expires_at - self.now))))
