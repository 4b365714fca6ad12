"""Meze's own tables, in the metadata of the user's models: foreign keys reach them, and one history holds both.

What is secret is in tables of its own, so that a person who selects users, or relates to them, never meets it. Moments
are seconds since 1970 (UTC) wherever only Meze reads them.

    meze_users            who can sign in                 ── meze_passwords, meze_factors, meze_recovery_codes
    meze_sessions         one row for each signed-in device; its tokens as hashes
    meze_keys             API keys, as hashes
    meze_revocations      whose tokens were ended or changed lately, for the processes that keep them in memory
    meze_tokens           what is good once: links in mail, invitations, sign-ins that wait for a second factor
    meze_outbox           mail that is to be sent
    meze_counters         attempts, counted for a while
    meze_account_events   the audit trail; no foreign key, so that it outlives the account
    meze_facts            what is true of the whole installation: the cost of hashing, whether there was an admin
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from meze.accounts.addresses import canonical
from meze.databases.own import OwnBase

USERS = "meze_users"


def _now() -> datetime:
    return datetime.now(UTC)


def _canonical_email(context: Any) -> str:
    return canonical(context.get_current_parameters()["email"])


class User(OwnBase):
    """A person who can sign in. Relate to it: `owner: Mapped[User] = relationship()`. Others may read `id` and `name`.

    Ids are never given twice (AUTOINCREMENT; an identity on PostgreSQL). `email` is as the person wrote it, and
    `email_canonical` what two spellings of one address have in common.
    """

    __tablename__ = USERS
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    email_canonical: Mapped[str] = mapped_column(String(320), unique=True, default=_canonical_email)
    email_verified: Mapped[bool] = mapped_column(default=False, server_default=false())
    name: Mapped[str | None] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(JSON, default=list, server_default=text("'[]'"))
    disabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)


class AccountEvent(OwnBase):
    """One thing that happened to an account. `user_id` is kept when the account is deleted; all that is personal goes.

    `event` is a name of `accounts/audit.py`. `by_id` is who did it, where that was somebody else; from where they did
    it (`by_address`, `by_device`) only admins may read.
    """

    __tablename__ = "meze_account_events"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now, index=True)
    event: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column(index=True)
    by_id: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(45))
    device: Mapped[str | None] = mapped_column(String(200))
    by_address: Mapped[str | None] = mapped_column(String(45))
    by_device: Mapped[str | None] = mapped_column(String(200))


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, OwnBase.metadata, *columns, sqlite_autoincrement=any(each.name == "id" for each in columns))


def _id() -> Column[Any]:
    return Column("id", Integer, Identity(), primary_key=True)


def _of_user(*, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    key = ForeignKey(f"{USERS}.id", ondelete="CASCADE")
    if primary_key:
        return Column("user_id", Integer, key, primary_key=True, autoincrement=False)
    return Column("user_id", Integer, key, nullable=nullable, index=True)


PASSWORDS = _table(
    "meze_passwords",
    _of_user(primary_key=True),
    Column("hash", Text, nullable=False),
    Column("cost", String(40), nullable=False),  # as MEZE_PASSWORD_HASHING writes it
    Column("changed_at", Double, nullable=False),
)

SESSIONS = _table(
    "meze_sessions",
    _id(),
    _of_user(),
    Column("kind", String(10), nullable=False),  # bearer or cookie
    # What every token of the session begins with, hashed: it finds the session of a token that was rotated away.
    Column("family_hash", LargeBinary(32), nullable=False, unique=True),
    Column("access_hash", LargeBinary(32), nullable=False),
    Column("access_expires_at", Double, nullable=False),
    # Requests that are under way with the access token before this one are still answered.
    Column("previous_access_hash", LargeBinary(32)),
    Column("previous_access_expires_at", Double),
    Column("refresh_hash", LargeBinary(32)),
    Column("previous_refresh_hash", LargeBinary(32)),
    Column("rotated_at", Double),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Column("idle_expires_at", Double, nullable=False, index=True),
    Column("expires_at", Double, nullable=False, index=True),
    Column("confirmed_until", Double),
    Column("revoked_at", Double),
    Column("method", String(20), nullable=False),
    Column("device", String(200)),
    Column("address", String(45)),
)

KEYS = _table(
    "meze_keys",
    _id(),
    _of_user(),
    Column("name", String(100), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("hint", String(20), nullable=False),  # how the key begins, to be told apart by
    Column("scopes", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
)

TOKENS = _table(
    "meze_tokens",
    _id(),
    Column("kind", String(20), nullable=False),  # a TokenKind
    _of_user(nullable=True),
    Column("email_canonical", String(320), index=True),  # for what concerns an address that has no account yet
    Column("hash", LargeBinary(32), unique=True),  # null until the letter is sent
    Column("data", JSON, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
)

REVOCATIONS = _table(
    "meze_revocations",
    # 1, 2, 3, … in the order in which the changes were committed; the greatest always stays.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("user_id", Integer, nullable=False),  # no foreign key: what was ended may be the account
    Column("at", Double, nullable=False, index=True),
)

FACTORS = _table(
    "meze_factors",
    _of_user(primary_key=True),
    Column("secret", Text, nullable=False),  # encrypted
    Column("confirmed_at", Double),  # null while it is being set up
    Column("last_step", Integer),  # the last time step whose code was used: a code is good once
    Column("created_at", Double, nullable=False),
)

RECOVERY_CODES = _table(
    "meze_recovery_codes",
    _id(),
    _of_user(),
    Column("hash", LargeBinary(32), nullable=False),
    Column("used_at", Double),
)

OUTBOX = _table(
    "meze_outbox",
    _id(),
    Column("template", String(40), nullable=False),
    _of_user(nullable=True),
    Column("token_id", Integer, ForeignKey("meze_tokens.id", ondelete="CASCADE"), index=True),
    Column("address", String(320)),  # where it is not the user's own: the old one, or one without an account
    Column("language", String(5), nullable=False),
    Column("data", JSON, nullable=False),  # nothing secret
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)

COUNTERS = _table(
    "meze_counters",
    Column("key", String(64), primary_key=True),  # an HMAC: neither addresses nor names stand here
    Column("count", Integer, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

FACTS = _table(
    "meze_facts",
    Column("name", String(40), primary_key=True),
    Column("value", JSON, nullable=False),
)
