"""`meze openapi`: the document that describes the API, for generators of clients and for review."""

from __future__ import annotations

import json

import click

from meze.cli.find import load_meze
from meze.cli.group import app_option, chosen


@click.command(epilog="Example:  meze openapi > openapi.json")
@app_option
def openapi(target: str | None) -> None:
    """Print the OpenAPI 3.1 document, as /openapi.json serves it."""
    document = load_meze(chosen(target)).openapi()
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
