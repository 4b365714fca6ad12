"""The words a rule is written with: `anyone`, `signed_in`, `role("editor")` and `me`.

They are SQLAlchemy expressions, so `|`, `&` and `~` combine them with any other; but they never reach a database.
`fold` decides them first, and a `me` that is left becomes a bind parameter.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, NoReturn

from sqlalchemy import BigInteger, Boolean, ColumnElement, String
from sqlalchemy.ext.compiler import compiles

from meze.errors import Mistake

_OURS = ("meze.", "sqlalchemy.", "sqlalchemy")


def user_frame() -> FrameType | None:
    """Return the nearest frame of the user's own code, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_OURS):
            return frame
        frame = frame.f_back
    return None


def user_line() -> str | None:
    """Return `file:line` of the user's own code that led here, or None."""
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else None


class Term(ColumnElement[bool]):
    """A condition on the caller alone. `words` is how a person reads it."""

    type = Boolean()
    inherit_cache = False
    words: str

    def __bool__(self) -> NoReturn:
        raise Mistake(
            f"`and`, `or`, `not` and `if` cannot be used on {self!r}: a rule has no truth value in Python.",
            "Combine rules with `&`, `|` and `~`, comparisons in parentheses: signed_in & (Trip.owner_id == me.id).",
            user_line(),
        )


class Anyone(Term):
    """True for every caller, signed in or not."""

    words = "anyone"

    def __repr__(self) -> str:
        return "anyone"


class SignedIn(Term):
    """True for every caller that we know."""

    words = "signed in"

    def __repr__(self) -> str:
        return "signed_in"


class HasRole(Term):
    """True for callers that hold one role."""

    def __init__(self, role: str, where: str | None) -> None:
        self.role = role
        self.where = where
        self.words = f"role {role}"

    def __repr__(self) -> str:
        return f'role("{self.role}")'


class MeValue(ColumnElement[Any]):
    """An attribute of the caller, as an operand of a comparison inside a rule."""

    inherit_cache = False

    def __init__(self, attribute: str, type_: Any) -> None:
        self.attribute = attribute
        self.type = type_

    def __repr__(self) -> str:
        return f"me.{self.attribute}"

    def __bool__(self) -> NoReturn:
        raise _outside(repr(self), user_line())

    def __int__(self) -> NoReturn:
        raise _outside(repr(self), user_line())

    def __str__(self) -> str:
        return repr(self)


class Me:
    """The caller inside a rule. Has `id` and `email`; both are null for nobody, and `email` until it was verified."""

    id = MeValue("id", BigInteger())
    email = MeValue("email", String())

    def __getattr__(self, name: str) -> NoReturn:
        raise Mistake(
            f"`me` has no `{name}`: inside a rule it has `id` and `email`.",
            "Compare a column with me.id or me.email; ask for a role with role(...). In a view use `caller`.",
            user_line(),
        )

    def __repr__(self) -> str:
        return "me"

    def __bool__(self) -> NoReturn:
        raise _outside("me", user_line())


anyone = Anyone()
signed_in = SignedIn()
me = Me()


def role(name: str) -> HasRole:
    """Return the condition that the caller holds the role `name`, one of those given to `Meze(roles=...)`."""
    if not isinstance(name, str) or not name:
        raise Mistake("role() takes the name of a role.", 'Write role("editor").', user_line())
    return HasRole(name, user_line())


def _outside(word: str, where: str | None) -> Mistake:
    return Mistake(
        f"`{word}` stands for the caller inside a rule; it has no value anywhere else.",
        "In a view or a hook use `caller` (caller.id); in a rule compare it with a column: Trip.owner_id == me.id.",
        where,
    )


@compiles(MeValue)
def _me_has_no_sql(element: MeValue, _compiler: Any, **_kwargs: Any) -> str:
    raise _outside(repr(element), user_line())


@compiles(Term)
def _term_has_no_sql(element: Term, _compiler: Any, **_kwargs: Any) -> str:
    raise Mistake(
        f"`{element!r}` is a condition on the caller: it belongs in a rule, not in a statement.",
        "Give it to api.resource(read=..., write=...); in a view ask `caller`.",
        user_line(),
    )
