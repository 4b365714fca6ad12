"""A cursor opens for the query it was made for, on a server that holds the secret, and for nothing else."""

import base64

import pytest

from meze.errors import BadCursor
from meze.query.cursor import CursorSeal, Position

SECRET = "a secret of more than thirty-two characters"
BINDING = b"cities, by name"
POSITION = Position(("Zürich", None, 12), ("countries", "cities", "CH"))


def test_a_cursor_opens_to_what_was_sealed():
    seal = CursorSeal([SECRET])

    assert seal.open(seal.seal(POSITION, BINDING), BINDING) == POSITION


def test_a_cursor_shows_nothing_of_what_it_holds():
    sealed = CursorSeal([SECRET]).seal(POSITION, BINDING)

    plain = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))

    assert "Zürich".encode() not in plain
    assert b"CH" not in plain[12:40]


def test_the_same_position_is_sealed_differently_each_time():
    seal = CursorSeal([SECRET])

    assert seal.seal(POSITION, BINDING) != seal.seal(POSITION, BINDING)


def test_an_earlier_secret_still_opens_what_it_sealed():
    sealed = CursorSeal([SECRET]).seal(POSITION, BINDING)

    assert CursorSeal(["the new one, also long enough to be safe", SECRET]).open(sealed, BINDING) == POSITION


def test_a_cursor_of_another_query_is_refused():
    seal = CursorSeal([SECRET])

    with pytest.raises(BadCursor):
        seal.open(seal.seal(POSITION, BINDING), b"cities, by population")


def test_a_cursor_of_another_server_is_refused():
    sealed = CursorSeal(["somebody else's secret of enough letters"]).seal(POSITION, BINDING)

    with pytest.raises(BadCursor):
        CursorSeal([SECRET]).open(sealed, BINDING)


def test_every_altered_character_is_noticed():
    seal = CursorSeal([SECRET])
    sealed = seal.seal(POSITION, BINDING)

    for at in range(len(sealed)):
        altered = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(BadCursor):
            seal.open(altered, BINDING)
    with pytest.raises(BadCursor):
        seal.open(sealed + "=", BINDING)


@pytest.mark.parametrize(
    "cursor", ["", "A", "ä", "====", "a" * 8193, "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
)
def test_what_is_no_cursor_is_refused(cursor):
    with pytest.raises(BadCursor):
        CursorSeal([SECRET]).open(cursor, BINDING)
