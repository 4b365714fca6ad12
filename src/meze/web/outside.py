"""The views of a Flask app that Meze does not answer, so that none of its rules guards them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import flask

from meze.web.door import ENDPOINT


@dataclass(frozen=True, slots=True)
class View:
    """A route of the program's own. `where` is the `file:line` of its function, None where that has no source."""

    rule: str
    methods: tuple[str, ...]
    endpoint: str
    where: str | None


def views_outside(app: flask.Flask) -> tuple[View, ...]:
    """Return the routes of the program, without those that serve static files, by address."""
    found = [
        View(rule.rule, _methods(rule.methods), rule.endpoint, _line_of(app.view_functions.get(rule.endpoint)))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != ENDPOINT and not rule.build_only and rule.endpoint.rpartition(".")[2] != "static"
    ]
    return tuple(sorted(found, key=lambda view: (view.rule, view.methods, view.endpoint)))


def _methods(methods: Any) -> tuple[str, ...]:
    """Return the methods that were asked for: Flask adds HEAD and OPTIONS to GET by itself."""
    return tuple(sorted(set(methods or ["any"]) - {"HEAD", "OPTIONS"})) or tuple(sorted(methods))


def _line_of(view: Any) -> str | None:
    if view is None:
        return None
    function = inspect.unwrap(getattr(view, "view_class", view))
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):  # made by the interpreter, or typed in
        return None
