"""What was noted of last uses is written by the background, never waits for anybody, and has a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from accounts.second_factors import Clock, make_accounts
from accounts.signed_in import ANNA, BEN, SignedIn
from meze.accounts import background as background_module
from meze.accounts.background import Background
from meze.accounts.session_statements import KEY_USED, SESSION_USED
from meze.accounts.tables import SESSIONS
from meze.accounts.uses import Use, Uses
from meze.databases import Database
from meze.errors import Unavailable


@pytest.fixture
def here(database: Database, tmp_path: Path) -> SignedIn:
    make_accounts(database, "anna@example.com", "ben@example.com")
    return SignedIn(database, tmp_path, Clock())


def last_used(here: SignedIn) -> list[float]:
    with here.database.engine.connect() as connection:
        return list(connection.scalars(select(SESSIONS.c.last_used_at).order_by(SESSIONS.c.id)))


def test_all_that_was_noted_is_written_at_once(here):
    pairs = [here.start(user_id) for user_id in (ANNA, BEN, ANNA)]
    cookie = here.start_cookie()
    _, secret = here.keys.create(ANNA, "Import", ["read"])
    here.later(60)
    for pair in pairs:
        here.who(pair.access_token)
    here.who_by_cookie(cookie.token)
    here.who(secret)
    assert last_used(here) == [here.clock.now - 60] * 4

    assert here.sessions.uses.write() == 5

    assert last_used(here) == [here.clock.now] * 4
    assert here.sessions.uses.write() == 0


def test_a_row_that_somebody_else_changes_is_passed_over(here):
    """Two who wait for each other's rows would wait until one of them is refused, and that may be a sign-out."""
    if not here.database.row_locks:
        pytest.skip("there is one writer at a time")
    pairs = [here.start(), here.start(BEN)]
    here.later(60)
    for pair in pairs:
        here.who(pair.access_token)

    with here.storage.writing() as work:
        work.execute(update(SESSIONS).where(SESSIONS.c.user_id == ANNA).values(method="password"))
        began = time.monotonic()
        assert here.sessions.uses.write() == 1
        assert time.monotonic() - began < 1

    assert last_used(here) == [here.clock.now - 60, here.clock.now]
    here.later(10)
    here.who(pairs[0].access_token)  # it is noted again
    assert here.sessions.uses.write() == 1


def test_what_another_process_wrote_a_moment_ago_is_left_alone(here):
    pair = here.start()
    here.later(60)
    here.who(pair.access_token)
    with here.database.engine.begin() as connection:
        connection.execute(update(SESSIONS).values(last_used_at=here.clock.now + 1))

    assert here.sessions.uses.write() == 0

    assert last_used(here) == [here.clock.now + 1]


def test_there_are_at_most_so_many_notes(here):
    uses = Uses(here.storage, most=2)
    for clause in (SESSION_USED, KEY_USED):
        for row in (1, 2, 1):
            uses.note(Use(clause, {"session_id": row, "now": 0.0, "earliest": 0.0, "latest": 0.0}))

    assert len(uses) == 2


def test_where_nothing_can_be_written_that_is_told_once_a_minute_and_nothing_piles_up(here, caplog, monkeypatch):
    ticks = Clock()
    uses = Uses(here.storage, monotonic=ticks)

    def away() -> None:
        raise Unavailable

    monkeypatch.setattr(here.storage, "writing", away)
    for seconds in (0, 5, 5, 60):
        ticks.now += seconds
        uses.note(Use(SESSION_USED, {"session_id": 1, "now": 0.0, "earliest": 0.0, "latest": 0.0}))
        assert uses.write() == 0
        assert len(uses) == 0

    assert len(caplog.messages) == 2


class Quiet:
    """An outbox, or a housekeeper, with nothing to do."""

    def deliver_due(self) -> int:
        return 0

    sweep: Callable[[], dict[str, int]] = staticmethod(dict)


def test_the_first_note_starts_the_thread_that_writes_it_soon(here, monkeypatch):
    monkeypatch.setattr(background_module, "USES_SECONDS", 0.05)
    pair = here.start()
    background = Background(Quiet(), Quiet(), here.sessions.uses)
    here.sessions.uses.when_noted(background.start)
    try:
        for _ in range(2):  # the thread lives on
            here.later(60)
            here.who(pair.access_token)
            deadline = time.monotonic() + 5
            while last_used(here) != [here.clock.now] and time.monotonic() < deadline:
                time.sleep(0.01)

            assert last_used(here) == [here.clock.now]
        assert len([each for each in threading.enumerate() if each.name == "meze-background"]) == 1
    finally:
        background.stop()
