"""Checks 41 and 42: the session of a browser, and that no other site can use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.accounts.calling import Answer, Client, dumped
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import PUBLIC_URL, Deployment, Person

OURS = {"Host": "trips.example", "X-Forwarded-Proto": "https", "Origin": PUBLIC_URL}


def cookies_of(answer: Answer) -> dict[str, str]:
    """The `Set-Cookie` headers of an answer, by the cookie's name."""
    return {each.partition("=")[0]: each for each in answer.all("Set-Cookie")}


def value_of(written: str) -> str:
    return written.partition("=")[2].partition(";")[0]


@dataclass
class Browser:
    """A browser that somebody signed in with, on a page of ours. It sends what browsers send."""

    client: Client
    origin: Mapping[str, str]
    answer: Answer

    @property
    def cookies(self) -> dict[str, str]:
        return {name: value_of(written) for name, written in cookies_of(self.answer).items()}

    @property
    def session_name(self) -> str:
        return next(name for name in self.cookies if "csrf" not in name)

    @property
    def csrf_token(self) -> str:
        return next(value for name, value in self.cookies.items() if "csrf" in name)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def request(self, method: str, path: str, headers: Mapping[str, str | None] = {}, **options: Any) -> Answer:
        """Call as a page of ours does; `headers` change what it sends, None leaves one out."""
        sent: dict[str, str | None] = {**self.origin, "Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        sent |= {"X-CSRF-Token": self.csrf_token} | dict(headers)
        return self.client.request(
            method, path, headers={name: value for name, value in sent.items() if value is not None}, **options
        )


def browser_of(person: Person, origin: Mapping[str, str] = OURS, **headers: str) -> Browser:
    client = person.deployment.client()
    body = {"email": person.email, "password": person.password}
    answer = client.post("/auth/login?session=cookie", body, headers={**origin, **headers})
    assert answer.status == 200, answer
    return Browser(client, origin, answer)


@pytest.fixture
def browser(served: Deployment) -> Browser:
    return browser_of(served.person())


def test_the_session_cookie_is_closed_to_scripts_other_sites_and_plain_http(browser: Browser) -> None:
    """41"""
    written = cookies_of(browser.answer)[browser.session_name]
    attributes = {piece.strip().lower() for piece in written.split(";")[1:]}

    assert browser.session_name.startswith("__Host-")
    assert {"secure", "httponly", "path=/"} <= attributes
    assert attributes & {"samesite=strict", "samesite=lax"}
    assert not [each for each in attributes if each.startswith("domain")]
    assert len(value_of(written)) >= 43
    assert all("secure" in each.lower() and "samesite" in each.lower() for each in browser.answer.all("Set-Cookie"))


def test_an_answer_with_a_cookie_shows_no_token(browser: Browser) -> None:
    """41"""
    shown = browser.answer.body.decode()

    assert "access_token" not in shown
    assert "refresh_token" not in shown
    assert browser.cookies[browser.session_name] not in shown
    assert browser.answer.header("Cache-Control") == "no-store"


def test_the_cookie_signs_in(browser: Browser) -> None:
    """41"""
    answer = browser.request("GET", "/auth/me")

    assert answer.status == 200
    assert answer.header("Cache-Control") == "no-store"
    assert "cookie" in (answer.header("Vary") or "").lower()


def test_each_sign_in_makes_a_new_session_whatever_the_browser_had(served: Deployment) -> None:
    """41: nobody puts a session of theirs under somebody else (fixation)."""
    person, attacker = served.person(), served.person()
    planted = browser_of(attacker)

    victim = browser_of(person, Cookie=planted.cookie)

    assert not set(victim.cookies.values()) & set(planted.cookies.values())
    assert victim.request("GET", "/auth/me").json["id"] == person.id
    assert planted.request("GET", "/auth/me").status in (200, 401)
    if planted.request("GET", "/auth/me").status == 200:
        assert planted.request("GET", "/auth/me").json["id"] == attacker.id
    made_up = browser_of(person, Cookie=f"{victim.session_name}=of-my-own-making")
    assert made_up.cookies[made_up.session_name] != "of-my-own-making"


def test_over_http_on_this_machine_the_names_are_plain(deploy: Deploy) -> None:
    """41: browsers take no `__Host-` cookie there."""
    served = deploy(servers=1, MEZE_PUBLIC_URL="")
    own = {"Origin": served.urls[0]}

    browser = browser_of(served.person(), own)

    assert not browser.session_name.startswith("__")
    written = cookies_of(browser.answer)[browser.session_name].lower()
    assert "httponly" in written
    assert "samesite" in written
    assert browser.request("POST", "/trips", json={"title": "Lisbon"}).status == 201


def test_two_cookies_of_one_name_are_none(browser: Browser, served: Deployment) -> None:
    """41: one of them may have been set by somebody else."""
    other = browser_of(served.person())
    name = browser.session_name
    both = f"{name}={browser.cookies[name]}; {name}={other.cookies[name]}"

    assert browser.request("GET", "/auth/me", {"Cookie": both}).status == 401


def test_a_cookie_without_the_prefix_is_not_taken_for_ours(browser: Browser) -> None:
    """41: a plain name could be set by another host."""
    plain = browser.session_name.removeprefix("__Host-")

    assert (
        browser.request("GET", "/auth/me", {"Cookie": f"{plain}={browser.cookies[browser.session_name]}"}).status == 401
    )


def test_signing_out_ends_the_session_and_takes_the_cookies(browser: Browser) -> None:
    """41, 31"""
    answer = browser.request("POST", "/auth/logout")

    assert answer.status == 204
    taken = cookies_of(answer)
    assert set(taken) == set(browser.cookies)
    assert all(value_of(written) == "" for written in taken.values())
    assert all(re.search(r"max-age=0|expires=thu, 01 jan 1970", written, re.I) for written in taken.values())
    assert browser.request("GET", "/auth/me").status == 401


def test_a_page_of_ours_may_change_things(browser: Browser) -> None:
    """42: shows that what is refused below is refused for what it lacks."""
    answer = browser.request("POST", "/trips", json={"title": "Lisbon"})

    assert answer.status == 201
    at = f"/trips/{answer.json['id']}"
    assert browser.request("PATCH", at, json={"title": "Porto"}).status == 200
    assert browser.request("PUT", at, json={"title": "Faro"}).status == 200
    assert browser.request("DELETE", at).status == 204
    assert browser.request("PATCH", "/auth/me", json={"name": "Anna"}).status == 200


FORGED: list[Any] = [
    pytest.param({"X-CSRF-Token": None}, id="no-token"),
    pytest.param({"X-CSRF-Token": ""}, id="empty-token"),
    pytest.param({"X-CSRF-Token": "of my own making"}, id="made-up-token"),
    pytest.param({"X-CSRF-Token": "\u00fc".encode().decode("latin-1")}, id="token-that-is-not-ascii"),
    pytest.param({"Origin": "https://evil.example"}, id="foreign-origin"),
    pytest.param({"Origin": "null"}, id="origin-null"),
    pytest.param({"Origin": None}, id="no-origin"),
    pytest.param({"Origin": ""}, id="empty-origin"),
    pytest.param({"Origin": "http://trips.example"}, id="origin-without-tls"),
    pytest.param({"Origin": "https://trips.example:8443"}, id="origin-with-another-port"),
    pytest.param({"Origin": "https://trips.example.evil.example"}, id="origin-that-begins-like-ours"),
    pytest.param({"Origin": "https://eviltrips.example"}, id="origin-that-ends-like-ours"),
    pytest.param({"Origin": "https://sub.trips.example"}, id="origin-below-ours"),
    pytest.param({"Origin": "https://trips.example/"}, id="origin-with-a-path"),
    pytest.param({"Origin": f"{PUBLIC_URL} https://evil.example"}, id="two-origins"),
    pytest.param({"Origin": "http://localhost:3000"}, id="another-program-on-this-machine"),
    pytest.param({"Origin": None, "Referer": f"{PUBLIC_URL}/"}, id="referer-alone"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "CROSS-SITE"}, id="cross-site-in-capitals"),
    pytest.param({"Origin": "https://evil.example", "Host": "evil.example"}, id="foreign-host-too"),
]


@pytest.mark.parametrize(("method", "path"), [("POST", "/trips"), ("PATCH", "/trips/{id}"), ("DELETE", "/trips/{id}")])
@pytest.mark.parametrize("headers", FORGED)
def test_what_another_site_may_have_sent_changes_nothing(
    browser: Browser, method: str, path: str, headers: dict[str, str | None]
) -> None:
    """42"""
    trip = browser.request("POST", "/trips", json={"title": "Lisbon"}).json

    forged = browser.request(method, path.format(id=trip["id"]), headers, json={"title": "Forged"})

    if headers.get("Host"):
        assert forged.status == 400
    else:
        assert (forged.status, forged.code) == (403, "bad_origin"), forged
    assert [each["title"] for each in browser.request("GET", "/trips").json["items"]] == ["Lisbon"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("POST", "/auth/confirm"),
        ("PATCH", "/auth/me"),
        ("DELETE", "/auth/me"),
        ("POST", "/auth/password/change"),
        ("POST", "/auth/totp"),
        ("POST", "/auth/totp/confirm"),
        ("DELETE", "/auth/totp"),
        ("POST", "/auth/keys"),
        ("DELETE", "/auth/keys/1"),
        ("DELETE", "/auth/sessions/1"),
        ("POST", "/auth/invitations"),
        ("POST", "/auth/email/resend"),
        ("POST", "/users"),
        ("PATCH", "/users/1"),
        ("DELETE", "/users/1"),
        ("POST", "/users/1/sign-out"),
    ],
)
@pytest.mark.parametrize(
    "headers", [{"X-CSRF-Token": None}, {"Origin": "https://evil.example"}], ids=["token", "origin"]
)
def test_no_account_is_changed_from_another_site(
    browser: Browser, method: str, path: str, headers: dict[str, str | None]
) -> None:
    """42: asked before the body is looked at."""
    forged = browser.request(method, path, headers, json={})

    assert (forged.status, forged.code) == (403, "bad_origin"), forged
    assert browser.request("GET", "/auth/me").status == 200


def test_the_csrf_token_of_another_session_is_none(browser: Browser, served: Deployment) -> None:
    """42: an attacker has a token of their own, and a subdomain may plant its cookie."""
    attacker = browser_of(served.person())
    headers = {
        "X-CSRF-Token": attacker.csrf_token,
        "Cookie": f"{browser.session_name}={browser.cookies[browser.session_name]}; "
        + "; ".join(f"{name}={value}" for name, value in attacker.cookies.items() if "csrf" in name),
    }

    forged = browser.request("POST", "/trips", headers, json={"title": "Forged"})

    assert (forged.status, forged.code) == (403, "bad_origin")


BODIES: list[Any] = [
    pytest.param("text/plain", dumped({"title": "Forged"}), id="json-as-text"),
    pytest.param("text/plain;application/json", dumped({"title": "Forged"}), id="json-in-a-parameter"),
    pytest.param("application/x-www-form-urlencoded", b"title=Forged", id="form"),
    pytest.param("multipart/form-data; boundary=x", b"--x\r\n\r\nForged\r\n--x--", id="multipart"),
    pytest.param(None, dumped({"title": "Forged"}), id="no-type"),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_what_a_form_can_send_changes_nothing(browser: Browser, kind: str | None, body: bytes) -> None:
    """42: without a token it is 403; with one it is still no body that is read."""
    forged = browser.request("POST", "/trips", {"X-CSRF-Token": None, "Content-Type": kind}, body=body)
    with_token = browser.request("POST", "/trips", {"Content-Type": kind}, body=body)

    assert (forged.status, forged.code) == (403, "bad_origin")
    assert with_token.status == 415
    assert browser.request("GET", "/trips").json["items"] == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_get_stays_a_get(browser: Browser, name: str) -> None:
    """42"""
    trip = browser.request("POST", "/trips", json={"title": "Lisbon"}).json
    at = f"/trips/{trip['id']}"
    from_elsewhere = {"X-CSRF-Token": None, "Origin": None, "Sec-Fetch-Site": "cross-site"}

    assert browser.request("GET", at, {**from_elsewhere, name: "DELETE"}).status == 200
    assert browser.request("GET", f"{at}?_method=DELETE", from_elsewhere).status == 400
    assert browser.request("GET", "/auth/logout", {**from_elsewhere, name: "POST"}).status == 405
    forged = browser.request("POST", at, {**from_elsewhere, name: "DELETE"}, body=b"_method=DELETE")
    assert forged.status in (403, 405)

    assert browser.request("GET", at).status == 200
    assert browser.request("GET", "/auth/me").status == 200


def test_no_get_changes_an_account(browser: Browser, served: Deployment) -> None:
    """42: every address of accounts, asked by GET and HEAD, leaves the database as it was but for the last use."""
    paths = [
        *("register", "login", "logout", "logout-all", "confirm", "me", "password/change", "password/forgot"),
        *("password/reset", "email/verify", "email/resend", "sessions", "totp", "totp/confirm", "keys", "invitations"),
        *("first-admin", "login/second-factor", "refresh", "events"),
    ]
    own = browser.request("GET", "/auth/me").json["id"]
    before = account(served, own)

    for path in paths:
        for method in ("GET", "HEAD"):
            assert browser.request(method, f"/auth/{path}").status in (200, 405, 404, 403), path

    assert account(served, own) == before


def account(served: Deployment, user_id: int) -> list[list[tuple[Any, ...]]]:
    """Everything that is stored of an account, but for when its sessions were used."""
    of_sessions = (
        "SELECT id, revoked_at, confirmed_until, expires_at FROM meze_sessions WHERE user_id = :id ORDER BY id"
    )
    tables = ("passwords", "factors", "recovery_codes", "keys", "tokens", "account_events")
    return [
        served.rows("SELECT * FROM meze_users WHERE id = :id", id=user_id),
        served.rows(of_sessions, id=user_id),
        *(served.rows(f"SELECT count(*) FROM meze_{table} WHERE user_id = :id", id=user_id) for table in tables),
    ]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["foreign", "null", "cross-site"],
)
def test_another_site_signs_nobody_in(served: Deployment, headers: dict[str, str]) -> None:
    """42: a visitor would work in an account of the attacker's."""
    person = served.person()
    body = {"email": person.email, "password": person.password}

    forged = served.client().post("/auth/login?session=cookie", body, headers={**OURS, **headers})

    assert (forged.status, forged.code) == (403, "bad_origin")
    assert not forged.all("Set-Cookie")


SIGNING_IN: list[Any] = [
    pytest.param("/auth/register", {"email": "x@example.com", "password": "short"}, id="register"),
    pytest.param("/auth/login/second-factor", {"mfa_token": "x", "code": "123456"}, id="second-factor"),
    pytest.param("/auth/first-admin", {"token": "x", "email": "x@example.com", "password": "short"}, id="first-admin"),
]


@pytest.mark.parametrize(("path", "body"), SIGNING_IN)
def test_every_door_that_gives_a_cookie_asks_for_our_origin(
    served: Deployment, path: str, body: dict[str, str]
) -> None:
    """42"""
    forged = served.client().post(f"{path}?session=cookie", body, headers={**OURS, "Origin": "https://evil.example"})
    ours = served.client().post(f"{path}?session=cookie", body, headers=OURS)

    assert (forged.status, forged.code) == (403, "bad_origin")
    assert ours.status in (401, 422), ours


def test_where_both_are_sent_the_header_counts(browser: Browser, served: Deployment) -> None:
    """42, contract 3: with a bearer token no CSRF token is asked for, and a bad one is not saved by the cookie."""
    person = served.person()
    bare: dict[str, str | None] = {"X-CSRF-Token": None, "Origin": None, "Sec-Fetch-Site": None}

    with_token = {**bare, "Authorization": f"Bearer {person.access_token}"}
    assert browser.request("GET", "/auth/me", with_token).json["id"] == person.id
    assert browser.request("POST", "/trips", with_token, json={"title": "Mine"}).status == 201
    bad = {"Authorization": "Bearer meze_access_nothing"}
    assert browser.request("GET", "/auth/me", bad).status == 401
    assert browser.request("POST", "/trips", bad, json={"title": "Forged"}).status == 401


def test_a_cookie_is_not_sent_to_pages_elsewhere(deploy: Deploy) -> None:
    """42, 45: CORS is opened without credentials."""
    served = deploy(servers=1, MEZE_CORS_ORIGINS="https://app.example")
    browser = browser_of(served.person())

    answer = browser.request("GET", "/auth/me", {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"})
    forged = browser.request("POST", "/trips", {"Origin": "https://app.example"}, json={"title": "Forged"})

    assert answer.header("Access-Control-Allow-Credentials") is None
    assert (forged.status, forged.code) == (403, "bad_origin")


def test_a_confirmation_counts_for_the_browser_that_gave_it(browser: Browser, served: Deployment) -> None:
    """18, 41"""
    email = browser.request("GET", "/auth/me").json["email"]
    person = served.person()
    first, second = browser_of(person), browser_of(person)
    assert email != person.email
    assert first.request("POST", "/auth/confirm", json={"password": person.password}).status == 204

    assert first.request("POST", "/auth/totp").status == 200
    assert second.request("POST", "/auth/totp").code == "confirmation_required"
