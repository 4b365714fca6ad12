"""Attempts are counted before they are looked at, and no account is locked against its owner."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from meze.accounts.attempts import LIMITS, AttemptKind, Attempts, By
from meze.accounts.keyring import Keyring
from meze.accounts.tables import COUNTERS
from meze.accounts.visitor import Visitor
from meze.errors import TooManyRequests

HOME = Visitor("192.0.2.1")
AWAY = Visitor("198.51.100.7")
PROOF = AttemptKind.PROOF


@pytest.fixture
def attempts(storage, clock):
    return Attempts(storage, Keyring(["a secret of more than thirty-two characters"]), clock)


def networks():
    return (Visitor(f"203.0.113.{n}") for n in itertools.count(1))


def refusal(attempts, subject="anna@example.com", visitor=HOME, kind=PROOF):
    """Return the seconds to wait."""
    with pytest.raises(TooManyRequests) as refused:
        attempts.begin(kind, subject, visitor)
    return int(refused.value.headers["Retry-After"])


def spend(attempts, times, subject="anna@example.com", visitor=HOME, kind=PROOF):
    return [attempts.begin(kind, subject, visitor) for _ in range(times)]


def guess_from_everywhere(attempts, times, subject="anna@example.com"):
    """Guess ten times from each of many networks, and return the attempts."""
    guesses = (visitor for visitor in networks() for _ in range(10))
    return [attempts.begin(PROOF, subject, visitor) for visitor in itertools.islice(guesses, times)]


def test_ten_wrong_guesses_at_one_account_from_one_network_are_looked_at(attempts):
    spend(attempts, 10)

    assert refusal(attempts) == 15 * 60
    assert attempts.begin(PROOF, "anna@example.com", AWAY)
    assert attempts.begin(PROOF, "bert@example.com", HOME)


def test_an_attempt_that_nobody_looked_at_is_taken_back_and_the_wrong_ones_stay(attempts):
    spend(attempts, 9)

    attempts.withdraw(attempts.begin(PROOF, "anna@example.com", HOME))

    assert attempts.begin(PROOF, "anna@example.com", HOME)
    assert refusal(attempts) == 15 * 60


@pytest.mark.parametrize("objects", [1, 2], ids=["one-process", "as-in-two-processes"])
def test_of_a_hundred_guesses_at_once_ten_are_looked_at(storage, clock, objects):
    keyring = Keyring(["a secret of more than thirty-two characters"])
    counting = [Attempts(storage, keyring, clock) for _ in range(objects)]
    start = threading.Barrier(20)

    def guess(n):
        if n < 20:
            start.wait()
        try:
            counting[n % objects].begin(PROOF, "anna@example.com", HOME)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        passed = list(pool.map(guess, range(100)))

    assert passed.count(True) == 10


def test_guesses_that_cross_at_different_accounts_and_networks_do_not_block_each_other(attempts):
    crossing = [
        (f"{name}@example.com", Visitor(f"192.0.2.{n}")) for name, n in itertools.product("abcd", (1, 2, 3, 4))
    ] * 4

    with ThreadPoolExecutor(16) as pool:
        begun = list(pool.map(lambda pair: attempts.begin(PROOF, *pair), crossing))
        list(pool.map(attempts.succeeded, begun))

    assert len(begun) == 64


def test_retry_after_is_the_whole_time_and_no_second_less(attempts, clock):
    spend(attempts, 1)
    clock.now += 60.5
    spend(attempts, 9)

    seconds = refusal(attempts)
    assert seconds == 15 * 60 - 60
    clock.now += seconds - 1
    assert refusal(attempts) == 1
    clock.now += 1
    assert attempts.begin(PROOF, "anna@example.com", HOME)


def test_asking_again_does_not_make_the_wait_longer(attempts, clock):
    spend(attempts, 10)
    for _ in range(50):
        refusal(attempts)
        clock.now += 10

    assert refusal(attempts) == 15 * 60 - 500


def test_a_refused_attempt_is_not_held_against_the_account_or_the_network(attempts):
    spend(attempts, 10)
    for _ in range(120):
        refusal(attempts)

    assert spend(attempts, 10, visitor=AWAY)[-1].alarming is False
    assert spend(attempts, 10, subject="bert@example.com")


def test_a_network_has_a_hundred_guesses_over_all_accounts(attempts):
    for n in range(100):
        spend(attempts, 1, subject=f"user{n}@example.com")

    assert refusal(attempts, subject="somebody@else.example") == 15 * 60
    assert attempts.begin(PROOF, "somebody@else.example", AWAY)


def test_an_ipv6_household_is_one_network(attempts):
    for n in range(10):
        spend(attempts, 1, visitor=Visitor(f"2001:db8::{n:x}"))

    assert refusal(attempts, visitor=Visitor("2001:db8::ffff")) == 15 * 60


def test_after_a_hundred_guesses_from_everywhere_each_network_has_one(attempts):
    guess_from_everywhere(attempts, 100)

    assert attempts.begin(PROOF, "anna@example.com", HOME)
    assert refusal(attempts) == 15 * 60
    assert attempts.begin(PROOF, "anna@example.com", AWAY)


def test_the_owner_still_signs_in_however_much_others_guess(attempts):
    guess_from_everywhere(attempts, 100)
    for visitor in itertools.islice(networks(), 20, 60):
        attempts.begin(PROOF, "anna@example.com", visitor)

    for _ in range(5):
        attempts.succeeded(attempts.begin(PROOF, "anna@example.com", HOME))


def test_the_hundredth_guess_alarms_and_no_other(attempts):
    tried = guess_from_everywhere(attempts, 100)
    tried += [attempts.begin(PROOF, "anna@example.com", visitor) for visitor in itertools.islice(networks(), 20, 40)]

    assert [n for n, attempt in enumerate(tried, 1) if attempt.alarming] == [100]


def test_a_right_attempt_leaves_the_alarm_to_the_next_wrong_one(attempts):
    guess_from_everywhere(attempts, 99)

    right = attempts.begin(PROOF, "anna@example.com", HOME)
    attempts.succeeded(right)

    assert right.alarming
    assert attempts.begin(PROOF, "anna@example.com", AWAY).alarming


def test_a_right_attempt_after_the_alarm_does_not_raise_it_again(attempts):
    guess_from_everywhere(attempts, 100)

    attempts.succeeded(attempts.begin(PROOF, "anna@example.com", HOME))

    assert not attempts.begin(PROOF, "anna@example.com", AWAY).alarming


def test_the_alarm_is_raised_again_a_day_later(attempts, clock):
    guess_from_everywhere(attempts, 100)
    clock.now += 24 * 60 * 60

    assert [attempt.alarming for attempt in guess_from_everywhere(attempts, 100)] == [False] * 99 + [True]


def test_a_right_attempt_makes_the_wrong_ones_before_it_forgotten(attempts):
    spend(attempts, 9)
    attempts.succeeded(attempts.begin(PROOF, "anna@example.com", HOME))

    spend(attempts, 10)
    assert refusal(attempts) == 15 * 60


def test_an_attempt_that_a_second_factor_makes_right_is_taken_off_as_well(attempts):
    for _ in range(150):
        attempts.begin(PROOF, "anna@example.com", HOME)
        attempts.forgive(PROOF, "anna@example.com", HOME)

    assert not attempts.begin(PROOF, "anna@example.com", HOME).alarming


def test_right_attempts_count_against_nobody(attempts):
    for n in range(150):
        attempts.succeeded(attempts.begin(PROOF, f"user{n}@example.com", HOME))
    for visitor in itertools.islice(networks(), 120):
        attempt = attempts.begin(PROOF, "anna@example.com", visitor)
        attempts.succeeded(attempt)
        assert not attempt.alarming

    assert spend(attempts, 10)


def test_many_right_attempts_at_once_do_not_lock_the_account(attempts):
    def sign_in(_):
        try:
            attempts.succeeded(attempts.begin(PROOF, "anna@example.com", HOME))
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        passed = list(pool.map(sign_in, range(100)))

    assert passed.count(True) >= 10
    assert spend(attempts, 10)


def test_a_right_attempt_on_one_account_does_not_help_to_guess_at_another(attempts):
    spend(attempts, 10)
    attempts.succeeded(attempts.begin(PROOF, "mallory@example.com", HOME))

    assert refusal(attempts) == 15 * 60


def test_mail_is_limited_by_address_from_all_networks(attempts):
    for visitor in itertools.islice(networks(), 5):
        attempts.begin(AttemptKind.MAIL, "anna@example.com", visitor)

    assert refusal(attempts, kind=AttemptKind.MAIL) == 60 * 60
    assert attempts.begin(AttemptKind.MAIL, "bert@example.com", HOME)


def test_mail_is_limited_by_network_over_all_addresses(attempts):
    for n in range(20):
        attempts.begin(AttemptKind.MAIL, f"user{n}@example.com", HOME)

    assert refusal(attempts, subject="x@example.com", kind=AttemptKind.MAIL) == 60 * 60
    assert attempts.begin(AttemptKind.MAIL, "x@example.com", AWAY)


def test_a_network_registers_sixty_accounts_an_hour(attempts):
    for n in range(60):
        attempts.begin(AttemptKind.REGISTRATION, f"user{n}@example.com", HOME)

    assert refusal(attempts, subject="x@example.com", kind=AttemptKind.REGISTRATION) == 60 * 60


def test_the_networks_of_one_customer_count_together(attempts):
    def neighbours(site):
        return (Visitor(f"2001:db8:{site:x}:{n:x}::1") for n in itertools.count())

    spent = neighbours(1)
    for visitor in itertools.islice(spent, 100):
        attempts.begin(PROOF, "anna@example.com", visitor)

    assert refusal(attempts, visitor=next(spent)) == 15 * 60
    assert attempts.begin(PROOF, "bert@example.com", next(spent))
    assert attempts.begin(PROOF, "anna@example.com", next(neighbours(2)))


def test_codes_of_one_account_are_looked_at_fifty_times_a_day_from_wherever(attempts):
    guesses = [attempts.may_guess(7, visitor) for visitor in itertools.islice(networks(), 51)]
    others = attempts.may_guess(8, HOME)
    attempts.guessed(7)

    assert guesses == [True] * 50 + [False]
    assert others
    assert attempts.may_guess(7, HOME)


def test_an_address_gets_five_letters_an_hour_that_nobody_proved_to_ask_for(attempts, clock):
    letters = [attempts.may_write_to("anna@example.com", visitor) for visitor in itertools.islice(networks(), 6)]
    clock.now += 3600

    assert letters == [True] * 5 + [False]
    assert attempts.may_write_to("anna@example.com", HOME)


def test_neither_addresses_nor_names_stand_in_the_table(attempts, database):
    spend(attempts, 3)

    with database.engine.connect() as connection:
        rows = connection.execute(select(COUNTERS)).all()

    assert len(rows) == 5
    assert not any(trace in str(rows) for trace in ("anna", "example", "192.0.2"))


def test_no_account_meets_more_than_a_hundred_guesses_before_it_is_narrowed():
    (everywhere,) = (limit for limit in LIMITS[PROOF] if limit.by is By.SUBJECT)

    assert everywhere.most <= 100
    assert everywhere.then_each_network == 1
