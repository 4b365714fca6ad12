"""The headers that every answer carries, and those that let pages of other origins call the API."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from meze.web.messages import Request, Response

VARY = "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie"
EXPOSED = (
    "ETag, Location, Retry-After, X-Request-ID, Idempotency-Replayed, RateLimit, RateLimit-Policy, Deprecation, Sunset"
)
_METHODS = "GET, HEAD, QUERY, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Accept-Language, X-Request-ID"


_SECURITY = {
    "Vary": VARY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_BY_CREDENTIALS = {
    False: {"Cache-Control": "private, no-cache", **_SECURITY},
    True: {"Cache-Control": "no-store", **_SECURITY},
}


def security_headers(credentials: bool) -> Mapping[str, str]:
    """Return what keeps browsers and caches from doing more than they should with an answer."""
    return _BY_CREDENTIALS[credentials]


def cors_headers(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Return the headers that open an answer to the page that asked, if its origin was named exactly."""
    origin = request.headers.get("origin")
    if origin is None or origin not in origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED, "Vary": f"{VARY}, Origin"}


def preflight(request: Request, origins: Collection[str]) -> Response | None:
    """Answer a browser that asks whether a page may call us; None where the request is no such question."""
    asked = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    if not asked or request.headers.get("origin") not in origins:
        return None
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": "600",
    }
    return Response(204, headers=headers, route=request.path)
