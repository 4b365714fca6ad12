"""Send letters: a template, a language and values become a message, and a transport takes it."""

from __future__ import annotations

from collections.abc import Mapping
from email.headerregistry import Address
from pathlib import Path
from typing import Any

from meze.mail.letter import compose, sender_of
from meze.mail.rendering import Renderer, known_language
from meze.mail.transports import Files, Nowhere, Smtp, Transport
from meze.settings import Settings


class Post:
    """`service` is the name that letters speak in; `overrides` is the folder of the project's own templates.

    Raises:
        Mistake: one of those templates cannot be used.
    """

    def __init__(self, transport: Transport, sender: Address, service: str, overrides: Path) -> None:
        self._transport = transport
        self._sender = sender
        self._renderer = Renderer(service, overrides)

    def send(self, to: str, template: str, language: str, values: Mapping[str, Any]) -> None:
        """Render a letter and hand it over; this may take many seconds.

        Raises:
            DeliveryFailed: it could not be rendered, or was not taken.
        """
        language = known_language(language)
        content = self._renderer.render(template, language, values)
        self._transport.deliver(compose(self._sender, to, template, language, content, values))


def open_post(settings: Settings, service: str) -> Post:
    """Return the post of a program.

    Raises:
        Mistake: MEZE_MAIL_FROM, MEZE_SMTP_URL or a template cannot be used.
    """
    sender = sender_of(settings.mail_from, settings.public_url, service)
    return Post(_transport(settings), sender, service, settings.root / "templates" / "meze" / "mail")


def _transport(settings: Settings) -> Transport:
    if settings.smtp_url is not None:
        return Smtp(settings.smtp_url)
    return Nowhere() if settings.env == "production" else Files(settings.root / "instance" / "mail")
