"""Checks 19 to 21: what ends when a password is set anew, and what the link to do so is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts.calling import Answer, at_once, send
from contracts.accounts.deployment import (
    ELSEWHERE_SECONDS,
    PUBLIC_URL,
    Deployment,
    Person,
    new_email,
    new_password,
    within,
)
from contracts.accounts.second_factors import with_second_factor


def forget(served: Deployment, person: Person, *, after: int = 0) -> str:
    """Ask for a link to set a new password, and return its token."""
    assert served.client().post("/auth/password/forgot", {"email": person.email}).status == 202
    return served.mailbox.link(person.email, "reset", after=after)


def reset(served: Deployment, token: str, password: str | None = None, **more: Any) -> Answer:
    body = {"token": token, "new_password": password or new_password()}
    return served.client().post("/auth/password/reset", body | more)


def is_refused(answer: Answer) -> bool:
    return answer.status == 422 and answer.pointers == ["/token"]


@pytest.mark.parametrize("device", [None, "", "a-device-of-my-own"])
def test_a_changed_password_ends_every_other_session(served: Deployment, device: str | None) -> None:
    """19: whatever the client says of devices (CVE-2026-22706)."""
    person = served.person()
    others = [person.sign_in(), person.sign_in()]
    browser = served.client().post("/auth/login?session=cookie", {"email": person.email, "password": person.password})
    cookie = "; ".join(each.partition(";")[0] for each in browser.all("Set-Cookie"))
    headers = {} if device is None else {"X-Device-Id": device, "User-Agent": device}
    assert served.client().get("/auth/me", headers={"Cookie": cookie}).status == 200

    body = {"current_password": person.password, "new_password": new_password()}
    assert person.client.post("/auth/password/change", body, headers=headers).status == 204

    assert person.known
    assert [other.known for other in others] == [False, False]
    assert [other.refresh().status for other in others] == [401, 401]
    assert served.client().get("/auth/me", headers={"Cookie": cookie}).status == 401
    elsewhere = [other.client.at(served.urls[1]) for other in others]
    assert within(ELSEWHERE_SECONDS, lambda: all(client.get("/auth/me").status == 401 for client in elsewhere))
    assert person.refresh().status == 200


def test_fields_that_nobody_asked_for_are_refused(served: Deployment) -> None:
    """19"""
    person = served.person()
    body = {"current_password": person.password, "new_password": new_password(), "keep_sessions": True}

    assert person.client.post("/auth/password/change", body).pointers == ["/keep_sessions"]
    token = forget(served, person)
    assert reset(served, token, device="mine").pointers == ["/device"]
    assert reset(served, token).status == 204


def test_a_reset_ends_every_session_and_every_key(served: Deployment) -> None:
    """19"""
    person = served.person()
    other, key = person.sign_in(), person.key("read", "write")
    by_key = person.client.with_token(key)
    assert by_key.get("/auth/me").status == 200
    new = new_password()

    assert reset(served, forget(served, person), new).status == 204

    assert [person.known, other.known] == [False, False]
    assert [person.refresh().status, other.refresh().status] == [401, 401]
    assert by_key.get("/trips").status == 401
    assert within(ELSEWHERE_SECONDS, lambda: by_key.at(served.urls[1]).get("/auth/me").status == 401)
    assert person.attempt(served.client()).status == 401
    assert person.attempt(served.client(), password=new).status == 200


def test_of_two_uses_of_a_reset_token_at_once_one_succeeds(served: Deployment, processes: list[str]) -> None:
    """20, must show 2"""
    person = served.person()
    token = forget(served, person)
    passwords = [new_password() for _ in range(2)]

    def use(number: int) -> Callable[[], Answer]:
        client = served.client().at(processes[number % len(processes)])
        return lambda: client.post("/auth/password/reset", {"token": token, "new_password": passwords[number]})

    answers = at_once(use(0), use(1))

    assert sorted(answer.status for answer in answers) == [204, 422]
    assert is_refused(next(answer for answer in answers if answer.status == 422))
    won = [answer.status == 204 for answer in answers]
    assert [person.attempt(served.client(), password=each).status == 200 for each in passwords] == won
    assert is_refused(reset(served, token))


def test_a_reset_link_is_good_for_an_hour_at_most(served: Deployment) -> None:
    """20"""
    person = served.person()
    token = forget(served, person)
    served.change(
        "UPDATE meze_tokens SET created_at = created_at - 3601, expires_at = expires_at - 3601"
        " WHERE kind = 'reset' AND user_id = :id",
        id=person.id,
    )

    assert is_refused(reset(served, token))


def test_reset_tokens_are_long_and_never_alike(served: Deployment) -> None:
    """20: at least 128 bits, which base 62 writes in 22 digits."""
    tokens = [forget(served, served.person()) for _ in range(5)]

    assert len({token[:24] for token in tokens}) == 5
    assert all(len(token.removeprefix("meze_reset_")) >= 22 for token in tokens)


def test_a_newer_link_makes_the_older_one_void(served: Deployment) -> None:
    """20"""
    person = served.person()
    older = forget(served, person)
    newer = forget(served, person, after=len(served.mailbox.to(person.email)))

    assert older != newer
    assert is_refused(reset(served, older))
    assert reset(served, newer).status == 204


def test_a_changed_password_makes_the_link_void(served: Deployment) -> None:
    """20"""
    person = served.person()
    token = forget(served, person)
    body = {"current_password": person.password, "new_password": new_password()}
    assert person.client.post("/auth/password/change", body).status == 204

    assert is_refused(reset(served, token))


def test_a_changed_address_makes_the_link_void(served: Deployment) -> None:
    """20"""
    person = served.person().confirm()
    token, new = forget(served, person), new_email("moved")
    person.client.patch("/auth/me", {"email": new})
    assert served.client().post("/auth/email/verify", {"token": served.mailbox.link(new, "email")}).status == 204

    assert is_refused(reset(served, token))


@pytest.mark.parametrize("by", ["reset", "change"])
def test_a_new_password_makes_a_waiting_change_of_address_void(served: Deployment, by: str) -> None:
    """20: whoever asked for it with a stolen session would get the account by their own mailbox later."""
    person = served.person().confirm()
    theirs = new_email("thief")
    assert person.client.patch("/auth/me", {"email": theirs}).status == 200
    link = served.mailbox.link(theirs, "email")

    if by == "reset":
        assert reset(served, forget(served, person)).status == 204
    else:
        body = {"current_password": person.password, "new_password": new_password()}
        assert person.client.post("/auth/password/change", body).status == 204

    assert is_refused(served.client().post("/auth/email/verify", {"token": link}))
    assert served.rows("SELECT email FROM meze_users WHERE id = :id", id=person.id) == [(person.email,)]


def test_a_disabled_account_is_not_opened_by_a_link_from_before(served: Deployment) -> None:
    """20, 11"""
    person = served.person()
    token, new = forget(served, person), new_password()
    served.admin.client.patch(f"/users/{person.id}", {"disabled": True})

    reset(served, token, new)

    assert person.attempt(served.client(), password=new).status == 401


def test_a_reset_does_not_pass_the_second_factor(served: Deployment) -> None:
    """20"""
    guarded = with_second_factor(served.person())
    new = new_password()

    answer = reset(served, forget(served, guarded.person), new)

    assert (answer.status, answer.body, answer.all("Set-Cookie")) == (204, b"", [])
    assert guarded.person.attempt(served.client(), password=new).code == "second_factor_required"


def test_the_page_of_a_link_gives_its_address_to_nobody(served: Deployment) -> None:
    """20: the token stands in the fragment, which is never sent, and no Referer tells of the page."""
    person = served.person()
    forget(served, person)
    mail = next(mail for mail in served.mailbox.to(person.email) if "meze_reset_" in mail.whole)
    page, _ = mail.links[0]

    answer = served.client().get("//" + page.removeprefix(PUBLIC_URL + "/"))

    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith("text/html")
    assert answer.header("Referrer-Policy") == "no-referrer"
    policy = answer.header("Content-Security-Policy") or ""
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "frame-ancestors 'none'" in policy


HOSTILE: list[Any] = [
    pytest.param({"Host": "evil.example"}, id="host"),
    pytest.param({"Host": "trips.example@evil.example"}, id="host-with-a-user"),
    pytest.param({"Host": "trips.example.evil.example"}, id="host-with-ours-in-front"),
    pytest.param({"Host": "trips.example:evil"}, id="host-with-a-port-that-is-none"),
    pytest.param({"X-Forwarded-Host": "evil.example"}, id="forwarded-host"),
    pytest.param({"X-Forwarded-Proto": "http"}, id="forwarded-proto"),
    pytest.param({"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript"}, id="forwarded-both"),
    pytest.param({"X-Forwarded-Port": "1"}, id="forwarded-port"),
    pytest.param({"X-Forwarded-Prefix": "//evil.example"}, id="forwarded-prefix"),
    pytest.param({"Forwarded": "host=evil.example;proto=http"}, id="forwarded"),
    pytest.param({"X-Original-URL": "https://evil.example/", "X-Host": "evil.example"}, id="others"),
    pytest.param({"Origin": "https://evil.example", "Referer": "https://evil.example/"}, id="origin-and-referer"),
]


@pytest.mark.parametrize("headers", HOSTILE)
def test_links_are_built_from_the_public_url_alone(served: Deployment, headers: dict[str, str]) -> None:
    """21"""
    person = served.person()
    seen = len(served.mailbox.to(person.email))

    answer = served.client().post("/auth/password/forgot", {"email": person.email}, headers=headers)

    assert answer.status in (202, 400), answer
    assert (answer.status == 400) == ("Host" in headers)
    assert "evil" not in str(answer.headers)
    if answer.status == 202:
        mail = served.mailbox.wait(person.email, lambda mail: "meze_reset_" in mail.whole, after=seen)
        assert [page for page, _ in mail.links]
        assert all(page.startswith(PUBLIC_URL + "/") for page, _ in mail.links)
        assert "evil" not in mail.raw.decode()
        assert "evil" not in mail.whole


def test_an_absolute_address_in_the_request_line_does_not_matter(served: Deployment) -> None:
    """21"""
    person = served.person()
    client = served.client()
    headers = {"Host": "trips.example", "X-Forwarded-For": client.address, "Content-Type": "application/json"}
    target = "http://evil.example/api/v1/auth/password/forgot"

    answer = send(client.url, "POST", target, headers, b'{"email": "%s"}' % person.email.encode())

    assert answer.status in (202, 400, 404), answer
    if answer.status == 202:
        mail = served.mailbox.wait(person.email, lambda mail: "meze_reset_" in mail.whole)
        assert "evil" not in mail.whole
