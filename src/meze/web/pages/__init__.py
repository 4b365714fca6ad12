"""The pages that Meze serves to people: the start page, the API reference, one for each error, those behind mail.

Pure functions from facts to bytes. They know nothing of requests or of Flask, and load nothing from elsewhere.
"""

from .account import ACCOUNT_PAGES, AccountPage, render_account
from .assets import PREFIX, STATIC, StaticFile, asset_url
from .docs import render_docs
from .errors import error_document, error_kinds, render_error
from .home import Credit, Example, Home, ResourceLink, home_document, render_home
from .policies import CONTENT_SECURITY_POLICY

__all__ = [
    "ACCOUNT_PAGES",
    "CONTENT_SECURITY_POLICY",
    "PREFIX",
    "STATIC",
    "AccountPage",
    "Credit",
    "Example",
    "Home",
    "ResourceLink",
    "StaticFile",
    "asset_url",
    "error_document",
    "error_kinds",
    "home_document",
    "render_account",
    "render_docs",
    "render_error",
    "render_home",
]
