"""The page at `/`: what is served here, three requests to try with their answers, and where to go next.

Knows nothing of resources or rules: whoever serves the page describes the application in a `Home`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meze.errors import Text

from .layout import fill
from .markup import json_listing


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """One resource as the start page lists it.

    `open_to_everyone` says whether somebody who is not signed in may read all of it; `rows` is shown when it is known.
    """

    name: str
    url: str
    summary: str | Text = ""
    open_to_everyone: bool = True
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A request that anyone can try, with the answer that this server gave: `answer` is its parsed JSON."""

    says: str | Text
    url: str
    status: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Credit:
    """Whom to thank for the data, as the data's licence asks."""

    text: str | Text
    url: str


@dataclass(frozen=True, slots=True)
class Home:
    """All that the start page tells of an application. `docs` is None where the API reference is switched off."""

    title: str
    version: str
    meze_version: str
    description: str | Text = ""
    resources: tuple[ResourceLink, ...] = ()
    examples: tuple[Example, ...] = ()
    credits: tuple[Credit, ...] = ()
    docs: str | None = "/docs"
    openapi: str | None = "/openapi.json"
    health: str = "/health/ready"


def render_home(home: Home, language: str) -> bytes:
    """Return the start page for people, as HTML in UTF-8."""
    values = {
        "home": home,
        "title": home.title,
        "description": _say(home.description, language),
        "resources": [(link, _say(link.summary, language)) for link in home.resources],
        "examples": [
            (example, _say(example.says, language), json_listing(example.answer)) for example in home.examples
        ],
        "credits": [(_say(credit.text, language), credit.url) for credit in home.credits],
    }
    return fill("home.html", language, values)


def home_document(home: Home, language: str) -> dict[str, Any]:
    """Return what the start page says, for machines: the same facts, without the answers of the examples."""
    links = {"docs": home.docs, "openapi": home.openapi, "health": home.health}
    return {
        "title": home.title,
        "version": home.version,
        "description": _say(home.description, language),
        "resources": [
            {"name": link.name, "url": link.url, "summary": _say(link.summary, language)} for link in home.resources
        ],
        "examples": [{"summary": _say(example.says, language), "url": example.url} for example in home.examples],
        "links": {name: url for name, url in links.items() if url},
        "credits": [{"text": _say(credit.text, language), "url": credit.url} for credit in home.credits],
    }


def _say(text: str | Text, language: str) -> str:
    return text.say(language) if isinstance(text, Text) else text
