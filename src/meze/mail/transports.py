"""How a letter leaves: by a mail server, into a folder while developing, or not at all.

Smtp        hands letters to the server of MEZE_SMTP_URL
Files       writes them beside the program and shows their link at the terminal
Nowhere     production without a mail server
"""

from __future__ import annotations

import contextlib
import logging
import smtplib
import ssl
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from meze.errors import DeliveryFailed, Mistake
from meze.mail.letter import Letter
from meze.settings import is_loopback

TIMEOUT_SECONDS = 10.0
_PORTS = {"smtp": 25, "smtps": 465}
_PORT_WITH_CREDENTIALS = 587

logger = logging.getLogger(__name__)


class Transport(Protocol):
    def deliver(self, letter: Letter) -> None:
        """Hand the letter over.

        Raises:
            DeliveryFailed: it was not taken.
        """
        ...


class Smtp:
    """A server at `smtp://[user:password@]host[:port]`, which is spoken to in TLS where it offers that, or `smtps://`.

    A password goes to no other machine without TLS. Certificates are checked, but for this very machine's.

    Raises:
        Mistake: the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
            if parts.scheme not in _PORTS or not parts.hostname:
                raise ValueError("not a mail server")
        except ValueError:
            raise Mistake("MEZE_SMTP_URL cannot be read.", "Write it as smtp://user:password@host:587.") from None
        self._host = parts.hostname
        self._tls_from_the_start = parts.scheme == "smtps"
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        usual = _PORT_WITH_CREDENTIALS if self._user and not self._tls_from_the_start else _PORTS[parts.scheme]
        self._port = port or usual
        self._local = is_loopback(self._host)
        self._tls = ssl.create_default_context()
        if self._local:  # its certificate is usually of its own making, and nobody stands in between
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE

    def __repr__(self) -> str:
        return f"Smtp({self._host}:{self._port})"

    def deliver(self, letter: Letter) -> None:
        with _failures_told(), contextlib.closing(self._connected()) as server:
            self._secure(server)
            if self._user is not None:
                server.login(self._user, self._password)
            if not (letter.recipient.isascii() or server.has_extn("smtputf8")):
                raise DeliveryFailed("the mail server takes no address beyond ASCII", permanent=True)
            server.send_message(letter.message, letter.sender, [letter.recipient])
            # It was taken: what goes wrong from here on must not have it sent twice.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _connected(self) -> smtplib.SMTP:
        if self._tls_from_the_start:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._tls)
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self._tls_from_the_start:
            return
        if server.has_extn("starttls"):
            server.starttls(context=self._tls)
            server.ehlo_or_helo_if_needed()
        elif self._user is not None and not self._local:
            raise DeliveryFailed("the mail server offers no TLS, so it is not told the password", permanent=False)


class Files:
    """Writes each letter to `<folder>/<time>-<template>.eml`, and what matters of it to the terminal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, letter: Letter) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._write(letter)
        except OSError as error:
            raise DeliveryFailed(f"{self._folder}: {error.strerror}", permanent=False) from None
        lines = [f"Mail to {letter.recipient}: {letter.message['Subject']}", f"  {path}"]
        if letter.link is not None:
            lines.insert(1, f"  {letter.link}")
        # In one piece: other threads write their lines to the terminal too.
        sys.stderr.write("\n".join([*lines, ""]))
        sys.stderr.flush()

    def _write(self, letter: Letter) -> Path:
        """Write the letter beside its place and link it there, so that nobody reads half of one."""
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".draft-") as draft:  # 0600 from the beginning
            draft.write(letter.message.as_bytes())
            draft.flush()
            while True:
                path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{letter.template}.eml"
                with contextlib.suppress(FileExistsError):
                    path.hardlink_to(draft.name)
                    return path


class Nowhere:
    """Production without a mail server: letters are given up, and the log says so once."""

    def __init__(self) -> None:
        self._told = False

    def deliver(self, letter: Letter) -> None:  # noqa: ARG002 - every transport is handed one
        if not self._told:
            self._told = True
            logger.error("Mail cannot be sent: MEZE_SMTP_URL is not set. Set it as smtp://user:password@host:587.")
        raise DeliveryFailed("there is no mail server", permanent=True)


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    """Say what a failure means. Only codes are told: the words of a server may quote the address."""
    try:
        yield
    except DeliveryFailed:
        raise
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise DeliveryFailed(f"the recipient was refused ({codes[0]})", permanent=_is_final(*codes)) from None
    except smtplib.SMTPDataError as error:
        raise DeliveryFailed(
            f"the letter was refused ({error.smtp_code})", permanent=_is_final(error.smtp_code)
        ) from None
    except smtplib.SMTPResponseException as error:  # of the sender or the password, which an operator can mend
        raise DeliveryFailed(f"{type(error).__name__} ({error.smtp_code})", permanent=False) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"the mail server: {type(error).__name__}", permanent=False) from None


def _is_final(*codes: int) -> bool:
    return all(500 <= code < 600 for code in codes)
