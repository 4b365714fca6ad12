"""What has had its time is deleted, nothing else is, and one host at a time does it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from meze.accounts.housekeeping import BATCH, DAY, EVENTS_DAYS, LEASE_SECONDS, NOBODYS_EVENTS_DAYS, Housekeeper
from meze.accounts.tables import (
    COUNTERS,
    FACTORS,
    FACTS,
    KEYS,
    OUTBOX,
    REVOCATIONS,
    SESSIONS,
    TOKENS,
    AccountEvent,
    User,
)
from meze.records.idempotency import ANSWERS, EXPIRED

NOW = 1_800_000_000.25


@pytest.fixture
def housekeeper(storage, clock):
    return Housekeeper(storage, clock)


@pytest.fixture
def keep(storage):
    """Insert rows; a user with the id 1 is there for them to belong to."""
    user = {"id": 1, "email": "a@example.com", "roles": [], "created_at": datetime.now(UTC)}
    add(storage, User.__table__, {**user, "email_verified": True, "disabled": False})
    return lambda table, *rows: add(storage, table, *rows)


def add(storage, table, *rows):
    with storage.database.engine.begin() as connection:
        connection.execute(insert(table), list(rows))


def left(storage, table, column):
    with storage.database.engine.connect() as connection:
        return sorted(connection.scalars(select(table.c[column])))


def lease(storage):
    with storage.database.engine.connect() as connection:
        return connection.scalar(select(FACTS.c.value).where(FACTS.c.name == "housekeeper"))


def session(name, *, expires_at, idle_expires_at, revoked_at=None):
    hashes = {"family_hash": name.encode(), "access_hash": name.encode()}
    times = {"created_at": NOW, "last_used_at": NOW, "access_expires_at": NOW}
    ends = {"expires_at": expires_at, "idle_expires_at": idle_expires_at, "revoked_at": revoked_at}
    return {"user_id": 1, "kind": "bearer", "method": "password", "device": name, **hashes, **times, **ends}


def key(name, *, expires_at=None, revoked_at=None):
    hashes = {"hash": name.encode(), "hint": name[:8]}
    ends = {"expires_at": expires_at, "revoked_at": revoked_at}
    return {"user_id": 1, "name": name, "scopes": ["read"], "created_at": NOW, **hashes, **ends}


def counter(name, expires_at):
    return {"key": name, "count": 1, "expires_at": expires_at}


def test_sessions_go_when_they_expire_or_were_idle_too_long_and_not_when_they_are_revoked(storage, housekeeper, keep):
    keep(
        SESSIONS,
        session("alive", expires_at=NOW + 1, idle_expires_at=NOW + 1),
        session("revoked", expires_at=NOW + 1, idle_expires_at=NOW + 1, revoked_at=NOW - 9 * DAY),
        session("expired", expires_at=NOW, idle_expires_at=NOW + 1),
        session("idle", expires_at=NOW + 1, idle_expires_at=NOW),
    )

    assert housekeeper.sweep()["sessions"] == 2
    assert left(storage, SESSIONS, "device") == ["alive", "revoked"]


def test_keys_go_thirty_days_after_their_end(storage, housekeeper, keep):
    ended, fresh = NOW - 30 * DAY, NOW - 30 * DAY + 1
    keep(
        KEYS,
        key("endless"),
        key("expired lately", expires_at=fresh),
        key("expired", expires_at=ended),
        key("revoked lately", revoked_at=fresh),
        key("revoked", expires_at=NOW + DAY, revoked_at=ended),
    )

    assert housekeeper.sweep()["keys"] == 2
    assert left(storage, KEYS, "name") == ["endless", "expired lately", "revoked lately"]


def test_links_go_a_day_after_they_expired_and_take_their_letters_along(storage, housekeeper, keep):
    link = {"kind": "reset", "data": {}, "created_at": NOW}
    keep(TOKENS, {"id": 1, "expires_at": NOW - DAY, **link}, {"id": 2, "expires_at": NOW - DAY + 1, **link})
    letter = {"template": "reset_password", "language": "en", "data": {}, "created_at": NOW, "due_at": NOW}
    keep(OUTBOX, {"token_id": 1, **letter}, {"token_id": 2, **letter})

    swept = housekeeper.sweep()

    assert (swept["tokens"], left(storage, TOKENS, "id"), left(storage, OUTBOX, "token_id")) == (1, [2], [2])


def test_letters_counters_and_second_factors_that_were_never_confirmed_go(storage, housekeeper, keep):
    letter = {"language": "en", "data": {}, "due_at": NOW}
    keep(OUTBOX, {"template": "old", "created_at": NOW - 7 * DAY, **letter})
    keep(OUTBOX, {"template": "new", "created_at": NOW - 7 * DAY + 1, **letter})
    keep(COUNTERS, counter("over", NOW), counter("counting", NOW + 1))
    keep(FACTORS, {"user_id": 1, "secret": "s", "confirmed_at": None, "created_at": NOW - DAY})

    swept = housekeeper.sweep()

    assert {name: count for name, count in swept.items() if count} == {"outbox": 1, "counters": 1, "factors": 1}
    assert left(storage, OUTBOX, "template") == ["new"]
    assert left(storage, COUNTERS, "key") == ["counting"]
    assert left(storage, FACTORS, "user_id") == []


@pytest.mark.parametrize(
    "times",
    [
        pytest.param({"confirmed_at": NOW - DAY, "created_at": NOW - DAY}, id="confirmed"),
        pytest.param({"confirmed_at": None, "created_at": NOW - DAY + 1}, id="being-set-up"),
    ],
)
def test_a_second_factor_that_is_on_or_being_set_up_stays(storage, housekeeper, keep, times):
    keep(FACTORS, {"user_id": 1, "secret": "s", **times})

    assert housekeeper.sweep()["factors"] == 0
    assert left(storage, FACTORS, "user_id") == [1]


def test_the_audit_trail_goes_back_so_far_and_less_for_who_has_no_account(storage, housekeeper, keep):
    def days_ago(days, seconds):
        return datetime.fromtimestamp(NOW, UTC) - timedelta(days=days, seconds=seconds)

    events = AccountEvent.__table__
    keep(events, {"event": "old", "user_id": 1, "at": days_ago(EVENTS_DAYS, 1)})
    keep(events, {"event": "recent", "user_id": 1, "at": days_ago(EVENTS_DAYS, -1)})
    keep(events, {"event": "old of nobody", "user_id": None, "at": days_ago(NOBODYS_EVENTS_DAYS, 1)})
    keep(events, {"event": "recent of nobody", "user_id": None, "at": days_ago(NOBODYS_EVENTS_DAYS, -1)})

    housekeeper.sweep()

    assert left(storage, events, "event") == ["recent", "recent of nobody"]


def test_more_than_one_piece_is_deleted_piece_by_piece(storage, housekeeper, keep):
    keep(COUNTERS, *(counter(str(number), NOW) for number in range(2 * BATCH + 1)))

    assert housekeeper.sweep()["counters"] == 2 * BATCH + 1
    with storage.database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(COUNTERS)) == 0


def test_a_sweep_ends_with_its_lease(storage, clock, keep):
    keep(COUNTERS, *(counter(str(number), NOW) for number in range(3 * BATCH)))
    readings = []

    def hurried():
        readings.append(None)
        return NOW if len(readings) < 8 else NOW + LEASE_SECONDS

    # The first reading takes the lease, four more find nothing to do, and two are of pieces of the counters.
    swept = Housekeeper(storage, hurried).sweep()

    assert {name: count for name, count in swept.items() if count} == {"counters": 2 * BATCH}


def test_the_lease_is_given_back(storage, housekeeper):
    assert housekeeper.sweep() != {}
    assert lease(storage) == {"holder": None, "until": 0.0}
    assert housekeeper.sweep() != {}


@pytest.mark.parametrize(
    ("until", "sweeps"),
    [
        pytest.param(NOW + LEASE_SECONDS, False, id="another-host-sweeps"),
        pytest.param(NOW + 1, False, id="for-one-more-second"),
        pytest.param(NOW, True, id="another-host-is-gone"),
        pytest.param(NOW + DAY, True, id="its-clock-was-a-day-ahead"),
    ],
)
def test_a_lease_of_another_host_holds_until_it_ends(storage, housekeeper, keep, until, sweeps):
    keep(FACTS, {"name": "housekeeper", "value": {"holder": "elsewhere", "until": until}})
    keep(COUNTERS, counter("over", NOW))

    assert bool(housekeeper.sweep()) is sweeps
    assert left(storage, COUNTERS, "key") == ([] if sweeps else ["over"])
    assert lease(storage)["holder"] == (None if sweeps else "elsewhere")


def test_a_lease_that_somebody_else_took_over_is_not_given_back_for_them(storage, clock, keep):
    keep(COUNTERS, counter("over", NOW))
    other = Housekeeper(storage, lambda: NOW + LEASE_SECONDS)
    taken_over = []

    def slow():
        if len(taken_over) == 0 and lease(storage) is not None:
            taken_over.append(other._take("elsewhere"))
        return NOW

    Housekeeper(storage, slow).sweep()

    assert taken_over == [NOW + 2 * LEASE_SECONDS]
    assert lease(storage)["holder"] == "elsewhere"


def test_of_many_that_begin_at_once_one_holds_the_lease(storage):
    together = threading.Barrier(6)

    def take(number):
        together.wait()
        return Housekeeper(storage, lambda: NOW)._take(f"host {number}")

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(take, range(6)))

    assert sorted(taken, key=str) == [NOW + LEASE_SECONDS, *[None] * 5]


@pytest.mark.usefixtures("keep")
def test_answers_to_requests_with_a_key_are_deleted_after_their_day(storage, clock):
    key = {"user_id": 1, "fingerprint": b"", "created_at": NOW - DAY}
    late = [{**key, "key": f"late {number}", "expires_at": NOW} for number in range(BATCH + 1)]
    add(storage, ANSWERS, *late, {**key, "key": "early", "expires_at": NOW + 1})

    swept = Housekeeper(storage, clock, {"idempotency keys": EXPIRED}).sweep()

    assert swept["idempotency keys"] == BATCH + 1
    assert left(storage, ANSWERS, "key") == ["early"]


def test_revocations_go_after_an_hour_and_the_greatest_number_stays(storage, housekeeper):
    for number, user_id in enumerate((1, 2, 3), 1):
        add(storage, REVOCATIONS, {"number": number, "user_id": user_id, "at": NOW - 3600 + number - 1})
    assert housekeeper.sweep()["revocations"] == 1
    assert left(storage, REVOCATIONS, "number") == [2, 3]

    with storage.database.engine.begin() as connection:
        connection.execute(update(REVOCATIONS).values(at=NOW - 7200))
    assert housekeeper.sweep()["revocations"] == 1
    assert housekeeper.sweep()["revocations"] == 0

    with storage.writing() as work:
        work.revoke(4)
    assert left(storage, REVOCATIONS, "number") == [3, 4]
