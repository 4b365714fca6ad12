"""Who is calling where the database cannot tell: never nobody, since that would hide that it is away."""

from __future__ import annotations

import pytest

from meze.access.caller import NOBODY, Caller
from meze.errors import BadCredentials, Problem, TokenExpired, TokenRevoked, Unavailable
from meze.web.accounts.cookies import Cookies
from meze.web.accounts.identify import Identify
from meze.web.accounts.origin import Origins
from meze.web.messages import Request

LOGIN = "/api/v1/auth/login"


class Answers:
    """Knows one token, and answers for every other with the same problem."""

    def __init__(self, problem: type[Problem]) -> None:
        self._problem = problem

    def caller_of(self, text: str) -> Caller:
        if text != "good":
            raise self._problem
        return Caller(1, credentials=True)

    caller_of_cookie = caller_of

    def csrf_token(self, text: str) -> str:
        return f"csrf of {text}"


def identified(problem: type[Problem], method: str = "GET", path: str = "/api/v1/notes", **headers: str) -> Caller:
    origins = Origins("https://api.example.com", development=False)
    identify = Identify(Answers(problem), Cookies(secure=True), origins, frozenset({LOGIN}))
    return identify(Request(method, path, headers=headers))


@pytest.mark.parametrize("headers", [{"authorization": "Bearer x"}, {"cookie": "__Host-meze=x"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_database_that_is_away_is_told(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(Unavailable):
        identified(Unavailable, method, **headers)


@pytest.mark.parametrize("problem", [BadCredentials, TokenExpired, TokenRevoked])
def test_a_token_that_is_not_good_is_refused_and_a_cookie_means_nobody(problem: type[Problem]) -> None:
    with pytest.raises(problem):
        identified(problem, authorization="Bearer x")

    assert identified(problem, cookie="__Host-meze=x") == NOBODY
    assert identified(problem, "POST", cookie="__Host-meze=x") == NOBODY


@pytest.mark.parametrize("problem", [TokenExpired, TokenRevoked])
def test_signing_in_asks_for_nobody(problem: type[Problem]) -> None:
    assert identified(problem, "POST", LOGIN, authorization="Bearer x") == NOBODY
    assert identified(Unavailable, "POST", LOGIN, cookie="__Host-meze=x") == NOBODY
    with pytest.raises(BadCredentials):
        identified(BadCredentials, "POST", LOGIN, authorization="Bearer x")


def test_a_good_cookie_needs_no_csrf_token_to_read() -> None:
    assert identified(BadCredentials, cookie="__Host-meze=good").id == 1
    assert identified(BadCredentials, "HEAD", cookie="__Host-meze=good").id == 1


def test_without_credentials_nobody_calls() -> None:
    assert identified(Unavailable) == NOBODY
    assert identified(Unavailable, cookie="other=x") == NOBODY
