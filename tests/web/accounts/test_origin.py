"""A change with the cookie comes from a page of ours, by three signs at once, or is refused."""

from __future__ import annotations

import pytest

from meze.errors import BadOrigin
from meze.web.accounts.origin import Origins
from meze.web.messages import Request

PRODUCTION = Origins("https://api.example.com", development=False)
DEVELOPMENT = Origins(None, development=True)
OURS = {"origin": "https://api.example.com", "host": "api.example.com", "x-csrf-token": "csrf"}


def asked(**headers: str | None) -> Request:
    written = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/", headers={name: value for name, value in (OURS | written).items() if value is not None})


@pytest.mark.parametrize("site", ["same-origin", "none", None])
def test_a_page_of_ours_may_change_things(site):
    PRODUCTION.check_change(asked(sec_fetch_site=site), "csrf")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x_csrf_token": None}, id="no-csrf-token"),
        pytest.param({"x_csrf_token": ""}, id="an-empty-one"),
        pytest.param({"x_csrf_token": "other"}, id="another-sessions"),
        pytest.param({"x_csrf_token": "čsrf"}, id="beyond-ascii"),
        pytest.param({"origin": None}, id="no-origin"),
        pytest.param({"origin": "null"}, id="a-sandboxed-page"),
        pytest.param({"origin": "https://evil.example"}, id="another-site"),
        pytest.param({"origin": "https://api.example.com.evil.example"}, id="ours-as-a-beginning"),
        pytest.param({"origin": "https://evil-api.example.com"}, id="ours-as-an-end"),
        pytest.param({"origin": "http://api.example.com"}, id="without-encryption"),
        pytest.param({"origin": "https://api.example.com:8443"}, id="another-port"),
        pytest.param({"origin": "https://API.example.com"}, id="not-as-browsers-write-it"),
        pytest.param({"origin": "http://localhost:8000", "host": "localhost:8000"}, id="loopback-in-production"),
        pytest.param({"sec_fetch_site": "cross-site"}, id="from-another-site"),
        pytest.param({"sec_fetch_site": "same-site"}, id="from-a-neighbour"),
    ],
)
def test_anything_else_may_not(headers):
    with pytest.raises(BadOrigin):
        PRODUCTION.check_change(asked(**headers), "csrf")


@pytest.mark.parametrize(
    ("origin", "host", "passes"),
    [
        pytest.param("http://localhost:8000", "localhost:8000", True, id="localhost"),
        pytest.param("http://127.0.0.1:8000", "127.0.0.1:8000", True, id="an-address"),
        pytest.param("http://[::1]:8000", "[::1]:8000", True, id="ipv6"),
        pytest.param("http://localhost", "localhost", True, id="no-port"),
        pytest.param("http://localhost:3000", "localhost:8000", False, id="another-server-on-this-machine"),
        pytest.param("http://api.example.com", "api.example.com", False, id="no-loopback"),
        pytest.param("http://localhost.evil.example", "localhost.evil.example", False, id="a-name-like-loopback"),
    ],
)
def test_in_development_the_host_that_was_asked_counts_on_this_machine(origin, host, passes):
    if passes:
        DEVELOPMENT.check_change(asked(origin=origin, host=host), "csrf")
        return
    with pytest.raises(BadOrigin):
        DEVELOPMENT.check_change(asked(origin=origin, host=host), "csrf")


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        pytest.param({}, True, id="a-page-of-ours"),
        pytest.param({"origin": None, "sec_fetch_site": None}, True, id="no-browser"),
        pytest.param({"x_csrf_token": None}, True, id="there-is-no-csrf-token-yet"),
        pytest.param({"origin": "https://evil.example"}, False, id="another-site"),
        pytest.param({"origin": "null"}, False, id="a-sandboxed-page"),
        pytest.param({"sec_fetch_site": "cross-site"}, False, id="a-browser-that-says-so"),
        pytest.param({"origin": None, "sec_fetch_site": "cross-site"}, False, id="a-browser-without-origin"),
    ],
)
def test_no_other_site_signs_a_visitor_in(headers, passes):
    if passes:
        PRODUCTION.check_sign_in(asked(**headers))
        return
    with pytest.raises(BadOrigin):
        PRODUCTION.check_sign_in(asked(**headers))
