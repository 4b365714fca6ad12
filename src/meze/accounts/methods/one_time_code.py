"""A code of an authenticator app. Each is good once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Integer, bindparam, or_, select, update

from meze.accounts import totp
from meze.accounts.keyring import Keyring
from meze.accounts.methods.method import Claim
from meze.accounts.storage import Storage
from meze.accounts.tables import FACTORS

PURPOSE = "totp"
"""What the secrets are encrypted for."""

logger = logging.getLogger(__name__)

_STEP = bindparam("step", type_=Integer)
_CONFIRMED = (FACTORS.c.user_id == bindparam("of_user", type_=Integer), FACTORS.c.confirmed_at.is_not(None))
_SECRET = select(FACTORS.c.secret).where(*_CONFIRMED).with_for_update()
_USE = (
    update(FACTORS)
    .where(*_CONFIRMED, or_(FACTORS.c.last_step.is_(None), FACTORS.c.last_step < _STEP))
    .values(last_step=_STEP)
)


class OneTimeCode:
    def __init__(self, storage: Storage, keyring: Keyring, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._keyring = keyring
        self._clock = clock

    def prove(self, claim: Claim, proof: str) -> int | None:
        code = totp.read_code(proof)
        if code is None or claim.user_id is None:
            return None
        with self._storage.writing() as work:
            row = work.row(_SECRET, of_user=claim.user_id)
            step = None if row is None else step_of_sealed(self._keyring, claim.user_id, row[0], code, self._clock())
            if step is None or work.execute(_USE, of_user=claim.user_id, step=step) == 0:
                return None
        return claim.user_id


def step_of_sealed(keyring: Keyring, user_id: int, sealed: str, code: str, now: float) -> int | None:
    """Return the time step that the code belongs to; a secret that cannot be decrypted has no codes, and is logged."""
    try:
        secret = keyring.decrypt(PURPOSE, sealed)
    except ValueError as error:
        logger.warning("The second factor of user %d cannot be read: %s", user_id, error)
        return None
    return totp.step_of(secret, code, now)
