"""A recovery code, in the place of a code of the authenticator app."""

from __future__ import annotations

from collections.abc import Callable

from meze.accounts import recovery_codes
from meze.accounts.methods.method import Claim
from meze.accounts.storage import Storage


class RecoveryCode:
    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock

    def prove(self, claim: Claim, proof: str) -> int | None:
        code = recovery_codes.read_code(proof)
        if code is None or claim.user_id is None:
            return None
        with self._storage.writing() as work:
            used = recovery_codes.use(work, claim.user_id, code, self._clock())
        return claim.user_id if used else None
