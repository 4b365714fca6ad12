"""The `meze` command: one file for each group of commands, joined here.

The same commands stand under `flask meze …`, where Flask has found the app already.
"""

from __future__ import annotations

import gc

import click

from meze.cli.group import CommandTable, Listed

# Another command is another row here. Its file is imported when the command is called, not for `meze --help`, so it
# may import at its top what it needs.
COMMANDS = {
    "serve": Listed("meze.cli.serve:serve", "Serve the app over HTTP."),
    "db": Listed("meze.cli.database:db", "Bring the database up to the models."),
    "user": Listed("meze.cli.user:user", "Look after the accounts of those who sign in."),
    "token": Listed("meze.cli.token:token", "Print an access token of somebody, good for MEZE_ACCESS_TOKEN_MINUTES."),
    "explain": Listed(
        "meze.cli.explain:explain",
        "Tell why REQUEST is answered as it is: the clauses of rules that decided, the SQL, its plan, and the time.",
    ),
    "check": Listed(
        "meze.cli.check:check", "Look for faults in settings, schema, rules and indexes; exit with 1 on any."
    ),
    "access": Listed("meze.cli.access:access", "Show who may do what: each resource, action and kind of caller."),
    "verify": Listed(
        "meze.cli.verify:verify",
        "Attack the app as every kind of caller, through every door, and exit with 1 on any leak.",
    ),
    "openapi": Listed("meze.cli.openapi:openapi", "Print the OpenAPI 3.1 document, as /openapi.json serves it."),
}


@click.group("meze", cls=CommandTable, table=COMMANDS, epilog="Begin with:  meze serve --dev")
@click.version_option(package_name="meze", message="Meze %(version)s")
def meze() -> None:
    """Serve SQLAlchemy models as a REST API, and look after it."""


def main() -> None:
    """Run the command line of this process."""
    # What a command imports stays until its end. Looking through it for garbage as often as Python does by itself would
    # take a fifth of the start.
    gc.set_threshold(100_000, 10, 10)
    meze(prog_name="meze")


__all__ = ["COMMANDS", "main", "meze"]
