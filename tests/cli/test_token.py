"""`meze token` as a process: what it prints opens the API to curl, and only while developing."""

import json

import pytest

PRODUCTION = {
    "MEZE_ENV": "production",
    "MEZE_PUBLIC_URL": "https://notes.example",
    "MEZE_REGISTRATION": "closed",
    "MEZE_PASSWORD_HASHING": "m=19456,t=2,p=1",
}


@pytest.fixture
def anna(staff):
    staff.run("user", "create", "anna@example.com", "--password-stdin", given="otters read at night\n")
    return staff


def test_a_token_is_all_that_is_printed_and_opens_the_api(staff):
    staff.run("user", "create", "anna@example.com", "--password-stdin", given="otters read at night\n")

    done = staff.run("token", "Anna@example.com")

    token = done.stdout.removesuffix("\n")
    assert done.returncode == 0
    assert done.stderr == ""
    assert token.startswith("meze_access_")
    assert token.split() == [token]
    with staff.serving() as server:
        status, me = server.send("GET", "/api/v1/auth/me", token=token)
        assert (status, me["email"]) == (200, "anna@example.com")
        sessions = server.send("GET", "/api/v1/auth/sessions", token=token)[1]["items"]
        assert [(each["method"], each["device"]) for each in sessions] == [("token", "command line")]
        assert server.send("GET", "/api/v1/auth/me")[0] == 401


def test_programs_are_told_how_long_a_token_is_good(anna):
    usual = json.loads(anna.run("token", "anna@example.com", "--json").stdout)
    anna.environ["MEZE_ACCESS_TOKEN_MINUTES"] = "2"
    short = json.loads(anna.run("token", "anna@example.com", "--json").stdout)

    assert usual.keys() == {"token", "expires_in"}
    assert (usual["expires_in"], short["expires_in"]) == (900, 120)


@pytest.mark.parametrize(
    ("environ", "email", "cause", "remedy"),
    [
        pytest.param(PRODUCTION, "anna@example.com", "MEZE_ENV is production", "/api/v1/auth/keys", id="in-production"),
        pytest.param({}, "nobody@example.com", "There is no account nobody@example.com", "meze user list", id="nobody"),
    ],
)
def test_what_cannot_be_is_refused_in_words(anna, environ, email, cause, remedy):
    anna.environ |= environ

    done = anna.run("token", email)

    assert (done.returncode, done.stdout) == (1, "")
    assert cause in done.stderr.partition("→")[0]
    assert remedy in done.stderr.partition("→")[2]


def test_who_was_disabled_gets_no_token(anna):
    anna.run("user", "disable", "anna@example.com")

    done = anna.run("token", "anna@example.com")

    assert (done.returncode, done.stdout) == (1, "")
    assert "anna@example.com is disabled." in done.stderr
    assert "meze user enable anna@example.com" in done.stderr
