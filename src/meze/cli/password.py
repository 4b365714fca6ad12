"""Take a password from who runs a command: by standard input, or typed twice. Arguments would be seen by others."""

from __future__ import annotations

import sys

import click

from meze.accounts.password_rules import LEAST, MOST, faults
from meze.errors import Mistake

# A line that is longer is too long in any encoding, and need not be read to its end.
_LONGEST_LINE = 16 * MOST


def asked_for(*, from_stdin: bool) -> str | None:
    """Return the password, None where none is given: the user did not type one, or nobody is there to type.

    Raises:
        Mistake: what was typed the second time differs, or standard input is not text.
    """
    if from_stdin:
        return _first_line()
    if not sys.stdin.isatty():
        return None
    typed = _typed("Password (leave it empty to mail a link to set one)")
    if typed and typed != _typed("The same again"):
        raise Mistake("The two passwords differ.", "Run the command again, and type the same one twice.")
    return typed or None


def refuse_unfit(password: str, *, email: str, service: str) -> None:
    """Raise a Mistake that names everything that is wrong with a new password."""
    found = faults(password, "/password", least=LEAST, email=email, service=service)
    if found:
        reasons = " ".join(str(entry.as_json("en")["detail"]) for entry in found)
        raise Mistake(
            f"The password cannot be used: {reasons}",
            f"Use another one: {LEAST} characters or more, such as four words.",
        )


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_LONGEST_LINE)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Mistake("The password on standard input is not UTF-8.", "Write it in UTF-8, on one line.") from None


def _typed(question: str) -> str:
    """Ask without showing the answer, on the terminal or stderr: stdout is for what the command prints."""
    answer: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return answer
