"""A password, compared with the hash that is stored of it."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Integer, String, Table, Text, bindparam, not_, select, update

from meze.accounts.methods.method import Claim
from meze.accounts.passwords import Passwords
from meze.accounts.storage import Storage
from meze.accounts.tables import PASSWORDS, User

_users = cast(Table, User.__table__)
_OF_USER = PASSWORDS.c.user_id == bindparam("of_user", type_=Integer)
_HASH = select(PASSWORDS.c.hash).join_from(PASSWORDS, _users).where(_OF_USER, not_(_users.c.disabled))
# Only over the hash that was checked: a password that was changed meanwhile stays changed.
_RENEW = (
    update(PASSWORDS)
    .where(_OF_USER, PASSWORDS.c.hash == bindparam("checked", type_=Text))
    .values(hash=bindparam("new_hash", type_=Text), cost=bindparam("new_cost", type_=String))
)


class Password:
    def __init__(self, storage: Storage, passwords: Passwords) -> None:
        self._storage = storage
        self._passwords = passwords

    def prove(self, claim: Claim, proof: str) -> int | None:
        """As `Method.prove`.

        Raises:
            TooManyRequests: as many passwords as may be are being looked at just now.
        """
        with self._storage.reading() as work:
            row = work.row(_HASH, of_user=claim.user_id)
        stored = None if row is None else row[0]
        verdict = self._passwords.check(proof, stored, claim.email)
        if not verdict.good:
            return None
        if verdict.renewed is not None:
            renewed = verdict.renewed
            with self._storage.writing() as work:
                work.execute(
                    _RENEW, of_user=claim.user_id, checked=stored, new_hash=renewed.hash, new_cost=renewed.cost
                )
        return claim.user_id
