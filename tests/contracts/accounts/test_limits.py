"""Checks 22 and 23: guessing ends soon, for whoever guesses, and for nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts.calling import Answer, Client, at_once
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, Person, new_email, new_password

# How many wrong passwords for one account from one address are looked at.
LOOKED_AT = 10


def guess(client: Client, email: str) -> Answer:
    return client.post("/auth/login", {"email": email, "password": new_password()})


def until_refused(client: Client, email: str) -> Answer:
    """Guess until guessing is refused, and return the refusal."""
    for _ in range(LOOKED_AT):
        answer = guess(client, email)
        if answer.status == 429:
            return answer
        assert answer.status == 401, answer
    answer = guess(client, email)
    assert answer.status == 429, f"{LOOKED_AT} wrong passwords were looked at, and one more"
    return answer


def test_a_hundred_wrong_passwords_at_once_are_all_counted(served: Deployment, processes: list[str]) -> None:
    """22, must show 2"""
    person, attacker = served.person(), served.client()

    def attack(number: int) -> Callable[[], Answer]:
        client = attacker.at(processes[number % len(processes)])
        return lambda: guess(client, person.email)

    answers = at_once(*(attack(number) for number in range(100)))

    statuses = [answer.status for answer in answers]
    assert set(statuses) == {401, 429}, answers
    assert statuses.count(401) <= LOOKED_AT
    assert all(int(answer.header("Retry-After") or 0) >= 1 for answer in answers if answer.status == 429)
    # Some may have been refused because too many hashed at once. What was looked at counts, in both processes.
    for url in processes:
        until_refused(attacker.at(url), person.email)
        assert person.attempt(attacker.at(url)).status == 429
    assert person.attempt(served.client()).status == 200, "its owner at another address is not shut out"


def test_who_guesses_is_told_truly_when_to_come_again(served: Deployment) -> None:
    """22"""
    person, attacker = served.person(), served.client()
    refusal = until_refused(attacker, person.email)
    seconds = int(refusal.header("Retry-After") or 0)
    assert 1 <= seconds <= 3600
    time.sleep(2.1)
    later = int(person.attempt(attacker).header("Retry-After") or 0)
    assert seconds - 4 <= later <= seconds - 1

    age_counters(served, later - 5)
    assert person.attempt(attacker).status == 429
    age_counters(served, 6)

    assert person.attempt(attacker).status == 200


def age_counters(served: Deployment, seconds: float) -> None:
    """Let time pass for everything that is counted."""
    served.change("UPDATE meze_counters SET expires_at = expires_at - :seconds", seconds=seconds)


def test_being_refused_does_not_make_the_wait_longer(served: Deployment) -> None:
    """22"""
    person, attacker = served.person(), served.client()
    seconds = int(until_refused(attacker, person.email).header("Retry-After") or 0)

    for _ in range(20):
        answer = person.attempt(attacker)

    assert int(answer.header("Retry-After") or 0) <= seconds


def test_the_right_password_makes_earlier_mistakes_forgotten(served: Deployment) -> None:
    """22"""
    person = served.person()
    client = served.client()
    for _ in range(3):
        for _ in range(LOOKED_AT // 2):
            assert guess(client, person.email).status == 401
        assert person.attempt(client).status == 200


def test_one_address_does_not_try_one_password_on_everybody(served: Deployment) -> None:
    """22: failures are counted by the address too, whosever the accounts are."""
    attacker = served.client()

    statuses = []
    while 429 not in statuses and len(statuses) < 300:
        statuses.append(guess(attacker, new_email("sprayed")).status)

    assert statuses[-1] == 429
    assert len(statuses) > 2 * LOOKED_AT, "a household of several people must not be shut out at once"


def test_a_locked_address_does_not_lock_others(served: Deployment) -> None:
    """22"""
    person, other = served.person(), served.person()
    attacker = served.client()
    until_refused(attacker, person.email)

    assert other.attempt(attacker).status == 200
    assert person.attempt(served.client()).status == 200


EVASIONS: list[Any] = [
    pytest.param({"X-Forwarded-For": "203.0.113.7, {address}"}, id="one-more-in-front"),
    pytest.param({"X-Forwarded-For": "203.0.113.7,198.51.100.9, {address}"}, id="two-more-in-front"),
    pytest.param({"X-Forwarded-For": " {address} "}, id="spaces"),
    pytest.param({"X-Forwarded-For": "::ffff:{address}"}, id="written-as-ipv6"),
    pytest.param({"X-Forwarded-For": "{address}:4711"}, id="with-a-port"),
    pytest.param({"X-Real-IP": "203.0.113.7"}, id="real-ip"),
    pytest.param({"X-Client-IP": "203.0.113.7", "True-Client-IP": "203.0.113.7"}, id="client-ip"),
    pytest.param({"CF-Connecting-IP": "203.0.113.7", "Fastly-Client-IP": "203.0.113.7"}, id="of-networks"),
    pytest.param({"Forwarded": "for=203.0.113.7"}, id="forwarded"),
    pytest.param({"User-Agent": "another"}, id="user-agent"),
    pytest.param({"Accept-Language": "zh"}, id="language"),
    pytest.param({"Authorization": "Basic YTpi"}, id="credentials-of-another-kind"),
]


@pytest.mark.parametrize("headers", EVASIONS)
def test_a_header_does_not_make_somebody_else_of_who_guesses(served: Deployment, headers: dict[str, str]) -> None:
    """23"""
    person, attacker = served.person(), served.client()
    until_refused(attacker, person.email)

    body = {"email": person.email, "password": person.password}
    sent = {name: value.format(address=attacker.address) for name, value in headers.items()}
    answer = attacker.post("/auth/login", body, headers=sent)

    assert answer.status in (429, 400, 401), answer
    assert answer.code != "bad_credentials" or "Authorization" in headers


SPELLINGS: list[Any] = [
    pytest.param(str.upper, id="capitals"),
    pytest.param(str.title, id="some-capitals"),
    pytest.param(lambda email: email.replace("a", "ａ"), id="fullwidth"),
    pytest.param(lambda email: email.replace("k", "\u212a"), id="kelvin-sign"),
    pytest.param(lambda email: email.replace("@example.com", "@EXAMPLE.com"), id="domain"),
    pytest.param(lambda email: email.replace("@example.com", "@example。com"), id="ideographic-full-stop"),
    pytest.param(lambda email: f" {email} ", id="spaces"),
    pytest.param(lambda email: f"{email}.", id="dot-at-the-end"),
]


@pytest.mark.parametrize("spell", SPELLINGS)
def test_another_spelling_of_the_address_is_no_other_account(served: Deployment, spell: Callable[[str], str]) -> None:
    """23: the right password in another spelling is refused too, or the spelling is no address of the account."""
    person, attacker = served.person("mark.a"), served.client()
    until_refused(attacker, person.email)

    answer = person.attempt(attacker, email=spell(person.email))

    assert answer.status in (429, 401, 422), answer
    elsewhere = person.attempt(served.client(), email=spell(person.email))
    # Where the spelling opens the account elsewhere, it is the account's, and here it must be locked.
    assert answer.status == 429 or elsewhere.status != 200


PATHS: list[Any] = [
    pytest.param("POST", "/auth/login/", id="slash-at-the-end"),
    pytest.param("POST", "/auth//login", id="two-slashes"),
    pytest.param("POST", "/Auth/Login", id="capitals"),
    pytest.param("POST", "/auth/./login", id="dot"),
    pytest.param("POST", "/auth/x/../login", id="dots"),
    pytest.param("POST", "/auth/%6Cogin", id="encoded"),
    pytest.param("POST", "/auth/login?session=cookie", id="cookie"),
    pytest.param("POST", "/auth/login?x=1", id="parameter"),
    pytest.param("PUT", "/auth/login", id="put"),
    pytest.param("PATCH", "/auth/login", id="patch"),
    pytest.param("GET", "/auth/login", id="get"),
    pytest.param("QUERY", "/auth/login", id="query"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_way_to_write_the_request_is_no_other_door(served: Deployment, method: str, path: str) -> None:
    """23"""
    person, attacker = served.person(), served.client()
    until_refused(attacker, person.email)
    body = {"email": person.email, "password": person.password}

    answer = attacker.request(method, path, json=body)

    assert answer.status in (400, 404, 405, 429), answer
    for override in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert attacker.post("/auth/login", body, headers={override: "PUT"}).status == 429


def test_a_header_of_a_proxy_that_nobody_named_is_not_believed(deploy: Deploy) -> None:
    """23"""
    served = deploy(servers=1, MEZE_TRUSTED_PROXIES="")
    person = served.person()
    email = person.email
    answers = [guess(served.client(), email).status for _ in range(LOOKED_AT + 1)]

    assert answers[-1] == 429
    assert person.attempt(served.client()).status == 429


def test_one_ipv6_network_is_one_address(served: Deployment) -> None:
    """23: a household has 2^64 addresses to call from."""
    person = served.person()
    until_refused(served.client("2001:db8:1:2::1"), person.email)

    assert person.attempt(served.client("2001:db8:1:2:aaaa:bbbb:cccc:dddd")).status == 429
    assert person.attempt(served.client("2001:db8:1:3::1")).status == 200


LIMITED: list[Any] = [
    pytest.param(lambda person: ("/auth/password/forgot", {"email": person.email}), id="forgot"),
    pytest.param(lambda person: ("/auth/email/resend", {"email": person.email}), id="resend"),
    pytest.param(lambda _: ("/auth/register", {"email": new_email(), "password": new_password()}), id="register"),
]


@pytest.mark.parametrize("ask", LIMITED)
def test_mail_and_accounts_are_not_to_be_had_without_end(
    served: Deployment, ask: Callable[[Person], tuple[str, dict[str, str]]]
) -> None:
    """22: nobody's mailbox is flooded from here."""
    person, attacker = served.person(), served.client()

    for _ in range(200):
        answer = attacker.post(*ask(person))
        if answer.status == 429:
            break

    assert answer.status == 429
    assert int(answer.header("Retry-After") or 0) >= 1
    assert len(served.mailbox.to(person.email)) < 50
