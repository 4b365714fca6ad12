"""Meze: the API backend platform for people who write Python.

Describe your data as SQLAlchemy models, say who may touch it, and Meze serves it on Flask.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

# Where each public name is. It is imported when it is asked for: a command such as `meze --help` needs none of them.
PLACES = {
    "NOBODY": "meze.access.caller",
    "About": "meze.web.home",
    "Caller": "meze.access.caller",
    "Credit": "meze.web.pages",
    "Exact": "meze.resources.fields.exact",
    "FieldRules": "meze.resources.resource",
    "Meze": "meze.app",
    "Mistake": "meze.errors",
    "Problem": "meze.errors",
    "Request": "meze.web.messages",
    "User": "meze.accounts.tables",
    "anyone": "meze.access.terms",
    "hidden": "meze.resources.resource",
    "me": "meze.access.terms",
    "role": "meze.access.terms",
    "signed_in": "meze.access.terms",
}

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


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


if not TYPE_CHECKING:  # a type checker knows every name, and should refuse any other

    def __getattr__(name):
        if name in PLACES:
            found = globals()[name] = getattr(import_module(PLACES[name]), name)
            return found
        if name in ("resource", "can", "init_app", "get", "post", "job", "schedule"):
            raise AttributeError(
                f"`meze.{name}` is the module's; `{name}` belongs to your app's API. "
                f"Write `api = Meze(app, Base)` and then `api.{name}(...)`."
            )
        raise AttributeError(f"module 'meze' has no attribute {name!r}")
