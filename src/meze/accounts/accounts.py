"""Accounts, joined: what the web layer and the command line call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from sqlalchemy.sql import ClauseElement

from meze.accounts.attempts import Attempts
from meze.accounts.background import Background
from meze.accounts.guards import Guards
from meze.accounts.housekeeping import Housekeeper
from meze.accounts.keyring import Keyring
from meze.accounts.keys import Keys
from meze.accounts.methods import Methods, Parts
from meze.accounts.outbox import Outbox, Post
from meze.accounts.passwords import Passwords
from meze.accounts.people import People
from meze.accounts.recovery import Recovery
from meze.accounts.second_factor import SecondFactor
from meze.accounts.sessions import Sessions
from meze.accounts.sign_in import SignIn
from meze.accounts.storage import Storage
from meze.accounts.verified import Verified
from meze.databases import Database
from meze.settings import Settings
from meze.stores.broadcast import open_broadcast


class Accounts:
    """Who can call, and how they prove it.

    `roles` are those that may be given, `resources` the names that scopes of keys may say; `service` is the name that
    letters and authenticators show. `chores` are what other layers have the housekeeper do.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        roles: Collection[str],
        resources: Collection[str],
        post: Post,
        *,
        service: str,
        chores: Mapping[str, ClauseElement],
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert settings.secret_key is not None
        keyring = Keyring([settings.secret_key, *settings.secret_key_fallbacks])
        registration = settings.registration or "open"
        self.service = service
        self.storage = storage = Storage(database)
        self.passwords = Passwords(
            storage, keyring, threads=settings.threads, configured=settings.password_hashing, clock=clock
        )
        self.attempts = Attempts(storage, keyring, clock)
        verified = Verified()
        self.broadcast = open_broadcast(settings.redis_url, verified.forget)
        self.sessions = Sessions(storage, keyring, settings, clock, verified=verified, tell=self.broadcast.publish)
        self.keys = Keys(storage, clock, resource_names=resources)
        methods = Methods(Parts(storage, keyring, clock, self.passwords))
        self.second_factor = SecondFactor(storage, keyring, methods, issuer=service, clock=clock)
        self.outbox = Outbox(storage, post, settings, clock)
        uses = self.sessions.uses
        self.background = Background(self.outbox, Housekeeper(storage, clock, chores), uses)
        self.outbox.when_filled(self.background.wake)
        uses.when_noted(self.background.start)
        self.people = People(storage, self.sessions, self.outbox, roles, clock)
        self.guards = Guards(storage, self.people, self.sessions, self.keys, self.second_factor, self.outbox)
        self.sign_in = SignIn(
            storage,
            self.people,
            self.sessions,
            self.passwords,
            self.attempts,
            self.second_factor,
            self.outbox,
            methods,
            registration,
            service,
            clock,
        )
        self.recovery = Recovery(**vars(self.sign_in), sign_in=self.sign_in)

    def start(self) -> None:
        """Begin what goes on in the background of a server: mail, tidying up, last uses, hearing of other processes."""
        self.background.start()
        self.broadcast.start()

    def close(self) -> None:
        """Stop what goes on in the background, and write what was noted for it."""
        self.background.stop()
        self.sessions.uses.write()
        self.broadcast.stop()
