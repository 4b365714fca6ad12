"""What of Meze's own tables is read as resources, under rules like those of the user's models.

Neither is served by the generated routes: `/users` and `/auth/events` have handlers of their own, which read through
the same records. Everyone may know a user's id and name, through relations.
"""

from __future__ import annotations

from meze.access.terms import anyone, me, role, signed_in
from meze.accounts.tables import AccountEvent, User
from meze.resources.declare import Declaration
from meze.resources.resource import FieldRules, hidden

USERS_NAME = "users"
EVENTS_NAME = "auth/events"

_admins = FieldRules(read=role("admin"), write=role("admin"))


def declarations() -> tuple[Declaration, ...]:
    return (
        Declaration(
            User,
            None,
            name=USERS_NAME,
            rules={"read": anyone},
            fields={
                "email": _admins,
                "email_canonical": hidden,
                "email_verified": _admins,
                "roles": _admins,
                "disabled": _admins,
                "created_at": _admins,
            },
            served=False,
        ),
        Declaration(
            AccountEvent,
            None,
            name=EVENTS_NAME,
            rules={"read": signed_in & (AccountEvent.user_id == me.id)},
            fields={"by_address": _admins, "by_device": _admins},
            served=False,
        ),
    )
