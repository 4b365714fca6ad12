"""What every command has in common: how it fails, and how it is told which app to work on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from flask.cli import ScriptInfo

from meze.cli.find import read_environment_files
from meze.errors import Mistake

F = TypeVar("F", bound=Callable[..., Any])

app_option = click.option(
    "--app",
    "target",
    metavar="MODULE[:NAME]",
    help="The app: a file or module, and a name in it. Found as Flask finds it if left out.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class MezeGroup(click.Group):
    """Prints a Mistake as one cause and one remedy and exits with 1. Anything else that escapes is a fault of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        read_environment_files()
        try:
            return super().invoke(ctx)
        except Mistake as mistake:
            show_mistake(mistake, colour=ctx.color)
            sys.exit(1)


def show_mistake(mistake: Mistake, *, colour: bool | None = None) -> None:
    """Print `file:line: cause` and the remedy to stderr. `colour` None means: if it is a terminal."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {mistake}", err=True, color=colour)


def chosen(target: str | None) -> str | None:
    """Return what was chosen with `--app`: ours, the one of `flask --app`, or FLASK_APP."""
    above = click.get_current_context().find_object(ScriptInfo)
    return target or (above.app_import_path if above else None) or os.environ.get("FLASK_APP") or None
