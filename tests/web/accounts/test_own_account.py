"""What somebody does with their own account over HTTP: address, password, second factor, keys, audit trail."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from web.conftest import PASSWORD, Headers, Town

NEW_PASSWORD = "six other words that nobody knows"


def authenticator(town: Town, headers: Headers) -> tuple[pyotp.TOTP, list[str]]:
    """Switch the second factor on, and return what shows its codes, and the recovery codes."""
    setup = town.post("/auth/totp", headers=headers).json
    shown = pyotp.TOTP(parse_qs(urlsplit(setup["otpauth_url"]).query)["secret"][0])
    confirmed = town.post("/auth/totp/confirm", {"code": shown.now()}, headers)
    assert confirmed.status_code == 200, confirmed.text
    return shown, confirmed.json["recovery_codes"]


def test_a_name_is_changed_without_proof(town: Town) -> None:
    anna = town.signed_up()

    assert town.client.patch("/api/v1/auth/me", json={"name": "Anna B"}, headers=anna).json["name"] == "Anna B"
    assert town.client.patch("/api/v1/auth/me", json={}, headers=anna).json["name"] == "Anna B"
    assert town.client.patch("/api/v1/auth/me", json={"name": None}, headers=anna).json["name"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/auth/me", {"email": "new@example.com"}),
        ("DELETE", "/auth/me", None),
        ("POST", "/auth/totp", None),
        ("POST", "/auth/totp/confirm", {"code": "123456"}),
        ("DELETE", "/auth/totp", {"password": PASSWORD}),
        ("POST", "/auth/keys", {"name": "x", "scopes": ["read"]}),
        ("DELETE", "/auth/keys/1", None),
    ],
)
def test_what_guards_an_account_is_changed_only_after_a_proof(town: Town, method: str, path: str, body: Any) -> None:
    anna = town.signed_up()
    answer = town.client.open(f"/api/v1{path}", method=method, json=body, headers=anna)
    other = town.post("/auth/login", {"email": "anna@example.com", "password": PASSWORD}).json["access_token"]
    town.confirmed({"Authorization": f"Bearer {other}"})
    still = town.client.open(f"/api/v1{path}", method=method, json=body, headers=anna)

    assert (answer.status_code, answer.json["code"]) == (403, "confirmation_required")
    assert still.status_code == 403


def test_a_wrong_proof_confirms_nothing(town: Town) -> None:
    anna = town.signed_up()

    assert town.post("/auth/confirm", {"password": "another four plain words"}, anna).status_code == 401
    assert town.client.delete("/api/v1/auth/me", headers=anna).status_code == 403


def test_a_changed_address_holds_once_its_link_was_used(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    answer = town.client.patch("/api/v1/auth/me", json={"email": "new@example.com"}, headers=anna)
    token = town.link_to("new@example.com", "verify")
    verified = town.post("/auth/email/verify", {"token": token})
    again = town.post("/auth/email/verify", {"token": token})

    assert answer.json["email"] == "anna@example.com"
    assert verified.status_code == 204
    assert town.get("/auth/me", anna).json["email"] == "new@example.com"
    assert (again.status_code, again.json["errors"][0]["pointer"]) == (422, "/token")


def test_the_link_that_proves_an_address_is_mailed_again(town: Town) -> None:
    anna = town.signed_up()
    signed_in, named = (
        town.post("/auth/email/resend", {}, anna),
        town.post("/auth/email/resend", {"email": "nobody@example.com"}),
    )
    unnamed = town.post("/auth/email/resend", {})

    assert (signed_in.status_code, signed_in.json) == (named.status_code, named.json) == (202, {})
    assert (unnamed.status_code, unnamed.json["errors"][0]["pointer"]) == (422, "/email")


def test_a_changed_password_ends_every_other_session(town: Town) -> None:
    first = town.signed_up()
    token = town.post("/auth/login", {"email": "anna@example.com", "password": PASSWORD}).json["access_token"]
    second = {"Authorization": f"Bearer {token}"}
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    wrong = town.post("/auth/password/change", {**body, "current_password": "not this one at all"}, second)

    assert wrong.status_code == 401
    assert town.post("/auth/password/change", body, second).status_code == 204
    assert town.get("/auth/me", first).status_code == 401
    assert town.get("/auth/me", second).status_code == 200


def test_a_forgotten_password_is_set_anew_by_link(town: Town) -> None:
    anna = town.signed_up()
    known = town.post("/auth/password/forgot", {"email": "anna@example.com"})
    unknown = town.post("/auth/password/forgot", {"email": "nobody@example.com"})
    token = town.link_to("anna@example.com", "reset")
    bad = town.post("/auth/password/reset", {"token": token, "new_password": "short"})
    done = town.post("/auth/password/reset", {"token": token, "new_password": NEW_PASSWORD})
    signed_in = town.post("/auth/login", {"email": "anna@example.com", "password": NEW_PASSWORD})

    assert (known.status_code, known.json) == (unknown.status_code, unknown.json) == (202, {})
    assert (bad.status_code, bad.json["errors"][0]["pointer"]) == (422, "/new_password")
    assert done.status_code == 204
    assert town.get("/auth/me", anna).status_code == 401
    assert signed_in.status_code == 200


def test_signing_in_with_a_second_factor_takes_two_steps(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    _, (recovery, *_) = authenticator(town, anna)
    first = town.post("/auth/login", {"email": "anna@example.com", "password": PASSWORD})
    second = town.post("/auth/login/second-factor", {"mfa_token": first.json["mfa_token"], "code": recovery})
    again = town.post("/auth/login/second-factor", {"mfa_token": first.json["mfa_token"], "code": recovery})

    assert (first.status_code, first.json["code"]) == (401, "second_factor_required")
    assert second.status_code == 200
    assert again.status_code == 401
    assert town.get("/auth/me", {"Authorization": f"Bearer {first.json['mfa_token']}"}).status_code == 401


def test_a_second_factor_is_set_up_once(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    _, codes = authenticator(town, anna)
    again = town.post("/auth/totp", headers=anna)

    assert len(set(codes)) == 10
    assert (again.status_code, again.json["code"]) == (409, "already_exists")


def test_the_second_factor_goes_with_a_long_password_alone(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    authenticator(town, anna)
    short = "eightest"
    town.post("/auth/password/change", {"current_password": PASSWORD, "new_password": short}, anna)
    refused = town.client.delete("/api/v1/auth/totp", json={"password": short}, headers=anna)
    gone = town.client.delete("/api/v1/auth/totp", json={"password": short, "new_password": NEW_PASSWORD}, headers=anna)
    signed_in = town.post("/auth/login", {"email": "anna@example.com", "password": NEW_PASSWORD})

    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/new_password")
    assert gone.status_code == 204
    assert signed_in.status_code == 200


def test_a_key_is_shown_once_and_does_what_its_scopes_say(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    made = town.post("/auth/keys", {"name": "Import", "scopes": ["read"]}, anna)
    key = {"Authorization": f"Bearer {made.json['key']}"}
    (listed,) = town.get("/auth/keys", anna).json["items"]

    assert made.status_code == 201
    assert "key" not in listed
    assert {**listed, "key": made.json["key"], "last_used_at": None} == {**made.json, "last_used_at": None}
    assert town.get("/notes", key).status_code == 200
    assert (refused := town.post("/notes", {"text": "x"}, key)).status_code == 403
    assert refused.json["code"] == "insufficient_scope"
    assert town.client.delete(f"/api/v1/auth/keys/{made.json['id']}", headers=anna).status_code == 204
    assert town.get("/notes", key).json["code"] == "token_revoked"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("GET", "/auth/keys"),
        ("POST", "/auth/keys"),
        ("GET", "/auth/events"),
        ("POST", "/auth/confirm"),
        ("POST", "/auth/logout-all"),
        ("POST", "/auth/login"),
        ("POST", "/auth/invitations"),
    ],
)
def test_of_an_account_a_key_sees_only_whose_it_is(town: Town, method: str, path: str) -> None:
    anna = town.confirmed(town.signed_up())
    made = town.post("/auth/keys", {"name": "All", "scopes": ["admin"]}, anna).json["key"]
    key = {"Authorization": f"Bearer {made}"}
    answer = town.client.open(f"/api/v1{path}", method=method, json={}, headers=key)

    assert town.get("/auth/me", key).json["email"] == "anna@example.com"
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")


def test_every_fault_of_a_key_is_told(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    body = {"name": "x", "scopes": ["read", "notes:eat"], "expires_at": "2001-01-01T00:00:00Z"}
    answer = town.post("/auth/keys", body, anna)

    assert answer.status_code == 422
    assert {entry["pointer"] for entry in answer.json["errors"]} == {"/scopes/1", "/expires_at"}


def test_an_account_is_deleted_with_what_belongs_to_it(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    town.post("/notes", {"text": "mine"}, anna)

    assert town.client.delete("/api/v1/auth/me", headers=anna).status_code == 204
    assert town.get("/auth/me", anna).status_code == 401
    ben = town.signed_up("ben")
    assert town.get("/notes", ben).json["items"] == []
    assert town.get("/auth/events?event=deleted", ben).json["items"] == []


def test_everyone_reads_their_own_audit_trail_and_admins_all(town: Town) -> None:
    anna, admin = town.signed_up(), town.admin()
    own = town.get("/auth/events?sort=id&fields=event,user_id", anna)
    all_of_them = town.get("/auth/events?count=true&limit=1", admin)
    of_anna = town.get("/auth/events?user_id=1&event=registered", admin)

    assert {each["user_id"] for each in own.json["items"]} == {1}
    assert [each["event"] for each in own.json["items"]][:2] == ["registered", "signed_in"]
    assert all_of_them.json["total"] > len(own.json["items"])
    assert all_of_them.json["next"].startswith("/api/v1/auth/events?")
    assert town.client.get(all_of_them.json["next"], headers=admin).status_code == 200
    assert len(of_anna.json["items"]) == 1
    assert town.get("/auth/events?user_id=2", anna).json["items"] == []
    assert town.get("/auth/events").status_code == 401
    assert town.get("/auth/events?nothing=1", anna).status_code == 400


def test_everyone_sees_whether_their_second_factor_is_on(town: Town) -> None:
    anna = town.confirmed(town.signed_up())
    before = town.get("/auth/totp", anna).json
    _, codes = authenticator(town, anna)
    asked = town.post("/auth/login", {"email": "anna@example.com", "password": PASSWORD}).json["mfa_token"]
    town.post("/auth/login/second-factor", {"mfa_token": asked, "code": codes[0]})

    assert before == {"enabled": False, "recovery_codes_left": 0}
    assert town.get("/auth/totp", anna).json == {"enabled": True, "recovery_codes_left": 9}
    assert town.get("/auth/totp").status_code == 401
