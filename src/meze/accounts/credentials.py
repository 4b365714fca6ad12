"""An account as signing in sees it, and how a new password is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from sqlalchemy import Double, Integer, String, Table, Text, bindparam, select

from meze.accounts.passwords import Hashed
from meze.accounts.storage import Work
from meze.accounts.tables import PASSWORDS, User

_users = cast(Table, User.__table__)
_READ = select(
    _users.c.id,
    _users.c.email,
    _users.c.email_canonical,
    _users.c.email_verified,
    _users.c.disabled,
    PASSWORDS.c.changed_at,
).join_from(_users, PASSWORDS, PASSWORDS.c.user_id == _users.c.id, isouter=True)
_BY_EMAIL = _READ.where(_users.c.email_canonical == bindparam("canonical", type_=String))
_BY_ID = _READ.where(_users.c.id == bindparam("of_user", type_=Integer))
_LOCK = select(_users.c.id).where(_users.c.id == bindparam("of_user", type_=Integer)).with_for_update()


class Credentials(NamedTuple):
    """`canonical` is the address that attempts are counted by; `password_changed_at` is None where there is none."""

    user_id: int
    email: str
    canonical: str
    verified: bool
    disabled: bool
    password_changed_at: float | None

    def still(self, now: Credentials | None) -> bool:
        """Say whether what was true of the account when its password was looked at is true still."""
        return now is not None and now.password_changed_at == self.password_changed_at and not now.disabled


def of_email(work: Work, canonical: str) -> Credentials | None:
    row = work.row(_BY_EMAIL, canonical=canonical)
    return None if row is None else Credentials(*row)


def of_user(work: Work, user_id: int) -> Credentials | None:
    row = work.row(_BY_ID, of_user=user_id)
    return None if row is None else Credentials(*row)


def locked(work: Work, user_id: int) -> Credentials | None:
    """Return an account and let nobody else change its password until the transaction ends."""
    # In a statement of its own: PostgreSQL reads what is joined to a locked row as it was before the wait for the lock.
    if work.row(_LOCK, of_user=user_id) is None:
        return None
    row = work.row(_BY_ID, of_user=user_id)
    return None if row is None else Credentials(*row)


def store(work: Work, kept: Kept, user_id: int, password: Hashed, now: float) -> None:
    """Set an account's password, the first or another one."""
    work.execute(
        kept("password", _upsert), of_user=user_id, new_hash=password.hash, new_cost=password.cost, new_changed_at=now
    )


Kept = Callable[[str, Callable[[Any], Any]], Any]


def _upsert(insert: Any) -> Any:
    values = {
        "hash": bindparam("new_hash", type_=Text),
        "cost": bindparam("new_cost", type_=String),
        "changed_at": bindparam("new_changed_at", type_=Double),
    }
    adding = insert(PASSWORDS).values(user_id=bindparam("of_user", type_=Integer), **values)
    return adding.on_conflict_do_update(
        index_elements=[PASSWORDS.c.user_id], set_={name: adding.excluded[name] for name in values}
    )
