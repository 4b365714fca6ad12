"""What is asked of the tables of sessions and keys, and what the rows say."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    Double,
    Integer,
    LargeBinary,
    String,
    Table,
    Update,
    and_,
    bindparam,
    null,
    or_,
    select,
    update,
)

from meze.accounts.tables import KEYS, SESSIONS, AccountEvent, User

BEARER, COOKIE = "bearer", "cookie"
MOST_SESSIONS = 100
"""How many living sessions a user has at most."""
LARGEST_ID = 2**31 - 1
"""An id beyond it is nobody's, and PostgreSQL refuses to compare it."""

USERS = cast(Table, User.__table__)
_EVENTS = cast(Table, AccountEvent.__table__)
_now = bindparam("now", type_=Double)
_session_id = bindparam("session_id", type_=Integer)
_key_id = bindparam("key_id", type_=Integer)
_of_user = bindparam("of_user", type_=Integer)
_family = SESSIONS.c.family_hash == bindparam("family", type_=LargeBinary)
_person = (USERS.c.email, USERS.c.email_verified, USERS.c.name, USERS.c.roles, USERS.c.disabled)


class Person(NamedTuple):
    """What a row says of the user whose session or key it is."""

    email: str
    email_verified: bool
    name: str | None
    roles: list[str]
    disabled: bool


class SessionRow(NamedTuple):
    """A session with its user."""

    id: int
    user_id: int
    kind: str
    access_hash: bytes
    access_expires_at: float
    previous_access_hash: bytes | None
    previous_access_expires_at: float | None
    refresh_hash: bytes | None
    previous_refresh_hash: bytes | None
    rotated_at: float | None
    last_used_at: float
    idle_expires_at: float
    expires_at: float
    revoked_at: float | None
    person: Person

    def lives(self, now: float) -> bool:
        return (
            self.revoked_at is None
            and not self.person.disabled
            and now < self.expires_at
            and now < self.idle_expires_at
        )

    def __repr__(self) -> str:
        return f"SessionRow({self.id})"


class KeyRow(NamedTuple):
    """An API key with its user."""

    id: int
    user_id: int
    scopes: list[str]
    expires_at: float | None
    last_used_at: float | None
    revoked_at: float | None
    person: Person

    def lives(self, now: float) -> bool:
        in_time = self.expires_at is None or now < self.expires_at
        return self.revoked_at is None and not self.person.disabled and in_time


_OF_SESSION = [SESSIONS.c[name] for name in SessionRow._fields[:-1]]
_OF_KEY = [KEYS.c[name] for name in KeyRow._fields[:-1]]


def session_row(row: tuple[Any, ...]) -> SessionRow:
    return SessionRow._make((*row[: len(_OF_SESSION)], Person._make(row[len(_OF_SESSION) :])))


def key_row(row: tuple[Any, ...]) -> KeyRow:
    return KeyRow._make((*row[: len(_OF_KEY)], Person._make(row[len(_OF_KEY) :])))


SESSION = select(*_OF_SESSION, *_person).join_from(SESSIONS, USERS).where(_family)
SESSION_LOCKED = SESSION.with_for_update(of=SESSIONS)
KEY = select(*_OF_KEY, *_person).join_from(KEYS, USERS).where(KEYS.c.hash == bindparam("presented", type_=LargeBinary))

ROTATE = (
    update(SESSIONS)
    .where(SESSIONS.c.id == _session_id)
    .values(
        previous_access_hash=SESSIONS.c.access_hash,
        previous_access_expires_at=SESSIONS.c.access_expires_at,
        previous_refresh_hash=SESSIONS.c.refresh_hash,
        access_hash=bindparam("access", type_=LargeBinary),
        access_expires_at=bindparam("access_until", type_=Double),
        refresh_hash=bindparam("refresh", type_=LargeBinary),
        rotated_at=_now,
        last_used_at=_now,
        idle_expires_at=bindparam("idle_until", type_=Double),
        device=bindparam("by_device", type_=String),
        address=bindparam("by_address", type_=String),
    )
)


def _used(table: Table, row_id: BindParameter[int]) -> Update:
    """Return what writes a row's last use, and returns its id, if it is not known to the minute, whichever way the
    clock went. A row that somebody else is changing just now is passed over: it is part of no circle of waiting.
    """
    earliest, latest = bindparam("earliest", type_=Double), bindparam("latest", type_=Double)
    row = table.alias()
    last = row.c.last_used_at
    unused = or_(last.is_(None), last <= earliest, last >= latest)
    free = select(row.c.id).where(row.c.id == row_id, unused).with_for_update(skip_locked=True).scalar_subquery()
    return update(table).where(table.c.id == free).values(last_used_at=_now).returning(table.c.id)


SESSION_USED = _used(SESSIONS, _session_id)
COOKIE_USED = SESSION_USED.values(idle_expires_at=bindparam("idle_until", type_=Double))
KEY_USED = _used(KEYS, _key_id)

END = (
    update(SESSIONS)
    .where(SESSIONS.c.id == _session_id, SESSIONS.c.user_id == _of_user, SESSIONS.c.revoked_at.is_(None))
    .values(revoked_at=_now)
)
END_ALL = (
    update(SESSIONS)
    .where(
        SESSIONS.c.user_id == _of_user,
        SESSIONS.c.id != bindparam("kept_id", type_=Integer),
        SESSIONS.c.revoked_at.is_(None),
    )
    .values(revoked_at=_now)
)
END_OLDEST = (
    update(SESSIONS)
    .where(
        SESSIONS.c.id.in_(
            select(SESSIONS.c.id)
            .where(SESSIONS.c.user_id == _of_user, SESSIONS.c.revoked_at.is_(None))
            .order_by(SESSIONS.c.last_used_at.desc(), SESSIONS.c.id.desc())
            .offset(MOST_SESSIONS)
        )
    )
    .values(revoked_at=_now)
)
LISTED = (
    select(
        SESSIONS.c.id,
        SESSIONS.c.kind,
        SESSIONS.c.created_at,
        SESSIONS.c.last_used_at,
        SESSIONS.c.idle_expires_at,
        SESSIONS.c.expires_at,
        SESSIONS.c.method,
        SESSIONS.c.device,
        SESSIONS.c.address,
    )
    .where(
        SESSIONS.c.user_id == _of_user,
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > _now,
        SESSIONS.c.idle_expires_at > _now,
    )
    .order_by(SESSIONS.c.last_used_at.desc(), SESSIONS.c.id.desc())
)
CONFIRM = (
    update(SESSIONS)
    .where(SESSIONS.c.id == _session_id, SESSIONS.c.revoked_at.is_(None))
    .values(confirmed_until=bindparam("until", type_=Double))
)
CONFIRMED = select(SESSIONS.c.confirmed_until).where(SESSIONS.c.id == _session_id, SESSIONS.c.revoked_at.is_(None))
SIGNED_IN_FROM = (
    select(_EVENTS.c.device, _EVENTS.c.address)
    .where(_EVENTS.c.user_id == _of_user, _EVENTS.c.event == "signed_in")
    .order_by(_EVENTS.c.id.desc())
    .limit(100)
)

_LIVING_KEYS = and_(
    KEYS.c.user_id == _of_user,
    KEYS.c.revoked_at.is_(None),
    or_(KEYS.c.expires_at == null(), KEYS.c.expires_at > _now),
)
KEYS_LISTED = (
    select(
        KEYS.c.id,
        KEYS.c.name,
        KEYS.c.hint,
        KEYS.c.scopes,
        KEYS.c.created_at,
        KEYS.c.expires_at,
        KEYS.c.last_used_at,
    )
    .where(_LIVING_KEYS)
    .order_by(KEYS.c.id)
)
OWNER_LOCKED = select(USERS.c.id).where(USERS.c.id == _of_user).with_for_update(key_share=True)
"""Two keys that are made at once are counted one after the other."""
REVOKE_KEY = (
    update(KEYS)
    .where(KEYS.c.id == _key_id, KEYS.c.user_id == _of_user, KEYS.c.revoked_at.is_(None))
    .values(revoked_at=_now)
)
REVOKE_KEYS = update(KEYS).where(KEYS.c.user_id == _of_user, KEYS.c.revoked_at.is_(None)).values(revoked_at=_now)
