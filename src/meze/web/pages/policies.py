"""What each page may load and run: the Content-Security-Policy of every page that Meze serves.

All of it comes from this server, and no script or style is written into a page. The one exception is the style of the
API reference: Scalar creates its `<style>` elements and style attributes while it runs, most of them without a nonce,
so that page alone allows inline styles. What such a style could fetch is still limited to this server.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NOTHING = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PLAIN = f"{_NOTHING}; style-src 'self'; img-src 'self'"

_REFERENCE = (
    f"{_NOTHING}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'"
)

_FORM = f"{_PLAIN}; script-src 'self'; connect-src 'self'"

CONTENT_SECURITY_POLICY: Mapping[str, str] = MappingProxyType(
    {"home": _PLAIN, "docs": _REFERENCE, "error": _PLAIN, "account": _FORM}
)
"""The policy of each page, by the name of the function that renders it."""
