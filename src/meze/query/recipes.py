"""List requests of a form that was read before: only the values of their filters are read again.

Most programs send the same few requests, with other values. What a request says besides values (names of filters,
sort, fields, expand, limit) decides all of its shape; so it is read once by `ListParser`, and kept here as a Recipe. A
request that a value may change the shape of (a list of values, a cursor, a page, a search) is always read as a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meze.query.ask import ListShape
from meze.query.condition import Meant
from meze.query.view import View

KEPT = 1024
LONGEST = 500
"""How many characters a kept request may say besides values."""
SAID = ("sort", "limit", "fields", "expand")
"""The parameters whose values are part of the form."""
_SHAPING = ("__in", "__not_in", "__isnull")
"""The operators whose operand is part of the shape."""

Form = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all requests of one form have in common: `meant` says what each filter means, in their order."""

    shape: ListShape
    limit: int
    order: tuple[str, ...]
    meant: tuple[Meant, ...]


class Recipes:
    """At most `kept` recipes; those that were not asked for lately make place for others."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._recipes: dict[Form, Recipe] = {}
        self._before: dict[Form, Recipe] = {}
        self._lock = threading.Lock()

    def find(self, form: Form) -> Recipe | None:
        recipe = self._recipes.get(form)
        if recipe is None and (recipe := self._before.get(form)) is not None:
            self.keep(form, recipe)
        return recipe

    def keep(self, form: Form, recipe: Recipe) -> None:
        with self._lock:
            if len(self._recipes) >= self._kept // 2:
                # What is asked for in the next while is taken over from `_before`, the rest is dropped with it.
                self._before, self._recipes = self._recipes, {}
            self._recipes[form] = recipe


def form_of(arguments: Sequence[tuple[str, str]], view: View, controls: Sequence[str]) -> Form | None:
    """Return all that a request says besides the values of its filters, None where that does not decide its shape."""
    form: list[Any] = [view]
    length = 0
    for name, text in arguments:
        length += len(name)
        if name in SAID:
            length += len(text)
            form.append((name, text))
        elif name in controls or name.endswith(_SHAPING):
            return None
        else:
            form.append(name)
    return tuple(form) if length <= LONGEST else None
