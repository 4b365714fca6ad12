"""Tell who is calling from what a request carries: `Authorization: Bearer`, or the cookie of a browser.

The header counts where both are sent. Credentials in it that are not good are refused even where anyone may go on, as a
program sends them on purpose. A browser sends its cookies everywhere, so one that is over means nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from meze.access.caller import NOBODY, Caller
from meze.errors import BadCredentials, TokenExpired, TokenRevoked, Unauthenticated
from meze.web.accounts.cookies import Cookies
from meze.web.accounts.origin import Origins
from meze.web.messages import Request

_SAFE = ("GET", "HEAD", "OPTIONS", "QUERY")


class KnowsTokens(Protocol):
    """What tells the caller of a token: `meze.accounts.sessions.Sessions`."""

    def caller_of(self, text: str) -> Caller: ...

    def caller_of_cookie(self, text: str) -> Caller: ...

    def csrf_token(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Identify:
    """Tells the caller of each request.

    `indifferent` are the paths whose POST asks for nobody, such as signing in: a browser that is signed in already may
    send it, and a program whose tokens have ended.
    """

    tokens: KnowsTokens
    cookies: Cookies
    origins: Origins
    indifferent: frozenset[str]

    def __call__(self, request: Request) -> Caller:
        """Return who is calling, or NOBODY.

        Raises:
            Unauthenticated: the credentials in the header are not good.
            BadOrigin: a change with the cookie that no page of ours asks for.
            Unavailable: it cannot be known just now.
        """
        header = request.headers.get("authorization")
        if header is None and "cookie" not in request.headers:
            return NOBODY
        indifferent = request.method == "POST" and request.path in self.indifferent
        if header is None:
            return NOBODY if indifferent else self._of_cookie(request)
        try:
            return self._of_header(header)
        except (TokenExpired, TokenRevoked):
            if indifferent:
                return NOBODY
            raise

    def is_dead_cookie(self, request: Request, caller: Caller) -> bool:
        """Say whether a request carries a cookie that told of nobody, for the browser to forget."""
        return (
            not caller.credentials
            and "authorization" not in request.headers
            and not (request.method == "POST" and request.path in self.indifferent)
            and self.cookies.sent(request.headers)
        )

    def _of_header(self, header: str) -> Caller:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise BadCredentials
        return self.tokens.caller_of(token.strip(" "))

    def _of_cookie(self, request: Request) -> Caller:
        token = self.cookies.token(request.headers)
        if token is None:
            return NOBODY
        try:
            caller = self.tokens.caller_of_cookie(token)
        except Unauthenticated:
            return NOBODY
        if request.method not in _SAFE:
            self.origins.check_change(request, self.tokens.csrf_token(token))
        return caller
