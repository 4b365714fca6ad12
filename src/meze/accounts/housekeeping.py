"""Delete what has had its time, in small pieces, on one host at a time.

Nothing depends on it being done in time: whatever has expired is refused whether or not it is still there.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, cast

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    DateTime,
    Double,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql import ClauseElement

from meze.accounts.storage import Storage
from meze.accounts.tables import COUNTERS, FACTORS, FACTS, KEYS, OUTBOX, REVOCATIONS, SESSIONS, TOKENS, AccountEvent

BATCH = 500
LEASE_SECONDS = 600.0
HOUR = 3_600.0
DAY = 86_400.0

_FACT = "housekeeper"
EVENTS_DAYS = 400
"""How long the audit trail goes back."""
NOBODYS_EVENTS_DAYS = 30
"""How long attempts to get into accounts that do not exist stay in it."""

_MOMENT = DateTime(timezone=True)
_events = cast(Table, AccountEvent.__table__)
_now = bindparam("now", type_=Double)
_newest_revocation = select(func.max(REVOCATIONS.alias().c.number)).scalar_subquery()
_until = FACTS.c.value["until"].as_float()


class _Chore(NamedTuple):
    name: str
    clause: ClauseElement


def _chore(name: str, key: Column[object], due: ColumnElement[bool]) -> _Chore:
    """Delete a piece of what is due. Rows that somebody else holds just now wait for the next time."""
    table = key.table
    assert isinstance(table, Table)
    piece = select(key).where(due).limit(BATCH).with_for_update(skip_locked=True)
    return _Chore(name, delete(table).where(key.in_(piece)))


CHORES: tuple[_Chore, ...] = (
    _chore("sessions", SESSIONS.c.id, or_(SESSIONS.c.expires_at <= _now, SESSIONS.c.idle_expires_at <= _now)),
    _chore("keys", KEYS.c.id, or_(KEYS.c.revoked_at <= _now - 30 * DAY, KEYS.c.expires_at <= _now - 30 * DAY)),
    _chore("tokens", TOKENS.c.id, TOKENS.c.expires_at <= _now - DAY),
    _chore("outbox", OUTBOX.c.id, OUTBOX.c.created_at <= _now - 7 * DAY),
    _chore("counters", COUNTERS.c.key, COUNTERS.c.expires_at <= _now),
    # The next number follows the greatest one, and whoever has seen that one looks for it.
    _chore(
        "revocations",
        REVOCATIONS.c.number,
        and_(REVOCATIONS.c.at <= _now - HOUR, REVOCATIONS.c.number < _newest_revocation),
    ),
    _chore("factors", FACTORS.c.user_id, and_(FACTORS.c.confirmed_at.is_(None), FACTORS.c.created_at <= _now - DAY)),
    _chore("events", _events.c.id, _events.c.at <= bindparam("old_events", type_=_MOMENT)),
    _chore(
        "events of nobody",
        _events.c.id,
        and_(_events.c.user_id.is_(None), _events.c.at <= bindparam("old_events_of_nobody", type_=_MOMENT)),
    ),
)
"""What is deleted, and when. Ended sessions are kept until they would have expired: they answer what became of them."""

_RELEASE = (
    update(FACTS)
    .where(FACTS.c.name == _FACT, FACTS.c.value["holder"].as_string() == bindparam("holder", type_=String))
    .values(value=bindparam("lease", type_=JSON))
)


class Housekeeper:
    """Any number may sweep; they take turns by a lease that ends by itself where one of them is gone.

    `others` are chores of other layers, by name: statements that delete at most BATCH rows that were due at `now`.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], float] = time.time,
        others: Mapping[str, ClauseElement] = MappingProxyType({}),
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._chores = (*CHORES, *(_Chore(name, clause) for name, clause in others.items()))

    def sweep(self) -> dict[str, int]:
        """Delete what is due and return how many rows of what; nothing at all while another one sweeps.

        Raises:
            Unavailable: the database is away, or too busy.
        """
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        until = self._take(holder)
        if until is None:
            return {}
        try:
            return {chore.name: self._do(chore, until) for chore in self._chores}
        finally:
            with self._storage.writing() as work:
                work.execute(_RELEASE, holder=holder, lease={"holder": None, "until": 0.0})

    def _take(self, holder: str) -> float | None:
        """Take the lease and return when it ends; None where somebody else has it.

        One that ends later than any lease can was taken by a clock that is wrong, and counts as over.
        """
        now = self._clock()
        until = now + LEASE_SECONDS
        clause = self._storage.kept(
            "take the housekeeper's lease",
            lambda insert: (
                insert(FACTS)
                .values(name=_FACT, value=bindparam("lease", type_=JSON))
                .on_conflict_do_update(
                    index_elements=[FACTS.c.name],
                    set_={"value": bindparam("lease", type_=JSON)},
                    where=or_(_until <= _now, _until > _now + LEASE_SECONDS),
                )
                .returning(FACTS.c.name)
            ),
        )
        with self._storage.writing() as work:
            taken = work.row(clause, lease={"holder": holder, "until": until}, now=now)
        return None if taken is None else until

    def _do(self, chore: _Chore, until: float) -> int:
        """Delete piece by piece, each in a transaction of its own, as long as the lease lasts."""
        total = 0
        while (now := self._clock()) < until:
            with self._storage.writing() as work:
                deleted = work.execute(
                    chore.clause,
                    now=now,
                    old_events=_before(now, EVENTS_DAYS),
                    old_events_of_nobody=_before(now, NOBODYS_EVENTS_DAYS),
                )
            total += deleted
            if deleted < BATCH:
                break
        return total


def _before(now: float, days: int) -> datetime:
    return datetime.fromtimestamp(now, UTC) - timedelta(days=days)
