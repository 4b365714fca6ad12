"""`meze user`: make accounts, see them, and change what they may do."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from meze.access.caller import ADMIN
from meze.accounts import credentials
from meze.accounts.accounts import Accounts
from meze.accounts.addresses import checked
from meze.accounts.people import NewPerson
from meze.accounts.roster import Person, everyone
from meze.accounts.storage import Work
from meze.cli.accounts import VISITOR, accounts_of, declared, email_argument, found, printable
from meze.cli.group import MezeGroup, app_option, json_option
from meze.cli.password import asked_for, refuse_unfit
from meze.errors import AlreadyExists, Changed, Forbidden, Mistake
from meze.installation import Installation

LONGEST_NAME = 200


@click.group(cls=MezeGroup, epilog="Example:  meze user list")
def user() -> None:
    """Look after the accounts of those who sign in."""


@user.command(
    epilog="""\b
Examples:
  meze user create anna@example.com --role admin
  meze user create ci@example.com --password-stdin < password.txt"""
)
@app_option
@json_option
@email_argument
@click.option("--name", help="What to call the person.")
@click.option("--role", "roles", multiple=True, help="A role to give; may be repeated.")
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input, one line.")
def create(
    target: str | None, as_json: bool, email: str, name: str | None, roles: Sequence[str], password_stdin: bool
) -> None:
    """Make an account, whose address counts as verified.

    The password is typed, or comes from standard input. Without one the person is mailed a link to set it.
    """
    with accounts_of(target) as (meze, accounts):
        person = _new_person(meze, accounts, email, name, roles)
        password = asked_for(from_stdin=password_stdin)
        if password is None:
            _refuse_without_mail(meze)
            hashed = None
        else:
            refuse_unfit(password, email=person.email, service=meze.open().description.title)
            hashed = accounts.passwords.hash(password)
        try:
            user_id = accounts.people.create(person, hashed, VISITOR)
        except AlreadyExists:
            raise _taken(person.email) from None
        if hashed is None:
            accounts.outbox.wake()
            click.echo(f"A letter with a link to set a password goes to {person.email}.", err=True)
        shown = accounts.people.me(user_id)
    click.echo(_as_text(shown) if as_json else f"{user_id}  {person.email}")


@user.command("list", epilog="Example:  meze user list --role admin")
@app_option
@json_option
@click.option("--role", help="Only those who have this role.")
def list_(target: str | None, as_json: bool, role: str | None) -> None:
    """List the accounts, by id."""
    with accounts_of(target) as (meze, accounts):
        if role is not None:
            declared(meze, [role])
        people = everyone(accounts.storage, role)
        for piece in _json_pieces(people) if as_json else _table_pieces(people):
            click.echo(piece)


@user.command(
    epilog="""\b
Examples:
  meze user role anna@example.com
  meze user role anna@example.com --add editor --remove admin"""
)
@app_option
@json_option
@email_argument
@click.option("--add", multiple=True, metavar="ROLE", help="A role to give; may be repeated.")
@click.option("--remove", multiple=True, metavar="ROLE", help="A role to take away; may be repeated.")
def role(target: str | None, as_json: bool, email: str, add: Sequence[str], remove: Sequence[str]) -> None:
    """Show the roles of an account, and change them first if told to. That holds everywhere within a second."""
    with accounts_of(target) as (meze, accounts):
        user_id = found(accounts, email)
        if add or remove:
            _change_roles(meze, accounts, user_id, declared(meze, add), remove)
        shown = accounts.people.me(user_id)
    if as_json:
        click.echo(_as_text(shown))
    else:
        click.echo(" ".join(map(printable, shown["roles"])) or "no roles")


@user.command(epilog="Example:  meze user disable anna@example.com")
@app_option
@email_argument
def disable(target: str | None, email: str) -> None:
    """Sign somebody out everywhere, and let them in no more."""
    with accounts_of(target) as (_, accounts):
        user_id = found(accounts, email)
        with _last_admin_told(email):
            accounts.people.change(user_id, VISITOR, disabled=True)
    click.echo(f"{printable(email)} is disabled. Sessions and keys are refused everywhere within a second.")


@user.command(epilog="Example:  meze user enable anna@example.com")
@app_option
@email_argument
def enable(target: str | None, email: str) -> None:
    """Let somebody who was disabled sign in again."""
    with accounts_of(target) as (_, accounts):
        accounts.people.change(found(accounts, email), VISITOR, disabled=False)
    click.echo(f"{printable(email)} may sign in again.")


@user.command("sign-out", epilog="Example:  meze user sign-out anna@example.com")
@app_option
@email_argument
def sign_out(target: str | None, email: str) -> None:
    """End every session of somebody. API keys stay; disable the account to refuse those too."""
    with accounts_of(target) as (_, accounts):
        accounts.people.sign_out(found(accounts, email), VISITOR)
    click.echo(f"Every session of {printable(email)} is over. This holds everywhere within a second.")


@user.command(epilog="Example:  meze user reset anna@example.com")
@app_option
@email_argument
def reset(target: str | None, email: str) -> None:
    """Mail somebody a link to set a new password. Until it is used the old one is good."""
    with accounts_of(target) as (meze, accounts):
        _refuse_without_mail(meze)
        user_id = found(accounts, email)
        with accounts.storage.reading() as work:
            account = credentials.of_user(work, user_id)
        if account is None or account.disabled:
            raise Mistake(f"{printable(email)} is disabled.", f"Let them in first: meze user enable {printable(email)}")
        accounts.recovery.forgot(account.email, VISITOR)
    click.echo(f"A letter with a link to set a password goes to {account.email}.")


@user.command(epilog="Example:  meze user delete anna@example.com --yes")
@app_option
@email_argument
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
def delete(target: str | None, email: str, yes: bool) -> None:
    """Delete an account for good. Rows that refer to it do what their foreign keys declare."""
    with accounts_of(target) as (_, accounts):
        user_id = found(accounts, email)
        if not yes:
            _confirm(f"Delete {printable(email)} for good?")
        with _last_admin_told(email):
            accounts.people.delete(user_id, VISITOR)
        accounts.outbox.wake()
    click.echo(f"{printable(email)} was deleted; it was number {user_id}.")


@user.command(epilog="Example:  meze user reencrypt")
@app_option
def reencrypt(target: str | None) -> None:
    """Encrypt the secrets of second factors with the present SECRET_KEY, so that its fallbacks may go."""
    with accounts_of(target) as (_, accounts):
        done = accounts.second_factor.reencrypt()
    click.echo(f"{done} secret{'' if done == 1 else 's'} encrypted with the present SECRET_KEY.")


@user.command("tune-passwords", epilog="Example:  meze user tune-passwords")
@app_option
def tune_passwords(target: str | None) -> None:
    """Measure what hashing a password should cost on this machine. Passwords are hashed anew as people sign in."""
    with accounts_of(target) as (meze, accounts):
        if meze.settings.password_hashing is not None:
            raise Mistake(
                f"MEZE_PASSWORD_HASHING ({meze.settings.source('password_hashing')}) says what hashing costs.",
                "Take it out to have the cost measured.",
            )
        cost = accounts.passwords.retune()
    click.echo(cost)


def _new_person(
    meze: Installation, accounts: Accounts, email: str, name: str | None, roles: Sequence[str]
) -> NewPerson:
    try:
        address = checked(email)
    except ValueError:
        raise Mistake(f"{printable(email)!r} is no e-mail address.", "Write it as anna@example.com.") from None
    if name is not None and not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise Mistake("The name cannot be used.", f"Use 1 to {LONGEST_NAME} characters that can be printed.")
    person = NewPerson(address, name, declared(meze, roles), verified=True)
    if accounts.people.find(address) is not None:  # before a password is asked for
        raise _taken(address)
    return person


def _taken(email: str) -> Mistake:
    return Mistake(f"There is an account {email} already.", f"Change that one, such as: meze user role {email} --add …")


def _refuse_without_mail(meze: Installation) -> None:
    if meze.settings.env == "production" and meze.settings.smtp_url is None:
        raise Mistake(
            "No link to set a password can be mailed: MEZE_SMTP_URL is not set.",
            "Set it, as smtp://user:password@host:587; or make accounts with --password-stdin.",
        )


def _change_roles(
    meze: Installation, accounts: Accounts, user_id: int, add: Sequence[str], remove: Sequence[str]
) -> None:
    before = accounts.people.me(user_id)
    email, held = before["email"], set(before["roles"])
    # A role that the program no longer declares can be taken away, as long as somebody has it.
    declared(meze, [role for role in remove if role not in held])
    after = (held | set(add)) - set(remove)
    outdated = sorted(after - meze.open().policy.roles)
    if outdated:
        raise Mistake(
            f"{email} has the role '{printable(outdated[0])}', which is no longer declared.",
            f"Take it away too: --remove {outdated[0]}",
        )

    def still_as_seen(work: Work) -> None:
        if accounts.people.shown(work, user_id)["roles"] != before["roles"]:
            raise Changed

    try:
        with _last_admin_told(email):
            accounts.people.change(user_id, VISITOR, check=still_as_seen, roles=sorted(after))
    except Changed:
        raise Mistake(f"Somebody else changed the roles of {email} just now.", "Look at them, and try again.") from None


@contextlib.contextmanager
def _last_admin_told(email: str) -> Iterator[None]:
    """Say in words of the command line why the last enabled admin stays, the one reason to forbid anything here."""
    try:
        yield
    except Forbidden:
        raise Mistake(
            f"{printable(email)} is the last enabled admin.", f"Make another one first: meze user role … --add {ADMIN}"
        ) from None


def _confirm(question: str) -> None:
    """Ask on a terminal; raise a Mistake where nobody can answer, and end the command if the answer is no."""
    if not sys.stdin.isatty():
        raise Mistake("This needs a yes, and nobody is at a terminal to give it.", "Add --yes.")
    click.confirm(question, abort=True, err=True)


LINE = "{:>7}  {:<32}  {:<10}  {:<10}  {:<20}  {}"


def _table_pieces(people: Iterator[Person]) -> Iterator[str]:
    """Yield the lines of a table, the first of them once the database has answered."""
    head = LINE.format("ID", "EMAIL", "CREATED", "STATE", "ROLES", "NAME").rstrip()
    for person in people:
        if head:
            yield head
            head = ""
        state = "disabled" if person.disabled else "verified" if person.verified else "unverified"
        roles, name = printable(" ".join(sorted(person.roles))), printable(person.name or "")
        yield LINE.format(person.id, person.email, f"{person.created_at:%Y-%m-%d}", state, roles, name).rstrip()
    if head:
        yield "Nobody."


def _json_pieces(people: Iterator[Person]) -> Iterator[str]:
    """Yield the lines of one JSON array, a person in each."""
    before: Person | None = None
    for person in people:
        yield "[" if before is None else _as_text(before.as_json(), indent=None) + ","
        before = person
    yield "[]" if before is None else _as_text(before.as_json(), indent=None) + "\n]"


def _as_text(shown: Mapping[str, Any], indent: int | None = 2) -> str:
    return json.dumps(shown, indent=indent, ensure_ascii=False)
