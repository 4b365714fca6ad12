"""Check 24: a code is good once and for a moment, guessing ends soon, and half a sign-in opens nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from contracts.accounts.calling import Client, at_once
from contracts.accounts.deployment import Deployment
from contracts.accounts.second_factors import Guarded, wait_for_a_step_to_begin, with_second_factor


@pytest.fixture
def guarded(served: Deployment) -> Guarded:
    return with_second_factor(served.person())


def test_the_password_alone_does_not_sign_in(guarded: Guarded) -> None:
    """24"""
    answer = guarded.person.attempt(guarded.person.client.elsewhere())

    assert (answer.status, answer.code) == (401, "second_factor_required")
    assert re.fullmatch(r"meze_mfa_\w{40,}", answer.json["mfa_token"])
    assert "meze_access_" not in answer.body.decode()
    assert "meze_refresh_" not in answer.body.decode()


def test_a_code_is_good_once(guarded: Guarded) -> None:
    """24"""
    code = guarded.code(1)

    first = guarded.answer(guarded.mfa_token(), code)
    again = guarded.answer(guarded.mfa_token(), code)

    assert first.status == 200, first
    assert (again.status, again.code) == (401, "bad_credentials")


def test_the_code_that_switched_it_on_does_not_sign_in(guarded: Guarded) -> None:
    """24"""
    assert guarded.answer(guarded.mfa_token(), guarded.used_code).status == 401


def test_of_one_code_used_twice_at_once_one_signs_in(guarded: Guarded, processes: list[str]) -> None:
    """24"""
    code = guarded.code(1)
    tokens = [guarded.mfa_token() for _ in range(6)]

    def use(number: int) -> Callable[[], int]:
        client = guarded.person.client.elsewhere().at(processes[number % len(processes)])
        return lambda: guarded.answer(tokens[number], code, client).status

    statuses = at_once(*(use(number) for number in range(6)))

    assert statuses.count(200) == 1, statuses
    assert set(statuses) <= {200, 401, 429}, statuses


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_code_of_another_time_is_refused(guarded: Guarded, steps: int) -> None:
    """24: one step either way is taken, for clocks that differ."""
    wait_for_a_step_to_begin()

    assert guarded.answer(guarded.mfa_token(), guarded.code(steps)).status == 401
    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status == 200


def test_guessing_locks_the_sign_in_and_not_the_account(guarded: Guarded) -> None:
    """24"""
    mfa_token = guarded.mfa_token()
    guesses = 0
    while guesses < 11 and guarded.answer(mfa_token, guarded.wrong_code()).status == 401:
        guesses += 1
        right = guarded.answer(mfa_token, guarded.code(1)) if guesses == 10 else None
        assert right is None or right.status in (401, 429), "after ten wrong codes the right one opened the account"

    assert guesses >= 5
    assert guarded.answer(mfa_token, guarded.code(1)).status in (401, 429)
    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status == 200


def test_many_guesses_at_once_are_all_counted(guarded: Guarded, processes: list[str]) -> None:
    """24: at most ten wrong codes are looked at, however they come."""
    mfa_token = guarded.mfa_token()

    def guess(number: int) -> Callable[[], int]:
        client = guarded.person.client.elsewhere().at(processes[number % len(processes)])
        return lambda: guarded.answer(mfa_token, guarded.wrong_code(), client).status

    statuses = at_once(*(guess(number) for number in range(20)))

    assert set(statuses) <= {401, 429}, statuses
    assert guarded.answer(mfa_token, guarded.code(1)).status in (401, 429)


def test_a_recovery_code_is_good_once(guarded: Guarded) -> None:
    """24"""
    assert len(set(guarded.recovery_codes)) == 10
    code, other = guarded.recovery_codes[:2]

    assert guarded.answer(guarded.mfa_token(), code).status == 200
    assert guarded.answer(guarded.mfa_token(), code).status == 401
    assert guarded.answer(guarded.mfa_token(), other).status == 200


def test_of_one_recovery_code_used_twice_at_once_one_signs_in(guarded: Guarded, processes: list[str]) -> None:
    """24"""
    tokens = [guarded.mfa_token() for _ in range(6)]

    def use(number: int) -> Callable[[], int]:
        client = guarded.person.client.elsewhere().at(processes[number % len(processes)])
        return lambda: guarded.answer(tokens[number], guarded.recovery_codes[0], client).status

    statuses = at_once(*(use(number) for number in range(6)))

    assert statuses.count(200) == 1, statuses


def test_codes_and_the_secret_do_not_stand_in_the_database(served: Deployment, guarded: Guarded) -> None:
    """24"""
    dump = "\n".join(served.dump().values())

    assert guarded.secret not in dump
    assert not [code for code in guarded.recovery_codes if code in dump or code.replace("-", "") in dump]


CALLS: list[tuple[str, str]] = [
    ("GET", "/auth/me"),
    ("GET", "/auth/sessions"),
    ("GET", "/auth/keys"),
    ("GET", "/trips"),
    ("POST", "/trips"),
    ("POST", "/auth/totp"),
    ("DELETE", "/auth/totp"),
    ("POST", "/auth/confirm"),
    ("POST", "/auth/logout-all"),
    ("DELETE", "/auth/me"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_half_a_sign_in_opens_nothing(guarded: Guarded, method: str, path: str) -> None:
    """24"""
    client: Client = guarded.person.client.elsewhere().with_token(guarded.mfa_token())

    assert client.request(method, path, json={}).status == 401


def test_half_a_sign_in_is_no_refresh_token(guarded: Guarded) -> None:
    """24"""
    token = guarded.mfa_token()

    assert guarded.person.client.with_token(None).post("/auth/refresh", {"refresh_token": token}).status == 401


def test_half_a_sign_in_is_over_after_a_while(served: Deployment, guarded: Guarded) -> None:
    """24"""
    mfa_token = guarded.mfa_token()
    served.change(
        "UPDATE meze_tokens SET created_at = created_at - 600, expires_at = expires_at - 600"
        " WHERE kind = 'mfa' AND user_id = :id",
        id=guarded.person.id,
    )

    assert guarded.answer(mfa_token, guarded.code(1)).status == 401
    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status == 200
