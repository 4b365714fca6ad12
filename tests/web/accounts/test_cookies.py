"""The cookies of a session: how they are written, and which of those that come back are taken."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from meze.web.accounts.cookies import Cookies

SECURE, PLAIN = Cookies(secure=True), Cookies(secure=False)


def test_with_https_no_other_host_and_no_script_gets_the_session():
    session, csrf = (SimpleCookie(written) for written in SECURE.given("token", "csrf", 1_800_000_000))

    kept = session["__Host-meze"]
    assert (kept.value, kept["path"], kept["domain"]) == ("token", "/", "")
    assert kept["secure"] is True
    assert kept["httponly"] is True
    assert kept["samesite"] == "Strict"
    assert kept["expires"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert csrf["__Host-meze_csrf"].value == "csrf"
    assert csrf["__Host-meze_csrf"]["secure"] is True


def test_our_own_pages_can_read_the_csrf_token():
    _, csrf = (SimpleCookie(written) for written in SECURE.given("token", "csrf", 1_800_000_000))

    assert not csrf["__Host-meze_csrf"]["httponly"]


def test_without_https_the_names_are_plain():
    session, csrf = PLAIN.given("token", "csrf", 1_800_000_000)

    assert session.startswith("meze=token; ")
    assert csrf.startswith("meze_csrf=csrf; ")
    assert "Secure" not in session + csrf


@pytest.mark.parametrize("cookies", [SECURE, PLAIN])
def test_both_are_taken_away_as_they_were_given(cookies):
    given, taken = cookies.given("token", "csrf", 1_800_000_000), cookies.taken()

    for before, after in zip(given, taken, strict=True):
        assert before.partition("=")[0] == after.partition("=")[0]
        assert "Max-Age=0" in after
        assert ("Secure" in before) == ("Secure" in after)
        assert "Path=/" in after


@pytest.mark.parametrize(
    ("cookies", "header", "token"),
    [
        pytest.param(SECURE, "__Host-meze=abc", "abc", id="alone"),
        pytest.param(SECURE, "a=b; __Host-meze=abc; c=d", "abc", id="among-others"),
        pytest.param(SECURE, "a=b;__Host-meze=abc", "abc", id="without-a-space"),
        pytest.param(SECURE, "__Host-meze=a=b", "a=b", id="with-an-equals-sign"),
        pytest.param(SECURE, "", None, id="none"),
        pytest.param(SECURE, "meze=abc", None, id="https-takes-no-plain-name"),
        pytest.param(PLAIN, "__Host-meze=abc", None, id="http-takes-no-prefixed-name"),
        pytest.param(SECURE, "__host-meze=abc", None, id="letter-case-counts"),
        pytest.param(SECURE, "x__Host-meze=abc", None, id="a-name-that-ends-like-ours"),
        pytest.param(SECURE, "__Host-meze=abc; __Host-meze=def", None, id="two-of-one-name"),
        pytest.param(SECURE, "__Host-meze=abc; __Host-meze=abc", None, id="two-alike"),
        pytest.param(SECURE, "__Host-meze", None, id="no-value"),
    ],
)
def test_one_cookie_of_our_name_is_taken(cookies, header, token):
    assert cookies.token({"cookie": header}) == token


def test_a_request_without_cookies_has_none_of_ours():
    assert not SECURE.sent({})
    assert not SECURE.sent({"cookie": "a=b"})
    assert SECURE.sent({"cookie": "__Host-meze=abc; __Host-meze=def"})


def test_a_header_that_signs_in_leaves_the_cookie_alone():
    assert SECURE.taken_with({"cookie": "__Host-meze=abc"}) == SECURE.taken()
    assert SECURE.taken_with({"cookie": "__Host-meze=abc", "authorization": "Bearer x"}) == []
    assert SECURE.taken_with({}) == []
