# ruff: noqa: S608  (these texts are made of our own constants and of quoted names of the user's tables)
"""Cut a text into words in plain SQL, for SQLite's triggers.

A trigger may only use what every SQLite has, or a program without our functions could not write to the table any more.
So the characters of a text are looked up one by one in a table, composed, and runs without spaces are made pairs. Text
that is all ASCII, which is most of what is written singly, takes none of these steps: the FTS5 tokenizer parts it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache

from meze.databases.unicode_tables import DROPPED_MARKS, WORD_CHARACTERS
from meze.databases.words import LONGEST_PLAIN_TEXT, LONGEST_TEXT, SPACELESS, Letters, boundaries

LETTERS_TABLE = "meze_fts_letters"
PAIRS_TABLE = "meze_fts_pairs"

BLOCK = 200
"""Characters that are taken apart at once: finding the nth character of a text takes SQLite n steps."""

LAST_CHANGING = 0x2FA1F
"""No character after this one has a decomposition or a lower-case form."""

NOT_ASCII = "'*[^' || char(1) || '-' || char(127) || ']*'"

# Hangul composition (The Unicode Standard, section 3.12): leading, vowel and trailing jamo, and syllables without a
# trailing one. `u` is the character, p and n the ones before and after it.
LEADING, VOWEL, TRAILING = "BETWEEN 0x1100 AND 0x1112", "BETWEEN 0x1161 AND 0x1175", "BETWEEN 0x11A8 AND 0x11C2"
COMPOSE_PAIRS = f"""(
WITH RECURSIVE composed (number, so_far) AS (
SELECT 0, t UNION ALL
SELECT p.number, replace(so_far, pair, becomes) FROM composed JOIN {PAIRS_TABLE} AS p ON p.number = composed.number + 1
) SELECT so_far FROM composed ORDER BY number DESC LIMIT 1)"""

COMPOSE_HANGUL = f"""CASE
WHEN u {LEADING} AND n1 {VOWEL}
THEN char(0xAC00 + ((u - 0x1100) * 21 + n1 - 0x1161) * 28 + iif(n2 {TRAILING}, n2 - 0x11A7, 0))
WHEN u {VOWEL} AND p1 {LEADING} THEN ''
WHEN u {TRAILING} AND (
p1 {VOWEL} AND p2 {LEADING} OR p1 BETWEEN 0xAC00 AND 0xD7A3 AND (p1 - 0xAC00) % 28 = 0
) THEN ''
WHEN u BETWEEN 0xAC00 AND 0xD7A3 AND (u - 0xAC00) % 28 = 0 AND n1 {TRAILING} THEN char(u + n1 - 0x11A7)
ELSE c END"""


def words_expression(text: str) -> str:
    """Return a SQL expression for the words of the text that the SQL expression `text` gives."""
    becomes = f"SELECT becomes FROM {LETTERS_TABLE} WHERE first <= unicode(c) ORDER BY first DESC LIMIT 1"
    looked_up = f"(SELECT group_concat(coalesce(({becomes}), c), '') FROM ({_characters('t')} ORDER BY place))"
    neighbours = (
        "SELECT place, c, unicode(c) AS u, "
        "lag(unicode(c), 2) OVER w AS p2, lag(unicode(c)) OVER w AS p1, "
        "lead(unicode(c)) OVER w AS n1, lead(unicode(c), 2) OVER w AS n2 "
        f"FROM ({_characters('t')}) WINDOW w AS (ORDER BY place)"
    )
    hangul = f"(SELECT group_concat({COMPOSE_HANGUL}, '') FROM ({neighbours} ORDER BY place))"
    run = f"c GLOB '[{SPACELESS}]'"
    pair = f"' ' || c || iif(n GLOB '[{SPACELESS}]', n, '') || ' '"
    paired = (
        f"(SELECT group_concat(CASE WHEN {run} THEN {pair} ELSE c END, '')"
        f" FROM (SELECT place, c, lead(c) OVER (ORDER BY place) AS n FROM ({_characters('t')}) ORDER BY place))"
    )
    steps = [
        (NOT_ASCII, looked_up),
        (f"'*[{''.join(dict.fromkeys(pair[1] for pair, _ in _pairs()))}]*'", COMPOSE_PAIRS),
        (f"'*[{chr(0x1161)}-{chr(0x1175)}{chr(0x11A8)}-{chr(0x11C2)}]*'", hangul),
        ("'*'", f"substr(t, 1, {LONGEST_PLAIN_TEXT})"),
        (f"'*[{SPACELESS}]*'", paired),
    ]
    # Each step is MATERIALIZED, or SQLite would put its whole text in place of every `t` of the next one.
    parts = [f"step0 (t) AS MATERIALIZED (SELECT substr({text}, 1, {LONGEST_TEXT}))"]
    for number, (pattern, step) in enumerate(steps):
        chosen = f"SELECT CASE WHEN t GLOB {pattern} THEN {step} ELSE t END FROM step{number}"
        parts.append(f"step{number + 1} (t) AS MATERIALIZED ({chosen})")
    return f"(WITH {', '.join(parts)} SELECT t FROM step{len(steps)})"


def _characters(text: str) -> str:
    """Return a query for the characters `c` of a text, each with its `place`."""
    return (
        "WITH RECURSIVE blocks (start, block) AS ("
        f"SELECT 1, substr({text}, 1, {BLOCK}) UNION ALL "
        f"SELECT start + {BLOCK}, substr({text}, start + {BLOCK}, {BLOCK}) FROM blocks WHERE length(block) = {BLOCK}"
        f"), steps (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM steps WHERE step < {BLOCK}) "
        "SELECT start + step AS place, substr(block, step, 1) AS c FROM blocks JOIN steps ON step <= length(block)"
    )


@cache
def _pairs() -> tuple[tuple[str, str], ...]:
    """Return (pair, composed) for the pairs that NFC composes and whose second is not a dropped mark."""
    letters = Letters()
    found = []
    for code in range(LAST_CHANGING):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.is_normalized("NFC", chr(code)):
            pair = "".join(chr(int(part, 16)) for part in parts)
            if letters[ord(pair[1])]:
                found.append((pair, chr(code)))
    return tuple(found)


@cache
def letters_rows() -> tuple[tuple[int, str | None], ...]:
    """Return what becomes of every character: (first code point, what it and those up to the next row become).

    None stands for the character itself.
    """
    letters = Letters()
    changing = [
        code
        for code in range(LAST_CHANGING + 1)
        if unicodedata.decomposition(chr(code)) or chr(code).lower() != chr(code) or letters.is_final(code)
    ]
    edges = {0, *boundaries(WORD_CHARACTERS), *boundaries(DROPPED_MARKS)}
    edges.update(changing, (code + 1 for code in changing))
    rows: list[tuple[int, str | None]] = []
    for code in sorted(edges):
        becomes: str | None = letters[code] if not 0xD800 <= code <= 0xDFFF else " "
        if becomes == chr(code):
            becomes = None
        if not rows or rows[-1][1] != becomes:
            rows.append((code, becomes))
    return tuple(rows)


@cache
def letters_statements() -> tuple[str, ...]:
    """Return the SQL that makes and fills the tables of characters and of pairs."""
    pairs = ", ".join(f"({number}, '{pair}', '{composed}')" for number, (pair, composed) in enumerate(_pairs(), 1))
    rows = ", ".join(
        f"({code}, NULL)" if becomes is None else f"({code}, '{becomes}')" for code, becomes in letters_rows()
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {LETTERS_TABLE} (first INTEGER PRIMARY KEY, becomes TEXT)",
        f"DELETE FROM {LETTERS_TABLE}",
        f"INSERT INTO {LETTERS_TABLE} (first, becomes) VALUES {rows}",
        f"CREATE TABLE IF NOT EXISTS {PAIRS_TABLE} (number INTEGER PRIMARY KEY, pair TEXT, becomes TEXT)",
        f"DELETE FROM {PAIRS_TABLE}",
        f"INSERT INTO {PAIRS_TABLE} (number, pair, becomes) VALUES {pairs}",
    )


@cache
def meaning() -> str:
    """Return what changes when the same text would be cut into other words."""
    return hashlib.sha256(repr((letters_rows(), _pairs(), words_expression(""))).encode()).hexdigest()[:16]
