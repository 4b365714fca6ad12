"""Letters leave the outbox once, to whom they are meant for, with a link that was made for them alone."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, update

from meze.accounts.outbox import GIVE_UP_SECONDS, LEASE_SECONDS, Outbox
from meze.accounts.storage import Storage
from meze.accounts.tables import OUTBOX, TOKENS, User
from meze.accounts.tokens import TokenKind, digest, read
from meze.databases import open_database
from meze.errors import DeliveryFailed
from meze.settings import read_settings

USERS = User.__table__
BEGIN = 1_800_000_000.25


class Sent(list):
    """A post that keeps what it is given; `failures` are raised first, one at each letter."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.before = lambda: None

    def send(self, to, template, language, values):
        self.before()
        if self.failures:
            raise self.failures.pop(0)
        self.append((to, template, language, values))


@pytest.fixture
def sent():
    return Sent()


@pytest.fixture
def settings(tmp_path):
    return read_settings(root=tmp_path, environ={"MEZE_PUBLIC_URL": "https://api.example.com"})


@pytest.fixture
def outbox(storage, sent, settings, clock):
    return Outbox(storage, sent, settings, clock)


@pytest.fixture
def ada(database):
    return add_user(database, "Ada@example.com", name="Ada", email_verified=True)


def add_user(database, email, **columns):
    values = {"name": None, "email_verified": False, "disabled": False, "roles": [], **columns}
    row = insert(USERS).values(email=email, created_at=datetime.now(UTC), **values).returning(USERS.c.id)
    with database.engine.begin() as connection:
        return connection.scalar(row)


def add_token(database, kind=TokenKind.RESET, user_id=None, seconds=1800.0):
    row = insert(TOKENS).values(kind=kind.value, user_id=user_id, data={}, created_at=BEGIN, expires_at=BEGIN + seconds)
    with database.engine.begin() as connection:
        return connection.scalar(row.returning(TOKENS.c.id))


def put(storage, outbox, template, language="en", **more):
    with storage.writing() as work:
        outbox.put(work, template, language, **more)


def waiting(database):
    with database.engine.connect() as connection:
        return connection.execute(select(OUTBOX.c.due_at, OUTBOX.c.attempts).order_by(OUTBOX.c.id)).all()


def hash_of(database, token_id):
    with database.engine.connect() as connection:
        return connection.scalar(select(TOKENS.c.hash).where(TOKENS.c.id == token_id))


def test_a_letter_goes_to_the_stored_address_and_leaves_nothing_behind(storage, database, outbox, sent, ada):
    put(storage, outbox, "key_created", "zh", user_id=ada, data={"address": "192.0.2.1", "key_name": "backup"})

    assert outbox.deliver_due() == 1
    assert waiting(database) == []
    ((to, template, language, values),) = sent
    assert (to, template, language) == ("Ada@example.com", "key_created", "zh")
    assert values == {
        "public_url": "https://api.example.com",
        "name": "Ada",
        "email": "Ada@example.com",
        "at": "2027-01-15 08:00 UTC",
        "address": "192.0.2.1",
        "device": None,
        "key_name": "backup",
    }
    assert outbox.deliver_due() == 0


def test_nothing_leaves_before_the_commit_nor_after_an_undone_one(storage, outbox, sent, ada):
    with storage.writing() as work:
        outbox.put(work, "password_changed", "en", user_id=ada)
        if storage.database.name == "postgresql":  # SQLite has one writer, so nobody could look
            assert outbox.deliver_due() == 0
    with contextlib.suppress(ZeroDivisionError), storage.writing() as work:
        outbox.put(work, "second_factor_on", "en", user_id=ada)
        raise ZeroDivisionError

    assert outbox.deliver_due() == 1
    assert [template for _, template, _, _ in sent] == ["password_changed"]


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (TokenKind.REGISTRATION, "verify"),
        (TokenKind.EMAIL, "verify"),
        (TokenKind.RESET, "reset"),
        (TokenKind.INVITATION, "invitation"),
    ],
    ids=lambda value: getattr(value, "value", value),
)
def test_a_link_holds_a_token_of_its_kind_in_the_fragment_and_its_hash_is_stored(
    storage, database, outbox, sent, kind, page
):
    token_id = add_token(database, kind)
    put(storage, outbox, "registration", token_id=token_id, address="new@example.com")
    assert hash_of(database, token_id) is None

    outbox.deliver_due()

    ((to, _, _, values),) = sent
    address, _, token = values["link"].partition("#token=")
    assert (to, address) == ("new@example.com", f"https://api.example.com/account/{page}")
    assert read(token, kind) is not None
    assert bytes(hash_of(database, token_id)) == digest(token)
    assert values["valid_minutes"] == 30


def test_without_a_public_url_links_lead_to_this_machine(storage, database, sent, clock, tmp_path):
    outbox = Outbox(storage, sent, read_settings(root=tmp_path, environ={"PORT": "8123"}), clock)
    put(storage, outbox, "reset_password", token_id=add_token(database), address="a@example.com")

    outbox.deliver_due()

    assert sent[0][3]["link"].startswith("http://127.0.0.1:8123/account/reset#token=meze_reset_")


@pytest.mark.parametrize("gone", ["used", "expired"])
def test_a_letter_whose_link_is_no_longer_good_is_dropped(storage, database, outbox, sent, clock, ada, gone):
    token_id = add_token(database, user_id=ada)
    put(storage, outbox, "reset_password", user_id=ada, token_id=token_id)
    if gone == "used":
        with database.engine.begin() as connection:
            connection.execute(update(TOKENS).values(used_at=BEGIN))
    else:
        clock.now += 1800

    assert outbox.deliver_due() == 1
    assert (sent, waiting(database), hash_of(database, token_id)) == ([], [], None)


def test_a_disabled_account_gets_notices_and_no_links(storage, database, outbox, sent, ada):
    with database.engine.begin() as connection:
        connection.execute(update(USERS).values(disabled=True))
    put(storage, outbox, "reset_password", user_id=ada, token_id=add_token(database, user_id=ada))
    put(storage, outbox, "password_changed", user_id=ada)

    assert outbox.deliver_due() == 2
    assert [template for _, template, _, _ in sent] == ["password_changed"]
    assert waiting(database) == []


def test_letters_of_a_deleted_account_go_with_it(storage, database, outbox, sent, ada):
    put(storage, outbox, "password_changed", user_id=ada)
    put(storage, outbox, "account_deleted", address="Ada@example.com")
    with database.engine.begin() as connection:
        connection.execute(USERS.delete())

    outbox.deliver_due()

    assert [template for _, template, _, _ in sent] == ["account_deleted"]


@pytest.mark.parametrize("address", [None, "other@example.com"], ids=["unverified", "another-address"])
def test_a_name_is_told_only_to_the_verified_address_of_its_owner(storage, database, outbox, sent, address):
    user_id = add_user(database, "victim@example.com", name="Visit evil.example", email_verified=address is not None)
    put(storage, outbox, "verify_email", user_id=user_id, address=address)

    outbox.deliver_due()

    assert sent[0][3]["name"] is None


def test_nothing_is_a_row_like_any_other_and_sends_nothing(storage, database, outbox, sent):
    with storage.writing() as work:
        outbox.put_nothing(work, "en")
    assert len(waiting(database)) == 1

    assert outbox.deliver_due() == 1
    assert (sent, waiting(database)) == ([], [])


def test_a_letter_that_was_not_taken_is_tried_again_more_and_more_rarely(storage, database, outbox, sent, clock, ada):
    put(storage, outbox, "password_changed", user_id=ada)
    pauses = []
    for _ in range(9):
        sent.failures.append(DeliveryFailed("busy", permanent=False))
        assert outbox.deliver_due() == 1
        ((due_at, _),) = waiting(database)
        pauses.append((due_at - clock.now) / 60)
        clock.now = due_at - 1
        assert outbox.deliver_due() == 0
        clock.now = due_at

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert outbox.deliver_due() == 1
    assert len(sent) == 1


def test_a_retry_makes_a_new_token_and_the_old_one_is_worth_nothing(storage, database, outbox, sent, clock, ada):
    token_id = add_token(database, user_id=ada)
    put(storage, outbox, "reset_password", user_id=ada, token_id=token_id)
    sent.failures.append(DeliveryFailed("busy", permanent=False))
    outbox.deliver_due()
    first = hash_of(database, token_id)
    clock.now += 60

    outbox.deliver_due()

    assert sent[0][3]["valid_minutes"] == 29
    token = sent[0][3]["link"].partition("#token=")[2]
    assert bytes(hash_of(database, token_id)) == digest(token) != bytes(first)


@pytest.mark.parametrize("why", ["permanent", "too-long"])
def test_a_letter_is_given_up_and_the_log_names_no_address(storage, database, outbox, sent, clock, ada, why, caplog):
    put(storage, outbox, "password_changed", user_id=ada)
    sent.failures.append(DeliveryFailed("refused (550)", permanent=why == "permanent"))
    if why == "too-long":
        clock.now += GIVE_UP_SECONDS

    outbox.deliver_due()

    assert waiting(database) == []
    (line,) = caplog.messages
    assert f"password_changed to user {ada} was given up: refused (550)" in line
    assert "example.com" not in caplog.text


def test_an_error_that_nobody_expected_keeps_the_letter_and_its_words_to_itself(
    storage, database, outbox, sent, ada, caplog
):
    put(storage, outbox, "password_changed", user_id=ada)
    put(storage, outbox, "second_factor_on", user_id=ada)
    sent.failures.append(RuntimeError("Ada@example.com https://secret"))

    assert outbox.deliver_due() == 2
    assert [template for _, template, _, _ in sent] == ["second_factor_on"]
    assert len(waiting(database)) == 1
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_letter_that_is_being_sent_is_nobody_else_s_until_its_lease_ends(storage, database, outbox, sent, clock, ada):
    put(storage, outbox, "password_changed", user_id=ada)
    taken_meanwhile = []
    sent.before = lambda: (setattr(sent, "before", lambda: None), taken_meanwhile.append(outbox.deliver_due()))
    outbox.deliver_due()
    assert (taken_meanwhile, len(sent)) == ([0], 1)

    put(storage, outbox, "password_changed", user_id=ada)
    sent.failures.append(KeyboardInterrupt())  # as if the process had ended in between
    with pytest.raises(KeyboardInterrupt):
        outbox.deliver_due()
    clock.now += LEASE_SECONDS - 1
    assert outbox.deliver_due() == 0
    clock.now += 1
    assert outbox.deliver_due() == 1
    assert len(sent) == 2


def test_processes_that_deliver_together_send_each_letter_once(
    storage, database, database_url, outbox, sent, settings, clock
):
    numbers = [add_user(database, f"u{number}@example.com") for number in range(30)]
    with storage.writing() as work:
        for number in numbers:
            outbox.put(work, "password_changed", "en", user_id=number)
    together = threading.Barrier(4)

    def deliver(opened):
        one = Outbox(Storage(opened), sent, settings, clock)
        together.wait()
        return sum(iter(one.deliver_due, 0))

    # Two threads on each of two databases that know nothing of each other, as in two processes.
    another = open_database(database_url)
    try:
        with ThreadPoolExecutor(4) as threads:
            dealt_with = list(threads.map(deliver, [database, another] * 2))
    finally:
        another.close()

    assert sum(dealt_with) == 30
    assert sorted(to for to, _, _, _ in sent) == sorted(f"u{number}@example.com" for number in range(30))


def test_who_fills_it_is_heard(outbox):
    heard = []
    outbox.when_filled(lambda: heard.append("filled"))

    outbox.wake()

    assert heard == ["filled"]
