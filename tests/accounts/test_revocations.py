"""What one process revokes is heard by all others within a second, in whatever order transactions are committed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import delete, insert, select, update

from accounts.second_factors import SECRET_KEY, Clock, at_once, authenticator, make_accounts
from accounts.signed_in import ANNA, BEN, SignedIn
from meze.access.caller import Caller
from meze.accounts import links
from meze.accounts.accounts import Accounts
from meze.accounts.revocation_statements import MOST_AT_ONCE, NEWEST, SINCE
from meze.accounts.session_statements import KEY, MOST_SESSIONS, SESSION
from meze.accounts.sign_in import Carrier
from meze.accounts.storage import Work
from meze.accounts.tables import REVOCATIONS
from meze.accounts.tokens import TokenKind, new_token
from meze.accounts.visitor import Visitor
from meze.databases import Database, open_database
from meze.errors import Problem, Unavailable
from meze.settings import read_settings

HERE = Visitor("203.0.113.7", "Phone")
PASSWORD = "walnut carpet lighthouse"
CHEAP = "m=8,t=1,p=1"


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


def numbers(database: Database) -> list[tuple[int, int]]:
    with database.engine.connect() as connection:
        rows = connection.execute(select(REVOCATIONS.c.number, REVOCATIONS.c.user_id).order_by(REVOCATIONS.c.number))
        return [(number, user_id) for number, user_id in rows]


# -- Every kind of change


class Process:
    """All of accounts, as one process has them, with the seconds that go by set by hand."""

    def __init__(self, database: Database, root: Path, clock: Clock) -> None:
        overrides = {"secret_key": SECRET_KEY, "password_hashing": CHEAP, "registration": "open"}
        settings = read_settings(root=root, environ={}, overrides=overrides)
        self.ticks = Clock()
        self.accounts = Accounts(
            database, settings, ("editor",), ("trips",), self, service="Trips", chores={}, clock=clock
        )
        # Nothing happens behind the test's back.
        self.accounts.background.stop()
        self.accounts.sessions._verified._monotonic = self.ticks

    def send(self, *_: Any) -> None:
        """Lose a letter."""

    def who(self, text: str) -> Caller | str:
        sessions = self.accounts.sessions
        try:
            return sessions.caller_of_cookie(text) if text.startswith("meze_cookie") else sessions.caller_of(text)
        except Problem as problem:
            return problem.code


class Anna:
    """Somebody whose tokens another process has confirmed a moment ago."""

    def __init__(self, process: Process, clock: Clock) -> None:
        self.accounts, self.clock = process.accounts, clock
        self.accounts.sign_in.register("anna@example.com", PASSWORD, "Anna", None, HERE)
        self.id = self.accounts.people.find("anna@example.com") or 0
        self.pair = self.signed_in()
        self.token = self.pair.access_token

    def signed_in(self):
        pair = self.accounts.sign_in.login("anna@example.com", PASSWORD, HERE).pair
        assert pair is not None
        return pair

    @property
    def caller(self) -> Caller:
        """Her, in the session that does something."""
        return self.accounts.sessions.caller_of(self.pair.access_token)

    def elsewhere(self) -> Caller:
        """Her, in another session, confirmed."""
        caller = self.accounts.sessions.caller_of(self.signed_in().access_token)
        self.accounts.sign_in.confirm(caller, PASSWORD, None, HERE)
        return caller

    def link(self, kind: TokenKind, **data: Any) -> str:
        token = new_token(kind)
        with self.accounts.storage.writing() as work:
            links.keep(work, kind, self.clock(), user_id=self.id, data=data, token=token)
        return token

    def key(self) -> int:
        shown, self.token = self.accounts.guards.create_key(self.elsewhere(), "a key", ["read"], None, HERE)
        return int(shown["id"])


Change = Callable[[], object]


def sign_out(anna: Anna) -> Change:
    return lambda: anna.accounts.sign_in.sign_out(anna.caller, HERE)


def sign_out_everywhere(anna: Anna) -> Change:
    return lambda: anna.accounts.sign_in.sign_out_everywhere(anna.elsewhere(), HERE)


def end_a_session(anna: Anna) -> Change:
    other, session = anna.elsewhere(), anna.caller.session
    assert session is not None
    return lambda: anna.accounts.guards.end_session(other, session, HERE)


def end_a_cookie(anna: Anna) -> Change:
    cookie = anna.accounts.sign_in.login("anna@example.com", PASSWORD, HERE, Carrier.COOKIE).cookie
    assert cookie is not None
    anna.token = cookie.token
    caller = anna.accounts.sessions.caller_of_cookie(cookie.token)
    return lambda: anna.accounts.sign_in.sign_out(caller, HERE)


def be_signed_out_by_an_admin(anna: Anna) -> Change:
    return lambda: anna.accounts.people.sign_out(anna.id, HERE)


def revoke_a_key(anna: Anna) -> Change:
    key_id = anna.key()
    return lambda: anna.accounts.guards.revoke_key(anna.elsewhere(), key_id, HERE)


def be_disabled(anna: Anna) -> Change:
    return lambda: anna.accounts.people.change(anna.id, HERE, disabled=True)


def be_disabled_with_a_key(anna: Anna) -> Change:
    anna.key()
    return be_disabled(anna)


def get_a_role(anna: Anna) -> Change:
    return lambda: anna.accounts.people.change(anna.id, HERE, roles=["editor"])


def lose_a_role(anna: Anna) -> Change:
    get_a_role(anna)()
    return lambda: anna.accounts.people.change(anna.id, HERE, roles=[])


def be_renamed(anna: Anna) -> Change:
    return lambda: anna.accounts.people.rename(anna.id, "Anne", HERE)


def be_deleted(anna: Anna) -> Change:
    return lambda: anna.accounts.people.delete(anna.id, HERE)


def delete_oneself(anna: Anna) -> Change:
    other = anna.elsewhere()
    return lambda: anna.accounts.guards.delete_account(other, HERE)


def change_the_password(anna: Anna) -> Change:
    other = anna.elsewhere()
    return lambda: anna.accounts.recovery.change_password(other, PASSWORD, "another walnut carpet", HERE)


def reset_the_password(anna: Anna) -> Change:
    link = anna.link(TokenKind.RESET)
    return lambda: anna.accounts.recovery.reset(link, "another walnut carpet", HERE)


def reset_the_password_with_a_key(anna: Anna) -> Change:
    anna.key()
    return reset_the_password(anna)


def remove_the_second_factor(anna: Anna) -> Change:
    other = anna.elsewhere()
    app: pyotp.TOTP = authenticator(anna.accounts.guards.begin_second_factor(other).otpauth_url)
    anna.accounts.guards.confirm_second_factor(other, app.at(int(anna.clock())), HERE)
    return lambda: anna.accounts.recovery.remove_second_factor(other, PASSWORD, None, HERE)


def prove_the_address(anna: Anna) -> Change:
    link = anna.link(TokenKind.EMAIL, email="anna@example.com")
    return lambda: anna.accounts.recovery.verify(link, HERE)


def change_the_address(anna: Anna) -> Change:
    prove_the_address(anna)()
    link = anna.link(TokenKind.EMAIL, email="anne@example.com")
    return lambda: anna.accounts.recovery.verify(link, HERE)


def reuse_a_refresh_token(anna: Anna) -> Change:
    used = anna.pair.refresh_token
    anna.pair = anna.accounts.sign_in.refresh(used, HERE).pair
    anna.token = anna.pair.access_token
    anna.clock.now += 11

    def reuse() -> None:
        with pytest.raises(Problem):
            anna.accounts.sign_in.refresh(used, HERE)

    return reuse


def refresh_twice(anna: Anna) -> Change:
    """The access token before the last one ends, though its time is not over."""
    second = anna.accounts.sign_in.refresh(anna.pair.refresh_token, HERE).pair
    return lambda: anna.accounts.sign_in.refresh(second.refresh_token, HERE)


def sign_in_a_hundred_times(anna: Anna) -> Change:
    """The session that was used longest ago makes room."""
    anna.clock.now += 1
    with anna.accounts.storage.writing() as work:
        for _ in range(MOST_SESSIONS - 1):
            anna.accounts.sessions.start(work, anna.id, HERE, "password")
    return anna.signed_in


KINDS = [
    sign_out,
    sign_out_everywhere,
    end_a_session,
    end_a_cookie,
    be_signed_out_by_an_admin,
    revoke_a_key,
    be_disabled,
    be_disabled_with_a_key,
    get_a_role,
    lose_a_role,
    be_renamed,
    be_deleted,
    delete_oneself,
    change_the_password,
    reset_the_password,
    reset_the_password_with_a_key,
    remove_the_second_factor,
    prove_the_address,
    change_the_address,
    reuse_a_refresh_token,
    refresh_twice,
    sign_in_a_hundred_times,
]


@pytest.fixture
def process(database: Database, clock: Clock, tmp_path: Path) -> Process:
    make_accounts(database, "ben@example.com")
    return Process(database, tmp_path, clock)


@pytest.fixture
def another(process: Process, database_url: str, clock: Clock, tmp_path: Path) -> Iterator[Process]:
    opened = open_database(database_url)
    yield Process(opened, tmp_path, clock)
    opened.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.replace("_", "-"))
@pytest.mark.parametrize("told", [True, False], ids=["told", "a-fault-that-is-noticed"])
def test_each_change_is_heard_of_within_a_second(process, another, clock, monkeypatch, kind, told):
    anna = Anna(process, clock)
    change = kind(anna)
    before = another.who(anna.token)
    assert isinstance(before, Caller)
    assert process.who(anna.token) == before
    if not told:  # as if somebody had forgotten to say so in the transaction
        monkeypatch.setattr(Work, "revoke", lambda *_: None)

    change()

    for each in (another, process):
        each.ticks.now += 1
    seen = another.who(anna.token)
    assert (seen != before) == told, seen
    assert (process.who(anna.token) != before) == told
    for each in (another, process):
        each.ticks.now += 10
    assert another.who(anna.token) == process.who(anna.token) != before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.replace("_", "-"))
def test_each_change_holds_at_once_in_the_process_that_made_it(process, clock, kind):
    anna = Anna(process, clock)
    change = kind(anna)
    before = process.who(anna.token)
    assert isinstance(before, Caller)

    change()

    assert process.who(anna.token) != before


# -- What is asked


class Counted:
    """Counts what a process asks of the tables of tokens and revocations."""

    def __init__(self, process: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = self.revocations = 0
        real = process.storage.all

        def counting(clause: Any, **values: Any) -> Any:
            self.tokens += clause in (SESSION, KEY)
            self.revocations += clause in (SINCE, NEWEST)
            return real(clause, **values)

        monkeypatch.setattr(process.storage, "all", counting)


def test_a_token_is_read_once_in_ten_seconds_and_one_question_a_second_is_asked_for_all(here, monkeypatch):
    tokens = [here.start(user_id).access_token for user_id in (ANNA, BEN) for _ in range(20)]
    counted = Counted(here, monkeypatch)
    for _ in range(99):
        here.later(0.1)
        for token in tokens:
            assert here.sessions.caller_of(token).credentials

    assert counted.tokens == len(tokens)
    assert 10 <= counted.revocations <= 14


def test_who_comes_while_somebody_asks_does_not_wait(here, monkeypatch):
    token = here.start().access_token
    here.who(token)
    here.later(0.8)
    asked, answered = threading.Event(), threading.Event()
    real = here.storage.all

    def slow(clause: Any, **values: Any) -> Any:
        if clause in (SINCE, NEWEST):
            assert not asked.is_set(), "two ask at once"
            asked.set()
            assert answered.wait(10)
        return real(clause, **values)

    monkeypatch.setattr(here.storage, "all", slow)
    asking = threading.Thread(target=here.who, args=(token,))
    asking.start()
    assert asked.wait(10)

    assert here.sessions.caller_of(token).id == ANNA  # what was confirmed less than a second ago
    here.later(0.2)
    assert here.sessions.caller_of(token).id == ANNA  # the token itself is read
    answered.set()
    asking.join()


def test_nothing_is_trusted_for_longer_than_a_second_while_the_database_cannot_be_asked(here, monkeypatch):
    token = here.start().access_token
    here.who(token)

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr(here.storage, "all", away)
    here.later(0.99)
    assert here.sessions.caller_of(token).id == ANNA
    here.later(0.01)
    assert here.who(token) == "unavailable"
    monkeypatch.undo()
    assert here.sessions.caller_of(token).id == ANNA


# -- Races


def test_a_token_that_was_being_read_while_it_was_revoked_elsewhere_is_not_kept(here, there, monkeypatch):
    token = here.start().access_token
    there.who(here.start(BEN).access_token)
    real = there.storage.all

    def raced(clause: Any, **values: Any) -> Any:
        rows = real(clause, **values)
        if clause is SESSION:
            monkeypatch.setattr(there.storage, "all", real)
            here.end_all(ANNA)  # after it was read
            there.ticks.now += 0.8
            there.who(here.start(BEN).access_token)  # and heard of, before it is kept
        return rows

    monkeypatch.setattr(there.storage, "all", raced)
    assert there.sessions.caller_of(token).id == ANNA

    assert there.who(token) == "token_revoked"


def test_a_token_that_is_kept_before_its_revocation_is_heard_of_is_forgotten(here, there, monkeypatch):
    token, other = here.start().access_token, here.start(BEN).access_token
    there.who(other)
    there.ticks.now += 0.8
    real = there.storage.all

    def raced(clause: Any, **values: Any) -> Any:
        if clause in (SINCE, NEWEST):
            monkeypatch.setattr(there.storage, "all", real)
            assert there.sessions.caller_of(token).id == ANNA  # kept while the question is under way
            here.end_all(ANNA)
        return real(clause, **values)

    monkeypatch.setattr(there.storage, "all", raced)
    there.who(other)

    assert there.who(token) == "token_revoked"


def test_numbers_are_seen_in_the_order_of_commits(here, there, database):
    """A reader never sees a number and later a smaller one, though the transactions run side by side."""
    if not database.row_locks:
        pytest.skip("there is one writer at a time")
    tokens = [here.start(user_id).access_token for user_id in (ANNA, BEN)]
    for token in tokens:
        there.who(token)
    first_has_number, second_begun = threading.Event(), threading.Event()
    seen_between: list[list[tuple[int, int]]] = []

    def first() -> None:
        with here.storage.writing() as work:
            here.sessions.end_all(work, ANNA)
            here.storage._write(work, [ANNA])  # as the end of the transaction does, which then waits
            work.revoked.clear()
            first_has_number.set()
            assert second_begun.wait(10)
            assert not done.wait(0.3)  # the other one waits with its number until this one is committed
            seen_between.append(numbers(database))

    done = threading.Event()

    def second() -> None:
        assert first_has_number.wait(10)
        with here.storage.writing() as work:
            here.sessions.end_all(work, BEN)
            second_begun.set()
        done.set()

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen_between == [[]]
    assert numbers(database) == [(1, ANNA), (2, BEN)]
    there.ticks.now += 1
    assert [there.who(token) for token in tokens] == ["token_revoked"] * 2


def test_a_crowd_that_revokes_at_once_leaves_no_gap_and_nobody_unheard(here, there, database):
    count = 6
    stop = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not stop.is_set():
            now = [number for number, _ in numbers(database)]
            assert now == list(range(1, len(now) + 1))
            assert len(now) >= (seen[-1] if seen else 0)
            seen.append(len(now))

    def revoke(number: int) -> None:
        for each in range(10):
            try:
                with here.storage.writing() as work:
                    work.revoke(ANNA if number % 2 else BEN)
                    if each % 3 == 2:
                        raise LookupError
            except LookupError:
                pass

    watching = threading.Thread(target=watch)
    watching.start()
    assert at_once(count, revoke) == [None] * count
    stop.set()
    watching.join()

    assert [number for number, _ in numbers(database)] == list(range(1, count * 7 + 1))


# -- What is forgotten whole


def known_there(here: SignedIn, there: SignedIn) -> str:
    """Return a token of Ben's that `there` knows, after some revocations were heard of."""
    token = here.start(BEN).access_token
    for _ in range(3):
        here.end_all(ANNA)
    there.who(token)
    there.ticks.now += 0.8
    there.who(token)
    return token


def rows(*missed: int) -> list[dict[str, Any]]:
    return [{"number": number, "user_id": ANNA, "at": 0.0} for number in missed]


@pytest.mark.parametrize(
    "happened",
    [
        pytest.param(
            [(delete(REVOCATIONS).where(REVOCATIONS.c.number > 1), None)],
            id="a-backup-with-smaller-numbers-is-restored",
        ),
        pytest.param([(delete(REVOCATIONS), None)], id="a-backup-without-numbers-is-restored"),
        pytest.param(
            [(update(REVOCATIONS).values(at=REVOCATIONS.c.at + 1), None)], id="another-history-has-the-same-numbers"
        ),
        pytest.param(
            [(insert(REVOCATIONS), rows(7)), (delete(REVOCATIONS).where(REVOCATIONS.c.number < 7), None)],
            id="what-was-missed-is-deleted-already",
        ),
        pytest.param([(insert(REVOCATIONS), rows(5))], id="a-number-is-missing"),
        pytest.param([(insert(REVOCATIONS), rows(*range(4, 4 + MOST_AT_ONCE)))], id="too-many-were-missed"),
    ],
)
def test_everybody_is_forgotten_where_something_may_have_been_missed(here, there, database, happened):
    token = known_there(here, there)
    with database.engine.begin() as connection:
        for statement, values in happened:
            connection.execute(statement, values)
    here.change(BEN, disabled=True)

    there.ticks.now += 1

    assert there.who(token) == "token_revoked"


def test_nobody_is_forgotten_where_nothing_was_missed(here, there, monkeypatch):
    token = known_there(here, there)
    here.end_all(ANNA)
    counted = Counted(there, monkeypatch)

    there.ticks.now += 1

    assert there.sessions.caller_of(token).id == BEN
    assert (counted.tokens, counted.revocations) == (0, 1)


def test_a_process_that_was_stopped_trusts_nothing_of_before(here, there):
    token = known_there(here, there)
    here.change(BEN, disabled=True)

    there.ticks.now += 3600  # SIGSTOP, and SIGCONT an hour later

    assert there.who(token) == "token_revoked"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_asks_anew_though_another_thread_was_asking(here):
    token = here.start().access_token
    here.who(token)
    callers = here.sessions._callers
    callers._revocations._asking.acquire()
    here.sessions._verified._lock.acquire()
    child = os.fork()
    if child == 0:
        try:
            verified = here.sessions._verified
            free = callers._revocations._asking.acquire(blocking=False) and verified._lock.acquire(blocking=False)
            os._exit(0 if free and len(verified) == 0 and verified.is_due() else 1)
        except BaseException:
            os._exit(2)
    callers._revocations._asking.release()
    here.sessions._verified._lock.release()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
