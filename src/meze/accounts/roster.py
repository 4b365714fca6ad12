"""Who there is, all of them, as an operator lists them: read page by page, so that millions need no memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Integer, Table, Text, bindparam, select
from sqlalchemy import cast as sql_cast

from meze.accounts.moments import written
from meze.accounts.storage import Storage
from meze.accounts.tables import User

PAGE = 500

_users = cast(Table, User.__table__)
_PAGE = (
    select(
        _users.c.id,
        _users.c.email,
        _users.c.name,
        _users.c.roles,
        _users.c.email_verified,
        _users.c.disabled,
        _users.c.created_at,
    )
    .where(_users.c.id > bindparam("after", type_=Integer))
    .order_by(_users.c.id)
    .limit(PAGE)
)


class Person(NamedTuple):
    """One account, with nothing secret."""

    id: int
    email: str
    name: str | None
    roles: list[str]
    verified: bool
    disabled: bool
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return what the contract shows of a caller, and whether they may sign in."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "roles": sorted(self.roles),
            "email_verified": self.verified,
            "disabled": self.disabled,
            "created_at": written(self.created_at),
        }


def everyone(storage: Storage, role: str | None = None) -> Iterator[Person]:
    """Yield every account by id, with `role` those that have it. No transaction stays open in between."""
    page, last = _PAGE, 0
    if role is not None:
        page = page.where(sql_cast(_users.c.roles, Text).contains(json.dumps(role), autoescape=True))
    while True:
        with storage.reading() as work:
            rows = work.rows(page, after=last)
        for row in rows:
            person = Person(*row)
            # The database has looked for the role's text, on SQLite in any letter case.
            if role is None or role in person.roles:
                yield person
        if len(rows) < PAGE:
            return
        last = rows[-1][0]
