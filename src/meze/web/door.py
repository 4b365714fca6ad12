"""The doors: what every request passes first, and the Flask door, an ordinary Flask view around our handlers.

Every request of the application gets an id, and one event when it was answered, the user's own routes included. Our
routes are added to Flask's map at the first request, after all of the user's, so that an equal one of theirs wins.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, Rule

from meze.databases import Room
from meze.errors import BadRequest, Internal, MethodNotAllowed, Problem, problems
from meze.events import Events, RequestAnswered, RequestFailed
from meze.web.doorway import Doorway
from meze.web.messages import Request, Response
from meze.web.negotiate import language_of
from meze.web.request_id import RequestIds
from meze.web.site import Site
from meze.web.translation import Bodies, request_of, response_of
from meze.web.wsgi_door import WsgiDoor, path_of

ENDPOINT = "meze"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_UNKNOWN = Response(500)
"""Stands for the answer of a route of the user's."""
StartResponse = Callable[..., Any]


class Doors:
    """Wraps `app.wsgi_app`. `open_site` seals the declarations and returns the site."""

    def __init__(
        self, app: flask.Flask, events: Events, room: Room, prefix: str, open_site: Callable[[], Site]
    ) -> None:
        self._inner = app.wsgi_app
        self._events = events
        self._room = room
        self._open_site = open_site
        self._site: Site | None = None
        self.way = Doorway(app, self._inner, prefix, ENDPOINT)
        self.direct: WsgiDoor | None = None
        self._ids = RequestIds()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        entered = self._room.enter()
        try:
            return self._answer(environ, start_response)
        finally:
            if entered:
                self._room.leave()

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        site = self._site
        if site is None:
            self._site = site = self._open_site()
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else self._ids.new()
        environ["meze.request_id"] = request_id
        path = path_of(environ)
        if self.direct is None or not self.way.admits(environ, path):
            return self._through_flask(site, environ, start_response, path, started)
        try:
            foreign = site.foreign_host(environ.get("HTTP_HOST", ""), path)
            if foreign is not None:
                body = _refused(site, foreign, environ, start_response)
            else:
                body = self.direct.answer(environ, path, start_response)
        except BaseException:
            self._told(environ, 500, started)
            raise
        response: Response = environ["meze.response"]
        if response.stream is not None:
            return _Sent(body, lambda: self._told(environ, response.status, started))
        self._told(environ, response.status, started)
        return body

    def _through_flask(
        self, site: Site, environ: dict[str, Any], start_response: StartResponse, path: str, started: float
    ) -> Iterable[bytes]:
        request_id, status = environ["meze.request_id"], 500

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line.partition(" ")[0])
            if not any(name.lower() == "x-request-id" for name, _ in headers):
                headers = [*headers, ("X-Request-ID", request_id)]
            return start_response(line, headers, *([exc_info] if exc_info else []))

        try:
            foreign = site.foreign_host(environ.get("HTTP_HOST", ""), path)
            body = self._inner(environ, start) if foreign is None else _refused(site, foreign, environ, start)
        except BaseException:
            self._told(environ, status, started)
            raise
        response: Response | None = environ.get("meze.response")
        if response is not None and response.stream is not None:
            return _Sent(body, lambda: self._told(environ, status, started))
        self._told(environ, status, started)
        return body

    def _told(self, environ: dict[str, Any], status: int, started: float) -> None:
        self._events.publish(self._answered(environ, status, time.perf_counter() - started))
        # A request holds its environ: without this the two would wait for the garbage collector together.
        environ.pop("meze.request", None)

    def _answered(self, environ: dict[str, Any], status: int, seconds: float) -> RequestAnswered:
        response: Response | None = environ.get("meze.response")
        request: Request | None = environ.get("meze.request")
        names = tuple([name for name, _ in request.arguments]) if request else ()
        if response is None:
            response = _UNKNOWN
        return RequestAnswered(
            environ["REQUEST_METHOD"],
            response.route or _user_route(environ),
            status,
            seconds * 1000,
            environ["meze.request_id"],
            response.caller_id,
            response.rows,
            (*names, *response.parameters),
            response.code,
        )


class _Sent:
    """A body that is sent in pieces; `ended` is called when the server has done with it, all sent or not."""

    def __init__(self, body: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._body = body
        self._ended = ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._ended()


def _refused(site: Site, problem: Problem, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer before Flask sees the request: the user's own routes are behind this too."""
    language = language_of(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    request = Request(
        environ["REQUEST_METHOD"], environ["PATH_INFO"], request_id=environ["meze.request_id"], language=language
    )
    response = site.refused(request, problem)
    environ["meze.response"] = response
    headers = [("Content-Type", response.content_type), *response.headers.items()]
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    return [] if request.method == "HEAD" else [response.body]


def install(app: flask.Flask, site: Site, bodies: Bodies) -> None:
    """Add our addresses to Flask's map, behind those of the user."""
    prefix = site.settings.prefix
    app.url_map.converters["meze_page"] = _page_converter(site.pages.pattern)
    app.url_map.converters["meze_rest"] = _Rest
    for path in (f"{prefix}/<meze_rest:path>", prefix, "/", "/<meze_page:page>"):
        app.url_map.add(Rule(path, endpoint=ENDPOINT, methods=None, merge_slashes=False, strict_slashes=False))
    app.view_functions[ENDPOINT] = _view(site, UsersRoutes(app.url_map), bodies)
    users = app.error_handler_spec[None][None].get(HTTPException)
    app.register_error_handler(HTTPException, _error_handler(site, None if users is None else app.ensure_sync(users)))
    app.register_error_handler(Problem, _problem_handler(site))


def add_names(app: flask.Flask, prefix: str, name: str) -> None:
    """Let `url_for("meze.cities")`, `url_for("meze.cities.one", key=7)` and `flask routes` know of a resource."""
    app.url_map.add(Rule(f"{prefix}/{name}", endpoint=f"{ENDPOINT}.{name}", build_only=True))
    app.url_map.add(Rule(f"{prefix}/{name}/query", endpoint=f"{ENDPOINT}.{name}.query", build_only=True))
    app.url_map.add(Rule(f"{prefix}/{name}/<path:key>", endpoint=f"{ENDPOINT}.{name}.one", build_only=True))


class UsersRoutes:
    """The routes of the user alone, to tell a wrong method on one of theirs from an address that nobody has."""

    def __init__(self, url_map: Map) -> None:
        rules = (rule for rule in url_map.iter_rules() if rule.endpoint != ENDPOINT and not rule.build_only)
        self._map = Map([rule.empty() for rule in rules], converters=dict(url_map.converters))

    def methods(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(self._map.bind("").allowed_methods(path)))


class _Rest(BaseConverter):
    """All that follows, line feeds included: a key of text may hold any character.

    Weighs more than any converter of the user's, so that their routes come first, whenever they were added.
    """

    part_isolating = False
    regex = r"(?s:.+)"
    weight = 10_000


def _page_converter(pattern: str) -> type[BaseConverter]:
    # The weight is what makes every route of the user's that matches come first, even a catch-all.
    return type("PageConverter", (BaseConverter,), {"regex": pattern, "weight": 10_000, "part_isolating": False})


def _view(site: Site, users: UsersRoutes, bodies: Bodies) -> Callable[..., flask.Response]:
    def view(**_: str) -> flask.Response:
        request = request_of(flask.request, bodies.read, bodies.receive)
        response = site.answer(request)
        if response.status == 404 and (allowed := users.methods(request.path)):
            refusal = MethodNotAllowed(params={"method": request.method}, headers={"Allow": ", ".join(allowed)})
            response = site.refused(request, refusal)
        return response_of(response, request, flask.request.environ)

    return view


def _error_handler(site: Site, users: Callable[..., Any] | None) -> Callable[[HTTPException], Any]:
    """Turn what Flask itself or the user's own view refuses under the prefix into a problem.

    The rest is left alone, or to the user's own handler of every HTTP error, in whose place this one stands.
    """
    kinds = {kind.status: kind for kind in reversed(list(problems())) if kind.status in (400, 401, 403, 404, 409)}

    def handle(error: HTTPException) -> Any:
        if not site.under_prefix(flask.request.path) or error.code is None or error.response is not None:
            return error if users is None else users(error)
        request = request_of(flask.request, _unread)
        if error.code == 405:
            allow = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            problem: Problem = MethodNotAllowed(params={"method": request.method}, headers={"Allow": allow})
        else:
            problem = kinds.get(error.code, Internal if error.code >= 500 else BadRequest)()
        return response_of(site.refused(request, problem), request, flask.request.environ)

    return handle


def _problem_handler(site: Site) -> Callable[[Problem], flask.Response]:
    def handle(problem: Problem) -> flask.Response:
        request = request_of(flask.request, _unread)
        return response_of(site.refused(request, problem), request, flask.request.environ)

    return handle


def _unread(_: flask.Request) -> bytes:
    return b""


def _user_route(environ: dict[str, Any]) -> str:
    request: Any = environ.get("werkzeug.request")
    rule = getattr(request, "url_rule", None)
    return str(rule.rule) if rule is not None else "{other}"


def log_failure(events: Events, site_route: Callable[[str], str]) -> Callable[[Request, BaseException], None]:
    """Return what tells the log of an error that nobody expected."""

    def failed(request: Request, error: BaseException) -> None:
        events.publish(RequestFailed(request.method, site_route(request.path), request.request_id, error))

    return failed
