"""The ways to prove who one is, to begin a session or to confirm one.

METHODS is the visible table: a way is one file here and one row in it, and whoever asks for a proof goes through it.
Signing in asks those of Stage.FIRST and then, where the account has one, those of Stage.SECOND; confirming that it is
still the same person asks both, by the member of the body that was sent. What comes with every request (an access
token, an API key, a cookie) was proved before, and is told by `callers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from meze.accounts.keyring import Keyring
from meze.accounts.methods.method import Claim, Method, Stage
from meze.accounts.methods.one_time_code import OneTimeCode
from meze.accounts.methods.password import Password
from meze.accounts.methods.recovery_code import RecoveryCode
from meze.accounts.passwords import Passwords
from meze.accounts.storage import Storage


@dataclass(frozen=True, slots=True, repr=False)
class Parts:
    """What methods are made from; each takes what it needs."""

    storage: Storage
    keyring: Keyring
    clock: Callable[[], float]
    passwords: Passwords


class Row(NamedTuple):
    """One way to prove who one is.

    `name` is what sessions and the audit trail call it. `field` is the member of a body that carries its proof; methods
    that share one are told apart by what their proofs look like.
    """

    name: str
    stage: Stage
    field: str
    make: Callable[[Parts], Method]


METHODS: tuple[Row, ...] = (
    Row("password", Stage.FIRST, "password", lambda parts: Password(parts.storage, parts.passwords)),
    Row("one_time_code", Stage.SECOND, "code", lambda parts: OneTimeCode(parts.storage, parts.keyring, parts.clock)),
    Row("recovery_code", Stage.SECOND, "code", lambda parts: RecoveryCode(parts.storage, parts.clock)),
)


class Proven(NamedTuple):
    user_id: int
    method: str


class Methods:
    """The methods, made from their parts."""

    def __init__(self, parts: Parts) -> None:
        self._made = tuple((row, row.make(parts)) for row in METHODS)

    def prove(self, claim: Claim, field: str, proof: str, *stages: Stage) -> Proven | None:
        """Return who was proved by which method, the first of these stages and this field that takes the proof.

        None where none does, or where the proof is good for another user than the claimed one. Never called inside a
        transaction.

        Raises:
            TooManyRequests: as many passwords as may be are being looked at just now.
        """
        for row, method in self._made:
            if row.field == field and row.stage in stages:
                user_id = method.prove(claim, proof)
                if user_id is not None and claim.user_id in (None, user_id):
                    return Proven(user_id, row.name)
        return None


__all__ = ["METHODS", "Claim", "Method", "Methods", "Parts", "Proven", "Row", "Stage"]
