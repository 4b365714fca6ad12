"""What a run of `meze verify` stands on: the user's app on a database of its own, full of rows, and callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from meze.accounts.accounts import Accounts
from meze.databases import Database
from meze.resources.registry import Registry
from meze.settings import Settings
from meze.verify.callers import Actor
from meze.verify.judge import Judge
from meze.verify.world import Change, World, changes_between


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
    accounts: Accounts | None
    tables: tuple[Table, ...]
    actors: tuple[Actor, ...]
    world: World
    judge: Judge
    seed: int
    unfilled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """The path that the API is served at, such as `/api/v1`."""
        return self.settings.prefix

    def actor(self, name: str) -> Actor:
        """Return the actor of this name. Raises KeyError."""
        return {each.name: each for each in self.actors}[name]

    def stored(self) -> World:
        """Return what the database holds now."""
        return World.read(self.database.engine, self.tables)

    def changes(self) -> tuple[Change, ...]:
        """Return what became of the rows since the stage was made, or restored."""
        return changes_between(self.world, self.stored())

    def restore(self) -> tuple[Change, ...]:
        """Bring every row back to what it was, and return what had become of them."""
        raise NotImplementedError
