"""What the commands of accounts have in common: reaching them, and saying in words what was refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import click

from meze.accounts.accounts import Accounts
from meze.accounts.visitor import Visitor
from meze.cli.find import load_meze, reaching
from meze.cli.group import chosen
from meze.cli.schema import refuse_lacking
from meze.databases.database import DatabaseError
from meze.errors import Mistake, Problem, TooManyRequests
from meze.installation import Installation

VISITOR = Visitor(device="command line")
"""Who the audit trail says it was."""

email_argument = click.argument("email")


@contextlib.contextmanager
def accounts_of(target: str | None) -> Iterator[tuple[Installation, Accounts]]:
    """Lend the accounts of the app that `--app` names. Mail is sent before the command ends, by the command itself.

    Raises:
        Mistake: as `load_meze`; the app has no accounts of Meze's; the database lacks their tables; or a Problem of
            accounts, in words for who sits at the terminal.
    """
    meze = load_meze(chosen(target))
    accounts = meze.open().accounts
    if accounts is None:
        raise Mistake(
            "This app tells by itself who is calling (identify=), so Meze keeps no accounts for it.",
            "Look after its users where it keeps them, or leave identify= out of Meze(…) to have accounts.",
        )
    # A thread in the background would be cut off when the command ends, with a letter half sent.
    accounts.outbox.when_filled(lambda: _deliver(accounts))
    try:
        yield meze, accounts
    except Problem as problem:
        raise in_words(meze, problem) from problem
    except (Mistake, click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        with reaching(meze):
            refuse_lacking(meze, error)
        raise
    finally:
        accounts.close()


def _deliver(accounts: Accounts) -> None:
    accounts.outbox.deliver_due()


def in_words(meze: Installation, problem: Problem) -> Mistake:
    """Return a refusal as one cause and one remedy."""
    if isinstance(problem, TooManyRequests):
        return Mistake("This was tried too often.", f"Try again in {problem.params['seconds']} seconds.")
    fault = None if problem.__cause__ is None else meze.database.fault(problem.__cause__)
    try:
        with reaching(meze):
            if fault is not None:
                raise DatabaseError(fault)
    except Mistake as mistake:
        return mistake
    except DatabaseError:
        pass  # its words are the problem's own
    faults = " ".join(str(entry.as_json("en")["detail"]) for entry in problem.entries)
    return Mistake(faults or problem.detail.say("en", problem.params), problem.remedy.say("en"))


def found(accounts: Accounts, email: str) -> int:
    """Return the id of the account with this address, in whatever spelling. Raises a Mistake where there is none."""
    user_id = accounts.people.find(email)
    if user_id is None:
        raise Mistake(f"There is no account {printable(email)}.", "See which there are: meze user list")
    return user_id


def declared(meze: Installation, roles: Sequence[str]) -> tuple[str, ...]:
    """Return the roles, or raise a Mistake that names those that are declared if one is not."""
    known = meze.open().policy.roles
    for role in roles:
        if role not in known:
            raise Mistake(
                f"The role '{printable(role)}' is not declared.",
                f"Use one of {', '.join(sorted(known))}; or declare it: Meze(app, Base, roles=[…]).",
            )
    return tuple(dict.fromkeys(roles))


def printable(text: str) -> str:
    """Return text that somebody else chose, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
