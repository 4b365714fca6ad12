"""`meze db`: what the database lacks of the models, and adding it."""

from __future__ import annotations

import json
import sys

import click

from meze.cli.find import load_meze, reaching
from meze.cli.group import MezeGroup, app_option, chosen, json_option
from meze.cli.schema import remedy_for
from meze.databases.schema import Change, apply, pending
from meze.installation import Installation
from meze.settings import masked_url


@click.group(cls=MezeGroup, epilog="Example:  meze db status")
def db() -> None:
    """Bring the database up to the models."""


@db.command(epilog="Example:  meze db status --json")
@app_option
@json_option
def status(target: str | None, as_json: bool) -> None:
    """Say in what the database differs from the models."""
    meze = load_meze(chosen(target))
    show(meze, differences(meze), as_json=as_json)


@db.command(epilog="Example:  meze db check || meze db upgrade")
@app_option
@json_option
def check(target: str | None, as_json: bool) -> None:
    """Exit with 1 if the database differs from the models. For scripts; writes nothing."""
    meze = load_meze(chosen(target))
    changes = differences(meze)
    show(meze, changes, as_json=as_json)
    if changes:
        click.echo(f"  → {remedy_for(changes)}", err=True)
        sys.exit(1)


@db.command(epilog="Example:  meze db upgrade")
@app_option
@json_option
def upgrade(target: str | None, as_json: bool) -> None:
    """Add the tables, columns and indexes that are missing. Never removes or rewrites anything."""
    meze = load_meze(chosen(target))
    changes = differences(meze)
    added = [change for change in changes if change.adds_only]
    with reaching(meze):
        apply(meze.database, meze.metadata, added)
    left = [change for change in changes if not change.adds_only]
    if as_json:
        click.echo(json.dumps({"added": as_objects(added), "left": as_objects(left)}, indent=2, ensure_ascii=False))
    else:
        for change in added:
            click.echo(change.done)
        if not changes:
            click.echo("Nothing to add: the database has all that the models name.")
    if left:
        for change in left:
            click.echo(f"Not done: {change.text}", err=True)
        click.echo(f"  → {remedy_for(left)}", err=True)
        sys.exit(1)


def differences(meze: Installation) -> list[Change]:
    with reaching(meze):
        return pending(meze.database, meze.metadata)


def show(meze: Installation, changes: list[Change], *, as_json: bool) -> None:
    database = masked_url(meze.settings.database_url)
    if as_json:
        document = {"database": database, "current": not changes, "changes": as_objects(changes)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    found = "as the models name it" if not changes else f"{len(changes)} difference{'s' if len(changes) > 1 else ''}"
    click.echo(f"{database}: {found}")
    for change in changes:
        click.echo(f"  {change.text}")


def as_objects(changes: list[Change]) -> list[dict[str, object]]:
    return [
        {name: getattr(change, name) for name in ("kind", "table", "column", "adds_only", "text")} for change in changes
    ]
