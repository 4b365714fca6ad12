"""What every endpoint of the accounts has in common: methods, addresses, types, headers, who may call."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import MetaData

from meze import Caller, Meze
from meze.accounts.endpoints import ENDPOINTS, Access, Endpoint
from web.conftest import PATIENCE_SECONDS, SETTINGS, Town

ADDRESSES = sorted({each.path for each in ENDPOINTS})
GUARDED = [each for each in ENDPOINTS if each.access not in (Access.NOBODY, Access.ANYONE)]
BODIES = [each for each in ENDPOINTS if each.body is not None and each.access is Access.NOBODY]


def at(endpoint: Endpoint, number: str = "1") -> str:
    return "/api/v1" + endpoint.path.replace("{id}", number)


@pytest.mark.parametrize("endpoint", GUARDED, ids=lambda each: f"{each.method} {each.path}")
def test_nobody_is_told_to_sign_in(town: Town, endpoint: Endpoint) -> None:
    answer = town.client.open(at(endpoint), method=endpoint.method)

    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")


def test_below_users_who_is_no_admin_learns_nothing(town: Town) -> None:
    anna = town.signed_up()
    refusals = []
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for path in ("/users", "/users/1", "/users/999", "/users/x", "/users/1/sign-out", "/users/1/nothing"):
            unknown = town.client.open(f"/api/v1{path}", method=method)
            known = town.client.open(f"/api/v1{path}", method=method, headers=anna)
            assert (unknown.status_code, known.status_code) == (401, 403), (method, path)
            if method != "HEAD":
                refusals.append({**known.json, "request_id": ""})

    assert all(each == refusals[0] for each in refusals)


@pytest.mark.parametrize(
    "path", ["/auth", "/auth/", "/auth/nothing", "/auth/me/", "/auth/sessions/x", "/auth/keys/1/2"]
)
def test_what_is_no_address_is_not_found(town: Town, path: str) -> None:
    answer = town.get(path, town.signed_up())

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("number", ["0", "01", "2147483648", "9" * 30, "999"])
@pytest.mark.parametrize("path", ["/auth/sessions/{id}", "/auth/keys/{id}", "/users/{id}"])
def test_what_is_no_id_is_not_found(town: Town, path: str, number: str) -> None:
    admin = town.confirmed(town.admin())
    answer = town.client.delete(f"/api/v1{path}".replace("{id}", number), headers=admin)

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_wrong_method_and_options_say_what_is_possible(town: Town) -> None:
    admin = town.admin()
    for path in ADDRESSES:
        methods = {each.method for each in ENDPOINTS if each.path == path}
        expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        asked = town.client.options("/api/v1" + path.replace("{id}", "1"), headers=admin)
        wrong = town.client.open("/api/v1" + path.replace("{id}", "1"), method="PUT", headers=admin)

        assert asked.status_code == 204
        assert wrong.status_code == 405
        for answer in (asked, wrong):
            assert set(answer.headers["Allow"].split(", ")) == expected, path


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda each: each.name)
def test_a_body_is_json_and_nothing_else(town: Town, endpoint: Endpoint) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = town.client.post(at(endpoint), data="{}", content_type=content_type)
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert town.client.post(at(endpoint), data="{", content_type="application/json").status_code == 400
    assert town.client.post(at(endpoint), data='{"x":1}', content_type="application/json").status_code == 422


def test_an_unknown_parameter_is_told_everywhere(town: Town) -> None:
    admin = town.confirmed(town.admin())
    for endpoint in ENDPOINTS:
        answer = town.client.open(at(endpoint) + "?nothing=1", method=endpoint.method, json={}, headers=admin)
        assert answer.status_code == 400, endpoint.name
        assert answer.json["code"] in ("unknown_parameter", "unknown_field")


def test_an_answer_that_is_not_accepted_is_told(town: Town) -> None:
    anna = town.signed_up()
    answer = town.get("/auth/me", {**anna, "Accept": "text/html"})

    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")


def test_nothing_of_an_account_is_kept_by_caches(town: Town) -> None:
    anna = town.signed_up()
    for answer in (
        town.get("/auth/me", anna),
        town.get("/auth/me"),
        town.post("/auth/login", {"email": "anna@example.com", "password": "x"}),
        town.post("/auth/password/forgot", {"email": "anna@example.com"}),
        town.get("/auth/nothing"),
        town.get("/users"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert {"Authorization", "Cookie"} <= set(re.split(", *", answer.headers["Vary"]))
        assert "ETag" not in answer.headers


def test_head_answers_as_get_without_a_body(town: Town) -> None:
    anna = town.signed_up()
    answer = town.client.head("/api/v1/auth/me", headers=anna)

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(town.get("/auth/me", anna).data))


@pytest.mark.parametrize(
    "header",
    [
        "Basic YW5uYTp4",
        "Bearer",
        "Bearer ",
        "bearer nonsense",
        "Token x",
        "",
        "Bearer a, Bearer b",
        "Bearer " + "x" * 9000,
    ],
)
def test_credentials_that_are_none_are_refused_even_where_anyone_may_read(town: Town, header: str) -> None:
    answer = town.get("/notes", {"Authorization": header})

    assert (answer.status_code, answer.json["code"]) == (401, "bad_credentials")


def test_the_name_of_the_scheme_may_be_written_in_either_case(town: Town) -> None:
    token = town.signed_up()["Authorization"].removeprefix("Bearer ")

    assert town.get("/auth/me", {"Authorization": f"bearer {token}"}).status_code == 200


def test_a_prefix_of_numbers_is_no_id(town_with: Callable[..., Town]) -> None:
    town = town_with(prefix="/1/2")
    answer = town.client.get("/1/2/auth/me")

    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")


def test_the_log_names_addresses_and_nothing_that_was_sent(town: Town, capfd: pytest.CaptureFixture[str]) -> None:
    anna = town.signed_up("canary")
    town.get("/auth/sessions/canary-id", anna)
    town.client.delete("/api/v1/auth/sessions/999", headers=anna)
    town.get("/auth/me?token=canary", anna)
    town.post("/auth/login", {"email": "canary@example.com", "password": "canary"})
    lines: list[str] = []
    give_up = time.monotonic() + PATIENCE_SECONDS
    while len(lines) < 5 and time.monotonic() < give_up:  # they are written a moment later
        lines += [line for line in capfd.readouterr().err.splitlines() if line.startswith('{"method"')]
        time.sleep(0.02)

    assert len(lines) == 5
    assert any('"route":"/api/v1/auth/sessions/{id}"' in line for line in lines)
    assert any('"route":"/api/v1/auth/{path}"' in line for line in lines)
    assert not any("canary" in line or "meze_access" in line for line in lines)


def test_who_tells_callers_by_itself_has_no_accounts_of_ours(database_url: str, tmp_path: Any) -> None:
    app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    Meze(app, MetaData(), identify=lambda _: Caller(), settings={**SETTINGS, "database_url": database_url})
    client = app.test_client()

    for path in ("/api/v1/auth/me", "/api/v1/users", "/api/v1/auth/events", "/account/verify"):
        assert client.get(path).status_code == 404
    assert client.post("/api/v1/auth/login", json={}).status_code == 404
    app.extensions["meze"].database.close()


def test_a_page_of_the_programs_own_wins_over_ours(town_with: Callable[..., Town]) -> None:
    town = town_with()
    town.installation.app.add_url_rule("/account/verify", view_func=lambda: "of the program")

    assert town.client.get("/account/verify").text == "of the program"
    assert "data-endpoint" in town.client.get("/account/reset").text
