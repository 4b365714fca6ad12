"""Text against a pattern of LIKE, as the databases match it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.sql import operators


class Beyond(Exception):
    """Python does not know what the database would say."""


PATTERNS: Mapping[Any, tuple[str, str, bool, bool]] = {
    # operator: what stands before and after the pattern, whether letter case is ignored, whether it is negated
    operators.like_op: ("", "", False, False),
    operators.not_like_op: ("", "", False, True),
    operators.ilike_op: ("", "", True, False),
    operators.not_ilike_op: ("", "", True, True),
    operators.contains_op: ("%", "%", False, False),
    operators.not_contains_op: ("%", "%", False, True),
    operators.icontains_op: ("%", "%", True, False),
    operators.not_icontains_op: ("%", "%", True, True),
    operators.startswith_op: ("", "%", False, False),
    operators.not_startswith_op: ("", "%", False, True),
    operators.istartswith_op: ("", "%", True, False),
    operators.not_istartswith_op: ("", "%", True, True),
    operators.endswith_op: ("%", "", False, False),
    operators.not_endswith_op: ("%", "", False, True),
    operators.iendswith_op: ("%", "", True, False),
    operators.not_iendswith_op: ("%", "", True, True),
}


def matches(text: Any, pattern: Any, escape: str, *, folded: bool, sqlite: bool) -> bool | None:
    """Say whether a text matches a pattern; `folded` is ILIKE. None where either is null.

    Raises:
        Beyond: letters whose case each database changes in its own way, or no text.
    """
    if text is None or pattern is None:
        return None
    if not (isinstance(text, str) and isinstance(pattern, str)):
        raise Beyond
    if folded and not (text.isascii() and pattern.isascii()):
        raise Beyond
    if folded or sqlite:
        # SQLite's LIKE takes the 26 letters of either case for the same, and no other.
        text, pattern = _lowered(text), _lowered(pattern)
    return re.fullmatch(_expression(pattern, escape), text, re.DOTALL) is not None


def _lowered(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _expression(pattern: str, escape: str) -> str:
    """Return a LIKE pattern as a regular expression."""
    pieces, letters = [], iter(pattern)
    for letter in letters:
        if escape and letter == escape:
            following = next(letters, None)
            if following is None:
                raise Beyond
            pieces.append(re.escape(following))
        else:
            pieces.append({"%": ".*", "_": "."}.get(letter) or re.escape(letter))
    return "".join(pieces)
