"""API keys do what their scopes and their owner may, until they end, and are shown once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from accounts.second_factors import Clock, at_once, make_accounts
from accounts.signed_in import ANNA, BEN, DAY, SignedIn
from meze.accounts.keys import MOST_KEYS
from meze.accounts.tables import KEYS
from meze.accounts.tokens import digest
from meze.databases import Database
from meze.errors import Forbidden, Invalid, TokenRevoked


@pytest.fixture
def here(database: Database, tmp_path: Path) -> SignedIn:
    make_accounts(database, "anna@example.com", "ben@example.com")
    return SignedIn(database, tmp_path, Clock())


def fill(here: SignedIn, count: int, **columns: object) -> None:
    with here.database.engine.begin() as connection:
        for number in range(count):
            row = {"name": "x", "hash": digest(str(number)), "hint": "x", "scopes": ["read"], "created_at": 0.0}
            connection.execute(insert(KEYS), {"user_id": ANNA, **row, **columns})


def test_a_key_is_shown_once_and_listed_by_its_beginning(here):
    shown, secret = here.keys.create(ANNA, "Nightly import", ["trips:read", "cities:write", "trips:read"])

    assert shown == {
        "id": shown["id"],
        "name": "Nightly import",
        "hint": secret[:13],
        "scopes": ["cities:write", "trips:read"],
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": None,
        "last_used_at": None,
    }
    assert here.keys.listed(ANNA) == [shown]
    assert here.keys.listed(BEN) == []
    with here.database.engine.connect() as connection:
        assert secret[13:] not in repr(connection.execute(select(KEYS)).all())


def test_a_key_calls_in_the_name_of_its_owner_with_its_scopes(here):
    here.change(ANNA, name="Anna", roles=["editor"], email_verified=True)
    shown, secret = here.keys.create(ANNA, "Import", ["trips:read"])

    caller = here.sessions.caller_of(secret)

    assert (caller.id, caller.name, caller.email) == (ANNA, "Anna", "anna@example.com")
    assert (caller.key, caller.session, caller.credentials) == (shown["id"], None, True)
    assert caller.scopes == {"trips:read"}
    assert caller.roles == {"editor"}


@pytest.mark.parametrize(
    ("scopes", "roles"),
    [
        pytest.param(["read", "write"], {"editor"}, id="not-without-its-scope"),
        pytest.param(["admin"], {"editor", "admin"}, id="with-it"),
    ],
)
def test_a_key_of_an_admin_is_an_admin_only_with_the_scope(here, scopes, roles):
    here.change(ANNA, roles=["editor", "admin"])
    _, secret = here.keys.create(ANNA, "Import", scopes)

    assert here.sessions.caller_of(secret).roles == roles


def test_the_scope_admin_makes_nobody_an_admin(here):
    _, secret = here.keys.create(ANNA, "Import", ["admin"])

    assert not here.sessions.caller_of(secret).is_admin


def test_a_revoked_key_is_refused_at_once(here):
    shown, secret = here.keys.create(ANNA, "Import", ["read"])
    assert here.sessions.caller_of(secret).id == ANNA

    assert not here.keys.revoke(BEN, shown["id"])
    assert not here.keys.revoke(ANNA, 2**40)
    assert here.sessions.caller_of(secret).id == ANNA
    assert here.keys.revoke(ANNA, shown["id"])

    assert here.who(secret) == "token_revoked"
    assert here.keys.listed(ANNA) == []
    assert not here.keys.revoke(ANNA, shown["id"])


def test_a_key_ends_at_its_time_to_the_second(here):
    _, secret = here.keys.create(ANNA, "Import", ["read"], here.clock.now + DAY)
    here.later(DAY - 0.5)
    assert here.sessions.caller_of(secret).id == ANNA

    here.later(0.5)

    assert here.who(secret) == "token_revoked"
    assert here.keys.listed(ANNA) == []


def test_a_key_of_a_disabled_user_is_refused(here):
    _, secret = here.keys.create(ANNA, "Import", ["read"])
    here.change(ANNA, disabled=True)

    assert here.who(secret) == "token_revoked"


def test_the_last_use_of_a_key_is_written_once_a_minute(here):
    _, secret = here.keys.create(ANNA, "Import", ["read"])
    uses = []
    for seconds in (1, 40, 10):
        here.later(seconds)
        here.sessions.caller_of(secret)
        here.sessions.uses.write()
        uses.append(here.keys.listed(ANNA)[0]["last_used_at"])

    assert uses == ["2027-01-15T08:00:01Z", "2027-01-15T08:00:01Z", "2027-01-15T08:00:51Z"]


def test_every_fault_of_a_key_is_told_at_once(here):
    with pytest.raises(Invalid) as raised:
        here.keys.create(ANNA, " ", ["reed", "trips:upd", "nothing of the kind", "x" * 100_000], here.clock.now)

    told = [each.as_json("en") for each in raised.value.entries]
    assert [(each["pointer"], each["code"]) for each in told] == [
        ("/name", "too_short"),
        ("/scopes/0", "not_one_of"),
        ("/scopes/1", "not_one_of"),
        ("/scopes/2", "not_one_of"),
        ("/scopes/3", "not_one_of"),
        ("/expires_at", "too_small"),
    ]
    assert told[1]["detail"] == "There is no scope 'reed'. Did you mean 'read'?"
    assert told[2]["detail"] == "There is no scope 'trips:upd'. Did you mean 'trips:update'?"
    assert "<resource>:<action>" in told[3]["detail"]
    assert here.keys.listed(ANNA) == []


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "pointer", "code"),
    [
        pytest.param("x" * 101, ["read"], None, "/name", "too_long", id="a-long-name"),
        pytest.param("two\nlines", ["read"], None, "/name", "bad_format", id="a-name-of-two-lines"),
        pytest.param("nul\0", ["read"], None, "/name", "bad_format", id="a-name-with-a-nul"),
        pytest.param("half \ud800", ["read"], None, "/name", "bad_format", id="a-name-with-half-a-letter"),
        pytest.param("x", [], None, "/scopes", "too_short", id="no-scope"),
        pytest.param("x", ["read"] * 101, None, "/scopes", "too_long", id="too-many-scopes"),
        pytest.param("x", ["read"], 1e300, "/expires_at", "too_big", id="an-end-that-cannot-be-written"),
    ],
)
def test_a_key_is_refused_for(here, name, scopes, expires_at, pointer, code):
    with pytest.raises(Invalid) as raised:
        here.keys.create(ANNA, name, scopes, expires_at)

    assert [(each.pointer, each.code) for each in raised.value.entries] == [(pointer, code)]


def test_a_name_may_have_a_hundred_letters_of_any_script(here):
    shown, _ = here.keys.create(ANNA, "夜" * 100, ["read"])

    assert here.keys.listed(ANNA) == [shown]


def test_keys_that_are_over_leave_room_for_others(here):
    fill(here, MOST_KEYS - 1, revoked_at=1.0)
    with here.database.engine.begin() as connection:
        connection.execute(
            insert(KEYS),
            {"user_id": ANNA, "name": "x", "hash": b"x", "hint": "x", "scopes": [], "created_at": 0, "expires_at": 1.0},
        )

    assert here.keys.create(ANNA, "Import", ["read"])


def test_of_ten_last_keys_at_once_one_is_made(here):
    fill(here, MOST_KEYS - 1)

    results = at_once(10, lambda _: here.keys.create(ANNA, "Import", ["read"]))

    refused = [each for each in results if isinstance(each, Forbidden)]
    assert len(refused) == 9
    assert refused[0].as_json("en", "")["detail"] == "At most 100 API keys; revoke one first."
    with here.database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(KEYS)) == MOST_KEYS
    assert here.keys.create(BEN, "Import", ["read"])


def test_a_deleted_user_makes_no_key(here):
    with pytest.raises(TokenRevoked):
        here.keys.create(99, "Import", ["read"])
