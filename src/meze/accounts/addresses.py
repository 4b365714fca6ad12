"""E-mail addresses: what one may look like, and when two spellings are one address."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

LONGEST = 320
# Names of internal networks (`.local`, `localhost`) are refused by the library, and wanted by those who run one. Below
# `.test`, which it can be told to allow, every name is judged by its form alone.
_BELOW = ".test"


def checked(email: str) -> str:
    """Return an address that mail can be sent to, as it was written but for what every mail server reads alike.

    Raises:
        ValueError: it is none. What is not printable, such as a line break, is never part of one.
    """
    if len(email) > LONGEST or not email.isprintable():
        raise ValueError("no e-mail address")
    try:
        found = _validated(email)
        _validated(canonical(email))  # compatibility forms may turn into letters that mean something
    except ValueError:
        raise ValueError("no e-mail address") from None
    return found.normalized.removesuffix(_BELOW)


def canonical(email: str) -> str:
    """Return what every spelling of an address has in common: NFKC and letter case folded, the domain as IDNA.

    IDNA maps letter case by itself, and keeps apart what belongs to two owners: straße.de and strasse.de. Anything may
    be given; what is no address at all stays a string that no account has.
    """
    local, at, domain = unicodedata.normalize("NFKC", email).rpartition("@")
    try:
        domain = _validated(f"a@{domain}").ascii_domain.removesuffix(_BELOW)
    except ValueError:
        domain = _folded(domain)
    return f"{_folded(local)}{at}{domain}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _validated(email: str) -> ValidatedEmail:
    """Return what the library says of an address. Raises its EmailNotValidError, a ValueError, where it is none."""
    from email_validator import EmailSyntaxError, validate_email  # takes a while, and nobody may have signed in yet

    if email.rpartition(".")[2].isdigit():
        raise EmailSyntaxError("a number ends no name of a domain, but an address of the internet protocol")
    return validate_email(email + _BELOW, check_deliverability=False, test_environment=True, strict=True)
