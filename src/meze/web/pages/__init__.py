"""The pages that Meze serves to people: the start page, the API reference and one page for each error.

Pure functions from facts to bytes. They know nothing of requests or of Flask, and load nothing from elsewhere.
"""

from .assets import PREFIX, STATIC, StaticFile, asset_url
from .docs import render_docs
from .errors import error_document, error_kinds, render_error
from .home import Credit, Example, Home, ResourceLink, home_document, render_home
from .policies import CONTENT_SECURITY_POLICY

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "PREFIX",
    "STATIC",
    "Credit",
    "Example",
    "Home",
    "ResourceLink",
    "StaticFile",
    "asset_url",
    "error_document",
    "error_kinds",
    "home_document",
    "render_docs",
    "render_error",
    "render_home",
]
