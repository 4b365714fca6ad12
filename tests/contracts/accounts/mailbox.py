"""A real mail server, and what a person finds in their mailbox there."""

from __future__ import annotations

import email
import email.policy
import re
import socket
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

SECONDS = 20
_LINK = re.compile(r"(?P<page>https?://[^\s\"'<>#]+)#token=(?P<token>[^\s\"'<>&]+)")


class Mail(NamedTuple):
    """One letter as it came in: to whom the envelope went, and its bytes."""

    sender: str
    receivers: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        message = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, kind: str) -> str:
        """The text of the letter as `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None, f"no {kind} part"
        return str(found.get_content())

    @property
    def whole(self) -> str:
        """Everything a person could read, headers and both bodies."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.message.items())
        return "\n".join([headers, self.part("plain"), self.part("html")])

    @property
    def links(self) -> list[tuple[str, str]]:
        """The pages and tokens that the letter links to."""
        return [(found["page"], found["token"]) for found in _LINK.finditer(self.part("plain"))]

    @property
    def token(self) -> str:
        return self.links[0][1]


class Mailbox:
    """The mail server, and all that it was given. Addresses are compared as the envelope has them."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._mails: list[Mail] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{port}"

    def close(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        with self._arrived:
            self._mails.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), bytes(envelope.content)))
            self._arrived.notify_all()
        return "250 OK"

    @property
    def everything(self) -> list[Mail]:
        with self._arrived:
            return list(self._mails)

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.everything if address in mail.receivers]

    def wait(self, address: str, found: Callable[[Mail], object] = lambda _: True, *, after: int = 0) -> Mail:
        """Return the first letter to `address`, beyond the `after` first ones, for which `found` is true."""
        until = time.monotonic() + SECONDS
        with self._arrived:
            while True:
                mails = [mail for mail in self._mails if address in mail.receivers][after:]
                for mail in mails:
                    if found(mail):
                        return mail
                left = until - time.monotonic()
                shown = [mail.message["Subject"] for mail in mails]
                assert self._arrived.wait(left) or left > 0, f"no such mail to {address}; there are {shown}"
                assert left > 0, f"no such mail to {address}; there are {shown}"

    def link(self, address: str, kind: str, *, after: int = 0) -> str:
        """Return the token of the newest-come letter to `address` with a link of this kind (as the token says it)."""
        mail = self.wait(address, lambda mail: of_kind(mail, kind), after=after)
        return of_kind(mail, kind)[0]


def of_kind(mail: Mail, kind: str) -> list[str]:
    return [token for _, token in mail.links if token.startswith(f"meze_{kind}_")]
