"""argon2id: what a hash costs, how the cost is chosen for a machine, and the three things that are done at a cost.

Nothing here knows of accounts, and a password comes as the bytes that are hashed.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from argon2 import extract_parameters
from argon2.exceptions import HashingError, InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION, Type, error_to_str, hash_secret, verify_secret

from meze.errors import Unavailable

logger = logging.getLogger(__name__)

AIM_SECONDS = 0.1
_SALT_BYTES = 16
_HASH_BYTES = 32
# What a stored hash may ask for: a row that somebody wrote must not take the machine's memory or minutes of its time.
_MOST_MEMORY_KIB = 4 * 1024 * 1024
_MOST_PASSES = 100
_MOST_LANES = 64
_MOST_WORK_KIB = 16 * 1024 * 1024  # memory × passes, about half a minute
_OUT_OF_MEMORY = error_to_str(-22)  # ARGON2_MEMORY_ALLOCATION_ERROR in argon2.h


class Cost(NamedTuple):
    """What one hash takes: KiB of memory, passes over it, lanes. Written as MEZE_PASSWORD_HASHING is."""

    memory_kib: int
    passes: int
    lanes: int

    def __str__(self) -> str:
        return f"m={self.memory_kib},t={self.passes},p={self.lanes}"

    @property
    def bearable(self) -> bool:
        """Whether argon2 knows such a cost, and a request may take it."""
        return (
            1 <= self.lanes <= _MOST_LANES
            and 8 * self.lanes <= self.memory_kib <= _MOST_MEMORY_KIB
            and 1 <= self.passes <= _MOST_PASSES
            and self.memory_kib * self.passes <= _MOST_WORK_KIB
        )


FULL_MEMORY_KIB = 64 * 1024
# OWASP's Password Storage Cheat Sheet: no less, however slow the machine is.
LEAST_COST = Cost(19 * 1024, 2, 1)


def read_cost(text: str) -> Cost:
    """Return the cost that is written so.

    Raises:
        ValueError: it is none, or no request may take it.
    """
    found = re.fullmatch(r"m=([0-9]{1,7}),t=([0-9]{1,3}),p=([0-9]{1,2})", text)
    cost = Cost(*map(int, found.groups())) if found else None
    if cost is None or not cost.bearable:
        raise ValueError(
            f"{text!r} is no cost of hashing: write it as m=65536,t=3,p=1 (KiB of memory, at least 8 a lane; passes; "
            f"lanes), memory × passes at most {_MOST_WORK_KIB}"
        )
    return cost


def cost_of(encoded: str) -> Cost | None:
    """Return what checking against a stored hash costs; None where it is no hash of ours or the cost is absurd."""
    try:
        found = extract_parameters(encoded)
    except InvalidHashError:
        return None
    cost = Cost(found.memory_cost, found.time_cost, found.parallelism)
    return cost if found.type is Type.ID and found.version == ARGON2_VERSION and cost.bearable else None


def hashed(secret: bytes, cost: Cost) -> str:
    """Return a hash with a salt of its own.

    Raises:
        Unavailable: there is not enough memory just now.
    """
    try:
        return hash_secret(secret, os.urandom(_SALT_BYTES), *_arguments(cost)).decode()
    except HashingError as error:
        raise Unavailable from error


def matches(secret: bytes, encoded: str) -> bool:
    """Say whether a hash whose cost was looked at is this secret's.

    Raises:
        Unavailable: there is not enough memory just now.
    """
    try:
        return verify_secret(encoded.encode(), secret, Type.ID)
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        if str(error) == _OUT_OF_MEMORY:
            raise Unavailable from error
        logger.error("A stored password hash cannot be read: %s", error)
        return False


def fitting_cost(seconds_of: Callable[[Cost], float] | None = None) -> Cost:
    """Return the cost that comes nearest to AIM_SECONDS, measured on this machine unless `seconds_of` tells.

    Memory counts for more than passes against those who guess with special hardware, so it is lowered only where one
    pass over 64 MiB takes too long, and never below what OWASP asks for at least.
    """
    one_pass = (seconds_of or _measured)(Cost(FULL_MEMORY_KIB, 1, 1))
    if one_pass <= AIM_SECONDS:
        return Cost(FULL_MEMORY_KIB, min(_MOST_PASSES, int(AIM_SECONDS / one_pass)), 1)
    affordable_kib = int(FULL_MEMORY_KIB * AIM_SECONDS / one_pass / LEAST_COST.passes)
    return LEAST_COST._replace(memory_kib=max(LEAST_COST.memory_kib, affordable_kib))


def _measured(cost: Cost) -> float:
    """Return the seconds that a hash takes: the least of three, for what else the machine does only adds to it."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        hashed(b"", cost)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def _arguments(cost: Cost) -> tuple[int, int, int, int, Type]:
    return cost.passes, cost.memory_kib, cost.lanes, _HASH_BYTES, Type.ID
