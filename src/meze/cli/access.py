"""`meze access`: who may do what, as a table, as JSON, and as a document that is committed and compared."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import sys
from pathlib import Path

import click

from meze.access.caller import Standing
from meze.access.matrix import Kind, every_kind, just, matrix
from meze.accounts import credentials
from meze.cli.access_shown import Shown, as_data, as_markdown, as_text, seen_from
from meze.cli.accounts import accounts_of, found, printable
from meze.cli.find import load_meze
from meze.cli.group import app_option, chosen, json_option
from meze.cli.place import project_folder
from meze.errors import Mistake
from meze.installation import Installation
from meze.resources.resource import nearest
from meze.web.outside import views_outside

_LINE_NUMBER = re.compile(r"(?<=\.py):\d+(?=`)")


@click.command(
    epilog="""\b
Examples:
  meze access
  meze access --as anna@example.com
  meze access --markdown > ACCESS.md
  meze access --check ACCESS.md"""
)
@app_option
@json_option
@click.option("--as", "caller", metavar="EMAIL|ROLE", help="Only what this account, or a holder of this role, may do.")
@click.option("--markdown", "as_document", is_flag=True, help="Print Markdown, to commit and to review.")
@click.option(
    "--check",
    "committed",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare with Markdown that was committed, and fail where it says something else.",
)
def access(target: str | None, as_json: bool, caller: str | None, as_document: bool, committed: Path | None) -> None:
    """Show who may do what: each resource, action and kind of caller.

    Every cell says yes, no, or on which rows. Views of the program's own, which no rule guards, are listed too.
    """
    if sum((as_json, as_document, committed is not None)) > 1:
        raise click.UsageError("--json, --markdown and --check exclude each other.")
    if committed is not None and caller is not None:
        raise click.UsageError("--check compares what everyone may do: leave --as out.")
    shown = _shown(target, caller)
    if committed is not None:
        _compare(committed, as_markdown(shown), target)
    elif as_json:
        click.echo(json.dumps(as_data(shown), indent=2, ensure_ascii=False))
    elif as_document:
        click.echo(as_markdown(shown), nl=False)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in as_text(shown, width):
            click.echo(line)


def _shown(target: str | None, caller: str | None) -> Shown:
    """Return the matrix for everyone, or for one caller: an address has an @, which no role has."""
    if caller is None:
        meze = load_meze(chosen(target))
        kinds = every_kind(meze.open().policy)
    elif "@" in caller:
        meze, kinds = _of_account(target, caller)
    else:
        meze = load_meze(chosen(target))
        kinds = just(caller, Standing(True, True, frozenset({_declared(meze, caller)})))
    parts = meze.open()
    found_cells = matrix(parts.resources, parts.policy, kinds, keys=caller is None)
    return seen_from(project_folder(chosen(target)), found_cells, views_outside(meze.app))


def _of_account(target: str | None, email: str) -> tuple[Installation, tuple[Kind, ...]]:
    with accounts_of(target) as (meze, accounts):
        user_id = found(accounts, email)
        with accounts.storage.reading() as work:
            account = credentials.of_user(work, user_id)
            roles = frozenset(accounts.people.shown(work, user_id)["roles"])
    assert account is not None
    if account.disabled:
        click.echo(
            f"{printable(account.email)} is disabled: until they are enabled every request is refused.", err=True
        )
    standing = Standing(True, account.verified, roles & meze.open().policy.roles)
    return meze, just(account.email, standing)


def _declared(meze: Installation, role: str) -> str:
    known = meze.open().policy.roles
    if role not in known:
        near = nearest(role, known)
        raise Mistake(
            f"The role '{printable(role)}' is not declared.",
            f"Did you mean {near}?" if near else f"Use one of {', '.join(sorted(known))}; or an e-mail address.",
        )
    return role


def _compare(path: Path, now: str, target: str | None) -> None:
    """End the command with 1, showing how, where the document at `path` says something else than `now`.

    The numbers of lines do not count: a line added above the rules changes nothing of who may do what.
    """
    command = f"meze access --markdown{f' --app {target}' if target else ''} > {path}"
    try:
        before = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(f"There is no file {path}.", f"Make it: {command}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{path} cannot be read: {error}.", f"Make it anew: {command}") from None
    old, new = (_LINE_NUMBER.sub("", text).splitlines() for text in (before, now))
    changes = list(difflib.unified_diff(old, new, str(path), "the program", lineterm=""))
    if changes:
        for line in changes:
            colour = {"+": "green", "-": "red"}.get(line[:1])
            click.echo(click.style(line, fg=colour) if colour else line)
        raise Mistake(
            f"Who may do what is no longer as {path} says.",
            f"If it is meant, commit it: {command}",
        )
