"""What a test does inside the served program: record what SQLite writes, or break a promise to see that it is found."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from chaos.recorder import record
from meze.databases import sqlite
from meze.databases.group_commit import GroupCommit
from meze.databases.sqlite_turn import Turn

SECONDS_LATE = 0.2
EVERY = 5


def recorded(_: Flask) -> None:
    """Record every file operation of SQLite into the folder CHAOS_RECORD."""
    record(Path(os.environ["CHAOS_RECORD"]))


def forgetful(_: Flask) -> None:
    """Leave a commit to be synced when SQLite next copies its log into the database."""
    _add_pragma("synchronous = NORMAL")


def tidy(_: Flask) -> None:
    """Copy the log into the database twenty times as often, so that a short run meets it often."""
    _add_pragma("wal_autocheckpoint = 50")


def _add_pragma(pragma: str) -> None:
    configure = sqlite.configure

    def configured(driver: Any, **options: Any) -> Any:
        deadline = configure(driver, **options)
        driver.execute(f"PRAGMA {pragma}")
        return deadline

    sqlite.configure = configured


def hasty(_: Flask) -> None:
    """Acknowledge single writes before they are committed."""
    write = GroupCommit.write

    def early(self: GroupCommit, statement: Any, values: Mapping[str, Any]) -> Any:
        try:
            with self._transaction() as connection:
                rows = connection.rows(statement, values)
                raise _Undone
        except _Undone:
            timer = threading.Timer(SECONDS_LATE, write, (self, statement, values))
            timer.daemon = True
            timer.start()
        return rows

    GroupCommit.write = early  # type: ignore[method-assign]


class _Undone(Exception):
    pass


def lying(app: Flask) -> None:
    """Refuse now and then what was done."""
    serve = app.wsgi_app
    counted = itertools.count(1)

    def served(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        def started(status: str, *rest: Any) -> Any:
            lies = status.startswith("201") and next(counted) % EVERY == 0
            return start("409 Conflict" if lies else status, *rest)

        return serve(environ, started)

    app.wsgi_app = served  # type: ignore[method-assign]


def jostling(_: Flask) -> None:
    """Let processes not take turns with each other, so that they wait as SQLite itself does."""
    Turn._pass = lambda *_: None  # type: ignore[method-assign]


MEDDLING: Mapping[str, Callable[[Flask], None]] = {
    "recorded": recorded,
    "forgetful": forgetful,
    "tidy": tidy,
    "hasty": hasty,
    "lying": lying,
    "jostling": jostling,
}
