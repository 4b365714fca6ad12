"""Registering, signing in and out, over HTTP."""

from __future__ import annotations

import pytest

from web.conftest import PASSWORD, Town

ANNA = {"email": "anna@example.com", "password": PASSWORD}
PERSON = {"id", "email", "name", "roles", "email_verified", "created_at"}
TOKENS = {"user", "access_token", "refresh_token", "token_type", "expires_in"}


def test_who_registers_is_signed_in(town: Town) -> None:
    answer = town.post("/auth/register", {**ANNA, "name": "Anna"})

    assert answer.status_code == 201
    assert set(answer.json) == TOKENS
    assert set(answer.json["user"]) == PERSON
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Location"] == "/api/v1/auth/me"
    me = town.get("/auth/me", {"Authorization": f"Bearer {answer.json['access_token']}"})
    assert me.json == answer.json["user"]


def test_an_address_is_registered_once(town: Town) -> None:
    town.signed_up()
    again = town.post("/auth/register", {**ANNA, "email": "ANNA@example.com"})

    assert (again.status_code, again.json["code"]) == (409, "already_exists")
    assert again.json["errors"][0]["pointer"] == "/email"


def test_where_addresses_are_proved_first_every_address_is_answered_alike(town_with) -> None:
    town = town_with(registration="verified")
    first = town.post("/auth/register", ANNA)
    token = town.link_to("anna@example.com", "verify")
    verified = town.post("/auth/email/verify", {"token": token})
    again = town.post("/auth/register", ANNA)

    assert (first.status_code, first.json) == (202, {})
    assert verified.status_code == 204
    assert (again.status_code, again.json) == (202, {})
    assert town.post("/auth/login", ANNA).json["user"]["email_verified"] is True


def test_closed_registration_is_told(town_with) -> None:
    answer = town_with(registration="closed").post("/auth/register", ANNA)

    assert (answer.status_code, answer.json["code"]) == (403, "registration_closed")


def test_who_was_invited_registers_with_the_link(town_with) -> None:
    town = town_with(registration="invite")
    invited = town.post("/auth/invitations", {"email": "anna@example.com", "roles": ["editor"]}, town.admin())
    token = town.link_to("anna@example.com", "invitation")
    without = town.post("/auth/register", ANNA)
    answer = town.post("/auth/register", {**ANNA, "invitation": token})

    assert invited.status_code == 201
    assert invited.json == {"email": "anna@example.com", "roles": ["editor"], "name": None}
    assert without.status_code == 403
    assert answer.status_code == 201
    assert (answer.json["user"]["roles"], answer.json["user"]["email_verified"]) == (["editor"], True)


def test_every_fault_of_a_registration_is_told_at_once(town: Town) -> None:
    answer = town.post("/auth/register", {"email": "nobody", "password": "short"})

    assert answer.status_code == 422
    assert {entry["pointer"] for entry in answer.json["errors"]} == {"/email", "/password"}


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(town: Town) -> None:
    town.signed_up()
    wrong = town.post("/auth/login", {**ANNA, "password": "another four plain words"})
    unknown = town.post("/auth/login", {**ANNA, "email": "nobody@example.com"})

    for answer in (wrong, unknown):
        assert (answer.status_code, answer.json["code"]) == (401, "bad_credentials")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert {**wrong.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    changing = ("X-Request-ID", "Date")
    assert [h for h in wrong.headers if h[0] not in changing] == [h for h in unknown.headers if h[0] not in changing]


def test_tokens_are_renewed(town: Town) -> None:
    town.signed_up()
    first = town.post("/auth/login", ANNA).json
    renewed = town.post("/auth/refresh", {"refresh_token": first["refresh_token"]})

    assert renewed.status_code == 200
    assert set(renewed.json) == TOKENS
    assert renewed.json["access_token"] != first["access_token"]


def test_signing_out_ends_both_tokens_at_once(town: Town) -> None:
    town.signed_up()
    tokens = town.post("/auth/login", ANNA).json
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert town.post("/auth/logout", headers=headers).status_code == 204
    assert town.get("/auth/me", headers).json["code"] == "token_revoked"
    assert town.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 401


def test_a_token_that_ended_does_not_keep_anybody_from_signing_in(town: Town) -> None:
    headers = town.signed_up()
    town.post("/auth/logout", headers=headers)

    assert town.post("/auth/login", ANNA, headers).status_code == 200
    assert town.post("/auth/login", ANNA, {"Authorization": "Bearer nonsense"}).status_code == 401


def test_signing_out_everywhere_ends_every_session(town: Town) -> None:
    first = town.signed_up()
    second = {"Authorization": f"Bearer {town.post('/auth/login', ANNA).json['access_token']}"}

    assert town.post("/auth/logout-all", headers=second).status_code == 204
    assert town.get("/auth/me", first).status_code == 401
    assert town.get("/auth/me", second).status_code == 401


def test_sessions_are_listed_and_ended_one_by_one(town: Town) -> None:
    first = town.signed_up()
    second = {"Authorization": f"Bearer {town.post('/auth/login', ANNA).json['access_token']}"}
    other = town.signed_up("ben")
    (mine, elsewhere) = town.get("/auth/sessions", second).json["items"]

    assert (mine["current"], elsewhere["current"]) == (True, False)
    assert mine["address"] == "127.0.0.1"
    assert town.client.delete(f"/api/v1/auth/sessions/{elsewhere['id']}", headers=other).status_code == 404
    assert town.client.delete(f"/api/v1/auth/sessions/{elsewhere['id']}", headers=second).status_code == 204
    assert town.get("/auth/me", first).status_code == 401
    assert town.get("/auth/me", second).status_code == 200


def test_the_first_admin_is_made_once(town: Town) -> None:
    token = town.accounts.people.first_admin_link()
    body = {"token": token, "email": "root@example.com", "password": PASSWORD}
    first, second = town.post("/auth/first-admin", body), town.post("/auth/first-admin", body)

    assert (first.status_code, first.json["user"]["roles"]) == (201, ["admin"])
    assert (second.status_code, second.json["errors"][0]["pointer"]) == (422, "/token")


@pytest.mark.parametrize("parameter", ["access_token", "token", "session_token"])
def test_a_token_in_the_address_is_an_unknown_parameter(town: Town, parameter: str) -> None:
    headers = town.signed_up()
    answer = town.get(f"/auth/me?{parameter}={headers['Authorization'][7:]}", headers)

    assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")


@pytest.mark.parametrize("value", ["", "token", "cookie&session=cookie"])
def test_a_session_comes_as_a_cookie_or_as_tokens(town: Town, value: str) -> None:
    answer = town.post(f"/auth/login?session={value}", ANNA)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_value")


def test_guessing_is_slowed_down_and_told_for_how_long(town: Town) -> None:
    town.signed_up()
    for _ in range(100):
        answer = town.post("/auth/login", {**ANNA, "password": "not the password of anna"})
        if answer.status_code != 401:
            break

    assert (answer.status_code, answer.json["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_session_tells_the_address_that_a_trusted_proxy_saw(town_with) -> None:
    town = town_with(trusted_proxies="127.0.0.1")
    proxied = {"X-Forwarded-For": "1.1.1.1, 203.0.113.7", "User-Agent": "Phone"}
    answer = town.post("/auth/register", ANNA, proxied)
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    (session,) = town.get("/auth/sessions", headers).json["items"]

    assert (session["address"], session["device"]) == ("203.0.113.7", "Phone")
