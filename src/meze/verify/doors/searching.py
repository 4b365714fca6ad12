"""Full-text search: the rows that may be read and hold every word; and none where a searched field is closed."""

from __future__ import annotations

import re

from meze.verify.doors.pages import compare_items, compare_total, limit_of
from meze.verify.knock import Knock
from meze.verify.world import Row

_WORD = re.compile(r"[a-z0-9]+")


def knock(at: Knock) -> None:
    if at.shut("read"):
        at.closed("read", reply=at.get(at.path(q="word")))
        return
    fields = at.resource.search
    askable = at.sight.askable(at.resource)
    if not fields or any(each.name not in askable for each in fields):
        reply = at.get(at.path(q="word"))
        at.refused("Fields that this caller may not read are searched", 400, "unknown_parameter", reply)
        return
    texts = {row: " ".join(str(row.of(each) or "") for each in fields) for row in at.judge.world.of(at.resource)}
    plain = [row for row, text in texts.items() if text.isascii() and "_" not in text and _WORD.search(text.lower())]
    for row in at.some(plain, 1, 4):
        words = _words(texts[row])
        asked = at.random.sample(words, min(2, len(words)))
        _ask(at, asked, texts)
    if plain:
        _ask(at, [_words(texts[at.random.choice(plain)])[0][:3]], texts)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _ask(at: Knock, asked: list[str], texts: dict[Row, str]) -> None:
    if any(not text.isascii() or "_" in text for text in texts.values()):
        texts = {row: re.sub(r"[^\x00-\x7f]|_", " ", text) for row, text in texts.items()}
    rows = [
        row
        for row in at.sight.visible(at.resource)
        if all(any(word.startswith(each) for word in _words(texts[row])) for each in asked)
    ]
    limit = limit_of(at)
    reply = at.get(at.path(q=" ".join(asked), count="true", limit=limit))
    compare_total(at, len(rows), reply)
    compare_items(at, rows[:limit], reply)
