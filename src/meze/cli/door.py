"""Tell people which door requests come through, and what closed the quick one: in `meze check` and at start."""

from __future__ import annotations

from dataclasses import replace

from meze.cli.place import seen_from_here
from meze.installation import Installation
from meze.web.doorway import Closed


def closed_by(meze: Installation) -> Closed | None:
    """Return what keeps requests from the WSGI door, its file as seen from here; None while that is open."""
    closed = meze.doors.way.closed_by()
    if closed is None or closed.where is None:
        return closed
    path, _, line = closed.where.rpartition(":")
    return replace(closed, where=f"{seen_from_here(path)}:{line}")


def in_words(closed: Closed | None) -> str:
    return "WSGI, the quick one" if closed is None else f"Flask: the quick one is closed by {closed}"


def as_object(closed: Closed | None) -> dict[str, str | None]:
    if closed is None:
        return {"name": "wsgi", "closed_by": None, "where": None}
    return {"name": "flask", "closed_by": closed.what, "where": closed.where}
