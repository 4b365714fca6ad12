"""`meze token`: a short access token, for trying things out while developing."""

from __future__ import annotations

import json

import click

from meze.accounts import audit, credentials
from meze.cli.accounts import VISITOR, accounts_of, email_argument, found, printable
from meze.cli.group import app_option, json_option
from meze.errors import Mistake

METHOD = "token"
"""How whoever has such a session proved who they are: by sitting at the terminal."""


@click.command(
    epilog="""\b
Example:
  curl -H "Authorization: Bearer $(meze token anna@example.com)" http://127.0.0.1:8000/api/v1/auth/me"""
)
@app_option
@json_option
@email_argument
def token(target: str | None, as_json: bool, email: str) -> None:
    """Print an access token of somebody, good for MEZE_ACCESS_TOKEN_MINUTES. For development only."""
    with accounts_of(target) as (meze, accounts):
        if meze.settings.env == "production":
            auth = f"{meze.settings.prefix}/auth"
            raise Mistake(
                "meze token is for development, and MEZE_ENV is production.",
                f"Sign in with POST {auth}/login, or make an API key with POST {auth}/keys.",
            )
        user_id = found(accounts, email)
        with accounts.storage.writing() as work:
            account = credentials.locked(work, user_id)
            if account is None or account.disabled:
                raise Mistake(f"{printable(email)} is disabled.", f"Let them in again: meze user enable {email}")
            pair = accounts.sessions.start(work, user_id, VISITOR, METHOD)
            audit.record(work, "signed_in", user_id, VISITOR)
    if as_json:
        click.echo(json.dumps({"token": pair.access_token, "expires_in": pair.expires_in}))
    else:
        click.echo(pair.access_token)
