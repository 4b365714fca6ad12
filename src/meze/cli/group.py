"""What every command has in common: where it is found, how it fails, and how it is told which app to work on.

Imports neither Flask nor the rest of Meze: `meze --help` needs this file alone, and should not wait for them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple, TypeVar

import click

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
        from meze.cli.place import read_environment_files

        if os.environ.get("NO_COLOR"):
            ctx.color = False
        read_environment_files()
        try:
            return super().invoke(ctx)
        except Mistake as mistake:
            show_mistake(mistake, colour=ctx.color)
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order that they are written in, where click would sort them."""
        return list(self.commands)


class Listed(NamedTuple):
    """A command that is not loaded yet: where it is, as `module:name`, and its line in the help of the group."""

    place: str
    line: str


class CommandTable(MezeGroup):
    """A group whose commands are loaded when they are called. Its help is written from the table alone."""

    def __init__(self, *arguments: Any, table: Mapping[str, Listed], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as above
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        listed = self.table.get(cmd_name)
        return None if listed is None else resolve_name(listed.place)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, listed.line) for name, listed in self.table.items()])


def show_mistake(mistake: Mistake, *, colour: bool | None = None) -> None:
    """Print `file:line: cause` and the remedy to stderr. `colour` None means: if it is a terminal."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {mistake}", err=True, color=colour)


def chosen(target: str | None) -> str | None:
    """Return what was chosen with `--app`: ours, the one of `flask --app`, or FLASK_APP."""
    flask = sys.modules.get("flask.cli")  # not imported: under `flask meze` it is there already
    above = None if flask is None else click.get_current_context().find_object(flask.ScriptInfo)
    return target or (above.app_import_path if above else None) or os.environ.get("FLASK_APP") or None
