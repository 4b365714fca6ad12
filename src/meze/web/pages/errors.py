"""The page at `/errors/<code>`: what an error means and what to do about it.

Written from the error itself (`meze.errors`), so that a page cannot fall behind the answers that link to it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from meze.errors import ENTRY_TEXTS, Invalid, Problem, problems

from .layout import fill
from .markup import json_listing, sentence_text

_EXAMPLE_REQUEST_ID = "01JB9Z7Q4M8T3W5X6Y7Z8A9B0C"


def error_kinds() -> dict[str, type[Problem]]:
    """Return every kind of problem that has a page, by its code. Where two share a code the more general one speaks."""
    kinds: dict[str, type[Problem]] = {}
    for kind in problems():
        kinds.setdefault(kind.code, kind)
    return kinds


def render_error(kind: type[Problem], language: str) -> bytes:
    """Return the page about one kind of error, as HTML in UTF-8."""
    entries = {code: text.say(language) for code, text in ENTRY_TEXTS.items()} if kind is Invalid else {}
    values = {
        "title": kind.title.say(language),
        "kind": kind,
        "phrase": HTTPStatus(kind.status).phrase,
        "meaning": kind.text.say(language),
        "remedy": kind.remedy.say(language),
        "example": json_listing(_example(kind, language)),
        "entries": entries,
        "kinds": [(code, other.status, other.title.say(language)) for code, other in error_kinds().items()],
    }
    return fill("error.html", language, values)


def error_document(kind: type[Problem], language: str) -> dict[str, Any]:
    """Return what the page says, for machines."""
    return {
        "type": f"/errors/{kind.code}",
        "code": kind.code,
        "status": kind.status,
        "title": kind.title.say(language),
        "meaning": sentence_text(kind.text.say(language)),
        "remedy": kind.remedy.say(language),
    }


def _example(kind: type[Problem], language: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"/errors/{kind.code}",
        "title": kind.title.say(language),
        "status": kind.status,
        "code": kind.code,
        "detail": sentence_text(kind.text.say(language)),
        "request_id": _EXAMPLE_REQUEST_ID,
    }
    if kind is Invalid:
        entry = {"pointer": "/title", "code": "too_long", "params": {"max": 120}}
        detail = ENTRY_TEXTS["too_long"].say(language, {"max": 120})
        document |= {
            "detail": Invalid.one.say(language),
            "errors_total": 1,
            "errors": [{**entry, "detail": detail}],
        }
    return document
