"""`meze serve`: decide where and how to serve, refuse what cannot go well, and start the server."""

from __future__ import annotations

import dataclasses
import errno
import os
import socket

import click

from meze.cli.group import app_option, chosen
from meze.cli.place import expect_app, project_folder
from meze.cli.server import Plan, run
from meze.errors import Mistake
from meze.settings import Settings, environment_for, read_settings


@click.command(
    epilog="""\b
Examples:
  meze serve --dev                      while you write: reloads, adds tables and columns
  MEZE_ENV=production meze serve        behind a proxy, one worker for each core
  PORT=9000 meze serve --app shop.py    another port, another app"""
)
@app_option
@click.option("--host", help="The address to listen on (127.0.0.1: this machine alone).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on (8000; 0 takes a free one).")
@click.option("--workers", type=click.IntRange(1), help="How many processes serve (1; in production one per core).")
@click.option(
    "--dev",
    is_flag=True,
    help="Reload at changes, add tables and columns that are new, show a link for the first admin.",
)
def serve(target: str | None, host: str | None, port: int | None, workers: int | None, dev: bool) -> None:
    """Serve the app over HTTP."""
    target = chosen(target)
    expect_app(target)
    settings = read_settings(root=project_folder(target), overrides={"host": host, "port": port, "workers": workers})
    environment = environment_for(settings.env, settings.host, dev=dev)
    for warning in settings.warnings:
        click.echo(f"Warning: {warning}", err=True)
    settings = dataclasses.replace(settings, env=environment, port=free_port(settings))
    # The app reads its settings itself, in each worker; this is how what was decided here reaches it.
    os.environ |= {"MEZE_ENV": environment, "MEZE_HOST": settings.host, "PORT": str(settings.port)}
    run(Plan(target, settings, workers=settings.workers or default_workers(environment), dev=dev))


def default_workers(environment: str) -> int:
    """Return one in development, where order matters more than speed; else one for each core that we may use."""
    if environment == "development":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_port(settings: Settings) -> int:
    """Return the port to listen on: the one that is set, or a free one for 0.

    The workers share a port with SO_REUSEPORT, so a second server would silently share it too. That is found out here,
    by binding once without that option.

    Raises:
        Mistake: the port is taken or not ours to take, or the address is not this machine's.
    """
    host, port = settings.host.strip("[]"), settings.port
    remedy = "Choose another with --host, or MEZE_HOST."
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)
            return int(trial.getsockname()[1])
    except socket.gaierror:
        raise Mistake(f"{host} is not an address of this machine.", remedy) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Mistake(f"Port {port} on {host} is taken.", "Choose another with --port, or PORT.") from None
        if error.errno == errno.EACCES:
            cause = f"Port {port} needs rights that this user lacks."
            raise Mistake(cause, "Choose one above 1023 with --port, or PORT.") from None
        raise Mistake(f"{host} cannot be listened on: {error.strerror}.", remedy) from None
