"""The processes of `meze serve`: granian's main process, which this file directs, and its workers.

The app is never imported in the main process. Workers are forked from it, so a worker that starts later, after a change
of the code, gets the code as it is then. The libraries that an app stands on are imported before the fork where several
workers can share them, or where reloads should not wait for them; for a single worker that would only cost memory.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.queues import SimpleQueue
from typing import Any

import click
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from watchfiles import Change, DefaultFilter

from meze.cli.worker import Ready, load, trial
from meze.settings import EXPORTS_AT_ONCE, WAITING_FOR_EACH, Settings, is_loopback

# Every open connection holds one of these in its worker, idle ones too: fewer would let slow clients lock others out.
CONNECTIONS = 4096
# Beyond this, an address and its headers are refused with an empty 431 before they are a request. What is longer than
# MEZE_URI_LIMIT and MEZE_HEADERS_LIMIT but fits here is answered by us, with a problem that names the limit.
REQUEST_HEAD_BYTES = 160 * 1024
# How long a worker may finish what it has begun.
DRAIN_SECONDS = {True: 3, False: 30}
SECONDS_TO_LISTEN = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve and how. `settings.env` and `settings.port` are decided."""

    target: str | None
    settings: Settings
    workers: int
    dev: bool


class SourceFilter(DefaultFilter):
    """Which changes reload: those of source files. A database in the same folder changes with every request."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, "instance")
    SUFFIXES = (".py", ".html", ".jinja", ".jinja2", ".j2", ".toml", ".env")

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(self.SUFFIXES) and super().__call__(change, path)


class Server(MPServer):
    """granian's main process, which looks before it replaces workers."""

    plan: Plan

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """Replace the workers one by one, if the program as it is now can be loaded; else go on with those that run.

        With `--dev` it ends the server: SIGHUP then means that the terminal was closed.
        """
        if self.plan.dev:
            self.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # not annotated by granian
        elif _would_start(self.plan.target):
            super().signal_handler_reload(*args, **kwargs)  # type: ignore[no-untyped-call]  # as above
        else:
            click.echo("The new version cannot be loaded; the running one stays.", err=True)


def run(plan: Plan) -> None:
    """Serve until told to stop. Exits with 1 if the app cannot be loaded."""
    ready: SimpleQueue[Ready] = multiprocessing.SimpleQueue()
    server = Server(
        plan.target or "app",
        address=plan.settings.host.strip("[]"),
        port=plan.settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=REQUEST_HEAD_BYTES),
        workers=plan.workers,
        # Those at work, and for each some that wait; who reads an export slowly holds a thread besides.
        blocking_threads=plan.settings.threads * (1 + WAITING_FOR_EACH) + EXPORTS_AT_ONCE,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        workers_kill_timeout=DRAIN_SECONDS[plan.dev],
        websockets=False,
        reload=plan.dev,
        reload_filter=SourceFilter,
        log_level=LogLevels.warning,
        log_dictconfig=_logging_to_stderr(),
    )
    server.plan = plan
    if plan.workers > 1 or plan.dev:
        import_module("meze.cli.loading")
    quiet = _UntilReady()
    logging.getLogger("_granian").addFilter(quiet)
    threading.Thread(target=_announce, args=(plan, server, ready, quiet), daemon=True).start()
    gc.freeze()  # what was imported up to here is shared with the workers for as long as nobody writes to it
    server.serve(target_loader=_Loader(plan, ready), wrap_loader=False)


def _would_start(target: str | None) -> bool:
    """Return whether the program as it is now would start, found out in a process of its own; it says why not."""
    attempt = multiprocessing.Process(target=trial, args=(target,))
    attempt.start()
    attempt.join()
    return attempt.exitcode == 0


class _Loader:
    """What a worker calls first. A class, because it must reach the worker by pickle where processes are spawned."""

    def __init__(self, plan: Plan, ready: SimpleQueue[Ready]) -> None:
        self._plan = plan
        self._ready = ready
        self._main = multiprocessing.current_process().pid
        self._links_left = multiprocessing.Semaphore(1)

    def __call__(self) -> Any:
        return load(
            self._plan.target,
            dev=self._plan.dev,
            main=self._main or 0,
            ready=self._ready,
            links_left=self._links_left,
        )


class _UntilReady(logging.Filter):
    """Leaves out granian's word on a worker that ended, where the worker itself has said why."""

    loaded = False
    dev = False

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("Configuration allows spawning"):
            return False  # it counts the threads that are kept for what waits for a slow reader
        if not record.getMessage().startswith("Unexpected exit"):
            return True
        if self.loaded and self.dev:
            record.msg, record.args = "Nothing is served until the next change.", ()
        return self.loaded


def _announce(plan: Plan, server: Server, ready: SimpleQueue[Ready], quiet: _UntilReady) -> None:
    """Say that the server is up once the first worker is; from then on a worker that ends does not end the server."""
    first = ready.get()
    quiet.loaded, quiet.dev = True, plan.dev
    server.respawn_failed_workers = not plan.dev
    server.reload_ignore_worker_failure = plan.dev
    _wait_until_open(plan)
    click.echo(welcome(plan, first))
    while True:
        again = ready.get()
        if plan.dev:
            # Of several workers the first to be ready need not be the one that made the link.
            lines = ["Reloaded.", *_first_admin(_base(plan), again)]
            click.echo("\n".join([*lines, *(f"Note: {notice}" for notice in again.notices)]))


def _wait_until_open(plan: Plan) -> None:
    """Wait until the first worker listens: whoever reads that the server is up may call it at once."""
    host = plan.settings.host.strip("[]")
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where to knock, not where to listen
    give_up = time.monotonic() + SECONDS_TO_LISTEN
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            socket.create_connection((address, plan.settings.port), timeout=1).close()
            return
        time.sleep(0.005)


def welcome(plan: Plan, ready: Ready) -> str:
    """Return what a person reads at start: address, docs, database, door, and in which environment."""
    settings = plan.settings
    host = settings.host.strip("[]")
    reach = "" if is_loopback(host) else f", on {host}: reachable from other machines"
    base = _base(plan)
    workers = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
    lines = [
        f"Meze is serving {click.style(base + ready.prefix, bold=True)}  ({settings.env}, {workers}{reach})",
        f"  API reference  {base}/docs" if ready.docs else "  API reference  off (MEZE_DOCS)",
        *_first_admin(base, ready),
        f"  Database       {ready.database}",
        f"  Door           {ready.door}",
        f"  Stop           Ctrl-C{'; changes to files reload' if plan.dev else ''}",
    ]
    return "\n".join([*lines, *(f"Note: {notice}" for notice in ready.notices)])


def _base(plan: Plan) -> str:
    host = plan.settings.host.strip("[]")
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - shown only
    return f"http://{shown}:{plan.settings.port}"


def _first_admin(base: str, ready: Ready) -> list[str]:
    if ready.first_admin is None:
        return []
    return [f"  First admin    {base}/account/first-admin#token={ready.first_admin}  (good once, for an hour)"]


def _logging_to_stderr() -> dict[str, Any]:
    """Return where granian logs to: stderr, as stdout is for what a command prints."""
    handler = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    return {"handlers": {"console": handler, "access": handler}}
