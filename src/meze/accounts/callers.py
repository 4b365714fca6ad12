"""Tell who is calling by the token that was sent.

Three answers refuse: `bad_credentials` to what is no token of ours, `token_revoked` to one whose session or key is
over for whatever reason, and `token_expired` to an access token alone, of a session that lives. A client that refreshes
at the third and signs in again at the others never goes round in circles. A database that is away is none of them: 503.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from meze.access.caller import ADMIN, Caller
from meze.accounts.revocations import Revocations
from meze.accounts.rotation import Lifetimes
from meze.accounts.session_statements import (
    BEARER,
    COOKIE,
    COOKIE_USED,
    KEY,
    KEY_USED,
    SESSION,
    SESSION_USED,
    Person,
    SessionRow,
    key_row,
    session_row,
)
from meze.accounts.storage import Storage
from meze.accounts.tokens import LONGEST, Token, TokenKind, digest, read, same
from meze.accounts.uses import Use, Uses
from meze.accounts.verified import READ_AGAIN_SECONDS, Verified
from meze.errors import BadCredentials, TokenExpired, TokenRevoked

USE_SECONDS = 60.0
"""How exactly the last use is known; writing it at every request would make each read a write."""
_NOTE_SECONDS = USE_SECONDS - READ_AGAIN_SECONDS
"""How old the last use is when it is noted again: until its token is read again, nobody notices that it is used."""

_BEARER_KINDS = (TokenKind.ACCESS, TokenKind.KEY)
_COOKIE_KINDS = (TokenKind.COOKIE,)


class _Found(NamedTuple):
    """What the database said. `use` is this one; `extends_until` is when a session ends that lives on by being used."""

    caller: Caller
    user_id: int
    good_until: float
    last_used_at: float | None
    use: Use
    extends_until: float = float("inf")


class Callers:
    """`verified` is what is known already, `revocations` what it is heard by; last uses are noted in `uses`."""

    def __init__(
        self,
        storage: Storage,
        verified: Verified,
        revocations: Revocations,
        uses: Uses,
        lifetimes: Lifetimes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._verified = verified
        self._revocations = revocations
        self._uses = uses
        self._lifetimes = lifetimes
        self._clock = clock

    def of_bearer(self, text: str) -> Caller:
        """Return whose access token or API key this is.

        Raises:
            BadCredentials, TokenExpired, TokenRevoked: nobody's.
            Unavailable: the database cannot be asked.
        """
        return self._of(text, _BEARER_KINDS)

    def of_cookie(self, text: str) -> Caller:
        """Return whose session cookie this is. Raises as `of_bearer` does, but never TokenExpired."""
        return self._of(text, _COOKIE_KINDS)

    def _of(self, text: str, kinds: tuple[TokenKind, ...]) -> Caller:
        if len(text) > LONGEST or not text.isascii():
            raise BadCredentials
        hashed, now = digest(text), self._clock()
        known = self._verified.find(hashed, now)
        if known is not None and known.kind in kinds:
            return known.caller
        token = read(text, *kinds)
        if token is None:
            raise BadCredentials
        self._revocations.catch_up()
        known = self._verified.find_trusted(hashed, now)
        if known is not None:
            return known.caller
        reading = self._verified.begin()
        found = self._key(hashed, now) if token.kind is TokenKind.KEY else self._session(token, hashed, now)
        self._verified.keep(hashed, found.caller, token.kind, found.user_id, found.good_until, reading)
        self._note(found, now)
        return found.caller

    def _session(self, token: Token, hashed: bytes, now: float) -> _Found:
        rows = self._storage.all(SESSION, family=token.family_hash)
        if not rows:
            raise BadCredentials
        session = session_row(rows[0])
        if session.kind != (COOKIE if token.kind is TokenKind.COOKIE else BEARER):
            raise BadCredentials
        if not session.lives(now):
            raise TokenRevoked
        until = _good_until(session, hashed)
        if until is None and session.kind == COOKIE:
            raise BadCredentials  # a cookie is never rotated, so this one was made up
        if until is None or now >= until:
            raise TokenExpired
        caller = Caller(
            id=session.user_id,
            email=_proved(session.person),
            name=session.person.name,
            roles=frozenset(session.person.roles),
            credentials=True,
            session=session.id,
        )
        good_until = min(until, session.idle_expires_at, session.expires_at)
        binds = _use_binds(now, session_id=session.id)
        if session.kind == BEARER:
            return _Found(caller, session.user_id, good_until, session.last_used_at, Use(SESSION_USED, binds))
        binds["idle_until"] = self._lifetimes.idle_until(now, session.expires_at)
        use, extends_until = Use(COOKIE_USED, binds), session.idle_expires_at
        return _Found(caller, session.user_id, good_until, session.last_used_at, use, extends_until)

    def _key(self, hashed: bytes, now: float) -> _Found:
        rows = self._storage.all(KEY, presented=hashed)
        if not rows:
            raise BadCredentials
        key = key_row(rows[0])
        if not key.lives(now):
            raise TokenRevoked
        scopes = frozenset(key.scopes)
        roles = frozenset(key.person.roles)
        caller = Caller(
            id=key.user_id,
            email=_proved(key.person),
            name=key.person.name,
            roles=roles if ADMIN in scopes else roles - {ADMIN},
            credentials=True,
            key=key.id,
            scopes=scopes,
        )
        good_until = float("inf") if key.expires_at is None else key.expires_at
        return _Found(caller, key.user_id, good_until, key.last_used_at, Use(KEY_USED, _use_binds(now, key_id=key.id)))

    def _note(self, found: _Found, now: float) -> None:
        """Note the use, if the last one that is known is not recent."""
        last = found.last_used_at
        if last is not None and abs(now - last) < _NOTE_SECONDS:
            return
        if found.extends_until - now < USE_SECONDS:
            # It would be over before the note is written, in another process at least.
            self._uses.write_now(found.use)
        else:
            self._uses.note(found.use)


def _use_binds(now: float, **row: int) -> dict[str, float]:
    return {"now": now, "earliest": now - _NOTE_SECONDS, "latest": now + _NOTE_SECONDS, **row}


def _good_until(session: SessionRow, hashed: bytes) -> float | None:
    """Return until when a token of the session is good, None where it is not one of the two that may be."""
    if same(session.access_hash, hashed):
        return session.access_expires_at
    if same(session.previous_access_hash, hashed):
        return session.previous_access_expires_at
    return None


def _proved(person: Person) -> str | None:
    return person.email if person.email_verified else None
