"""What is good once: the links in mail, invitations, and the first admin's.

A row says what a link stands for. Its token is made when the letter is sent, so that none waits in an outbox; only its
hash is stored.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Double, Integer, LargeBinary, String, bindparam, delete, select, update

from meze.accounts.addresses import canonical
from meze.accounts.storage import Work
from meze.accounts.tables import TOKENS
from meze.accounts.tokens import Token, TokenKind, read
from meze.errors import Entry, Invalid, Text

LIFETIMES: dict[TokenKind, float] = {
    TokenKind.RESET: 30 * 60.0,
    TokenKind.EMAIL: 86_400.0,
    TokenKind.REGISTRATION: 86_400.0,
    TokenKind.INVITATION: 7 * 86_400.0,
    TokenKind.FIRST_ADMIN: 3_600.0,
}
"""How long each kind of link is good, in seconds."""

NEVER_AGAIN = Text(
    "This link was used, is too old, or was replaced by a newer one. Ask for a new one.",
    "此链接已被使用、已过期或已被更新的链接取代，请重新申请。",
)

_GOOD = (
    TOKENS.c.hash == bindparam("of_hash", type_=LargeBinary),
    TOKENS.c.kind == bindparam("of_kind", type_=String),
    TOKENS.c.used_at.is_(None),
    TOKENS.c.expires_at > bindparam("now", type_=Double),
)
_READ = (TOKENS.c.id, TOKENS.c.user_id, TOKENS.c.data)
_USE = update(TOKENS).where(*_GOOD).values(used_at=bindparam("now", type_=Double)).returning(*_READ)
_LOOK = select(*_READ).where(*_GOOD)
_OF_KIND = TOKENS.c.kind == bindparam("of_kind", type_=String)
_VOID_OF_USER = delete(TOKENS).where(TOKENS.c.user_id == bindparam("of_user", type_=Integer), _OF_KIND)
_VOID_OF_EMAIL = delete(TOKENS).where(TOKENS.c.email_canonical == bindparam("canonical", type_=String), _OF_KIND)
_HELD = (
    select(TOKENS.c.id)
    .where(TOKENS.c.email_canonical == bindparam("canonical", type_=String), _OF_KIND)
    .order_by(TOKENS.c.id)
    .with_for_update()
)
_LATEST = (
    select(*_READ)
    .where(
        TOKENS.c.email_canonical == bindparam("canonical", type_=String),
        _OF_KIND,
        TOKENS.c.used_at.is_(None),
        TOKENS.c.expires_at > bindparam("now", type_=Double),
    )
    .order_by(TOKENS.c.id.desc())
    .limit(1)
)


class Link(NamedTuple):
    """What a link stands for. `data` may hold the hash of a password, and is not to be shown."""

    id: int
    user_id: int | None
    data: dict[str, Any]

    def __repr__(self) -> str:
        return f"Link({self.id})"


def bad_token() -> Invalid:
    """Return the one answer to every token of a link that is not good."""
    return Invalid([Entry("no_such_row", pointer="/token", text=NEVER_AGAIN)])


def expected(text: str, *kinds: TokenKind) -> Token:
    """Return the token that a client sent. Raises Invalid at `/token` where it is none of `kinds`."""
    token = read(text, *kinds)
    if token is None:
        raise bad_token()
    return token


def use(work: Work, token: Token, now: float) -> Link:
    """Use a link up. Of two uses at once one succeeds. Raises Invalid at `/token`."""
    return _found(work.row(_USE, of_hash=token.hash, of_kind=token.kind.value, now=now))


def look(work: Work, token: Token, now: float) -> Link:
    """Return what a link stands for, and leave it as good as it is. Raises Invalid at `/token`."""
    return _found(work.row(_LOOK, of_hash=token.hash, of_kind=token.kind.value, now=now))


def latest(work: Work, kind: TokenKind, email: str, now: float) -> Link | None:
    """Return the newest good link of a kind for an address that has no account."""
    row = work.row(_LATEST, canonical=canonical(email), of_kind=kind.value, now=now)
    return None if row is None else Link(*row)


def keep(
    work: Work,
    kind: TokenKind,
    now: float,
    *,
    user_id: int | None = None,
    email: str | None = None,
    data: dict[str, Any] | None = None,
    token: str | None = None,
    seconds: float | None = None,
) -> int:
    """Keep what a link will stand for and return its id. Its token is made when it is sent, unless it is given."""
    return work.add_one(
        TOKENS,
        kind=kind.value,
        user_id=user_id,
        email_canonical=None if email is None else canonical(email),
        hash=None if token is None else Token(kind, "", token).hash,
        data=data or {},
        created_at=now,
        expires_at=now + (LIFETIMES[kind] if seconds is None else seconds),
    )


def hold(work: Work, kind: TokenKind, email: str) -> None:
    """Let nobody else use a link of a kind for an address that has no account, until the transaction ends."""
    work.rows(_HELD, canonical=canonical(email), of_kind=kind.value)


def void(work: Work, kind: TokenKind, user_id: int | None) -> None:
    """Make every link of a kind that a user was sent worthless."""
    work.execute(_VOID_OF_USER, of_user=-1 if user_id is None else user_id, of_kind=kind.value)


def void_of_email(work: Work, kind: TokenKind, email: str) -> None:
    """Make every link of a kind that went to an address without an account worthless."""
    work.execute(_VOID_OF_EMAIL, canonical=canonical(email), of_kind=kind.value)


def _found(row: tuple[Any, ...] | None) -> Link:
    if row is None:
        raise bad_token()
    return Link(*row)
