"""What guards an account beside its password, and what opens it without one: the second factor and API keys.

The parts do the work; here it is written into the audit trail, and the owner is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meze.access.caller import Caller
from meze.accounts import audit
from meze.accounts.keys import Keys
from meze.accounts.outbox import Outbox
from meze.accounts.people import People
from meze.accounts.second_factor import SecondFactor, Setup
from meze.accounts.sessions import Sessions
from meze.accounts.storage import Also, Storage, Work
from meze.accounts.visitor import Visitor
from meze.errors import NotFound


class Guards:
    """For a caller whose session was confirmed; the web layer asks for that."""

    def __init__(
        self,
        storage: Storage,
        people: People,
        sessions: Sessions,
        keys: Keys,
        factor: SecondFactor,
        outbox: Outbox,
    ) -> None:
        self._storage = storage
        self._people = people
        self._sessions = sessions
        self._keys = keys
        self._factor = factor
        self._outbox = outbox

    def second_factor_of(self, caller: Caller) -> tuple[bool, int]:
        """Say whether the second factor is on, and how many recovery codes are left."""
        assert caller.id is not None
        with self._storage.reading() as work:
            return self._factor.enabled(work, caller.id), self._factor.codes_left(work, caller.id)

    def begin_second_factor(self, caller: Caller) -> Setup:
        """Return what an authenticator is set up with; nothing is asked of it before a code confirms it."""
        assert caller.id is not None
        email = self._people.me(caller.id)["email"]
        return self._factor.begin(caller.id, email, lambda work: self._sessions.hold_confirmed(work, caller))

    def confirm_second_factor(self, caller: Caller, code: str, visitor: Visitor) -> list[str]:
        """Switch the second factor on and return its recovery codes, which are shown this once.

        Raises:
            Invalid: the code is wrong, or none was begun; at `/code`.
        """
        assert caller.id is not None
        codes = self._factor.confirm(caller.id, code, self._telling(caller, "second_factor_on", visitor))
        self._outbox.wake()
        return codes

    def create_key(
        self, caller: Caller, name: str, scopes: Sequence[str], expires_at: float | None, visitor: Visitor
    ) -> tuple[dict[str, Any], str]:
        """Make an API key and return it with its secret, which is shown this once."""
        assert caller.id is not None
        also = self._telling(caller, "key_created", visitor, key_name=name)
        shown, secret = self._keys.create(caller.id, name, scopes, expires_at, also)
        self._outbox.wake()
        return shown, secret

    def revoke_key(self, caller: Caller, key_id: int, visitor: Visitor) -> None:
        """End a key of the caller's own. Raises NotFound."""
        assert caller.id is not None
        if not self._keys.revoke(caller.id, key_id, audit.recording("key_revoked", caller.id, visitor)):
            raise NotFound

    def end_session(self, caller: Caller, session_id: int, visitor: Visitor) -> None:
        """End a session of the caller's own. Raises NotFound."""
        assert caller.id is not None
        if not self._sessions.end(caller.id, session_id, audit.recording("signed_out", caller.id, visitor)):
            raise NotFound

    def delete_account(self, caller: Caller, visitor: Visitor) -> None:
        """Delete the caller's own account. Raises Forbidden for the last enabled admin."""
        assert caller.id is not None
        self._people.delete(caller.id, visitor, check=lambda work: self._sessions.hold_confirmed(work, caller))

    def _telling(self, caller: Caller, event: str, visitor: Visitor, **data: Any) -> Also:
        """Return what writes down that something happened, and puts the letter of the same name into the outbox.

        It undoes what happened if the session is no longer confirmed.
        """

        def tell(work: Work) -> None:
            self._sessions.hold_confirmed(work, caller)
            audit.record(work, event, caller.id, visitor)
            where = {"address": visitor.address, "device": visitor.device}
            self._outbox.put(work, event, visitor.language, user_id=caller.id, data={**where, **data})

        return tell
