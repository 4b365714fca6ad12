"""Sessions and API keys for tests: over a real database, with clocks that are set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import update

from accounts.second_factors import SECRET_KEY, Clock
from meze.access.caller import Caller
from meze.accounts.keyring import Keyring
from meze.accounts.keys import Keys
from meze.accounts.sessions import CookieSession, Pair, Sessions
from meze.accounts.storage import Storage
from meze.accounts.tables import User
from meze.accounts.verified import Verified
from meze.accounts.visitor import Visitor
from meze.databases import Database
from meze.errors import Problem
from meze.settings import read_settings

ANNA, BEN = 1, 2
PHONE = Visitor("203.0.113.7", "Phone")
DAY = 86400.0


class SignedIn:
    """The sessions and keys of one process. `clock` tells the time, `ticks` the seconds that really went by."""

    def __init__(
        self, database: Database, root: Path, clock: Clock, *, secrets: tuple[str, ...] = (SECRET_KEY,), **settings: Any
    ) -> None:
        self.clock, self.ticks = clock, Clock()
        self.database = database
        self.storage = Storage(database)
        read = read_settings(root=root, overrides={"secret_key": SECRET_KEY, **settings}, environ={})
        verified = Verified(monotonic=self.ticks)
        self.sessions = Sessions(self.storage, Keyring(secrets), read, clock, verified=verified)
        self.keys = Keys(self.storage, clock, resource_names=("trips", "cities"))

    def start(self, user_id: int = ANNA, visitor: Visitor = PHONE) -> Pair:
        with self.storage.writing() as work:
            return self.sessions.start(work, user_id, visitor, "password")

    def start_cookie(self, user_id: int = ANNA) -> CookieSession:
        with self.storage.writing() as work:
            return self.sessions.start_cookie(work, user_id, PHONE, "password")

    def refresh(self, token: str) -> Pair:
        return self.sessions.refresh(token, PHONE)[1]

    def end_all(self, user_id: int, **which: Any) -> None:
        with self.storage.writing() as work:
            self.sessions.end_all(work, user_id, **which)

    def change_with_word(self, user_id: int, **columns: Any) -> None:
        """Change a user as Meze does: every process hears of it."""
        with self.storage.writing() as work:
            work.execute(update(User).where(User.id == user_id).values(**columns))
            work.revoke(user_id)

    def change(self, user_id: int, **columns: Any) -> None:
        """Change a user by hand, in the tables: no process hears of it."""
        with self.database.engine.begin() as connection:
            connection.execute(update(User).where(User.id == user_id).values(**columns))

    def later(self, seconds: float) -> None:
        """Let the time go by on both clocks."""
        self.clock.now += seconds
        self.ticks.now += seconds

    def who(self, text: str) -> Caller | str:
        """Return the caller, or the code of the problem."""
        return _told(lambda: self.sessions.caller_of(text))

    def who_by_cookie(self, text: str) -> Caller | str:
        return _told(lambda: self.sessions.caller_of_cookie(text))

    def refreshed(self, text: str) -> Pair | str:
        return _told(lambda: self.refresh(text))


def _told(ask: Any) -> Any:
    try:
        return ask()
    except Problem as problem:
        return problem.code
