"""How often somebody may try: counted in the database, before what was tried is looked at.

So 100 guesses at the same time are counted as 100, in however many processes, and only as many as are allowed go on. An
attempt that turns out right is taken off again. Who is told to wait changes nothing by asking: no window gets longer.

An account is never locked. When it met too much from everywhere, each network gets few guesses at it instead of ten:
who guesses from many networks gets nowhere, and its owner still signs in at the first try.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Double, String, bindparam, case, delete, or_, update

from meze.accounts.keyring import Keyring
from meze.accounts.storage import Storage, Work
from meze.accounts.tables import COUNTERS
from meze.accounts.visitor import Visitor
from meze.errors import TooManyRequests

CLOCKS_DIFFER_SECONDS = 60.0
"""How far the clocks of hosts, and of requests that wait for each other, may be apart."""

_MINUTE = 60
_HOUR = 60 * _MINUTE


class AttemptKind(Enum):
    """What is tried. Each kind is counted by itself.

    PROOF is of a password, or of a code in its place, STEP the second step of signing in, and CODE the code of an
    account in it. MAIL is asking for a letter to an account, LETTER one to an address that nobody proved to have asked.
    """

    PROOF = "proof"
    STEP = "step"
    CODE = "code"
    MAIL = "mail"
    LETTER = "letter"
    REGISTRATION = "registration"


class By(Enum):
    """Whose attempts are counted together."""

    SUBJECT_AND_NETWORK = "subject and network"
    NETWORK = "network"
    SUBJECT_AND_SITE = "subject and site"
    SITE = "site"
    SUBJECT = "subject"


class Limit(NamedTuple):
    """`most` attempts in a window of `seconds`, which begins with its first attempt.

    Beyond it attempts are refused; or, where `then_each_network` is given, SUBJECT_AND_NETWORK allows no more than
    that, and the first attempt that reaches `most` is `alarming`.
    """

    by: By
    most: int
    seconds: int
    then_each_network: int | None = None


LIMITS: dict[AttemptKind, tuple[Limit, ...]] = {
    AttemptKind.PROOF: (
        Limit(By.SUBJECT, 100, 24 * _HOUR, then_each_network=1),
        Limit(By.SUBJECT_AND_NETWORK, 10, 15 * _MINUTE),
        Limit(By.NETWORK, 100, 15 * _MINUTE),
        Limit(By.SUBJECT_AND_SITE, 100, 15 * _MINUTE),
        Limit(By.SITE, 1000, 15 * _MINUTE),
    ),
    AttemptKind.STEP: (Limit(By.NETWORK, 100, 15 * _MINUTE), Limit(By.SITE, 1000, 15 * _MINUTE)),
    AttemptKind.CODE: (Limit(By.SUBJECT, 50, 24 * _HOUR),),
    AttemptKind.LETTER: (Limit(By.SUBJECT, 5, _HOUR),),
    AttemptKind.MAIL: (Limit(By.SUBJECT, 5, _HOUR), Limit(By.NETWORK, 20, _HOUR)),
    # A school or a company registers from behind one address.
    AttemptKind.REGISTRATION: (Limit(By.NETWORK, 60, _HOUR),),
}
"""Only wrong attempts stay counted for proofs, steps and codes, all of them for the rest.

A site is what an IPv6 customer is given, a /48 of 65,536 networks: they count together, ten times as much."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted, and may go on. `alarming` once: its subject was tried too often from everywhere."""

    kind: AttemptKind
    subject: str
    visitor: Visitor
    alarming: bool


class _Counted(NamedTuple):
    """What one counter came to with this attempt in it."""

    limit: Limit
    times: int
    expires_at: float

    @property
    def alarming(self) -> bool:
        return self.limit.then_each_network is not None and self.times >= self.limit.most

    @property
    def narrows_to(self) -> int | None:
        return self.limit.then_each_network if self.times > self.limit.most else None

    def refused(self, each_network: int | None) -> bool:
        if self.limit.then_each_network is not None:
            return False
        if self.limit.by is By.SUBJECT_AND_NETWORK and each_network is not None:
            return self.times > each_network
        return self.times > self.limit.most


class Attempts:
    """Counts attempts. A subject is a canonical address or `user:7`; one that does not exist counts as any other."""

    def __init__(self, storage: Storage, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        self._storage = storage
        self._keyring = keyring
        self._clock = clock

    def begin(self, kind: AttemptKind, subject: str, visitor: Visitor) -> Attempt:
        """Count an attempt. If it turns out right, tell `succeeded`.

        Raises:
            TooManyRequests: too much was tried; this one was not counted. After the seconds that it names the next one
                is let through.
        """
        now = self._clock()
        with self._storage.writing() as work:
            counted = [
                _Counted(limit, *self._count(work, key, now, now + limit.seconds))
                for key, limit in self._counters(kind, subject, visitor)
            ]
            each_network = next((each.narrows_to for each in counted if each.narrows_to is not None), None)
            full = [each.expires_at for each in counted if each.refused(each_network)]
            if full:
                # Leaving by an exception undoes the counting.
                raise TooManyRequests(retry_after_seconds=max(1, math.ceil(max(full) - now)))
            alarming = any(self._first_alarm(work, kind, subject, now, each) for each in counted if each.alarming)
        return Attempt(kind, subject, visitor, alarming)

    def may_guess(self, user_id: int, visitor: Visitor) -> bool:
        """Count a guess at a user's code, and say whether it may be looked at."""
        try:
            self.begin(AttemptKind.CODE, f"user:{user_id}", visitor)
        except TooManyRequests:
            return False
        return True

    def guessed(self, user_id: int) -> None:
        """Forget the guesses at a user's code: the right one came."""
        with self._storage.writing() as work:
            work.execute(_FORGET, forgotten=self._key(AttemptKind.CODE, f"user:{user_id}", ""))

    def may_write_to(self, address: str, visitor: Visitor) -> bool:
        """Count a letter to a canonical address, and say whether it may be sent; nobody is told to wait for that."""
        try:
            self.begin(AttemptKind.LETTER, address, visitor)
        except TooManyRequests:
            return False
        return True

    def succeeded(self, attempt: Attempt) -> None:
        """Take a right attempt off the counts, and forget the wrong ones of this subject from this network."""
        with self._storage.writing() as work:
            self._take_off(work, attempt.kind, attempt.subject, attempt.visitor)
            if attempt.alarming:
                # Nobody is warned of a right attempt; the next wrong one alarms.
                work.execute(_FORGET, forgotten=self._alarm(attempt.kind, attempt.subject))

    def withdraw(self, attempt: Attempt) -> None:
        """Take an attempt off the counts that nobody looked at; the wrong ones before it stay counted."""
        with self._storage.writing() as work:
            for key, _ in self._counters(attempt.kind, attempt.subject, attempt.visitor):
                work.execute(_TAKE_OFF, counted=key, now=self._clock())
            if attempt.alarming:
                work.execute(_FORGET, forgotten=self._alarm(attempt.kind, attempt.subject))

    def forgive(self, kind: AttemptKind, subject: str, visitor: Visitor) -> None:
        """Do as `succeeded` for an attempt that turned out right in a later request, as with a second factor."""
        with self._storage.writing() as work:
            self._take_off(work, kind, subject, visitor)

    def _counters(self, kind: AttemptKind, subject: str, visitor: Visitor) -> list[tuple[str, Limit]]:
        """Return the counters of an attempt, always in one order: PostgreSQL locks them as they are counted."""
        parts = {
            By.SUBJECT_AND_NETWORK: (subject, visitor.network),
            By.NETWORK: ("", visitor.network),
            By.SUBJECT_AND_SITE: (subject, visitor.site, "site"),
            By.SITE: ("", visitor.site, "site"),
            By.SUBJECT: (subject, ""),
        }
        counters = [(self._key(kind, *parts[limit.by]), limit) for limit in LIMITS[kind]]
        return sorted(counters, key=lambda counter: counter[0])

    def _count(self, work: Work, key: str, now: float, until: float) -> tuple[int, float]:
        """Count one more, in a new window if the last one is over; return the count and when its window ends."""
        row = work.row(self._storage.kept("count an attempt", _count), counted=key, now=now, until=until)
        assert row is not None
        return row[0], row[1]

    def _first_alarm(self, work: Work, kind: AttemptKind, subject: str, now: float, counted: _Counted) -> bool:
        # Counted under the lock of the subject's own counter, so nobody else comes first.
        return self._count(work, self._alarm(kind, subject), now, counted.expires_at)[0] == 1

    def _take_off(self, work: Work, kind: AttemptKind, subject: str, visitor: Visitor) -> None:
        for key, limit in self._counters(kind, subject, visitor):
            if limit.by is By.SUBJECT_AND_NETWORK:
                work.execute(_FORGET, forgotten=key)
            else:
                work.execute(_TAKE_OFF, counted=key, now=self._clock())

    def _alarm(self, kind: AttemptKind, subject: str) -> str:
        return self._key(kind, subject, "", "alarm")

    def _key(self, kind: AttemptKind, *parts: str) -> str:
        return self._keyring.digest("attempts", kind.value, *parts)


_FORGET = delete(COUNTERS).where(COUNTERS.c.key == bindparam("forgotten", type_=String))
_TAKE_OFF = (
    update(COUNTERS)
    .where(
        COUNTERS.c.key == bindparam("counted", type_=String),
        COUNTERS.c.count > 0,
        COUNTERS.c.expires_at > bindparam("now", type_=Double),
    )
    .values(count=COUNTERS.c.count - 1)
)


def _count(insert: Any) -> Any:
    adding = insert(COUNTERS).values(
        key=bindparam("counted", type_=String), count=1, expires_at=bindparam("until", type_=Double)
    )
    # A window that ends much later than a new one would was begun by a clock that was ahead; requests that meet read
    # the clock one before the other.
    ends = COUNTERS.c.expires_at
    over = or_(ends <= bindparam("now", type_=Double), ends > adding.excluded.expires_at + CLOCKS_DIFFER_SECONDS)
    return adding.on_conflict_do_update(
        index_elements=[COUNTERS.c.key],
        set_={
            "count": case((over, 1), else_=COUNTERS.c.count + 1),
            "expires_at": case((over, adding.excluded.expires_at), else_=COUNTERS.c.expires_at),
        },
    ).returning(COUNTERS.c.count, COUNTERS.c.expires_at)
