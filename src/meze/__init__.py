"""Meze: the API backend platform for people who write Python.

Describe your data as SQLAlchemy models, say who may touch it, and Meze serves it on Flask.
"""

from typing import NoReturn

from meze.access.caller import NOBODY, Caller
from meze.access.terms import anyone, me, role, signed_in
from meze.accounts.tables import User
from meze.app import Meze
from meze.errors import Mistake, Problem
from meze.resources.fields.exact import Exact
from meze.resources.resource import FieldRules, hidden
from meze.web.home import About
from meze.web.messages import Request
from meze.web.pages import Credit

__version__ = "0.1.0"

__all__ = [
    "NOBODY",
    "About",
    "Caller",
    "Credit",
    "Exact",
    "FieldRules",
    "Meze",
    "Mistake",
    "Problem",
    "Request",
    "User",
    "anyone",
    "hidden",
    "me",
    "role",
    "signed_in",
]


def __getattr__(name: str) -> NoReturn:
    if name in ("resource", "can", "init_app", "get", "post", "job", "schedule"):
        raise AttributeError(
            f"`meze.{name}` is the module's; `{name}` belongs to your app's API. "
            f"Write `api = Meze(app, Base)` and then `api.{name}(...)`."
        )
    raise AttributeError(f"module 'meze' has no attribute {name!r}")
