"""What happens in a worker of `meze serve` before it serves: load the app, look at the database, or say why not."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Semaphore
from multiprocessing.util import Finalize
from typing import NamedTuple

import click
from flask import Flask

from meze.accounts.accounts import Accounts
from meze.cli.find import installed, load_app
from meze.cli.group import show_mistake
from meze.cli.schema import prepare_schema
from meze.databases.database import DatabaseError, FaultKind
from meze.errors import Mistake, Unavailable
from meze.settings import masked_url

DRAIN_SECONDS = 10


class Ready(NamedTuple):
    """What a worker tells the main process once it can serve.

    `first_admin` is the token of the one-time link, from the one worker that made it.
    """

    prefix: str
    docs: bool
    database: str
    notices: tuple[str, ...]
    first_admin: str | None = None

    def __repr__(self) -> str:
        return f"Ready({self.database})"


def load(target: str | None, *, dev: bool, main: int, ready: SimpleQueue[Ready], links_left: Semaphore) -> Flask:
    """Return the app, ready to serve; end this process with 1 if there is a mistake, once it is told.

    `links_left` is how many links for the first admin may still be made, by all workers together.
    """
    _take_signals()
    threading.Thread(target=_end_with, args=(main,), daemon=True).start()
    try:
        app, notices = _prepared(target, dev=dev)
    except Mistake as mistake:
        show_mistake(mistake)
        sys.exit(1)
    meze = installed(app)
    settings = meze.settings
    first_admin = None
    # Where the database is away nothing is opened here: the first request that finds it there does so.
    if meze.sealed and (accounts := meze.open().accounts) is not None:
        accounts.start()
        # A forked worker ends without what `atexit` was told.
        Finalize(None, accounts.sessions.uses.write, exitpriority=0)
        if dev and settings.env != "production" and links_left.acquire(block=False):
            first_admin = _first_admin_link(accounts)
    database = masked_url(settings.database_url)
    gc.collect()
    gc.freeze()  # the app stays for good, and no request should wait while it is looked through for garbage
    ready.put(Ready(settings.prefix, settings.docs != "off", database, notices, first_admin))
    return app


def _first_admin_link(accounts: Accounts) -> str | None:
    """Return the token of a link, None where there has ever been an admin, or the database has gone away just now."""
    try:
        return accounts.people.first_admin_link()
    except Unavailable:
        return None


def try_load(target: str | None) -> bool:
    """Return whether the program as it is now would start, found out in a process of its own; it says why not."""
    trial = multiprocessing.Process(target=_trial, args=(target,))
    trial.start()
    trial.join()
    return trial.exitcode == 0


def _trial(target: str | None) -> None:
    _take_signals()
    try:
        _prepared(target, dev=False)
    except Mistake as mistake:
        show_mistake(mistake)
        sys.exit(1)


def _prepared(target: str | None, *, dev: bool) -> tuple[Flask, tuple[str, ...]]:
    """Return the app and what a person should know of it.

    A server that cannot reach its database starts all the same: it answers 503 until the database is there.
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


def _take_signals() -> None:
    """Drop the handlers that a forked worker inherits from the main process.

    They would swallow SIGTERM while the app is loading, and a second reload would wait for the first in vain. Ctrl-C
    reaches the whole group; the main process decides what it means.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _end_with(main: int) -> None:
    """End this worker when the main process is gone, however it went; it would go on holding the port."""
    while os.getppid() == main:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(DRAIN_SECONDS)
    os._exit(1)
