"""Who is calling, and the part of it that rules without a row depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

ADMIN = "admin"
"""The role that passes every row rule, unless a resource says `admin=False`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The person, or nobody, behind a request.

    `id` is None for nobody. `email` is None until it was verified, so that a rule never trusts a claimed address.
    `credentials` says whether the request carried any, which is what caches must know. `session` is the id of the
    session that they belong to, `key` that of the API key. `scopes` are what a key may do, None for no limit; a key's
    caller holds the role admin only if its scopes say so.
    """

    id: int | None = None
    email: str | None = None
    name: str | None = None
    roles: frozenset[str] = frozenset()
    credentials: bool = False
    session: int | None = None
    key: int | None = None
    scopes: frozenset[str] | None = None

    @property
    def signed_in(self) -> bool:
        return self.id is not None

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles


NOBODY = Caller()


class Standing(NamedTuple):
    """All that can decide a rule before a row is looked at. Plans are kept by it, so it holds no identity."""

    signed_in: bool
    email_known: bool
    roles: frozenset[str]
    scopes: frozenset[str] | None = None


def standing_of(caller: Caller, roles: frozenset[str]) -> Standing:
    """Return the caller's standing, keeping only `roles`, the ones that were declared."""
    return Standing(caller.id is not None, caller.email is not None, caller.roles & roles, caller.scopes)
