"""Mail that is to be sent: written in the transaction of what it tells of, and sent by a thread of its own.

A row says which letter, to whom, and what stands in it; nothing secret waits here. The token of a link is made when the
letter is sent, and made anew at every try. A letter is sent at least once: it is sent twice only where its sending was
cut off after the mail server had taken it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, cast

from sqlalchemy import Double, Integer, LargeBinary, Table, bindparam, delete, or_, select, update

from meze.accounts.storage import Storage, Work
from meze.accounts.tables import OUTBOX, TOKENS, User
from meze.accounts.tokens import TokenKind, digest, new_token
from meze.errors import DeliveryFailed, Problem
from meze.settings import Settings

BATCH = 20
# Longer than one delivery can take with all its timeouts: nobody else may take the letter meanwhile.
LEASE_SECONDS = 180.0
GIVE_UP_SECONDS = 86_400.0
FIRST_RETRY_SECONDS = 60.0
SLOWEST_RETRY_SECONDS = 3_600.0
NOTHING = ""
"""The template of a row that costs what a letter costs, and sends nothing."""
PAGES: dict[TokenKind, str] = {
    TokenKind.REGISTRATION: "verify",
    TokenKind.EMAIL: "verify",
    TokenKind.RESET: "reset",
    TokenKind.INVITATION: "invitation",
}
"""The page below /account that takes a link's token, by what the token opens."""

logger = logging.getLogger(__name__)

_users = cast(Table, User.__table__)
_id = bindparam("of_id", type_=Integer)
_due = OUTBOX.alias("due")
_LEASE = (
    update(OUTBOX)
    .where(
        OUTBOX.c.id
        == select(_due.c.id)
        # What is due later than any delay was put there by a clock that was ahead.
        .where(or_(_due.c.due_at <= bindparam("now", type_=Double), _due.c.due_at > bindparam("latest", type_=Double)))
        .order_by(_due.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    .values(due_at=bindparam("leased_until", type_=Double), attempts=OUTBOX.c.attempts + 1)
    .returning(
        OUTBOX.c.id,
        OUTBOX.c.template,
        OUTBOX.c.user_id,
        OUTBOX.c.token_id,
        OUTBOX.c.address,
        OUTBOX.c.language,
        OUTBOX.c.data,
        OUTBOX.c.created_at,
        OUTBOX.c.attempts,
    )
)
_DELETE = delete(OUTBOX).where(OUTBOX.c.id == _id)
_POSTPONE = update(OUTBOX).where(OUTBOX.c.id == _id).values(due_at=bindparam("retry_at", type_=Double))
_USER = select(_users.c.email, _users.c.email_verified, _users.c.name, _users.c.disabled).where(_users.c.id == _id)
_good = (TOKENS.c.id == _id, TOKENS.c.used_at.is_(None), TOKENS.c.expires_at > bindparam("now", type_=Double))
_TOKEN = select(TOKENS.c.kind, TOKENS.c.expires_at).where(*_good)
_KEEP_HASH = update(TOKENS).where(*_good).values(hash=bindparam("new_hash", type_=LargeBinary))


class Post(Protocol):
    """What sends a letter: `meze.mail`."""

    def send(self, to: str, template: str, language: str, values: Mapping[str, Any]) -> None:
        """Raises DeliveryFailed."""
        ...


class _Row(NamedTuple):
    """A row of the outbox that is ours to send for a while."""

    id: int
    template: str
    user_id: int | None
    token_id: int | None
    address: str | None
    language: str
    data: dict[str, Any]
    created_at: float
    attempts: int


@dataclass(frozen=True, slots=True, repr=False)
class _Envelope:
    """A letter that is ready to go; `values` may hold a link."""

    to: str
    values: dict[str, Any]


class Outbox:
    """Links lead to MEZE_PUBLIC_URL or, while developing without one, to this machine; never where a request says."""

    def __init__(
        self, storage: Storage, post: Post, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._storage = storage
        self._post = post
        self._public_url = settings.public_url or f"http://127.0.0.1:{settings.port}"
        self._clock = clock
        self._filled: Callable[[], None] = lambda: None

    def when_filled(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever there is mail that should leave at once."""
        self._filled = call

    def wake(self) -> None:
        """Say, after the commit, that mail was put here."""
        self._filled()

    def put(
        self,
        work: Work,
        template: str,
        language: str,
        *,
        user_id: int | None = None,
        token_id: int | None = None,
        address: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Write that a letter is to be sent, to the user's own address unless another is given.

        `token_id` is the row of `meze_tokens` that its link stands for. `data` may hold `address`, `device` and
        `key_name`, and nothing secret.
        """
        now = self._clock()
        work.add(
            OUTBOX,
            template=template,
            user_id=user_id,
            token_id=token_id,
            address=address,
            language=language,
            data=dict(data or {}),
            created_at=now,
            due_at=now,
        )

    def put_nothing(self, work: Work, language: str) -> None:
        """Do what `put` does for a letter that nobody gets, so that the time tells nothing of who has an account."""
        self.put(work, NOTHING, language)

    def deliver_due(self) -> int:
        """Send what is due, at most BATCH letters, and return how many were dealt with.

        Several threads and processes may do so at once. Raises Unavailable where the database is away.
        """
        for done in range(BATCH):
            row = self._lease()
            if row is None:
                return done
            self._deliver(row)
        return BATCH

    def _lease(self) -> _Row | None:
        now = self._clock()
        with self._storage.writing() as work:
            found = work.row(_LEASE, now=now, leased_until=now + LEASE_SECONDS, latest=now + SLOWEST_RETRY_SECONDS)
        return None if found is None else _Row(*found)

    def _deliver(self, row: _Row) -> None:
        try:
            envelope = self._prepare(row)
            if envelope is not None:
                self._post.send(envelope.to, row.template, row.language, envelope.values)
        except Problem:  # of the database: the row is tried again when the lease ends
            raise
        except DeliveryFailed as failure:
            self._failed(row, str(failure), permanent=failure.permanent)
        except Exception as error:  # its words might hold the address or the link
            self._failed(row, type(error).__name__, permanent=False)
        else:
            self._drop(row)

    def _prepare(self, row: _Row) -> _Envelope | None:
        """Look up who gets the letter and make its link; None where it is not to be sent after all."""
        if row.template == NOTHING:
            return None
        with self._storage.writing() as work:
            user = None if row.user_id is None else work.row(_USER, of_id=row.user_id)
            if row.user_id is not None and user is None:
                return None
            email, verified, name, disabled = user or (None, False, None, False)
            to = row.address or email
            if to is None or (disabled and row.token_id is not None):
                return None
            values = {
                "public_url": self._public_url,
                # Whoever registers with somebody else's address must not choose what that person reads.
                "name": name if verified and row.address is None else None,
                "email": to,
                "at": f"{datetime.fromtimestamp(row.created_at, UTC):%Y-%m-%d %H:%M} UTC",
                "address": row.data.get("address"),
                "device": row.data.get("device"),
                "key_name": row.data.get("key_name"),
            }
            if row.token_id is not None:
                link = self._link(work, row.token_id)
                if link is None:
                    return None
                values |= link
        return _Envelope(to, values)

    def _link(self, work: Work, token_id: int) -> dict[str, Any] | None:
        """Make the token of a link, in the place of the one before it; None where the link is no longer good."""
        now = self._clock()
        found = work.row(_TOKEN, of_id=token_id, now=now)
        if found is None:
            return None
        kind, expires_at = TokenKind(found[0]), found[1]
        token = new_token(kind)
        if not work.execute(_KEEP_HASH, of_id=token_id, now=now, new_hash=digest(token)):
            return None
        return {
            "link": f"{self._public_url}/account/{PAGES[kind]}#token={token}",
            "valid_minutes": max(1, round((expires_at - now) / 60)),
        }

    def _failed(self, row: _Row, reason: str, *, permanent: bool) -> None:
        """Try again after 1, 2, 4 … minutes, up to an hour; give up after a day, or at once where it is no use."""
        now = self._clock()
        if permanent or now - row.created_at >= GIVE_UP_SECONDS:
            logger.error("Mail %s to user %s was given up: %s", row.template, row.user_id, reason)
            self._drop(row)
            return
        pause = min(FIRST_RETRY_SECONDS * 2.0 ** min(row.attempts - 1, 10), SLOWEST_RETRY_SECONDS)
        logger.warning(
            "Mail %s to user %s is tried again in %d minutes: %s", row.template, row.user_id, pause / 60, reason
        )
        with self._storage.writing() as work:
            work.execute(_POSTPONE, of_id=row.id, retry_at=now + pause)

    def _drop(self, row: _Row) -> None:
        with self._storage.writing() as work:
            work.execute(_DELETE, of_id=row.id)
