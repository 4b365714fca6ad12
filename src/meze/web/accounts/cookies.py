"""The two cookies of a session in a browser: the session's token, which no script reads, and the CSRF token beside it.

With HTTPS both names begin with `__Host-`, so that no other host and no unencrypted page can set them. In development
over HTTP browsers take no such cookie, and the names are plain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from meze.settings import Settings

_PREFIX = "__Host-"
_SESSION = "meze"
_CSRF = "meze_csrf"


@dataclass(frozen=True, slots=True)
class Cookies:
    """How the cookies are written and read. `secure` is everything but development over HTTP."""

    secure: bool

    @property
    def session_name(self) -> str:
        return _PREFIX + _SESSION if self.secure else _SESSION

    @property
    def csrf_name(self) -> str:
        return _PREFIX + _CSRF if self.secure else _CSRF

    def sent(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request carries a session's cookie, good or not."""
        return bool(self._values(headers))

    def token(self, headers: Mapping[str, str]) -> str | None:
        """Return the session's token that a request carries.

        Of two cookies with one name somebody else may have set one, and nothing tells which: neither is taken.
        """
        values = self._values(headers)
        return values[0] if len(values) == 1 else None

    def given(self, token: str, csrf_token: str, expires_at: float) -> list[str]:
        """Return the `Set-Cookie` headers that sign a browser in, until `expires_at` (seconds since 1970)."""
        until = f"Expires={formatdate(expires_at, usegmt=True)}"
        return [
            self._written(self.session_name, token, until, "HttpOnly"),
            self._written(self.csrf_name, csrf_token, until),
        ]

    def taken(self) -> list[str]:
        """Return the `Set-Cookie` headers that make a browser forget both."""
        return [
            self._written(self.session_name, "", "Max-Age=0", "HttpOnly"),
            self._written(self.csrf_name, "", "Max-Age=0"),
        ]

    def taken_with(self, headers: Mapping[str, str]) -> list[str]:
        """Return what `taken` does where it was the cookie that signed the request in, nothing elsewhere."""
        return self.taken() if "authorization" not in headers and self.sent(headers) else []

    def _values(self, headers: Mapping[str, str]) -> list[str]:
        pairs = (piece.strip().partition("=") for piece in headers.get("cookie", "").split(";"))
        return [value for name, equals, value in pairs if equals and name == self.session_name]

    def _written(self, name: str, value: str, *attributes: str) -> str:
        always = ("Path=/", "SameSite=Strict", *(["Secure"] if self.secure else []))
        return "; ".join((f"{name}={value}", *attributes, *always))


def cookies_of(settings: Settings) -> Cookies:
    """Return the cookies of a server with these settings."""
    encrypted = settings.public_url is not None and settings.public_url.startswith("https:")
    return Cookies(secure=encrypted or settings.env == "production")
