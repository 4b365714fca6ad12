"""The ids that requests get which bring none."""

from __future__ import annotations

import itertools
import os
import secrets
import time
import weakref

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_COUNTED = 0xFFFFF


class RequestIds:
    """Makes ULIDs: 48 bits of milliseconds and 80 more, so that ids sort by time (github.com/ulid/spec).

    Of the 80 the first 60 are of chance and the same for this process, the last 20 are counted on from one of chance:
    an id has to be like no other, and need not be hard to guess.
    """

    def __init__(self) -> None:
        self.start_again()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def start_again(self) -> None:
        """Draw anew: a process that was just forked would go on with the ids of its parent."""
        self._chance = _written(secrets.randbits(60), 6)
        self._numbers = itertools.count(secrets.randbits(20))
        self._head = (0, "")

    def new(self) -> str:
        milliseconds = time.time_ns() // 1_000_000
        made_at, head = self._head
        if made_at != milliseconds:
            head = _written(milliseconds, 5) + self._chance
            self._head = (milliseconds, head)
        number = next(self._numbers) & _COUNTED
        return head + _PAIRS[number >> 10] + _PAIRS[number & 1023]


def _written(number: int, pairs: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])


def _after_fork(ids: weakref.ref[RequestIds]) -> None:
    living = ids()
    if living is not None:
        living.start_again()
