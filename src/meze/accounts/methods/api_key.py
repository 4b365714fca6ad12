"""An API key, which comes with every request and is its own proof of whose it is."""

from __future__ import annotations

from typing import Protocol

from meze.access.caller import Caller
from meze.accounts.methods.method import Claim
from meze.errors import Unauthenticated


class KnowsCallers(Protocol):
    """What is needed of `Sessions`: who calls with a bearer token. Raises Unauthenticated where nobody does."""

    def caller_of(self, text: str) -> Caller: ...


class ApiKey:
    def __init__(self, callers: KnowsCallers) -> None:
        self._callers = callers

    def prove(self, claim: Claim, proof: str) -> int | None:
        """As `Method.prove`; nobody needs to be claimed, and the token of a session is no key."""
        try:
            caller = self._callers.caller_of(proof)
        except Unauthenticated:
            return None
        if caller.key is None or claim.user_id not in (None, caller.id):
            return None
        return caller.id
