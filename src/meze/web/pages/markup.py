"""Turn plain sentences and JSON values into HTML that is safe by construction.

Plain strings are escaped wherever they are joined to markup; nothing here takes HTML from a caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

_PIECES = re.compile(r"`(?P<code>[^`]+)`|\{(?P<blank>[a-z_]+)\}")

_TOKENS = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)"""
)

LINES_SHOWN = 28
CHARACTERS_SHOWN = 96


def sentence_html(sentence: str) -> Markup:
    """Return a sentence with `code` in backquotes as `<code>` and each `{blank}` as `<var>`."""

    def piece(match: re.Match[str]) -> Markup:
        if match["code"]:
            return Markup("<code>{}</code>").format(match["code"])
        return Markup("<var>{}</var>").format(match["blank"].removesuffix("_zh"))

    return _substituted(_PIECES, sentence, piece)


def sentence_text(sentence: str) -> str:
    """Return a sentence for an example: its blanks become dots, since nothing is there to fill them with."""
    return _PIECES.sub(lambda match: "…" if match["blank"] else match[0], sentence)


@dataclass(frozen=True, slots=True)
class Listing:
    """A JSON value as coloured lines; `hidden` says how many lines at the end are not shown."""

    html: Markup
    hidden: int


def json_listing(value: Any, lines_shown: int = LINES_SHOWN) -> Listing:
    """Return a JSON value as people read it: indented, long texts and the lines after `lines_shown` cut off."""
    lines = json.dumps(_shortened(value), ensure_ascii=False, indent=2).split("\n")
    shown = "\n".join(lines[:lines_shown])
    return Listing(_coloured(shown), max(0, len(lines) - lines_shown))


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > CHARACTERS_SHOWN:
        return value[:CHARACTERS_SHOWN].rstrip() + "…"
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return value


def _coloured(text: str) -> Markup:
    def token(match: re.Match[str]) -> Markup:
        return Markup('<span class="{}">{}</span>').format(match.lastgroup, match[0])

    return _substituted(_TOKENS, text, token)


def _substituted(pattern: re.Pattern[str], text: str, replace: Callable[[re.Match[str]], Markup]) -> Markup:
    """Do as `pattern.sub`; what lies between the matches is escaped, since `Markup.join` escapes plain strings."""
    parts: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        parts += [text[end : match.start()], replace(match)]
        end = match.end()
    return Markup("").join([*parts, text[end:]])
