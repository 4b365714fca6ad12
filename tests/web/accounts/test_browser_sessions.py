"""Sessions in a browser: cookies, and the defence against other sites."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient

from meze.accounts.visitor import Visitor
from web.conftest import PASSWORD, Town

ANNA = {"email": "anna@example.com", "password": PASSWORD}
ORIGIN = {"Origin": "http://localhost"}


def signed_in(town: Town) -> tuple[FlaskClient, dict[str, str]]:
    """Return a browser with a session, and the headers that our own pages send with a change."""
    town.signed_up()
    browser = town.browser()
    answer = browser.post("/api/v1/auth/login?session=cookie", json=ANNA, headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    return browser, {**ORIGIN, "X-CSRF-Token": answer.json["csrf_token"]}


def cookies_of(answer: Any) -> dict[str, Any]:
    found = SimpleCookie()
    for written in answer.headers.getlist("Set-Cookie"):
        found.load(written)
    return dict(found)


def test_a_browser_gets_cookies_and_no_tokens(town: Town) -> None:
    town.signed_up()
    answer = town.post("/auth/login?session=cookie", ANNA, ORIGIN)
    cookies = cookies_of(answer)

    assert set(answer.json) == {"user", "csrf_token"}
    assert set(cookies) == {"meze", "meze_csrf"}
    assert cookies["meze"]["httponly"]
    assert cookies["meze_csrf"].value == answer.json["csrf_token"]


def test_in_production_the_cookies_are_for_this_host_and_https(town_with) -> None:
    town = town_with(
        env="production",
        public_url="https://api.example.com",
        registration="open",
        password_hashing="m=19456,t=2,p=1",
    )
    host = {"Host": "api.example.com", "Origin": "https://api.example.com"}
    answer = town.post("/auth/register?session=cookie", ANNA, host)
    cookies = cookies_of(answer)

    assert set(cookies) == {"__Host-meze", "__Host-meze_csrf"}
    assert all(each["secure"] and each["path"] == "/" and not each["domain"] for each in cookies.values())


def test_the_cookie_signs_reads_in(town: Town) -> None:
    browser, _ = signed_in(town)

    assert browser.get("/api/v1/auth/me").json["email"] == "anna@example.com"


def test_every_sign_in_has_a_session_of_its_own(town: Town) -> None:
    browser, headers = signed_in(town)
    before = browser.get_cookie("meze")
    browser.post("/api/v1/auth/login?session=cookie", json=ANNA, headers=headers)
    after = browser.get_cookie("meze")

    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_a_cookie_that_was_planted_is_no_session_after_signing_in(town: Town) -> None:
    town.signed_up()
    browser = town.browser()
    browser.set_cookie("meze", "planted")
    browser.post("/api/v1/auth/login?session=cookie", json=ANNA, headers=ORIGIN)
    kept = browser.get_cookie("meze")

    assert kept is not None
    assert kept.value.startswith("meze_cookie_")


def test_a_page_of_ours_changes_things_with_the_cookie(town: Town) -> None:
    browser, headers = signed_in(town)

    assert browser.patch("/api/v1/auth/me", json={"name": "Anna B"}, headers=headers).json["name"] == "Anna B"
    assert browser.post("/api/v1/notes", json={"text": "mine"}, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"X-CSRF-Token": "other"}, id="another-csrf-token"),
        pytest.param({"X-CSRF-Token": ""}, id="no-csrf-token"),
        pytest.param({"Origin": "https://evil.example"}, id="another-origin"),
        pytest.param({"Origin": "null"}, id="no-origin-at-all"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="from-another-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="from-a-neighbour"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/notes", {"text": "x"}),
        ("POST", "/api/v1/auth/logout", None),
        ("PATCH", "/api/v1/auth/me", {"name": "x"}),
        ("DELETE", "/api/v1/notes/1", None),
    ],
)
def test_no_other_page_changes_anything(town: Town, method: str, path: str, body: Any, wrong: dict[str, str]) -> None:
    browser, headers = signed_in(town)
    answer = browser.open(path, method=method, json=body, headers={**headers, **wrong})

    assert (answer.status_code, answer.json["code"]) == (403, "bad_origin")
    assert browser.get("/api/v1/notes").json["items"] == []
    assert browser.get("/api/v1/auth/me").json["name"] == "anna"


def test_a_method_cannot_be_overridden(town: Town) -> None:
    browser, _ = signed_in(town)
    browser.get("/api/v1/auth/me?_method=DELETE", headers={"X-HTTP-Method-Override": "DELETE"})

    assert browser.get("/api/v1/auth/me").status_code == 200


def test_no_other_site_signs_a_visitor_in(town: Town) -> None:
    town.signed_up()
    answer = town.post("/auth/login?session=cookie", ANNA, {"Origin": "https://evil.example"})

    assert (answer.status_code, answer.json["code"]) == (403, "bad_origin")
    assert "Set-Cookie" not in answer.headers


def test_a_header_counts_where_both_are_sent(town: Town) -> None:
    browser, _ = signed_in(town)
    ben = town.signed_up("ben")

    assert browser.get("/api/v1/auth/me", headers=ben).json["name"] == "ben"
    assert browser.patch("/api/v1/auth/me", json={"name": "Ben"}, headers=ben).status_code == 200
    assert browser.get("/api/v1/auth/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_a_session_that_is_over_means_nobody_and_is_forgotten(town: Town) -> None:
    browser, _ = signed_in(town)
    kept = browser.get_cookie("meze")
    assert kept is not None
    anna = town.accounts.people.find("anna@example.com")
    assert anna is not None
    town.accounts.people.sign_out(anna, Visitor())
    public = browser.get("/api/v1/notes")

    assert public.status_code == 200
    assert {name: morsel["max-age"] for name, morsel in cookies_of(public).items()} == {"meze": "0", "meze_csrf": "0"}
    assert browser.get_cookie("meze") is None


def test_of_two_cookies_with_one_name_neither_is_taken(town: Town) -> None:
    browser, _ = signed_in(town)
    kept = browser.get_cookie("meze")
    assert kept is not None
    sent = {"Cookie": f"meze={kept.value}; meze=planted"}

    assert town.get("/auth/me", {"Cookie": f"meze={kept.value}"}).status_code == 200
    assert town.get("/auth/me", sent).status_code == 401


def test_signing_out_takes_the_cookies_away(town: Town) -> None:
    browser, headers = signed_in(town)
    answer = browser.post("/api/v1/auth/logout", headers=headers)

    assert answer.status_code == 204
    assert browser.get_cookie("meze") is None
    assert browser.get_cookie("meze_csrf") is None
    assert browser.get("/api/v1/auth/me").status_code == 401


def test_pages_that_are_the_same_for_everyone_ask_nobody_who_they_are(town: Town) -> None:
    browser, _ = signed_in(town)
    town.accounts.close()
    town.installation.database.close()

    assert browser.get("/health/ready").status_code == 200
    assert browser.get("/account/verify").status_code == 200
