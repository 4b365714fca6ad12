"""A worker of `meze serve` before it serves: it takes its own signals, loads the app, and says why where it cannot.

Imported by the main process too, so what is heavy is imported by the worker alone, with `loading.py`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Semaphore
from typing import TYPE_CHECKING, NamedTuple

from meze.cli.group import show_mistake
from meze.errors import Mistake

if TYPE_CHECKING:
    from flask import Flask

DRAIN_SECONDS = 10
GARBAGE_THRESHOLD = 20_000
"""After how many new objects that stayed a serving worker looks for garbage."""


class Ready(NamedTuple):
    """What a worker tells the main process once it can serve.

    `door` says which door requests come through. `first_admin` is the token of the one-time link, from the one worker
    that made it.
    """

    prefix: str
    docs: bool
    database: str
    door: str
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
    gc.disable()  # what is imported here stays
    from meze.cli.loading import prepared, started

    gc.enable()
    try:
        app, notices = prepared(target, dev=dev)
        told = started(app, notices, may_link=lambda: dev and links_left.acquire(block=False))
    except Mistake as mistake:
        show_mistake(mistake)
        sys.exit(1)
    # The app stays for good, and no request should wait while it is looked through for garbage. What little garbage
    # there is by now stays too: to find it would take a tenth of the start.
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 10, 10)
    ready.put(told)
    return app


def trial(target: str | None) -> None:
    """End this process with 1, once it is told why, if the program as it is now would not start."""
    _take_signals()
    from meze.cli.loading import prepared

    try:
        prepared(target, dev=False)
    except Mistake as mistake:
        show_mistake(mistake)
        sys.exit(1)


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
