"""Which pages may make a browser change something with our cookie: our own, and no other (CSRF).

Three things are asked, since each has its gaps: where the page is from (`Origin`), how near that is
(`Sec-Fetch-Site`), and a token that only our own pages can read.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from meze.errors import BadOrigin
from meze.settings import Settings, is_loopback
from meze.web.messages import Request

_NEAR = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class Origins:
    """Knows our own origins: the public URL's, and in development that of the request itself on this machine."""

    public: str | None
    development: bool

    def check_change(self, request: Request, csrf_token: str) -> None:
        """Let a change pass that a page of ours makes with the cookie whose CSRF token this is.

        Raises:
            BadOrigin: it may come from elsewhere.
        """
        sent = request.headers.get("x-csrf-token", "")
        known = hmac.compare_digest(sent.encode(), csrf_token.encode())
        if not (known and self._is_ours(request, request.headers.get("origin"))):
            raise BadOrigin

    def check_sign_in(self, request: Request) -> None:
        """Let a browser be signed in by a page of ours; what sends no `Origin` is no browser.

        Another site could otherwise sign a visitor in to an account of its own.

        Raises:
            BadOrigin: it comes from elsewhere.
        """
        origin = request.headers.get("origin")
        if not self._is_near(request) or (origin is not None and not self._is_ours(request, origin)):
            raise BadOrigin

    def _is_ours(self, request: Request, origin: str | None) -> bool:
        if origin is None or not self._is_near(request):
            return False
        if origin == self.public:
            return True
        host = request.headers.get("host", "").lower()
        return self.development and is_loopback(_name_of(host)) and origin == f"http://{host}"

    def _is_near(self, request: Request) -> bool:
        return request.headers.get("sec-fetch-site", "none").lower() in _NEAR


def origins_of(settings: Settings) -> Origins:
    """Return the origins of a server with these settings."""
    return Origins(settings.public_url, settings.env != "production")


def _name_of(host: str) -> str:
    """Return a host without its port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
