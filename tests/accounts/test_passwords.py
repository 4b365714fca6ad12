"""Passwords are hashed with argon2id, and a check costs the same whether there is an account or not.

What a check costs is asked of the hash functions themselves, by the parameters that they were called with.
"""

import logging
import threading
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest
from sqlalchemy import insert, select, update

from meze.accounts import hashing, passwords
from meze.accounts.gate import Gate
from meze.accounts.hashing import LEAST_COST, Cost, cost_of, fitting_cost, hashed, read_cost
from meze.accounts.keyring import Keyring
from meze.accounts.passwords import COST_SECONDS, SHARES_SECONDS, Passwords
from meze.accounts.tables import FACTS, PASSWORDS, User
from meze.errors import Mistake, TooManyRequests

CHEAP = "m=8,t=1,p=1"
DEARER = "m=16,t=2,p=1"
SECRET = "a secret of more than thirty-two characters"


@pytest.fixture
def make(storage, clock):
    def make(configured=CHEAP, threads=4, **measure):
        return Passwords(storage, Keyring([SECRET]), threads=threads, configured=configured, clock=clock, **measure)

    return make


@pytest.fixture
def stored_cost(storage):
    """Say or read which cost the installation has."""

    def stored_cost(cost=None):
        with storage.database.engine.begin() as connection:
            if cost is None:
                return connection.execute(select(FACTS.c.value).where(FACTS.c.name == "password_cost")).scalar()
            changed = connection.execute(update(FACTS).where(FACTS.c.name == "password_cost").values(value=cost))
            if not changed.rowcount:
                connection.execute(insert(FACTS).values(name="password_cost", value=cost))
        return cost

    return stored_cost


@pytest.fixture
def accounts(storage):
    """Store accounts, so many of each cost."""

    def accounts(**costs):
        with storage.database.engine.begin() as connection:
            for cost, count in costs.items():
                for n in range(count):
                    email = f"{cost}{n}@example.com"
                    user = connection.execute(insert(User).values(email=email).returning(User.id)).scalar_one()
                    row = {"user_id": user, "hash": "-", "cost": {"cheap": CHEAP, "dearer": DEARER}[cost]}
                    connection.execute(insert(PASSWORDS).values(changed_at=0, **row))

    return accounts


@pytest.fixture
def spent(monkeypatch):
    """What was spent on argon2, one cost for each time that it ran, in order."""
    spent = []

    def counted_hash(secret, cost):
        spent.append(str(cost))
        return hashed(secret, cost)

    def counted_match(secret, encoded):
        spent.append(str(cost_of(encoded)))
        return hashing.matches(secret, encoded)

    monkeypatch.setattr(passwords, "hashed", counted_hash)
    monkeypatch.setattr(passwords, "matches", counted_match)
    return spent


def test_a_password_is_stored_as_argon2id_with_its_cost(make):
    stored = make().hash("correct horse battery staple")

    assert stored.hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert stored.cost == CHEAP
    assert argon2.PasswordHasher().verify(stored.hash, "correct horse battery staple")
    assert make().hash("correct horse battery staple").hash != stored.hash


@pytest.mark.parametrize(
    ("password", "other"),
    [
        pytest.param("correct horse battery", "correct horse batterY", id="case"),
        pytest.param("correct horse battery ", "correct horse battery", id="a-blank-at-the-end"),
        pytest.param(" correct horse battery", "correct horse battery", id="a-blank-at-the-start"),
        pytest.param("correct\x00horse battery", "correct\x00zebra battery", id="after-a-nul"),
        pytest.param("x" * 72 + "one", "x" * 72 + "two", id="after-72-bytes"),
        pytest.param("x" * 1023 + "1", "x" * 1023 + "2", id="the-last-of-1024"),
        pytest.param("x" * 1024, "x" * 1025, id="one-more-than-1024"),
        pytest.param("ｐassword of full width", "password of full width", id="compatibility-forms"),
    ],
)
def test_every_character_counts(make, password, other):
    stored = make().hash(password).hash

    assert make().check(password, stored, "anna@example.com").good
    assert not make().check(other, stored, "anna@example.com").good


def test_composed_and_decomposed_are_one_password(make):
    composed = "crème brûlée à Besançon"
    decomposed = unicodedata.normalize("NFD", composed)

    assert make().check(decomposed, make().hash(composed).hash, "anna@example.com").good
    assert make().check(composed, make().hash(decomposed).hash, "anna@example.com").good


@pytest.mark.parametrize("password", ["x" * 1025, "kqvzwrtbmpxhj\ud800"], ids=["too-long", "half-a-character"])
def test_what_the_rules_refuse_is_never_hashed(make, password):
    with pytest.raises(ValueError, match="password_rules"):
        make().hash(password)


@pytest.mark.parametrize(
    "password", ["wrong", "", "x" * 1025, "x" * 2_000_000, "half \ud800", "nul \x00"], ids=lambda text: ascii(text)[:8]
)
def test_whatever_is_presented_costs_the_same_with_an_account_and_without(make, spent, password):
    stored = hashed(b"correct horse battery staple", read_cost(CHEAP))

    verdicts = [make().check(password, each, "anna@example.com") for each in (stored, None)]

    assert [verdict.good for verdict in verdicts] == [False, False]
    assert spent == [CHEAP, CHEAP]


def test_what_is_too_long_is_not_good_even_for_an_empty_password(make):
    assert not make().check("x" * 1025, hashed(b"", read_cost(CHEAP)), "anna@example.com").good


def test_a_good_check_at_another_cost_renews_the_hash(make, spent):
    stored = make(CHEAP).hash("correct horse battery staple").hash

    verdict = make(DEARER).check("correct horse battery staple", stored, "anna@example.com")

    assert verdict.good
    assert verdict.renewed.cost == DEARER
    assert make(DEARER).check("correct horse battery staple", verdict.renewed.hash, "anna@example.com") == (True, None)
    assert spent == [CHEAP, CHEAP, DEARER, DEARER]


def test_a_wrong_password_renews_nothing(make, spent):
    stored = make(CHEAP).hash("correct horse battery staple").hash

    assert make(DEARER).check("wrong", stored, "anna@example.com") == (False, None)
    assert spent == [CHEAP, CHEAP]


def test_unknown_addresses_cost_what_known_ones_do_after_the_cost_was_changed(make, spent, accounts):
    accounts(cheap=30, dearer=10)
    checking = make(DEARER)

    for n in range(400):
        checking.check("wrong", None, f"unknown{n}@example.com")

    assert 260 < Counter(spent)[CHEAP] < 340
    assert set(spent) == {CHEAP, DEARER}


def test_an_unknown_address_costs_the_same_every_time_and_in_every_process(make, spent, accounts):
    accounts(cheap=5, dearer=5)

    for n in range(40):
        for checking in (make(DEARER), make(DEARER)):
            checking.check("wrong", None, f"unknown{n}@example.com")

    assert spent[0::2] == spent[1::2]
    assert set(spent) == {CHEAP, DEARER}


def test_unknown_addresses_pass_to_the_present_cost_as_accounts_do(make, spent, accounts, clock):
    accounts(cheap=10)
    checking = make(DEARER)
    checking.check("wrong", None, "unknown@example.com")
    accounts(dearer=100)
    clock.now += SHARES_SECONDS
    for n in range(200):
        checking.check("wrong", None, f"unknown{n}@example.com")

    assert spent[0] == CHEAP
    assert Counter(spent[1:])[DEARER] > 150


def test_without_accounts_the_present_cost_is_spent(make, spent):
    make(DEARER).check("wrong", None, "unknown@example.com")

    assert spent == [DEARER]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("", id="empty"),
        pytest.param("plain text", id="no-hash"),
        pytest.param("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", id="bcrypt"),
        pytest.param("$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", id="argon2i"),
        pytest.param("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", id="all-memory"),
        pytest.param("$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", id="for-days"),
        pytest.param("$argon2id$v=19$m=4194304,t=100,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", id="both-together"),
        pytest.param("$argon2id$v=19$m=8,t=1,p=0$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", id="no-lanes"),
    ],
)
def test_a_stored_hash_that_is_absurd_is_not_good_and_costs_as_any(make, spent, caplog, stored):
    with caplog.at_level(logging.ERROR):
        assert make().check("correct horse battery staple", stored, "anna@example.com") == (False, None)

    assert spent == [CHEAP]
    assert "stored password hash" in caplog.text
    assert not stored or stored not in caplog.text


def test_a_stored_hash_that_was_cut_off_is_not_good(make, caplog):
    stored = make().hash("correct horse battery staple").hash

    assert not make().check("correct horse battery staple", stored[:-20] + "!" * 20, "anna@example.com").good
    assert "cannot be read" in caplog.text
    assert stored[-30:-20] not in caplog.text


def test_neither_password_nor_hash_is_shown(make):
    stored = make().hash("correct horse battery staple")
    verdict = make(DEARER).check("correct horse battery staple", stored.hash, "anna@example.com")

    assert repr(stored) == f"Hashed({CHEAP})"
    assert "argon2id" not in repr(verdict)


def test_the_cost_is_measured_once_and_stored(make, stored_cost):
    first = make(configured=None, measure=lambda: read_cost(CHEAP))
    second = make(configured=None, measure=lambda: read_cost(DEARER))

    first.prepare()
    second.prepare()

    assert stored_cost() == CHEAP
    assert second.hash("correct horse battery staple").cost == CHEAP


def test_processes_that_measure_at_once_use_one_cost(make, stored_cost):
    found = iter([read_cost(CHEAP), read_cost(DEARER)] * 4)
    start = threading.Barrier(8)

    def measure():
        start.wait(10)
        return next(found)

    processes = [make(configured=None, measure=measure) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        costs = set(pool.map(lambda each: each.hash("correct horse battery staple").cost, processes))

    assert costs == {stored_cost()}


def test_a_cost_that_is_tuned_anew_holds_elsewhere_within_seconds(make, stored_cost, clock):
    stored_cost(CHEAP)
    here, elsewhere = make(configured=None, measure=lambda: read_cost(DEARER)), make(configured=None)
    before = elsewhere.hash("correct horse battery staple")
    here.prepare()

    assert here.retune() == DEARER
    assert here.hash("correct horse battery staple").cost == DEARER
    clock.now += COST_SECONDS
    assert elsewhere.check("correct horse battery staple", before.hash, "anna@example.com").renewed.cost == DEARER
    assert stored_cost() == DEARER


def test_what_is_configured_comes_before_what_was_measured(make, stored_cost):
    stored_cost(DEARER)

    assert make(CHEAP).hash("correct horse battery staple").cost == CHEAP


@pytest.mark.parametrize("cost", ["", "m=8", "m=7,t=1,p=1", "m=8,t=0,p=1", "m=8,t=1,p=2", "m=9999999,t=999,p=1"])
def test_a_cost_that_nobody_can_pay_is_refused_when_it_is_configured(make, cost):
    with pytest.raises(Mistake, match="m=65536,t=3,p=1"):
        make(cost)


@pytest.mark.parametrize(
    ("one_pass", "cost"),
    [
        pytest.param(0.03, Cost(65536, 3, 1), id="a-fast-machine-makes-more-passes"),
        pytest.param(0.099, Cost(65536, 1, 1), id="one-pass-is-enough"),
        pytest.param(0.15, Cost(21845, 2, 1), id="a-slow-machine-takes-less-memory"),
        pytest.param(5.0, LEAST_COST, id="never-less-than-owasp-asks-for"),
    ],
)
def test_the_cost_fits_the_machine(one_pass, cost):
    assert fitting_cost(lambda _: one_pass) == cost


def test_the_cost_of_this_machine_is_one_that_it_can_pay():
    cost = fitting_cost()

    assert read_cost(str(cost)) == cost
    assert cost.memory_kib >= LEAST_COST.memory_kib
    assert cost_of(hashed(b"secret", cost)) == cost


@pytest.mark.parametrize(("threads", "least_free"), [(1, 0), (2, 1), (4, 1), (8, 2), (64, 1)])
def test_the_gate_leaves_threads_to_everybody_else(threads, least_free):
    gate = Gate(threads)

    assert 1 <= gate.at_once <= max(1, threads // 2)
    assert threads - gate.at_once - gate.waiting >= least_free


def test_beyond_the_queue_everyone_is_told_to_come_back(make):
    checking = make(threads=2)  # one inside, nobody waits

    with checking.gate.passed(), pytest.raises(TooManyRequests) as refused:
        checking.check("wrong", None, "anna@example.com")

    assert refused.value.headers["Retry-After"] == "1"
    assert not checking.check("wrong", None, "anna@example.com").good


def test_who_waits_is_let_in_when_there_is_room():
    gate = Gate(4, longest_wait_seconds=10)
    passing = [gate.passed() for _ in range(gate.at_once)]
    for each in passing:
        each.__enter__()

    def wait():
        with gate.passed():
            return "let in"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        for each in passing:
            each.__exit__(None, None, None)
        assert waiting.result(10) == "let in"


def test_who_waits_too_long_is_told_to_come_back():
    gate = Gate(4, longest_wait_seconds=0.01)
    passing = [gate.passed() for _ in range(gate.at_once)]
    for each in passing:
        each.__enter__()

    with pytest.raises(TooManyRequests), gate.passed():
        pytest.fail("let in beyond the limit")

    for each in passing:
        each.__exit__(None, None, None)
    with gate.passed():
        pass


def test_a_flood_is_refused_and_those_who_are_let_in_are_answered(make):
    stored = make().hash("correct horse battery staple").hash
    checking = make(threads=4)
    start = threading.Barrier(32)

    def sign_in(_):
        start.wait(10)
        try:
            return checking.check("correct horse battery staple", stored, "anna@example.com").good
        except TooManyRequests:
            return None

    with ThreadPoolExecutor(32) as pool:
        answers = Counter(pool.map(sign_in, range(32)))

    assert answers[True] >= 1
    assert answers[False] == 0
    assert checking.check("correct horse battery staple", stored, "anna@example.com").good
