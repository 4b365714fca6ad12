"""An API key, which comes with every request and is its own proof of whose it is."""

from __future__ import annotations

from meze.accounts.methods.method import Claim
from meze.accounts.sessions import Sessions
from meze.errors import Unauthenticated


class ApiKey:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def prove(self, claim: Claim, proof: str) -> int | None:  # noqa: ARG002 - whose it is stands in the key
        """As `Method.prove`. The token of a session is no key."""
        try:
            caller = self._sessions.caller_of(proof)
        except Unauthenticated:
            return None
        return None if caller.key is None else caller.id
