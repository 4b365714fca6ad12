"""Check 18: who walks up to an open screen cannot take the account over."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.accounts.calling import Answer
from contracts.accounts.deployment import Deployment, new_email, new_password
from contracts.accounts.second_factors import with_second_factor

GUARDED: list[Any] = [
    pytest.param("PATCH", "/auth/me", {"email": "another@example.com"}, id="change-address"),
    pytest.param("DELETE", "/auth/me", ..., id="delete-account"),
    pytest.param("POST", "/auth/totp", ..., id="set-up-factor"),
    pytest.param("POST", "/auth/totp/confirm", {"code": "123456"}, id="switch-factor-on"),
    pytest.param("DELETE", "/auth/totp", {"password": "not the password of anybody"}, id="switch-factor-off"),
    pytest.param("POST", "/auth/keys", {"name": "k", "scopes": ["read"]}, id="make-key"),
]


@pytest.mark.parametrize(("method", "path", "body"), GUARDED)
def test_what_guards_the_account_needs_the_password_again(
    served: Deployment, method: str, path: str, body: object
) -> None:
    """18: for one session and ten minutes; another session of the same person is not confirmed by it."""
    person = served.person()
    other = person.sign_in()
    before = other.client.get("/auth/me").json

    refused = person.client.request(method, path, json=body)

    assert (refused.status, refused.code) == (403, "confirmation_required")
    assert other.client.get("/auth/me").json == before
    other.confirm()
    assert person.client.request(method, path, json=body).code == "confirmation_required"
    assert other.client.request(method, path, json=body).code != "confirmation_required"


def test_a_confirmation_is_over_after_ten_minutes(served: Deployment) -> None:
    """18"""
    person = served.person().confirm()
    assert person.client.post("/auth/totp").status == 200

    served.change("UPDATE meze_sessions SET confirmed_until = confirmed_until - 599 WHERE user_id = :id", id=person.id)
    assert person.client.post("/auth/totp").status == 200
    served.change("UPDATE meze_sessions SET confirmed_until = confirmed_until - 2 WHERE user_id = :id", id=person.id)

    assert person.client.post("/auth/totp").code == "confirmation_required"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"password": "not the password of anybody"}, id="wrong-password"),
        pytest.param({"code": "000000"}, id="code-without-a-factor"),
        pytest.param({}, id="nothing"),
        pytest.param({"password": ""}, id="empty"),
        pytest.param({"password": None}, id="null"),
    ],
)
def test_what_proves_nothing_confirms_nothing(served: Deployment, body: dict[str, Any]) -> None:
    """18"""
    person = served.person()

    assert person.client.post("/auth/confirm", body).status in (401, 403, 422)
    assert person.client.post("/auth/totp").code == "confirmation_required"


def test_the_password_of_somebody_else_confirms_nothing(served: Deployment) -> None:
    """18"""
    person, other = served.person(), served.person()

    assert person.client.post("/auth/confirm", {"password": other.password}).status in (401, 403)
    assert person.client.post("/auth/totp").code == "confirmation_required"


def test_a_code_of_the_second_factor_confirms_once(served: Deployment) -> None:
    """18, 24"""
    guarded = with_second_factor(served.person())
    session = guarded.person.holding(guarded.answer(guarded.mfa_token(), guarded.recovery_codes[0]))
    other = guarded.person.holding(guarded.answer(guarded.mfa_token(), guarded.recovery_codes[1]))
    new_key = {"name": "k", "scopes": ["read"]}
    assert session.client.post("/auth/keys", new_key).code == "confirmation_required"

    assert session.client.post("/auth/confirm", {"code": guarded.recovery_codes[2]}).status == 204

    assert session.client.post("/auth/keys", new_key).status == 201
    assert other.client.post("/auth/confirm", {"code": guarded.recovery_codes[2]}).status in (401, 403)
    assert other.client.post("/auth/keys", new_key).code == "confirmation_required"


def test_a_wrong_confirmation_is_counted_like_a_wrong_login(served: Deployment) -> None:
    """18, 22: else a stolen session would be a place to guess the password at."""
    person = served.person()
    tries = 0
    while (answer := person.client.post("/auth/confirm", {"password": "not this one, surely"})).status != 429:
        tries += 1
        assert tries <= 100, answer

    assert tries <= 10
    assert int(answer.header("Retry-After") or 0) > 0
    assert person.client.post("/auth/confirm", {"password": person.password}).status == 429


def change(served: Deployment, **changes: Any) -> Answer:
    person = served.person()
    body = {"current_password": person.password, "new_password": new_password()} | changes
    answer = person.client.post("/auth/password/change", {name: value for name, value in body.items() if value})
    assert person.attempt(served.client()).status == 200 or answer.status == 204
    return answer


def test_changing_the_password_needs_the_one_there_is(served: Deployment) -> None:
    """18"""
    assert change(served).status == 204
    assert change(served, current_password=None).pointers == ["/current_password"]
    assert change(served, current_password="not the password of anybody").status in (401, 403, 422)


def test_a_confirmed_session_still_needs_the_password_to_change_it(served: Deployment) -> None:
    """18"""
    person = served.person().confirm()

    assert person.client.post("/auth/password/change", {"new_password": new_password()}).status == 422
    assert person.attempt(served.client()).status == 200


def test_the_address_stays_until_the_link_to_the_new_one_was_used(served: Deployment) -> None:
    person = served.person().confirm()
    new = new_email("moved")

    changed = person.client.patch("/auth/me", {"email": new})

    assert changed.status in (200, 202), changed
    assert person.client.get("/auth/me").json["email"] == person.email
    assert served.client().post("/auth/login", {"email": new, "password": person.password}).status == 401
    token = served.mailbox.link(new, "email")
    assert served.client().post("/auth/email/verify", {"token": token}).status == 204
    me = served.client().post("/auth/login", {"email": new, "password": person.password})
    assert me.status == 200
    assert me.json["user"]["email"] == new
    assert me.json["user"]["email_verified"] is True
    assert person.attempt(served.client()).status == 401
    assert served.client().post("/auth/email/verify", {"token": token}).status == 422


def test_a_name_needs_no_confirmation(served: Deployment) -> None:
    person = served.person()

    assert person.client.patch("/auth/me", {"name": "Anna"}).json["name"] == "Anna"
