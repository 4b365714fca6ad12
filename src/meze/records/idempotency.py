"""What requests with an Idempotency-Key were answered, kept for a day so that the same request gets the same again.

The row of a key is written in the transaction of what it stands for: there is none without the other. Moments are
seconds since 1970 (UTC).
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql import ClauseElement

from meze.databases import Connection, Database, Statement
from meze.databases.own import OwnBase

KEPT_SECONDS = 86_400.0
LONGEST_KEY = 255
LARGEST_BODY = 16 * 2**20
"""Bytes of an answer that can be kept."""
PIECE = 500
TIDY_SECONDS = 600.0

ANSWERS = Table(
    "meze_idempotency",
    OwnBase.metadata,
    Column("user_id", Integer, ForeignKey("meze_users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("key", String(LONGEST_KEY), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("status", Integer),  # null only inside the transaction that is going to fill it
    Column("headers", JSON(none_as_null=True)),
    Column("rules", JSON(none_as_null=True)),
    Column("body", LargeBinary),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)
_now = bindparam("now", type_=Double)
_of_key = (ANSWERS.c.user_id == bindparam("of_user", type_=Integer), ANSWERS.c.key == bindparam("of_key", type_=String))


def _filled(*names: str) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=ANSWERS.c[name].type) for name in names}


_FIND = select(ANSWERS.c.fingerprint, ANSWERS.c.status, ANSWERS.c.headers, ANSWERS.c.rules, ANSWERS.c.body).where(
    *_of_key, ANSWERS.c.expires_at > _now
)
_DROP = delete(ANSWERS).where(*_of_key, ANSWERS.c.expires_at <= _now)
_BEGIN = insert(ANSWERS).values(_filled("user_id", "key", "fingerprint", "created_at", "expires_at"))
_END = update(ANSWERS).where(*_of_key).values(_filled("status", "headers", "rules", "body"))
EXPIRED = delete(ANSWERS).where(
    tuple_(ANSWERS.c.user_id, ANSWERS.c.key).in_(
        select(ANSWERS.c.user_id, ANSWERS.c.key)
        .where(ANSWERS.c.expires_at <= _now)
        .limit(PIECE)
        .with_for_update(skip_locked=True)
    )
)
"""Deletes at most PIECE answers that have had their time at the moment `now`."""


@dataclass(frozen=True, slots=True)
class Name:
    """A key of a person, and the request that it stands for: its method, address and body as 32 bytes."""

    user_id: int
    key: str
    fingerprint: bytes

    @property
    def number(self) -> int:
        """What two requests with the same key have in common, in 63 bits."""
        digest = hashlib.sha256(f"{self.user_id}:{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given. `rules` says what is to be asked again before it is given once more."""

    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes
    rules: Mapping[str, Any] = field(default_factory=dict)


class Answers:
    """The answers that are kept. `clock` tells seconds since 1970.

    They are deleted by the housekeeper of accounts; where there is none, `tidy_seconds` says how often a piece of them
    is deleted beside a new one.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, *, tidy_seconds: float | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._tidy_seconds = tidy_seconds
        self._tidied_at = 0.0
        self._prepared: dict[int, Statement] = {}

    def find(self, name: Name, connection: Connection) -> Kept | None:
        """Return what was answered under a key, None where that is nothing or too long ago."""
        rows = connection.rows(self._prepare(_FIND), {**_at(name), "now": self._clock()})
        if not rows:
            return None
        fingerprint, status, headers, rules, body = rows[0]
        return Kept(bytes(fingerprint), status, headers, zlib.decompress(body), rules)

    def begin(self, name: Name, connection: Connection) -> None:
        """Write the row of a key, in the transaction that is to be answered for.

        Raises:
            DatabaseError: UNIQUE, the key was committed meanwhile; FOREIGN_KEY, there is no such person.
        """
        now = self._clock()
        connection.execute(self._prepare(_DROP), {**_at(name), "now": now})
        if self._tidy_seconds is not None and not 0 <= now - self._tidied_at < self._tidy_seconds:
            self._tidied_at = now
            connection.execute(self._prepare(EXPIRED), {"now": now})
        values = {
            "user_id": name.user_id,
            "key": name.key,
            "fingerprint": name.fingerprint,
            "created_at": now,
            "expires_at": now + KEPT_SECONDS,
        }
        connection.execute(self._prepare(_BEGIN), _new(values))

    def end(self, name: Name, kept: Kept, connection: Connection) -> None:
        """Write the answer into the row of its key."""
        body = zlib.compress(kept.body, 1)
        values = {"status": kept.status, "headers": dict(kept.headers), "rules": dict(kept.rules), "body": body}
        connection.execute(self._prepare(_END), _at(name) | _new(values))

    def _prepare(self, clause: ClauseElement) -> Statement:
        if id(clause) not in self._prepared:
            self._prepared[id(clause)] = self._database.prepare(clause)
        return self._prepared[id(clause)]


def _at(name: Name) -> dict[str, Any]:
    return {"of_user": name.user_id, "of_key": name.key}


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}
