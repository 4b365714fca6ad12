"""Load the app in a worker of `meze serve`, look at its database, and start what runs beside the requests."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.util import Finalize

import click
from flask import Flask

from meze.accounts.accounts import Accounts
from meze.cli.door import closed_by, in_words
from meze.cli.find import installed, load_app
from meze.cli.schema import prepare_schema
from meze.cli.worker import Ready
from meze.databases.database import DatabaseError, FaultKind
from meze.errors import Unavailable
from meze.settings import masked_url


def prepared(target: str | None, *, dev: bool) -> tuple[Flask, tuple[str, ...]]:
    """Return the app and what a person should know of it.

    A server that cannot reach its database starts all the same: it answers 503 until the database is there.

    Raises:
        Mistake: there is no app that can be served.
    """
    app = load_app(target)
    meze = installed(app)
    try:
        meze.seal()
        for line in prepare_schema(meze, dev=dev):
            click.echo(line)
        return app, tuple(meze.notices())
    except DatabaseError as error:
        if error.fault.kind is not FaultKind.GONE:
            raise
        click.echo("Warning: the database cannot be reached; answers are 503 until it can.", err=True)
        return app, ()


def started(app: Flask, notices: tuple[str, ...], *, may_link: Callable[[], bool]) -> Ready:
    """Start the accounts, and return what to tell the main process. `may_link` grants the first admin's link, once."""
    meze = installed(app)
    settings = meze.settings
    meze.log_later()
    first_admin = None
    # Where the database is away nothing is opened here: the first request that finds it there does so.
    if meze.sealed and (accounts := meze.open().accounts) is not None:
        accounts.start()
        # A forked worker ends without what `atexit` was told.
        Finalize(None, accounts.sessions.uses.write, exitpriority=0)
        if settings.env != "production" and may_link():
            first_admin = _first_admin_link(accounts)
    database, door = masked_url(settings.database_url), in_words(closed_by(meze))
    return Ready(settings.prefix, settings.docs != "off", database, door, notices, first_admin)


def _first_admin_link(accounts: Accounts) -> str | None:
    """Return the token of a link, None where there has ever been an admin, or the database has gone away just now."""
    try:
        return accounts.people.first_admin_link()
    except Unavailable:
        return None
