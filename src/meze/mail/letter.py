"""One letter: the message as it travels, and the addresses in it. Nothing that a value holds can become a header."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import idna

from meze.errors import DeliveryFailed, Mistake

# Every server takes seven bits; only an address beyond ASCII asks for one that takes more (RFC 6531).
_ASCII = SMTP.clone(cte_type="7bit")
_INTERNATIONAL = SMTP.clone(cte_type="7bit", utf8=True)


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """What a transport is handed. The message holds the link, which is secret: it is never logged."""

    template: str
    sender: str
    recipient: str
    message: EmailMessage
    link: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What a template was rendered to."""

    subject: str
    text: str
    html: str


def compose(
    sender: Address, to: str, template: str, language: str, content: Content, values: Mapping[str, Any]
) -> Letter:
    """Put a letter together.

    Raises:
        DeliveryFailed: `to` is no address that mail can go to.
    """
    recipient = _recipient(to)
    message = EmailMessage(_ASCII if f"{sender.addr_spec}{recipient.addr_spec}".isascii() else _INTERNATIONAL)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = content.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    message["Content-Language"] = language  # last, because adding an alternative moves such headers into the first
    return Letter(template, sender.addr_spec, recipient.addr_spec, message, values.get("link"))


def sender_of(mail_from: str | None, public_url: str | None, service: str) -> Address:
    """Return who letters are from: MEZE_MAIL_FROM, or no-reply at the host of the public URL.

    Raises:
        Mistake: MEZE_MAIL_FROM is not one address.
    """
    if mail_from is None:
        host = (public_url and urlsplit(public_url).hostname) or "localhost"
        return Address(plain(service), "no-reply", _domain(host))
    try:
        read = SMTP.header_factory("From", mail_from)
        (sender,) = read.addresses
        if read.defects or not sender.domain:
            raise ValueError("not an address")
        return Address(sender.display_name, sender.username, _domain(sender.domain))
    except (ValueError, IndexError, MessageError):  # the parser of the standard library raises any of these
        raise Mistake(
            f"MEZE_MAIL_FROM is {mail_from!r}, which is not one address.",
            "Write it as no-reply@example.com, or Atlas <no-reply@example.com>.",
        ) from None


def plain(text: str) -> str:
    """Return the text on one line, without what is not printable: a name must not write a paragraph of its own."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _recipient(to: str) -> Address:
    local, at, domain = to.rpartition("@")
    try:
        if not (local and at and domain and to.isprintable()):
            raise ValueError("not an address")
        return Address(username=local, domain=_domain(domain))
    except ValueError:
        raise DeliveryFailed("the recipient's address cannot be written to", permanent=True) from None


def _domain(domain: str) -> str:
    """Return a domain as every server reads it: IDNA for letters beyond ASCII, and an IP address in brackets.

    Raises:
        ValueError: it is none.
    """
    try:
        address = ipaddress.ip_address(domain)
    except ValueError:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
