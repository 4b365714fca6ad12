"""What a new password must be: long enough, and not among those that are tried first. Nothing is asked of its letters.

That follows NIST SP 800-63B-4 §3.1.1.2. The list of common passwords knows few as long as we ask for, so what people
make of a short one to reach the length is refused with it: the same again, with digits or signs around it, keys in
their order. So are the address and the service's name, which an attacker tries for one account.

    "passwordpassword1"   a common one twice, and a digit
    "qwertyuiop12345"     two runs of keys
    "anna.schmidt1990!"   the name in anna.schmidt@example.com, and five others

The judgement is on what remains when the weak part is taken out, never on words alone: "correct horse battery staple"
is made of common passwords, and good.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from meze.accounts.common_passwords import is_common
from meze.errors import Entry, Text

LEAST = 15
LEAST_WITH_SECOND_FACTOR = 8
MOST = 1024

COMMON = Text(
    "Passwords like this are tried first. Take several words that do not belong together.",
    "这类密码最先被尝试。请使用几个互不相关的词。",
)
PERSONAL = Text(
    "This is little more than your e-mail address or the name of this service. Take several words that do not belong "
    "together.",
    "该密码与你的邮箱地址或本服务名称过于接近。请使用几个互不相关的词。",
)
NOT_UNICODE = Text(
    "There is half of a character in it (a lone surrogate), which no keyboard sends. Type the password again.",
    "其中含有不完整的字符（孤立代理项），键盘无法输入。请重新输入密码。",
)

ENOUGH = 8
"""Characters that make a password good whatever stands beside them. One run or repetition counts as one."""
_LOOKED_INTO = 128  # characters at the beginning in which common passwords are looked for, and that filling has at most
_LONGEST_COMMON = 24
_SHORTEST_COMMON = 4
_SHORTEST_NUMBER = 6  # of the numbers of eight digits, every tenth holds a year
_SHORTEST = 3  # of everything else that is recognised: shorter ones are chance
_KEYS = (
    "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890",
    "01234567890",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+",
)
_RUNS = tuple(way for keys in _KEYS for way in (keys * 2, keys[::-1] * 2))
_REPEATED = re.compile(r"(.)\1{2,}", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")
_AROUND_A_WORD = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def faults(password: str, pointer: str, *, least: int, email: str, service: str) -> list[Entry]:
    """Return what is wrong with a new password, at `pointer`; nothing where it is good.

    Length is counted in characters of the NFC form, which is what is hashed. `service` is the name of the service.
    """
    if any("\ud800" <= character <= "\udfff" for character in password):
        return [Entry("bad_format", pointer=pointer, text=NOT_UNICODE)]
    # Four characters at most become one, so what is longer need not be composed to be told.
    if len(password) > 4 * MOST or len(composed := unicodedata.normalize("NFC", password)) > MOST:
        return [Entry("too_long", pointer=pointer, params={"max": MOST})]
    found = []
    if len(composed) < least:
        found.append(Entry("too_short", pointer=pointer, params={"min": least}))
    weakness = _weakness(composed, email, service)
    if weakness is not None:
        found.append(Entry("bad_format", pointer=pointer, text=weakness))
    return found


def _weakness(password: str, email: str, service: str) -> Text | None:
    """Return why a password would be found by trying, None where it would not."""
    written, letters = _folded(password), _letters_and_digits(_folded(password))
    personal = _personal(email, service)
    for text in (written, letters):
        if any(_is_little_more_than(part, text, personal) for part in personal):
            return PERSONAL
    return COMMON if _is_repetition(written) or _is_built(written, personal) else None


def _personal(email: str, service: str) -> frozenset[str]:
    """Return what belongs to the person or the service, as it may be written in a password."""
    address = _folded(email)
    local = address.rpartition("@")[0]
    parts = {address, _folded(service), *({local} if len(local) >= _SHORTEST_COMMON else ())}
    parts |= {_letters_and_digits(part) for part in parts}
    return frozenset(part for part in parts if len(part) >= _SHORTEST)


def _is_repetition(text: str) -> bool:
    """Say whether the whole is one short piece over and over, the last time perhaps not to its end."""
    return any(
        (text[:length] * (len(text) // length + 1)).startswith(text)
        for length in range(1, min(ENOUGH - 1, len(text) // 2) + 1)
    )


def _is_built(text: str, personal: frozenset[str]) -> bool:
    """Say whether there is nothing but filling, or filling around a common password."""
    return _is_filling([text], personal) or any(
        _is_little_more_than(part, text, personal) for part in set(_common_parts(text))
    )


def _common_parts(text: str) -> Iterator[str]:
    text = text[:_LOOKED_INTO]
    for begin in range(len(text) - _SHORTEST_COMMON + 1):
        for end in range(begin + _SHORTEST_COMMON, min(len(text), begin + _LONGEST_COMMON) + 1):
            part = text[begin:end]
            if is_common(part) and not (part.isdigit() and len(part) < _SHORTEST_NUMBER):
                yield part


def _is_little_more_than(part: str, text: str, personal: frozenset[str]) -> bool:
    return part in text and _is_filling(text.split(part), personal)


def _is_filling(pieces: Iterable[str], personal: frozenset[str]) -> bool:
    """Say whether the pieces weigh little together, and none of them says anything of its own."""
    weight = 0
    for piece in pieces:
        if len(piece) > _LOOKED_INTO:
            return False
        condensed = _condensed(piece)
        weight += len(condensed)
        if weight >= ENOUGH or (_LETTER.search(condensed) and not _is_known(piece, personal)):
            return False
    return True


def _is_known(piece: str, personal: frozenset[str]) -> bool:
    """Say whether the letters of a piece, with what stands between them, are a word that would be tried."""
    word = _AROUND_A_WORD.sub("", piece)
    return word in personal or (len(word) >= _SHORTEST and is_common(word))


def _condensed(text: str) -> str:
    """Return the text with one sign for each run of keys and each character that is repeated."""
    text = _REPEATED.sub("*", text)
    condensed, begin = [], 0
    while begin < len(text):
        end = begin + _SHORTEST
        if end <= len(text) and any(text[begin:end] in run for run in _RUNS):
            while end < len(text) and any(text[begin : end + 1] in run for run in _RUNS):
                end += 1
            condensed.append("*")
            begin = end
        else:
            condensed.append(text[begin])
            begin += 1
    return "".join(condensed)


def _folded(text: str) -> str:
    """Return what all spellings of the same letters have in common: letter case, full width."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, text))
