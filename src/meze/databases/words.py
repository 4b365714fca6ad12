"""What full-text search means, the same on every database.

A text is taken apart so: compatibility forms and accents are dropped (NFKD, then the combining marks), letters are
lower-cased, and what remains is cut into words: maximal runs of letters, digits and marks. Chinese, Japanese and Korean
are written without spaces between words, so their runs are cut out of the words, and each becomes its overlapping pairs
of characters and its last character alone.

A query is taken apart in the same way. Each of its words must occur as the beginning of a word of the text; of a run of
characters written without spaces, its pairs must occur. The databases build their own index from the tables here, so
that rows that another program writes are found too.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from meze.databases.unicode_tables import DROPPED_MARKS, WORD_CHARACTERS

LONGEST_TEXT = 50_000
"""Characters of a row that are indexed; bounds the size of an index entry, which PostgreSQL limits to a megabyte."""

LONGEST_PLAIN_TEXT = 100_000
"""Characters that remain of them: one compatibility character can stand for eighteen plain ones."""

LONGEST_WORD = 100
"""Characters of a word that are compared."""

SPACELESS = "々〇〡-〩〱-〵〸-〼ぁ-ヿㇰ-ㇿ㐀-䶿一-鿿가-힣\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
"""Han, kana and Hangul, as ranges for the inside of a regular expression's or a GLOB's brackets."""

SPACELESS_RUN = re.compile(f"[{SPACELESS}]+")
QUERY_PART = re.compile(f"[{SPACELESS}]+|[^ {SPACELESS}]+")
BETWEEN_ASCII_WORDS = re.compile("[^0-9a-z]+")

FINAL_LETTERS = {"ς": "σ", "ß": "ss"}
"""Lower-case letters with another form: a sigma that ends a word, and ß, which is SS in capitals."""


def boundaries(table: str) -> list[int]:
    """Return where the ranges of a table begin and end, in turn: an odd number of them lies at or before a member."""
    boundaries = []
    for item in table.split():
        first, _, last = item.partition("-")
        boundaries += [int(first, 16), int(last or first, 16) + 1]
    return boundaries


def bracketed(table: str) -> str:
    """Return a table of `unicode_tables` as ranges for the inside of brackets."""
    spans = (item.partition("-") for item in table.split())
    return "".join(chr(int(first, 16)) + dash + (chr(int(last, 16)) if last else "") for first, dash, last in spans)


class Letters(dict[int, str]):
    """What becomes of each character before words are cut: a table for `str.translate`, filled as it is asked.

    A space for what stands between words, nothing for a dropped mark, and a letter's plain form.
    """

    def __init__(self) -> None:
        super().__init__()
        self._words = boundaries(WORD_CHARACTERS)
        self._dropped = boundaries(DROPPED_MARKS)

    def __missing__(self, code: int) -> str:
        plain = "".join(
            FINAL_LETTERS.get(letter, letter) if self._is_word(ord(letter)) else " "
            for part in unicodedata.normalize("NFKD", chr(code))
            if not bisect_right(self._dropped, ord(part)) % 2
            for letter in part.lower()
        )
        self[code] = unicodedata.normalize("NFC", plain)
        return self[code]

    @staticmethod
    def is_final(code: int) -> bool:
        """Tell whether the letter changes although it has no decomposition and is lower case."""
        return chr(code) in FINAL_LETTERS

    def _is_word(self, code: int) -> bool:
        return bisect_right(self._words, code) % 2 == 1


@cache
def letters() -> Letters:
    return Letters()


def plain(text: str) -> str:
    """Return the words of `text` in their plain form, with spaces between, before runs are made pairs."""
    if text.isascii():
        return BETWEEN_ASCII_WORDS.sub(" ", text.lower())
    return unicodedata.normalize("NFC", text.translate(letters()))[:LONGEST_PLAIN_TEXT]


def words(text: str) -> str:
    """Return what an index holds of a row's text: its words, separated by spaces."""
    text = text[:LONGEST_TEXT]
    return plain(text) if text.isascii() else SPACELESS_RUN.sub(_pairs_of_run, plain(text))


def _pairs_of_run(run: re.Match[str]) -> str:
    return f" {' '.join([*pairs(run[0]), run[0][-1]])} "


def pairs(run: str) -> list[str]:
    return [first + second for first, second in pairwise(run)]


def query_words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each word that a query asks for, once, and whether it may be the beginning of a longer one."""
    seen = set()
    for part in QUERY_PART.findall(plain(text)):
        is_run = len(part) > 1 and SPACELESS_RUN.match(part) is not None
        for word in pairs(part) if is_run else [part[:LONGEST_WORD]]:
            if word not in seen:
                seen.add(word)
                yield word, not is_run
