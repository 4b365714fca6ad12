"""Passwords: hashed with argon2id, and checked in a time that does not tell whether there is an account.

Unknown and disabled accounts, and those without a password, are checked against nothing, at the cost of an account
that exists. After the cost was tuned anew the old hashes keep theirs until their owner signs in, so what is unknown
gets its cost by lot, as the known ones are distributed. The lot is an HMAC of the address: the same at every request.
"""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import JSON, String, bindparam, func, select

from meze.accounts.gate import Gate
from meze.accounts.hashing import Cost, cost_of, fitting_cost, hashed, matches, read_cost
from meze.accounts.keyring import Keyring
from meze.accounts.password_rules import MOST
from meze.accounts.storage import Storage
from meze.accounts.tables import FACTS, PASSWORDS
from meze.errors import Mistake, Problem

logger = logging.getLogger(__name__)

COST_FACT = "password_cost"
COST_SECONDS = 5.0
"""How long a process goes on with a cost that another one has changed."""
SHARES_SECONDS = 60.0
# The counting reads every password's row: where there are millions, it takes at most this part of the time.
_SHARES_PART = 0.01
# One character is made from at most four (Unicode Standard Annex #15), so what is longer is too long in any form.
_LONGEST_UNCOMPOSED = 4 * MOST

_STORED_COST = select(FACTS.c.value).where(FACTS.c.name == COST_FACT)
_COUNT_COSTS = select(PASSWORDS.c.cost, func.count()).group_by(PASSWORDS.c.cost)


class Hashed(NamedTuple):
    """What is stored of a password."""

    hash: str
    cost: str

    def __repr__(self) -> str:
        return f"Hashed({self.cost})"


class Verdict(NamedTuple):
    """`renewed` is what to store instead, after a good check of a hash whose cost is not the present one."""

    good: bool
    renewed: Hashed | None = None


class _Shares(NamedTuple):
    """How many passwords have which cost, as counted at `at`, good for `seconds`."""

    counts: tuple[tuple[Cost, int], ...]
    at: float
    seconds: float

    def fresh(self, now: float) -> bool:
        return 0 <= now - self.at < self.seconds


class Passwords:
    """Hashes and checks, at one cost for all processes of the installation.

    `threads` is how many requests this process answers at once. `configured` is MEZE_PASSWORD_HASHING; without it the
    cost is measured once (`measure`), and stored.
    """

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        *,
        threads: int,
        configured: str | None = None,
        clock: Callable[[], float] = time.time,
        measure: Callable[[], Cost] = fitting_cost,
    ) -> None:
        self._storage = storage
        self._keyring = keyring
        self._configured = None if configured is None else _configured(configured)
        self._clock = clock
        self._measure = measure
        self.gate = Gate(threads)
        self._measuring = threading.Lock()
        self._counting = threading.Lock()
        self._known: tuple[float, Cost] | None = None
        self._shares: _Shares | None = None

    def prepare(self) -> None:
        """Find or measure the cost now, so that the first who signs in does not wait for it."""
        self._present_cost()

    def hash(self, password: str) -> Hashed:
        """Return what to store of a password that the rules accept.

        Raises:
            TooManyRequests: as many as may be are hashed just now.
            ValueError: the rules do not accept it.
        """
        secret = _secret(password)
        if secret is None:
            raise ValueError("a password that password_rules refuses")
        cost = self._present_cost()
        with self.gate.passed():
            return Hashed(hashed(secret, cost), str(cost))

    def check(self, password: str, stored: str | None, who: str) -> Verdict:
        """Say whether the password is that of the stored hash. `who` is the canonical address that was given.

        `stored` is None for an account that is unknown, disabled or without a password: never good, at the same cost.

        Raises:
            TooManyRequests: as many as may be are hashed just now.
        """
        secret = _secret(password)
        present = self._present_cost()
        pretended = self._pretended_cost(who, present)
        cost = None if stored is None else cost_of(stored)
        if stored is not None and cost is None:
            logger.error("A stored password hash is none of argon2id, or its cost is absurd")
        with self.gate.passed():
            if stored is None or cost is None:
                hashed(secret or b"", pretended)
                return Verdict(good=False)
            if not matches(secret or b"", stored) or secret is None:
                return Verdict(good=False)
            if cost == present:
                return Verdict(good=True)
            return Verdict(good=True, renewed=Hashed(hashed(secret, present), str(present)))

    def retune(self) -> str:
        """Measure the cost anew, store it for every process, and return it. What is configured still comes first."""
        cost = self._measure()
        with self._storage.writing() as work:
            work.execute(self._storage.kept("replace a fact", _replace_fact), fact=COST_FACT, fact_value=str(cost))
        self._known = None
        return str(cost)

    def _present_cost(self) -> Cost:
        if self._configured is not None:
            return self._configured
        known = self._known
        if known is not None and 0 <= self._clock() - known[0] < COST_SECONDS:
            return known[1]
        cost = self._stored_cost() or self._first_cost()
        self._known = (self._clock(), cost)
        return cost

    def _stored_cost(self) -> Cost | None:
        with self._storage.reading() as work:
            row = work.row(_STORED_COST)
        return None if row is None else read_cost(row[0])

    def _first_cost(self) -> Cost:
        """Measure, and return what the first process to finish has stored."""
        with self._measuring:
            if self._stored_cost() is None:
                cost = str(self._measure())
                with self._storage.writing() as work:
                    work.execute(self._storage.kept("add a fact", _add_fact), fact=COST_FACT, fact_value=cost)
            stored = self._stored_cost()
        assert stored is not None
        return stored

    def _pretended_cost(self, who: str, present: Cost) -> Cost:
        """Return what an account of this address would cost, if there were one."""
        # The present cost comes last, and its share only grows: an address passes from an old one to it, as an account
        # does, and never back.
        counts = sorted(self._present_shares().counts, key=lambda share: (share[0] == present, share[0]))
        lot = int(self._keyring.digest("password cost", who), 16) * sum(count for _, count in counts) >> 128
        for cost, count in counts:
            lot -= count
            if lot < 0:
                return cost
        return present

    def _present_shares(self) -> _Shares:
        """Return how the costs are distributed. Whoever finds it out of date counts, whatever account is asked for."""
        known = self._shares
        # While one counts, the others go on with what was counted before; at first there is nothing, and they wait.
        if (known is None or not known.fresh(self._clock())) and self._counting.acquire(blocking=known is None):
            try:
                if self._shares is known:
                    self._shares = self._count_shares(known)
            finally:
                self._counting.release()
        assert self._shares is not None
        return self._shares

    def _count_shares(self, before: _Shares | None) -> _Shares:
        begun = self._clock()
        try:
            with self._storage.reading() as work:
                rows = work.rows(_COUNT_COSTS)
        except Problem as problem:
            logger.warning("The costs of the passwords could not be counted: %s", problem)
            counts = before.counts if before else ()
        else:
            counts = tuple((read_cost(text), count) for text, count in rows)
        return _Shares(counts, begun, max(SHARES_SECONDS, (self._clock() - begun) / _SHARES_PART))


def _configured(text: str) -> Cost:
    try:
        return read_cost(text)
    except ValueError as error:
        raise Mistake(f"MEZE_PASSWORD_HASHING cannot be used: {error}.", "Leave it out, to have it measured.") from None


def _secret(password: str) -> bytes | None:
    """Return the bytes that are hashed: of the NFC form, so that every keyboard's spelling is one password, untrimmed.

    None is for what no account can have as its password: it is too long, or not Unicode (half of a surrogate pair).
    """
    if len(password) > _LONGEST_UNCOMPOSED:
        return None
    composed = unicodedata.normalize("NFC", password)
    if len(composed) > MOST:
        return None
    try:
        return composed.encode()
    except UnicodeEncodeError:
        return None


def _add_fact(insert: Any) -> Any:
    return (
        insert(FACTS)
        .values(name=bindparam("fact", type_=String), value=bindparam("fact_value", type_=JSON))
        .on_conflict_do_nothing(index_elements=[FACTS.c.name])
    )


def _replace_fact(insert: Any) -> Any:
    adding = insert(FACTS).values(name=bindparam("fact", type_=String), value=bindparam("fact_value", type_=JSON))
    return adding.on_conflict_do_update(index_elements=[FACTS.c.name], set_={"value": adding.excluded["value"]})
