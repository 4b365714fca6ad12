"""Scopes: what an API key may do of what its owner may. The rules hold beside them, always.

    read                   read rows of every resource
    write                  create, read, update and delete rows of every resource
    admin                  the same, and the role admin where the owner holds it
    <resource>:<action>    read, create, update or delete rows of one resource; write for all four

To update or delete includes to read, since the answer shows the row, and 404 and 403 tell of it. To create does not. A
key that sets a foreign key, filters by a relation or expands one needs to read that resource too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from meze.access.caller import ADMIN
from meze.resources.resource import ACTIONS, nearest

READ, WRITE = "read", "write"
EVERYWHERE = frozenset({READ, WRITE, ADMIN})
"""The scopes that name no resource."""

_GRANTED = {
    "read": frozenset({"read"}),
    "create": frozenset({"create"}),
    "update": frozenset({"read", "update"}),
    "delete": frozenset({"read", "delete"}),
    "write": frozenset(ACTIONS),
}
_LONGEST = 200
"""What is longer is no scope, and comparing it with all of them would cost too much."""


class ScopeFault(NamedTuple):
    """A scope that is none: where it stands, and the one that was probably meant."""

    place: int
    scope: str
    nearest: str | None


def vocabulary(resource_names: Iterable[str]) -> frozenset[str]:
    """Return every scope that there is."""
    return EVERYWHERE.union(f"{name}:{action}" for name in resource_names for action in _GRANTED)


def permits(scopes: frozenset[str] | None, resource_name: str, action: str) -> bool:
    """Say whether scopes (None: no limit) reach as far as `action`, one of ACTIONS, on rows of a resource."""
    if scopes is None or _unlimited(scopes) or (action == READ and READ in scopes):
        return True
    return any(action in granted and f"{resource_name}:{scope}" in scopes for scope, granted in _GRANTED.items())


def deciding(scopes: frozenset[str] | None, known: frozenset[str]) -> frozenset[str] | None:
    """Return what of the scopes can decide anything: those that are `known`, and None where they permit everything."""
    return None if scopes is None or _unlimited(scopes) else scopes & known


def scope_faults(scopes: Sequence[str], resource_names: Collection[str]) -> list[ScopeFault]:
    """Return those of the scopes that there are not."""
    known = vocabulary(resource_names)
    return [
        ScopeFault(place, scope, nearest(scope, known) if len(scope) <= _LONGEST else None)
        for place, scope in enumerate(scopes)
        if scope not in known
    ]


def _unlimited(scopes: frozenset[str]) -> bool:
    return WRITE in scopes or ADMIN in scopes
