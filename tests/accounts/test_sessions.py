"""Sessions go on as long as they should, end at once, and cannot be taken over with a token that was used before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from accounts.second_factors import SECRET_KEY, Clock, at_once, make_accounts
from accounts.signed_in import ANNA, BEN, DAY, PHONE, SignedIn
from meze.access.caller import Caller
from meze.accounts import audit
from meze.accounts.session_statements import SESSION, session_row
from meze.accounts.sessions import TokenReused
from meze.accounts.tables import SESSIONS
from meze.accounts.tokens import TokenKind, new_family, new_token, read
from meze.accounts.visitor import Visitor
from meze.databases import Database, open_database
from meze.errors import TokenRevoked, Unavailable

AT_ONCE = 20


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(database: Database, clock: Clock, tmp_path: Path) -> SignedIn:
    make_accounts(database, "anna@example.com", "ben@example.com")
    return SignedIn(database, tmp_path, clock)


@pytest.fixture
def there(here: SignedIn, database_url: str, tmp_path: Path) -> Iterator[SignedIn]:
    """The same over connections and a cache of its own, as another process has them."""
    opened = open_database(database_url)
    yield SignedIn(opened, tmp_path, here.clock)
    opened.close()


def only_session(here: SignedIn) -> dict:
    (session,) = here.sessions.listed(ANNA, None)
    return session


# -- Who is calling


def test_an_access_token_says_who_is_calling(here):
    here.change(ANNA, name="Anna", roles=["editor", "admin"])
    pair = here.start()

    caller = here.sessions.caller_of(pair.access_token)

    assert caller == Caller(
        id=ANNA,
        email=None,
        name="Anna",
        roles=frozenset({"editor", "admin"}),
        credentials=True,
        session=only_session(here)["id"],
    )


def test_an_address_is_known_once_it_was_verified(here):
    pair = here.start()
    assert here.sessions.caller_of(pair.access_token).email is None

    here.change(ANNA, email_verified=True)
    here.sessions.forget(ANNA)

    assert here.sessions.caller_of(pair.access_token).email == "anna@example.com"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", id="a-jwt"),
        pytest.param("x" * 1_000_000, id="a-megabyte"),
        pytest.param("", id="nothing"),
        pytest.param("meze_access_é\udc80", id="letters-that-no-token-has"),
        pytest.param(new_token(TokenKind.ACCESS, new_family())[:-1] + "!", id="a-mistyped-token"),
        pytest.param(new_token(TokenKind.REFRESH, new_family()), id="a-refresh-token"),
        pytest.param(new_token(TokenKind.COOKIE, new_family()), id="a-cookie"),
        pytest.param(new_token(TokenKind.MFA), id="a-sign-in-that-waits-for-its-second-factor"),
        pytest.param(new_token(TokenKind.RESET), id="a-link-of-a-letter"),
    ],
)
def test_what_is_no_access_token_or_key_is_refused_without_asking_the_database(sent, tmp_path):
    nowhere = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    here = SignedIn(nowhere, tmp_path, Clock())

    assert here.who(sent) == "bad_credentials"
    assert here.who(new_token(TokenKind.KEY)) == "unavailable"  # a question would have been seen


def test_a_database_that_is_away_is_told_as_such_and_not_as_bad_credentials(tmp_path):
    nowhere = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    here = SignedIn(nowhere, tmp_path, Clock())
    family = new_family()

    assert here.who(new_token(TokenKind.ACCESS, family)) == "unavailable"
    assert here.who_by_cookie(new_token(TokenKind.COOKIE, family)) == "unavailable"
    assert here.refreshed(new_token(TokenKind.REFRESH, family)) == "unavailable"


def test_a_token_that_was_never_given_is_unknown(here):
    here.start()

    assert here.who(new_token(TokenKind.ACCESS, new_family())) == "bad_credentials"
    assert here.who(new_token(TokenKind.KEY)) == "bad_credentials"
    assert here.refreshed(new_token(TokenKind.REFRESH, new_family())) == "bad_credentials"


def test_the_family_alone_opens_nothing(here):
    pair = here.start()
    family = pair.access_token.removeprefix("meze_access_")[:22]

    assert here.who(new_token(TokenKind.ACCESS, family)) == "token_expired"
    assert here.who_by_cookie(new_token(TokenKind.COOKIE, family)) == "bad_credentials"
    family = here.start_cookie().token.removeprefix("meze_cookie_")[:22]
    assert here.who_by_cookie(new_token(TokenKind.COOKIE, family)) == "bad_credentials"
    assert here.who(new_token(TokenKind.ACCESS, family)) == "bad_credentials"


def test_an_access_token_expires_while_its_session_goes_on(here):
    pair = here.start()
    assert pair.expires_in == 15 * 60

    here.later(15 * 60)
    assert here.who(pair.access_token) == "token_expired"
    assert here.sessions.caller_of(here.refresh(pair.refresh_token).access_token).id == ANNA


def test_what_was_confirmed_a_moment_ago_does_not_outlive_its_token(here):
    pair = here.start()
    here.later(15 * 60 - 0.5)
    assert here.sessions.caller_of(pair.access_token).id == ANNA

    here.later(0.5)

    assert here.who(pair.access_token) == "token_expired"


def test_a_disabled_user_is_refused_everywhere_and_not_asked_to_refresh(here):
    pair, cookie = here.start(), here.start_cookie()
    here.change(ANNA, disabled=True)

    assert here.who(pair.access_token) == "token_revoked"
    assert here.refreshed(pair.refresh_token) == "token_revoked"
    assert here.who_by_cookie(cookie.token) == "token_revoked"
    here.later(3600)
    assert here.who(pair.access_token) == "token_revoked"

    here.change(ANNA, disabled=False)
    assert here.sessions.caller_of(here.refresh(pair.refresh_token).access_token).id == ANNA


# -- What holds at once, and what within a second


def test_a_change_holds_at_the_next_request_here_and_within_a_second_elsewhere(here, there):
    pair = here.start()
    for each in (here, there):
        assert each.sessions.caller_of(pair.access_token).roles == frozenset()

    here.change_with_word(ANNA, roles=["editor"])

    assert here.sessions.caller_of(pair.access_token).roles == {"editor"}
    there.ticks.now += 0.74
    assert there.sessions.caller_of(pair.access_token).roles == frozenset()
    there.ticks.now += 0.26
    assert there.sessions.caller_of(pair.access_token).roles == {"editor"}


def test_what_is_changed_past_meze_holds_within_ten_seconds(here, there):
    pair = here.start()
    there.who(pair.access_token)

    here.change(ANNA, roles=["editor"])

    there.ticks.now += 9.99
    assert there.sessions.caller_of(pair.access_token).roles == frozenset()
    there.ticks.now += 0.01
    assert there.sessions.caller_of(pair.access_token).roles == {"editor"}


def test_an_ended_session_is_over_at_once_here_and_within_a_second_elsewhere(here, there):
    pair = here.start()
    session = here.sessions.caller_of(pair.access_token).session
    assert there.sessions.caller_of(pair.access_token).session == session

    assert here.sessions.end(ANNA, session)

    assert here.who(pair.access_token) == "token_revoked"
    assert here.refreshed(pair.refresh_token) == "token_revoked"
    there.ticks.now += 1
    assert there.who(pair.access_token) == "token_revoked"
    assert here.sessions.listed(ANNA, None) == []


def test_only_a_session_of_ones_own_can_be_ended(here):
    pair = here.start(BEN)
    session = here.sessions.caller_of(pair.access_token).session

    assert not here.sessions.end(ANNA, session)
    assert not here.sessions.end(BEN, 2**40)
    assert not here.sessions.end(BEN, -1)

    assert here.sessions.caller_of(pair.access_token).id == BEN
    assert here.sessions.end(BEN, session)
    assert not here.sessions.end(BEN, session)


def test_every_session_but_one_is_ended(here):
    kept, dropped, other = here.start(), here.start(), here.start(BEN)
    _, secret = here.keys.create(ANNA, "Import", ["read"])
    cookie = here.start_cookie()
    for token in (kept.access_token, dropped.access_token, other.access_token, secret):
        assert here.sessions.caller_of(token).credentials

    here.end_all(ANNA, but=here.sessions.caller_of(kept.access_token).session)

    assert here.sessions.caller_of(kept.access_token).id == ANNA
    assert here.who(dropped.access_token) == "token_revoked"
    assert here.refreshed(dropped.refresh_token) == "token_revoked"
    assert here.who_by_cookie(cookie.token) == "token_revoked"
    assert here.sessions.caller_of(other.access_token).id == BEN
    assert here.sessions.caller_of(secret).id == ANNA

    here.end_all(ANNA, keys=True)

    assert here.who(kept.access_token) == "token_revoked"
    assert here.who(secret) == "token_revoked"


# -- Rotation


def test_a_refresh_gives_another_pair_and_requests_under_way_are_still_answered(here):
    first = here.start()
    second = here.refresh(first.refresh_token)

    assert {first.access_token, first.refresh_token}.isdisjoint({second.access_token, second.refresh_token})
    assert here.sessions.caller_of(second.access_token).id == ANNA
    assert here.sessions.caller_of(first.access_token).id == ANNA
    here.later(15 * 60)
    assert here.who(first.access_token) == "token_expired"


def test_an_access_token_of_two_rotations_ago_asks_for_a_refresh(here):
    first = here.start()
    third = here.refresh(here.refresh(first.refresh_token).refresh_token)

    assert here.who(first.access_token) == "token_expired"
    assert here.sessions.caller_of(third.access_token).id == ANNA


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(0, id="at-once"),
        pytest.param(10, id="after-ten-seconds"),
        pytest.param(-DAY, id="after-the-clock-went-back-a-day"),
    ],
)
def test_a_lost_answer_is_given_again(here, seconds):
    first = here.start()
    second = here.refresh(first.refresh_token)
    here.clock.now += seconds

    again = here.refresh(first.refresh_token)

    assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    assert again.expires_in == second.expires_in - seconds
    assert here.refresh(again.refresh_token).access_token != second.access_token


def test_a_used_token_that_comes_back_later_ends_its_session_and_no_other(here):
    first, elsewhere = here.start(), here.start()
    second = here.refresh(first.refresh_token)
    assert here.sessions.caller_of(second.access_token).id == ANNA
    here.later(10.5)

    with pytest.raises(TokenReused) as raised:
        here.refresh(first.refresh_token)

    assert raised.value.user_id == ANNA
    assert raised.value.code == "token_revoked"
    assert here.who(first.access_token) == "token_revoked"
    assert here.who(second.access_token) == "token_revoked"
    assert here.refreshed(second.refresh_token) == "token_revoked"
    assert here.sessions.caller_of(here.refresh(elsewhere.refresh_token).access_token).id == ANNA


def test_a_session_is_reported_as_stolen_once(here):
    first = here.start()
    here.refresh(here.refresh(first.refresh_token).refresh_token)
    with pytest.raises(TokenReused):
        here.refresh(first.refresh_token)

    with pytest.raises(TokenRevoked) as raised:
        here.refresh(first.refresh_token)

    assert not isinstance(raised.value, TokenReused)


def test_an_older_token_ends_its_session_even_within_ten_seconds(here):
    first = here.start()
    second = here.refresh(first.refresh_token)
    third = here.refresh(second.refresh_token)

    with pytest.raises(TokenReused):
        here.refresh(first.refresh_token)

    assert here.who(third.access_token) == "token_revoked"


def test_a_token_is_no_more_than_what_it_is_for(here):
    pair, cookie = here.start(), here.start_cookie()

    assert here.refreshed(pair.access_token) == "bad_credentials"
    assert here.refreshed(cookie.token) == "bad_credentials"
    family = cookie.token.removeprefix("meze_cookie_")[:22]
    assert here.refreshed(new_token(TokenKind.REFRESH, family)) == "bad_credentials"
    assert here.sessions.caller_of_cookie(cookie.token).id == ANNA


def test_twenty_refreshes_at_once_give_one_pair(here):
    first = here.start()

    results = at_once(AT_ONCE, lambda _: here.refreshed(first.refresh_token))

    assert len({result.refresh_token for result in results}) == 1
    assert len({result.access_token for result in results}) == 1
    assert here.sessions.caller_of(results[0].access_token).session == only_session(here)["id"]
    assert here.refresh(results[0].refresh_token)


REFRESH_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from accounts.second_factors import Clock
from accounts.signed_in import SignedIn
from meze.databases import open_database
url, root, token, times = sys.argv[1:]
here = SignedIn(open_database(url), Path(root), Clock())
here.who(token)
with ThreadPoolExecutor(int(times)) as threads:
    print("ready", flush=True)
    sys.stdin.readline()
    for pair in threads.map(lambda _: here.refreshed(token), range(int(times))):
        print(getattr(pair, "access_token", pair))
"""


def test_twenty_refreshes_in_two_processes_give_one_pair(here, database_url, tmp_path):
    first, half = here.start(), AT_ONCE // 2
    arguments = [sys.executable, "-c", REFRESH_AT_ONCE, database_url, str(tmp_path), first.refresh_token, str(half)]
    child = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    with child, ThreadPoolExecutor(half) as threads:
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("\n")
        child.stdin.flush()
        ours = list(threads.map(lambda _: here.refreshed(first.refresh_token), range(half)))
        theirs = child.stdout.read().split()

    assert len(theirs) == half
    assert {pair.access_token for pair in ours} | set(theirs) == {ours[0].access_token}
    assert len(here.sessions.listed(ANNA, None)) == 1


def test_a_retry_gets_the_same_pair_while_the_secret_is_changed(here, database_url, tmp_path):
    first = here.start()
    second = here.refresh(first.refresh_token)
    another = "another secret of more than thirty-two characters"
    opened = open_database(database_url)
    with_both = SignedIn(opened, tmp_path, here.clock, secrets=(another, SECRET_KEY))
    with_the_new_one = SignedIn(opened, tmp_path, here.clock, secrets=(another,))

    assert with_both.refresh(first.refresh_token).refresh_token == second.refresh_token
    assert with_the_new_one.refreshed(first.refresh_token) == "bad_credentials"

    assert with_both.sessions.caller_of(with_both.refresh(second.refresh_token).access_token).id == ANNA
    opened.close()


# -- Lifetimes


def test_a_session_that_is_not_used_for_thirty_days_is_over(here):
    used, unused = here.start(), here.start()
    here.later(30 * DAY - 1)
    used = here.refresh(used.refresh_token)
    here.later(1)

    assert here.refreshed(unused.refresh_token) == "token_revoked"
    assert here.who(unused.access_token) == "token_revoked"
    assert here.sessions.caller_of(used.access_token).id == ANNA
    assert only_session(here)["expires_at"] == "2027-03-16T07:59:59Z"


def test_a_session_is_over_after_ninety_days_however_much_it_is_used(here):
    pair = here.start()
    for _ in range(4):
        here.later(22.5 * DAY - 100)
        pair = here.refresh(pair.refresh_token)

    assert pair.expires_in == 400  # what is left of the session
    here.later(400)
    assert here.who(pair.access_token) == "token_revoked"
    assert here.refreshed(pair.refresh_token) == "token_revoked"
    assert here.sessions.listed(ANNA, None) == []


def test_a_clock_that_jumps_a_day_ends_no_session(here):
    pair, cookie = here.start(), here.start_cookie()
    for jump in (DAY, -2 * DAY, DAY):
        here.later(jump)
        pair = here.refresh(pair.refresh_token)
        assert here.sessions.caller_of(pair.access_token).id == ANNA
        assert here.sessions.caller_of_cookie(cookie.token).id == ANNA


# -- Cookies


def test_a_cookie_carries_a_session_and_is_no_bearer_token(here):
    cookie, pair = here.start_cookie(), here.start()

    for _ in range(2):  # what was confirmed by one door is not known at the other
        assert here.sessions.caller_of_cookie(cookie.token).id == ANNA
        assert here.who(cookie.token) == "bad_credentials"
        assert here.sessions.caller_of(pair.access_token).id == ANNA
        assert here.who_by_cookie(pair.access_token) == "bad_credentials"


def test_a_cookie_lives_on_by_being_used_to_the_end_of_its_session(here):
    cookie = here.start_cookie()
    for _ in range(3):
        here.later(29 * DAY)
        assert here.sessions.caller_of_cookie(cookie.token).id == ANNA
        here.sessions.uses.write()
    assert cookie.expires_at == here.clock.now + 3 * DAY

    here.later(3 * DAY)
    assert here.who_by_cookie(cookie.token) == "token_revoked"


def test_a_cookie_that_is_not_used_for_thirty_days_is_over(here):
    cookie = here.start_cookie()
    here.later(30 * DAY)

    assert here.who_by_cookie(cookie.token) == "token_revoked"


def test_a_csrf_token_belongs_to_one_cookie(here):
    one, another = here.start_cookie(), here.start_cookie()

    assert here.sessions.csrf_token(one.token) == one.csrf_token
    assert here.sessions.csrf_token(another.token) == another.csrf_token != one.csrf_token
    assert one.token not in one.csrf_token


# -- What is kept and shown


def test_sessions_are_listed_with_where_they_are_used(here):
    pair = here.start(visitor=Visitor("2001:db8::1", "Laptop"))
    here.later(60)
    here.start_cookie()
    here.later(0.25)
    here.sessions.refresh(pair.refresh_token, Visitor("203.0.113.9", "Laptop 2"))
    here.start(BEN)

    newest, other = here.sessions.listed(
        ANNA, here.sessions.caller_of(here.refreshed(pair.refresh_token).access_token).session
    )

    assert newest == {
        "id": newest["id"],
        "kind": "bearer",
        "created_at": "2027-01-15T08:00:00Z",
        "last_used_at": "2027-01-15T08:01:00.250000Z",
        "expires_at": "2027-02-14T08:01:00.250000Z",
        "method": "password",
        "device": "Laptop 2",
        "address": "203.0.113.9",
        "current": True,
    }
    assert (other["kind"], other["current"]) == ("cookie", False)


def test_no_token_is_stored_or_shown_by_accident(here):
    pair, cookie = here.start(), here.start_cookie()
    tokens = [pair.access_token, pair.refresh_token, cookie.token, cookie.csrf_token]
    with here.database.engine.connect() as connection:
        stored = repr(connection.execute(select(SESSIONS)).all())
    presented = read(pair.access_token, TokenKind.ACCESS)
    with here.storage.reading() as work:
        row = session_row(work.row(SESSION, family=presented.family_hash))

    assert repr(row) == f"SessionRow({row.id})"
    for token in tokens:
        assert token not in stored
        assert token[-20:] not in repr(pair) + repr(cookie)


def test_the_last_use_is_written_once_a_minute(here):
    pair = here.start()
    uses = []
    # A token that is in use is read again every ten seconds, and may be used until the next time.
    for seconds in (0, 40, 10, 25, 25):
        here.later(seconds)
        here.sessions.caller_of(pair.access_token)
        here.sessions.uses.write()
        uses.append(only_session(here)["last_used_at"])

    assert uses == ["2027-01-15T08:00:00Z"] * 2 + ["2027-01-15T08:00:50Z"] * 2 + ["2027-01-15T08:01:40Z"]


def test_the_last_use_is_known_to_the_minute_however_a_token_is_used(here):
    pair = here.start()
    for _ in range(400):
        here.later(0.7)
        here.sessions.caller_of(pair.access_token)
        here.sessions.uses.write()

        with here.storage.reading() as work:
            [(known,)] = work.rows(select(SESSIONS.c.last_used_at))
        assert here.clock.now - known <= 60


def test_a_request_is_answered_though_nothing_can_be_written(here, database_url, tmp_path):
    pair, cookie = here.start(), here.start_cookie()
    opened = open_database(database_url, statement_seconds=0.2)
    waiting = SignedIn(opened, tmp_path, here.clock)
    here.later(60)
    # The cookie's session would be over before its use is written in the background.
    with here.database.engine.begin() as connection:
        connection.execute(update(SESSIONS).values(idle_expires_at=here.clock.now + 30))
    touched = update(SESSIONS).values(method="password")

    with here.storage.writing() as work:
        work.execute(touched)  # nobody else can write these rows until the end
        assert waiting.sessions.caller_of(pair.access_token).id == ANNA
        assert waiting.sessions.caller_of_cookie(cookie.token).id == ANNA
        assert waiting.sessions.uses.write() == 0
        with pytest.raises(Unavailable):
            waiting.sessions.confirm(1)
    opened.close()

    assert [each["last_used_at"] for each in here.sessions.listed(ANNA, None)] == ["2027-01-15T08:00:00Z"] * 2


def test_a_cookie_in_use_lives_on_though_what_was_noted_waits_or_is_lost(here, there):
    """Its use is written at once where it would be over before that."""
    cookie = here.start_cookie()
    here.later(30 * DAY - 59.5)
    assert here.sessions.caller_of_cookie(cookie.token).id == ANNA
    assert len(here.sessions.uses) == 0
    there.ticks.now = here.ticks.now

    here.later(61)

    assert there.sessions.caller_of_cookie(cookie.token).id == ANNA
    assert here.sessions.caller_of_cookie(cookie.token).id == ANNA


def test_a_session_is_confirmed_for_ten_minutes_and_alone(here):
    session = here.sessions.caller_of(here.start().access_token).session
    other = here.sessions.caller_of(here.start().access_token).session
    assert not here.sessions.confirmed(session)

    here.sessions.confirm(session)

    assert here.sessions.confirmed(session)
    assert not here.sessions.confirmed(other)
    here.later(599)
    assert here.sessions.confirmed(session)
    here.later(1)
    assert not here.sessions.confirmed(session)
    here.later(-DAY)
    assert not here.sessions.confirmed(session)


def test_an_ended_session_is_not_confirmed(here):
    session = here.sessions.caller_of(here.start().access_token).session
    here.sessions.confirm(session)
    here.sessions.end(ANNA, session)

    assert not here.sessions.confirmed(session)


@pytest.mark.parametrize(
    ("visitor", "unusual"),
    [
        pytest.param(Visitor("203.0.113.7", "Phone"), False, id="as-before"),
        pytest.param(Visitor("203.0.113.8", "Phone"), True, id="from-another-network"),
        pytest.param(Visitor("203.0.113.7", "Curl"), True, id="with-another-device"),
        pytest.param(Visitor("2001:db8::2", "Phone"), False, id="within-the-network-of-a-household"),
    ],
)
def test_a_sign_in_is_unusual_from_where_nobody_signed_in(here, visitor, unusual):
    with here.storage.writing() as work:
        assert not here.sessions.is_unusual(work, ANNA, visitor)  # the first one is from wherever it is
        audit.record(work, "signed_in", ANNA, PHONE)
        audit.record(work, "signed_in", ANNA, Visitor("2001:db8::1", "Laptop"))
        audit.record(work, "sign_in_failed", ANNA, Visitor("203.0.113.8", "Curl"))
        audit.record(work, "signed_in", BEN, Visitor("203.0.113.8", "Curl"))

        assert here.sessions.is_unusual(work, ANNA, visitor) is unusual


def test_a_deleted_user_has_no_sessions(here):
    pair = here.start()
    with here.database.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM meze_users WHERE id = {ANNA}")
        assert connection.scalar(select(func.count()).select_from(SESSIONS)) == 0

    assert here.who(pair.access_token) == "bad_credentials"
    assert here.refreshed(pair.refresh_token) == "bad_credentials"
