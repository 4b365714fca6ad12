"""A confirmed token is trusted for a second after it was asked who was revoked, and not at all once its user is."""

from __future__ import annotations

import pytest

from accounts.second_factors import Clock, at_once
from meze.access.caller import Caller
from meze.accounts.tokens import TokenKind
from meze.accounts.verified import Verified

ANNA, BEN = Caller(id=1), Caller(id=2)
NOW = 1_800_000_000.0
FAR = NOW + 900


@pytest.fixture
def ticks() -> Clock:
    return Clock()


@pytest.fixture
def verified(ticks: Clock) -> Verified:
    made = Verified(most=3, monotonic=ticks)
    made.confirm(ticks.now)
    return made


def keep(verified: Verified, digest: bytes, caller: Caller = ANNA, good_until: float = FAR) -> None:
    verified.keep(digest, caller, TokenKind.ACCESS, caller.id, good_until, verified.begin())


def known(verified: Verified, *digests: bytes) -> list[bytes]:
    return [digest for digest in digests if verified.find(digest, NOW) is not None]


def test_a_confirmed_token_is_known_with_its_caller(verified):
    keep(verified, b"a")

    entry = verified.find(b"a", NOW)

    assert (entry.caller, entry.kind) == (ANNA, TokenKind.ACCESS)
    assert verified.find(b"b", NOW) is None


def test_nothing_is_trusted_before_it_was_asked_who_was_revoked(ticks):
    verified = Verified(monotonic=ticks)
    keep(verified, b"a")

    assert verified.is_due()
    assert verified.find(b"a", NOW) is None
    assert verified.find_trusted(b"a", NOW) is None


def test_all_are_trusted_for_a_second_from_before_that_was_asked(verified, ticks):
    keep(verified, b"a")
    ticks.now += 0.5
    began = verified.begin().began
    ticks.now += 0.2
    keep(verified, b"b")
    verified.confirm(began)

    ticks.now += 0.5
    assert known(verified, b"a", b"b") == [b"a", b"b"]
    ticks.now += 0.1
    assert verified.is_due()
    assert known(verified, b"a", b"b") == []  # somebody is to ask, and the others go on meanwhile
    assert verified.find_trusted(b"a", NOW) is not None
    ticks.now += 0.2
    assert verified.find_trusted(b"a", NOW) is None
    assert verified.find_trusted(b"b", NOW) is None


def test_each_is_read_again_after_ten_seconds(verified, ticks):
    reading = verified.begin()
    ticks.now += 0.5
    verified.keep(b"a", ANNA, TokenKind.ACCESS, ANNA.id, FAR, reading)
    for _ in range(9):
        ticks.now += 1
        verified.confirm(ticks.now)
    ticks.now += 0.25
    assert known(verified, b"a") == [b"a"]

    ticks.now += 0.25

    assert known(verified, b"a") == []
    assert verified.find_trusted(b"a", NOW) is None


def test_it_is_not_known_beyond_its_own_end(verified):
    keep(verified, b"a", good_until=NOW + 0.5)

    assert verified.find(b"a", NOW + 0.4) is not None
    assert verified.find(b"a", NOW + 0.5) is None


def test_a_user_is_forgotten_with_all_tokens_and_nobody_else(verified):
    keep(verified, b"a")
    keep(verified, b"b")
    keep(verified, b"c", BEN)

    verified.forget(ANNA.id)

    assert known(verified, b"a", b"b", b"c") == [b"c"]
    assert len(verified) == 1


def test_what_was_being_read_while_somebody_was_forgotten_is_not_kept(verified):
    reading = verified.begin()
    verified.forget(BEN.id)

    verified.keep(b"a", ANNA, TokenKind.ACCESS, ANNA.id, FAR, reading)

    assert known(verified, b"a") == []
    keep(verified, b"a")
    assert known(verified, b"a") == [b"a"]


def test_everybody_is_forgotten_and_what_was_being_read_is_not_kept(verified):
    keep(verified, b"a")
    keep(verified, b"d", BEN)
    reading = verified.begin()
    verified.forget_all()

    verified.keep(b"b", ANNA, TokenKind.ACCESS, ANNA.id, FAR, reading)

    assert known(verified, b"a", b"b", b"d") == []
    assert len(verified) == 0
    keep(verified, b"d", BEN)
    verified.forget(BEN.id)
    assert known(verified, b"d") == []


def test_what_was_confirmed_longest_ago_makes_room(verified):
    for digest in (b"a", b"b", b"c"):
        keep(verified, digest)
    keep(verified, b"a")
    keep(verified, b"d", BEN)

    assert known(verified, b"a", b"b", b"c", b"d") == [b"a", b"c", b"d"]
    assert len(verified) == 3
    verified.forget(ANNA.id)
    assert known(verified, b"a", b"b", b"c", b"d") == [b"d"]


def test_a_user_whose_last_token_made_room_is_known_again_when_confirmed_anew(verified):
    keep(verified, b"d", BEN)
    for digest in (b"a", b"b", b"c"):
        keep(verified, digest)
    assert known(verified, b"d") == []

    keep(verified, b"d", BEN)

    assert known(verified, b"a", b"b", b"c", b"d") == [b"b", b"c", b"d"]


def test_many_threads_never_exceed_the_bound_nor_see_a_forgotten_user(ticks):
    verified = Verified(most=50, monotonic=ticks)

    def use(number: int) -> None:
        caller = Caller(id=number)
        for each in range(500):
            digest = f"{number}-{each % 20}".encode()
            keep(verified, digest, caller)
            assert len(verified) <= 50
            if each % 10 == 9:
                verified.forget(number)
                assert verified.find(digest, NOW) is None

    assert at_once(8, use) == [None] * 8
    for number in range(8):
        verified.forget(number)
    assert len(verified) == 0
