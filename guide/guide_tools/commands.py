"""Run the commands of a page and return what they print.

`python`, `meze` and `flask` run in this process, as importing Meze anew for each would take most of the guide's time;
every other command, and every command of a page that is read with a real server, is a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click
from flask.cli import cli as flask

from guide_tools.programs import environment, forget, inside
from meze.cli import meze

PATIENCE_SECONDS = 60


def run_here(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str | None:
    """Run a command in this process. Returns what it prints, or None if it is none that can be run so."""
    run: Callable[[], object]
    match words:
        case ["python", file, *rest] if file.endswith(".py"):
            run = partial(_run_program, [file, *rest])
        case ["meze", *rest]:
            run = partial(meze.main, rest, "meze", standalone_mode=False)
        case ["flask", *rest]:
            run = partial(flask.main, rest, "flask", standalone_mode=False)
        case _:
            return None
    printed = io.StringIO()
    forget(folder)
    with inside(folder, variables), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            run()
        except click.ClickException as error:
            error.show()
        except SystemExit:
            pass
    forget(folder)
    return printed.getvalue()


def _run_program(words: list[str]) -> None:
    before, sys.argv = sys.argv, words
    try:
        runpy.run_path(words[0], run_name="__main__")
    finally:
        sys.argv = before


def run_apart(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """Run a command in a process of its own and return what it prints."""
    done = subprocess.run(  # noqa: S603 - the words are our own page's
        list(words),
        cwd=folder,
        env=environment(variables),
        stdin=subprocess.DEVNULL,  # nobody is there to answer
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.stdout
