"""Moments as answers write them: RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def written(moment: datetime | float) -> str:
    """Return a moment as text.

    A datetime without an offset, as SQLite gives it, is UTC; a number is seconds since 1970.
    """
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")
