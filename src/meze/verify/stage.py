"""What a run of `meze verify` stands on: the user's app on a database of its own, full of rows, and callers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import MetaData, Table

from meze.access.policy import Policy
from meze.accounts.accounts import Accounts
from meze.accounts.tables import KEYS, PASSWORDS, SESSIONS, AccountEvent, User
from meze.databases import Database
from meze.databases.own import OwnBase
from meze.resources.registry import Registry
from meze.settings import Settings
from meze.verify.callers import NOBODY, Actor, make_actors, make_people
from meze.verify.fill import Filled, fill
from meze.verify.judge import Judge
from meze.verify.place import make_schema, temporary_database, temporary_folder
from meze.verify.restore import restore
from meze.verify.three import Evaluator
from meze.verify.world import Change, World, changes_between

_PROVING = (PASSWORDS, SESSIONS, KEYS)
"""Tables that go with a user who is deleted, and without which nobody can call as that user."""
_DAY_MINUTES = 24 * 60.0


class Opened(Protocol):
    """What is asked of the parts of a sealed app: of `meze.joined.Parts`."""

    resources: Registry
    policy: Policy
    accounts: Accounts | None


class Installed(Protocol):
    """What is asked of an app that was loaded: of `meze.installation.Installation`."""

    settings: Settings
    metadata: MetaData

    @property
    def app(self) -> Callable[..., Any]: ...

    @property
    def database(self) -> Database: ...

    def instead(self, settings: Settings) -> None: ...

    def open(self) -> Opened: ...


@dataclass(eq=False)
class Stage:
    """Made by `staged(...)`, for the time of a `with`.

    `wsgi` is the app as a server would call it. `world` are the rows as they were made and `judge` judges over them;
    `restore` brings the database back to them. `unfilled` says of each table that has no rows why. `notices` are what
    the person who runs this should know of what could not be tried.
    """

    wsgi: Callable[..., Any]
    settings: Settings
    database: Database
    resources: Registry
    policy: Policy
    accounts: Accounts | None
    actors: tuple[Actor, ...]
    world: World
    judge: Judge
    seed: int
    unfilled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._proving = World.read(self.database.engine, _PROVING)

    @property
    def prefix(self) -> str:
        """The path that the API is served at, such as `/api/v1`."""
        return self.settings.prefix

    def actor(self, name: str) -> Actor:
        """Return the actor of this name. Raises KeyError."""
        return {each.name: each for each in self.actors}[name]

    def stored(self) -> World:
        """Return what the database holds now."""
        return World.read(self.database.engine, self.world.tables)

    def changes(self) -> tuple[Change, ...]:
        """Return what became of the rows since the stage was made, or restored."""
        return changes_between(self.world, self.stored())

    def restore(self, found: tuple[Change, ...] | None = None) -> tuple[Change, ...]:
        """Bring every row back to what it was, and return what had become of them. Every token is good again.

        `found` is what had become of them, where that is known already.
        """
        changed = restore(self.database.engine, self.world, found)
        people = [change.key[0] for change in changed if change.table is User.__table__]
        if people:
            restore(self.database.engine, self._proving)
            if self.accounts is not None:
                for user_id in people:
                    self.accounts.sessions.forget(user_id)
        return changed


@contextmanager
def staged(installed: Installed, *, seed: int = 1, database_url: str | None = None) -> Iterator[Stage]:
    """Put the app on a database of its own, fill it, and lend what a run stands on; gone at the end.

    The same seed makes the same rows. `database_url` names an empty database to use where none can be made.

    Raises:
        Mistake: no database can be made, the models cannot be made there, or the app stands on its own already.
    """
    own = installed.settings
    with temporary_folder() as folder, temporary_database(own.database_url, database_url, folder) as url:
        installed.instead(_apart(own, url, folder))
        opened, database = installed.open(), installed.database
        try:
            make_schema(database, installed.metadata)
            yield _stage(installed, opened, database, seed)
        finally:
            database.close()


def _apart(settings: Settings, url: str, folder: Path) -> Settings:
    """Return settings under which nothing of the user's is touched: not the database, not Redis, nobody's mailbox."""
    return replace(
        settings,
        database_url=url,
        redis_url=None,
        smtp_url=None,
        env="development",
        registration="closed",
        docs="public",
        secret_key=secrets.token_urlsafe(48),
        secret_key_fallbacks=(),
        access_token_minutes=_DAY_MINUTES,
        session_idle_days=max(settings.session_idle_days, 1.0),
        session_days=max(settings.session_days, 2.0),
        statement_seconds=max(settings.statement_seconds, 10.0),
        rows_read_limit=0,
        root=folder,
    )


def _stage(installed: Installed, opened: Opened, database: Database, seed: int) -> Stage:
    resources, notices = opened.resources, []
    if opened.accounts is None:
        make_people(database.engine)
        actors: tuple[Actor, ...] = (NOBODY,)
        notices.append(
            "The app tells by itself who is calling (identify=), where verify cannot sign in: only nobody is tried. "
            "Leave identify= out of Meze(…) to have callers of every kind tried."
        )
    else:
        # It would write to the terminal of letters that nobody gets, and to rows that are being brought back.
        opened.accounts.background.stop()
        actors = make_actors(opened.accounts, opened.policy.roles, [each.name for each in resources.served])
    ours = set(OwnBase.metadata.tables.values())
    tables = [table for table in installed.metadata.tables.values() if table not in ours]
    tenancy = opened.policy.tenancy
    filled: Filled = fill(database.engine, tables, resources, seed, None if tenancy is None else tenancy.role)
    seen = [*tables, User.__table__, AccountEvent.__table__]
    world = World.read(database.engine, [table for table in seen if isinstance(table, Table)])
    judge = Judge(world, resources, Evaluator(world, database.engine, tenancy))
    return Stage(
        wsgi=installed.app,
        settings=installed.settings,
        database=database,
        resources=resources,
        policy=opened.policy,
        accounts=opened.accounts,
        actors=actors,
        world=world,
        judge=judge,
        seed=seed,
        unfilled=filled.unfilled,
        notices=(*notices, *filled.notices),
    )
