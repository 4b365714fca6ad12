"""Sign-ins that wait for a second factor, each found by its `mfa_token`.

The token has five minutes and five attempts. It is the token that is locked, never the account: who knows no password
gets no token, and so cannot lock anybody out.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Double, Integer, LargeBinary, bindparam, update

from meze.accounts.storage import Work
from meze.accounts.tables import TOKENS
from meze.accounts.tokens import TokenKind, digest, new_token, read

SECONDS = 5 * 60
ATTEMPTS = 5

_NOW = bindparam("now", type_=Double)
_ATTEMPT = (
    update(TOKENS)
    .where(
        TOKENS.c.hash == bindparam("presented", type_=LargeBinary),
        TOKENS.c.kind == TokenKind.MFA.value,
        TOKENS.c.attempts < ATTEMPTS,
        TOKENS.c.used_at.is_(None),
        TOKENS.c.expires_at > _NOW,
    )
    .values(attempts=TOKENS.c.attempts + 1)
    .returning(TOKENS.c.id, TOKENS.c.user_id, TOKENS.c.attempts)
)
_FINISH = (
    update(TOKENS)
    .where(
        TOKENS.c.id == bindparam("token_id", type_=Integer),
        TOKENS.c.used_at.is_(None),
        TOKENS.c.expires_at > _NOW,
    )
    .values(used_at=_NOW)
)


class PendingSignIn(NamedTuple):
    """A sign-in whose first proof was right, with one of its attempts taken."""

    token_id: int
    user_id: int
    attempts: int

    @property
    def last(self) -> bool:
        """Whether this was the last attempt that the token takes."""
        return self.attempts >= ATTEMPTS


def begin(work: Work, user_id: int, now: float) -> str:
    """Return a new token, which says that its user's first proof was right and opens nothing else."""
    text = new_token(TokenKind.MFA)
    work.add(
        TOKENS,
        kind=TokenKind.MFA.value,
        user_id=user_id,
        hash=digest(text),
        data={},
        created_at=now,
        expires_at=now + SECONDS,
    )
    return text


def attempt(work: Work, mfa_token: str, now: float) -> PendingSignIn | None:
    """Take one of the token's attempts; None where it is unknown, over, locked or used.

    To be committed before the code is looked at: an answer that comes out wrong, or never comes, counts too.
    """
    token = read(mfa_token, TokenKind.MFA)
    row = None if token is None else work.row(_ATTEMPT, presented=token.hash, now=now)
    return None if row is None else PendingSignIn(*row)


def finish(work: Work, pending: PendingSignIn, now: float) -> bool:
    """Use the token up. Of two parallel right answers, one is True."""
    return work.execute(_FINISH, token_id=pending.token_id, now=now) == 1
