"""The page at `/docs`: the API reference, drawn by Scalar from the application's OpenAPI document.

Scalar is vendored in `static/scalar.js`, as published; `static/docs.js` switches off everything in it that would call
another server, and the page's policy forbids such calls as well.
"""

from __future__ import annotations

from .layout import fill


def render_docs(title: str, language: str, *, openapi: str = "/openapi.json", home: str = "/") -> bytes:
    """Return the API reference of the document at `openapi`, as HTML in UTF-8."""
    return fill("docs.html", language, {"title": title, "openapi": openapi, "home": home})
