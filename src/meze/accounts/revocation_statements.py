"""What is written and asked of the revocations; `revocations.py` says why so."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Integer, bindparam, func, insert, literal_column, select

from meze.accounts.tables import REVOCATIONS

MOST_AT_ONCE = 1_000
"""Where more were revoked since the last question, everybody is forgotten."""

_ROW = (REVOCATIONS.c.number, REVOCATIONS.c.user_id, REVOCATIONS.c.at)
_next = select(func.coalesce(func.max(REVOCATIONS.c.number), 0) + 1).scalar_subquery()

LOCK = select(func.pg_advisory_xact_lock(literal_column("1835367013"), literal_column("1919252069")))
"""On PostgreSQL: whoever has it is the only one to number until its transaction ends. In ASCII it reads "mezereve"."""
ADD = insert(REVOCATIONS).from_select(
    ["number", "user_id", "at"],
    select(_next, bindparam("of_user", type_=Integer), bindparam("now", type_=Double)),
)
SINCE = (
    select(*_ROW)
    .where(REVOCATIONS.c.number >= bindparam("seen", type_=BigInteger))
    .order_by(REVOCATIONS.c.number)
    .limit(MOST_AT_ONCE + 1)
)
NEWEST = select(*_ROW).order_by(REVOCATIONS.c.number.desc()).limit(1)
