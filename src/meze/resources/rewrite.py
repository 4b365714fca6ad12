"""Copy a SQLAlchemy expression with some of its parts replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.sql.expression import ColumnClause, FromClause


def plain(element: Any) -> Any:
    """Return the element without the annotations that the ORM put on it."""
    return element._deannotate() if element._annotations else element


def is_table(element: Any) -> bool:
    """Say whether the element stands in FROM. A function is a FromClause to SQLAlchemy too, and a value to us."""
    return isinstance(element, FromClause) and not isinstance(element, ColumnElement)


def rebuilt(element: Any, substitute: Callable[[Any], Any]) -> Any:
    """Return a copy of `element` in which `substitute` replaced what it did not return None for.

    A walk of our own: SQLAlchemy's replacement walk stops at the insides of `.has()` and `.any()`. `substitute` sees
    elements with the ORM's annotations; what comes out is without them, plain Core.
    """
    new = substitute(element)
    if new is not None:
        return new
    element = plain(element)
    if is_table(element) or isinstance(element, ColumnClause):
        return element
    copy = element._clone()
    copy._copy_internals(clone=lambda inner, **_: rebuilt(inner, substitute))
    return copy
