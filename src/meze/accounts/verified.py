"""Tokens that the database confirmed, with their callers, so that not every request asks again.

They are trusted as long as it is known whose tokens were revoked. That is asked for all of them by one question
(`revocations.py`), and holds for one second from before it was asked: what another process ended is ended here within
that second. Where the database cannot be asked, nothing is trusted after it. Each token is asked for in full again
after ten seconds, so that what somebody changed in the tables by hand, past Meze, holds by then, too.

In this process `forget` takes a user's entries away at once; whatever was being read while it was called is used by the
request that reads, and not kept. Only good tokens are kept: nobody fills this by guessing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from meze.access.caller import Caller
from meze.accounts.tokens import TokenKind

TRUSTED_SECONDS = 1.0
ASK_SECONDS = 0.75
"""When the next question is asked: so much earlier that nobody has to wait for an answer that comes in time."""
READ_AGAIN_SECONDS = 10.0
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """`good_until` is when the token itself is over, in seconds since 1970; `read_again_at` is monotonic."""

    caller: Caller
    kind: TokenKind
    user_id: int
    good_until: float
    read_again_at: float


class Reading(NamedTuple):
    """The moment before the database was asked."""

    generation: int
    began: float


class Verified:
    """At most `most` entries; what was confirmed longest ago goes first.

    A hit takes no lock: it is one look into a dictionary, which the interpreter does undivided.
    """

    def __init__(self, *, most: int = MOST, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._by_user: defaultdict[int, set[bytes]] = defaultdict(set)
        self._generation = 0
        self._ask_at = self._trusted_until = float("-inf")
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes, now: float) -> Entry | None:
        """Return what is known of a token by its digest, if it is not yet time to ask anything about it.

        `now` is seconds since 1970.
        """
        entry = self._entries.get(digest)
        if entry is None or now >= entry.good_until:
            return None
        ticks = self._monotonic()
        return entry if ticks < self._ask_at and ticks < entry.read_again_at else None

    def find_trusted(self, digest: bytes, now: float) -> Entry | None:
        """As `find`, though it may be time to ask what was revoked."""
        entry = self._entries.get(digest)
        if entry is None or now >= entry.good_until:
            return None
        ticks = self._monotonic()
        return entry if ticks < self._trusted_until and ticks < entry.read_again_at else None

    def is_due(self) -> bool:
        """Say whether it is time to ask what was revoked."""
        return self._monotonic() >= self._ask_at

    def is_trusted(self) -> bool:
        """Say whether what is kept may be used without asking."""
        return self._monotonic() < self._trusted_until

    def begin(self) -> Reading:
        """To be called before the database is asked; `keep` takes what it returns."""
        return Reading(self._generation, self._monotonic())

    def confirm(self, began: float) -> None:
        """Trust what is kept: whoever was revoked until the moment `began` has been forgotten."""
        with self._lock:
            self._ask_at = began + ASK_SECONDS
            self._trusted_until = began + TRUSTED_SECONDS

    def keep(
        self, digest: bytes, caller: Caller, kind: TokenKind, user_id: int, good_until: float, reading: Reading
    ) -> None:
        """Keep what the database confirmed, unless somebody was forgotten meanwhile."""
        entry = Entry(caller, kind, user_id, good_until, reading.began + READ_AGAIN_SECONDS)
        with self._lock:
            if reading.generation != self._generation:
                return
            self._entries[digest] = entry
            self._entries.move_to_end(digest)
            self._by_user[user_id].add(digest)
            while len(self._entries) > self._most:
                oldest, dropped = self._entries.popitem(last=False)
                self._unlist(oldest, dropped.user_id)

    def forget(self, user_id: int) -> None:
        """Trust nothing that is known of this user, nor what is being read just now."""
        with self._lock:
            self._generation += 1
            for digest in self._by_user.pop(user_id, ()):
                self._entries.pop(digest, None)

    def forget_all(self) -> None:
        """Trust nothing that is known of anybody, nor what is being read just now."""
        with self._lock:
            self._generation += 1
            self._by_user.clear()
            self._entries.clear()

    def start_again(self) -> None:
        """Know nothing: a forked process does not have the thread that may have been at work here."""
        self._lock = threading.Lock()
        self._ask_at = self._trusted_until = float("-inf")
        self.forget_all()

    def _unlist(self, digest: bytes, user_id: int) -> None:
        digests = self._by_user[user_id]
        digests.discard(digest)
        if not digests:
            del self._by_user[user_id]
