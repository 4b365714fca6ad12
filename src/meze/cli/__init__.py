"""The `meze` command: one file for each group of commands, joined here.

The same commands stand under `flask meze …`, where Flask has found the app already.
"""

from __future__ import annotations

import click

from meze.cli.database import db
from meze.cli.group import MezeGroup
from meze.cli.openapi import openapi
from meze.cli.serve import serve
from meze.cli.token import token
from meze.cli.user import user


@click.group("meze", cls=MezeGroup, epilog="Begin with:  meze serve --dev")
@click.version_option(package_name="meze", message="Meze %(version)s")
def meze() -> None:
    """Serve SQLAlchemy models as a REST API, and look after it."""


meze.add_command(serve)
meze.add_command(db)
meze.add_command(user)
meze.add_command(token)
meze.add_command(openapi)


def main() -> None:
    """Run the command line of this process."""
    meze(prog_name="meze")


__all__ = ["main", "meze"]
