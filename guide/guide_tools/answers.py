"""Compare an answer with the one that a page shows. `…` in the page stands for whatever is left out there.

In JSON it replaces a value, the rest of an object or of a list, or a part of a text; elsewhere a part of a line, and
alone on a line any number of lines.
"""

from __future__ import annotations

import json
import re
from typing import Any

REST = "…"


def differs(shown: str, actual: str) -> str | None:
    """Return why `actual` is not what the page shows, or None if it is. JSON is compared by its values."""
    try:
        document = json.loads(actual)
    except ValueError:
        return (
            None
            if lines_like(shown).fullmatch(actual.strip() + "\n")
            else f"The page shows:\n{shown}\n\nIt was:\n{actual}"
        )
    try:
        expected = json.loads(_readable(shown))
    except ValueError:
        return f"The page shows no JSON, but the answer is:\n{json.dumps(document, indent=2, ensure_ascii=False)}"
    where = _difference(expected, document, "")
    return where and f"{where}\n\nThe answer:\n{json.dumps(document, indent=2, ensure_ascii=False)}"


def glob(shown: str) -> re.Pattern[str]:
    """Return the pattern of one line in which `…` stands for anything."""
    return re.compile(".*".join(re.escape(piece) for piece in shown.split(REST)))


def lines_like(shown: str) -> re.Pattern[str]:
    """Return the pattern of several lines, whole ones."""
    lines = [line.rstrip() for line in shown.strip().split("\n")]
    patterns = ("(?:.*\n)*" if line.strip() == REST else glob(line).pattern + r"[ \t\r]*\n" for line in lines)
    return re.compile("".join(patterns))


def _readable(shown: str) -> str:
    """Return the text as JSON: a `…` outside of texts becomes a text, or a member where it stands for the rest."""
    written: list[str] = []
    brackets = [""]
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|…|[{}\[\]]|[^"…{}\[\]]+', shown):
        if piece in ("{", "["):
            brackets.append(piece)
        elif piece in ("}", "]"):
            brackets.pop()
        before = "".join(written).rstrip()[-1:]
        if piece == REST:
            member = brackets[-1] == "{" and before in ("{", ",")
            piece = f'"{REST}": "{REST}"' if member else f'"{REST}"'
        written.append(piece)
    return "".join(written)


def _difference(expected: Any, actual: Any, where: str) -> str | None:
    match expected, actual:
        case "…", _:
            return None
        case dict(), dict():
            return _of_objects(expected, actual, where)
        case list(), list():
            return _of_lists(expected, actual, where)
        case str(), str() if glob(expected).fullmatch(actual):
            return None
    same = type(expected) is type(actual) and expected == actual
    return None if same else f"{where or '/'}: the page shows {expected!r}, it was {actual!r}"


def _of_objects(expected: dict[str, Any], actual: dict[str, Any], where: str) -> str | None:
    named = [name for name in expected if name != REST]
    if missing := [name for name in named if name not in actual]:
        return f"{where or '/'}: the page shows {missing}, which the answer lacks"
    if REST not in expected and (more := [name for name in actual if name not in expected]):
        return f"{where or '/'}: the answer has {more}, which the page does not show"
    found = (_difference(expected[name], actual[name], f"{where}/{name}") for name in named)
    return next((each for each in found if each), None)


def _of_lists(expected: list[Any], actual: list[Any], where: str) -> str | None:
    rest = bool(expected) and expected[-1] == REST
    items = expected[:-1] if rest else expected
    if len(actual) < len(items) or (len(actual) > len(items) and not rest):
        return f"{where or '/'}: the page shows {len(items)} items, the answer has {len(actual)}"
    found = (_difference(each, actual[index], f"{where}/{index}") for index, each in enumerate(items))
    return next((each for each in found if each), None)
