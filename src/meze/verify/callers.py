"""Who calls during a run of `meze verify`: real accounts with real tokens, one of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meze.access.caller import Caller


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One who calls: `caller` is who it is, worked out from what the account was given, `headers` prove it.

    `caller.scopes` are those of an API key, None where there is no limit. What a session reads of the same account is
    the code under test, so nothing of `caller` comes from there.
    """

    name: str
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.name}>"


NOBODY = Actor("nobody", Caller())
