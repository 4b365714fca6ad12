"""Which door a request comes through: straight from WSGI, or through Flask because something of the user's runs there.

The WSGI door is open while nothing that Flask would run around a generated route is there to be run. That is looked at
before each request, in Flask's public registries, so that it holds whenever a hook is added. Handlers of errors close
nothing: generated routes answer their own errors in either door, and Flask never sees one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import flask
from flask import signals
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule

_METHODS_OF_A_REQUEST = (
    "wsgi_app",
    "__call__",
    "request_context",
    "app_context",
    "create_url_adapter",
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "ensure_sync",
    "async_to_sync",
    "make_response",
    "make_default_options_response",
    "process_response",
    "finalize_request",
    "handle_exception",
    "handle_http_exception",
    "handle_user_exception",
    "raise_routing_exception",
    "do_teardown_request",
    "do_teardown_appcontext",
    "should_ignore_error",
    "log_exception",
)
"""What a subclass of Flask may override to see each request."""

_FLASK = str(Path(flask.__file__).parent)
_SIGNALS = (
    "request_started",
    "request_finished",
    "request_tearing_down",
    "got_request_exception",
    "appcontext_pushed",
    "appcontext_popped",
    "appcontext_tearing_down",
)


@dataclass(frozen=True, slots=True)
class Closed:
    """What closed the WSGI door, and `file:line` where that is known."""

    what: str
    where: str | None = None

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what


class Doorway:
    """Says whether requests may come straight from WSGI. `ours` are the endpoints of our own routes."""

    def __init__(self, app: flask.Flask, inner: Callable[..., Any], prefix: str, ours: str) -> None:
        self._app = app
        self._prefix = prefix
        self._below = f"{prefix}/"
        self._ours = ours
        self._inner = inner
        self._attributes = -1
        self._overridden: Closed | None = None
        self._signals = [(name, getattr(signals, name)) for name in _SIGNALS]
        self._seen = -1
        self._users: Map | None = None

    def closed_by(self) -> Closed | None:
        """Return what keeps every request from the WSGI door now, None while it is open."""
        app = self._app
        if len(vars(app)) != self._attributes:
            self._overridden, self._attributes = _overridden(app, self._inner), len(vars(app))
        if self._overridden is not None:
            return self._overridden
        if (
            app.before_request_funcs.get(None)
            or app.after_request_funcs.get(None)
            or app.teardown_request_funcs.get(None)
            or app.teardown_appcontext_funcs
            or app.url_value_preprocessors.get(None)
        ):
            return _hook(app)
        for name, signal in self._signals:
            if signal.receivers and signal.has_receivers_for(app):
                return Closed(f"a receiver of the signal {name}", _first_line(signal.receivers_for(app)))
        if type(app.session_interface) is not SecureCookieSessionInterface:
            return Closed(f"the session interface {_of_class(app.session_interface)}")
        if app.request_class is not flask.Request or app.response_class is not flask.Response:
            return Closed("a request or response class of its own")
        if app.url_map.host_matching or app.subdomain_matching or app.config.get("TRUSTED_HOSTS"):
            return Closed("host matching, subdomain matching or TRUSTED_HOSTS")
        return None

    def admits(self, environ: dict[str, Any], path: str) -> bool:
        """Say whether this request may come straight from WSGI.

        A route of the user's that matches wins. A session of Flask's that came with the request may have to be renewed,
        and a test client may want the context that Flask makes.
        """
        if not (path.startswith(self._below) or path == self._prefix) or self.closed_by() is not None:
            return False
        if "werkzeug.debug.preserve_context" in environ:
            return False
        cookies = environ.get("HTTP_COOKIE")
        if cookies and self._app.secret_key and f"{self._app.config['SESSION_COOKIE_NAME']}=" in cookies:
            return False
        users = self._users_routes()
        return users is None or not _leads_somewhere(users, path, environ["REQUEST_METHOD"])

    def _users_routes(self) -> Map | None:
        """Return the user's routes that may stand under the prefix, None where there are none."""
        count = len(self._app.view_functions)
        if count != self._seen:
            rules = [rule.empty() for rule in self._app.url_map.iter_rules() if self._may_match(rule)]
            self._users = Map(rules, converters=dict(self._app.url_map.converters)) if rules else None
            self._seen = count
        return self._users

    def _may_match(self, rule: Rule) -> bool:
        if rule.build_only or rule.endpoint == self._ours:
            return False
        fixed = rule.rule.partition("<")[0]
        return fixed.startswith(self._prefix) or self._prefix.startswith(fixed.rstrip("/"))


def _leads_somewhere(users: Map, path: str, method: str) -> bool:
    """Say whether a route matches, with this method or another, or sends the client to another address."""
    try:
        users.bind("").match(path, method)
    except NotFound:
        return False
    except HTTPException:
        return True
    return True


def _overridden(app: flask.Flask, inner: Callable[..., Any]) -> Closed | None:
    if getattr(inner, "__func__", None) is not flask.Flask.wsgi_app:
        return Closed("app.wsgi_app was wrapped before Meze", _line_of(inner))
    for name in _METHODS_OF_A_REQUEST:
        own = vars(app).get(name) if name != "wsgi_app" else None
        method = own or getattr(type(app), name)
        if own is not None or not _is_flasks(method):
            return Closed(f"{type(app).__name__}.{name} is overridden", _line_of(method))
    return None


def _is_flasks(method: Any) -> bool:
    """Say whether a method is Flask's own: neither a subclass's nor one that a tool put in its place."""
    code = getattr(method, "__code__", None) if isinstance(method, FunctionType) else None
    return code is not None and code.co_filename.startswith(_FLASK)


def _hook(app: flask.Flask) -> Closed:
    kinds: list[tuple[str, Iterable[Callable[..., Any]]]] = [
        ("before_request", app.before_request_funcs.get(None, ())),
        ("after_request", app.after_request_funcs.get(None, ())),
        ("teardown_request", app.teardown_request_funcs.get(None, ())),
        ("teardown_appcontext", app.teardown_appcontext_funcs),
        ("url_value_preprocessor", app.url_value_preprocessors.get(None, ())),
    ]
    kind, function = next((kind, function) for kind, functions in kinds for function in functions)
    return Closed(f"the {kind} function {getattr(function, '__qualname__', function)}", _line_of(function))


def _first_line(receivers: Iterator[Any]) -> str | None:
    return next((_line_of(receiver) for receiver in receivers), None)


def _line_of(function: Any) -> str | None:
    function = inspect.unwrap(function) if callable(function) else function
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(type(function))}:{inspect.getsourcelines(type(function))[1]}"
    except (OSError, TypeError):  # made by the interpreter, or typed in
        return None


def _of_class(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
