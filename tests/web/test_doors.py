"""Two doors, one house: what comes straight from WSGI is answered as through Flask, and what Flask would run is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import signals
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from contracts.kitchen import API, make_app, make_tables
from web.exchanges import exchanges, told

Meet = Callable[[flask.Flask, list[str]], Any]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[flask.Flask]:
    app = make_app(f"sqlite:///{tmp_path / 'kitchen.db'}", tmp_path, body_limit=2000)
    make_tables(app.extensions["meze"].database)
    yield app
    app.extensions["meze"].database.close()


@pytest.fixture
def direct(app: flask.Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that came straight from WSGI, as they come."""
    came: list[str] = []
    way = app.extensions["meze"].doors.way
    admits = way.admits

    def noting(environ: dict[str, Any], path: str) -> bool:
        admitted: bool = admits(environ, path)
        if admitted:
            came.append(path)
        return admitted

    monkeypatch.setattr(way, "admits", noting)
    return came


def test_both_doors_give_the_same_answers(app: flask.Flask, direct: list[str], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_app(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other", body_limit=2000)
    make_tables(other.extensions["meze"].database)
    other.teardown_request(lambda _: None)
    asked = list(exchanges())

    for exchange in asked:
        assert told(app, exchange) == told(other, exchange), exchange[:2]

    assert len(direct) > len(asked) - 3
    assert str(other.extensions["meze"].doors.way.closed_by()).startswith("the teardown_request function")
    other.extensions["meze"].database.close()


def before(app: flask.Flask, ran: list[str]) -> None:
    app.before_request(lambda: ran.append("ran"))


def after(app: flask.Flask, ran: list[str]) -> None:
    app.after_request(lambda response: ran.append("ran") or response)


def teardown(app: flask.Flask, ran: list[str]) -> None:
    app.teardown_request(lambda _: ran.append("ran"))


def teardown_of_the_context(app: flask.Flask, ran: list[str]) -> None:
    app.teardown_appcontext(lambda _: ran.append("ran"))


def preprocessor(app: flask.Flask, ran: list[str]) -> None:
    app.url_value_preprocessor(lambda *_: ran.append("ran"))


def hook_of_a_blueprint(app: flask.Flask, ran: list[str]) -> None:
    blueprint = flask.Blueprint("hooks", __name__)
    blueprint.before_app_request(lambda: ran.append("ran"))
    app.register_blueprint(blueprint)


def middleware(app: flask.Flask, ran: list[str]) -> None:
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: ran.append("ran") or inner(environ, start)  # type: ignore[method-assign]


def route(app: flask.Flask, ran: list[str]) -> None:
    app.add_url_rule(f"{API}/labels", "mine", lambda: ran.append("ran") or "mine")


def catch_all(app: flask.Flask, ran: list[str]) -> None:
    app.add_url_rule(f"{API}/<path:path>", "mine", lambda path: ran.append("ran") or path)


def route_of_any_method(app: flask.Flask, ran: list[str]) -> None:
    app.url_map.add(Rule(f"{API}/labels", endpoint="mine"))
    app.view_functions["mine"] = lambda: ran.append("ran") or "mine"


def replaced_method(app: flask.Flask, ran: list[str]) -> None:
    dispatch = app.dispatch_request
    app.dispatch_request = lambda: ran.append("ran") or dispatch()  # type: ignore[method-assign]


def session_interface(app: flask.Flask, ran: list[str]) -> None:
    class Own(SecureCookieSessionInterface):
        def open_session(self, *arguments: Any) -> Any:
            ran.append("ran")
            return super().open_session(*arguments)

    app.session_interface = Own()


def request_class(app: flask.Flask, ran: list[str]) -> None:
    class Own(flask.Request):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            ran.append("ran")
            super().__init__(*arguments, **options)

    app.request_class = Own


HOOKS: tuple[Meet, ...] = (
    before,
    after,
    teardown,
    teardown_of_the_context,
    preprocessor,
    hook_of_a_blueprint,
    middleware,
    route,
    catch_all,
    route_of_any_method,
    replaced_method,
    session_interface,
    request_class,
)


@pytest.mark.parametrize("meet", HOOKS, ids=lambda each: each.__name__)
def test_what_is_there_before_the_first_request_runs(app: flask.Flask, meet: Meet) -> None:
    ran: list[str] = []
    meet(app, ran)

    app.test_client().get(f"{API}/labels")

    assert ran == ["ran"]


@pytest.mark.parametrize("meet", HOOKS, ids=lambda each: each.__name__)
def test_what_is_added_after_the_first_request_runs(app: flask.Flask, direct: list[str], meet: Meet) -> None:
    ran: list[str] = []
    app.test_client().get(f"{API}/labels")
    assert direct == [f"{API}/labels"]

    meet(app, ran)
    app.test_client().get(f"{API}/labels")

    assert ran == ["ran"]


def test_a_route_that_ends_in_a_slash_sends_there_as_in_flask(app: flask.Flask, direct: list[str]) -> None:
    app.add_url_rule(f"{API}/labels/top/", "mine", lambda: "mine")

    answer = app.test_client().get(f"{API}/labels/top")

    assert (answer.status_code, direct) == (308, [])
    assert answer.headers["Location"].endswith(f"{API}/labels/top/")


@pytest.mark.parametrize(
    "name", ["request_started", "request_finished", "request_tearing_down", "appcontext_pushed", "appcontext_popped"]
)
def test_receivers_of_signals_are_told(app: flask.Flask, direct: list[str], name: str) -> None:
    told: list[str] = []

    def receive(sender: flask.Flask, **_: Any) -> None:
        told.append(sender.name)

    signal = getattr(signals, name)
    app.test_client().get(f"{API}/labels")
    with signal.connected_to(receive, app):
        app.test_client().get(f"{API}/labels")
        other = flask.Flask("other")
        assert str(app.extensions["meze"].doors.way.closed_by()).startswith(f"a receiver of the signal {name}")
    app.test_client().get(f"{API}/labels")

    assert told == [app.name]
    assert len(direct) == 2
    assert other.name == "other"


def test_a_receiver_of_another_apps_signals_closes_nothing(app: flask.Flask, direct: list[str]) -> None:
    with signals.request_started.connected_to(lambda *_, **__: None, flask.Flask("other")):
        app.test_client().get(f"{API}/labels")

    assert direct == [f"{API}/labels"]


def test_a_subclass_that_sees_requests_closes_the_door_for_good(tmp_path: Path) -> None:
    from contracts.kitchen import Base, identify
    from meze import Meze

    class Own(flask.Flask):
        def full_dispatch_request(self) -> flask.Response:
            return flask.Response("mine")

    app = Own("own", instance_path=str(tmp_path / "instance"))
    Meze(app, Base, identify=identify, settings={"database_url": f"sqlite:///{tmp_path / 'a.db'}"})

    assert app.test_client().get(f"{API}/labels").text == "mine"
    closed = app.extensions["meze"].doors.way.closed_by()
    assert closed.what == "Own.full_dispatch_request is overridden"
    assert closed.where.startswith(__file__)


def test_middleware_from_before_meze_closes_the_door_for_good(tmp_path: Path) -> None:
    from contracts.kitchen import Base, identify
    from meze import Meze

    app = flask.Flask("own", instance_path=str(tmp_path / "instance"))
    inner, ran = app.wsgi_app, []
    app.wsgi_app = lambda environ, start: ran.append("ran") or inner(environ, start)  # type: ignore[method-assign]
    Meze(app, Base, identify=identify, settings={"database_url": f"sqlite:///{tmp_path / 'a.db'}"})
    app.test_client().get(f"{API}/labels")

    assert ran == ["ran"]
    assert app.extensions["meze"].doors.way.closed_by().what == "app.wsgi_app was wrapped before Meze"


def test_a_session_of_flasks_goes_through_flask(app: flask.Flask, direct: list[str]) -> None:
    app.secret_key = "something that only tests know"

    @app.get("/mine")
    def mine() -> str:
        flask.session["seen"] = True
        flask.session.permanent = True
        return "mine"

    client = app.test_client()
    client.get("/mine")

    assert "Set-Cookie" in client.get(f"{API}/labels").headers
    assert direct == []


def test_code_of_the_users_finds_the_context_of_flask(app: flask.Flask, direct: list[str]) -> None:
    api = app.extensions["meze"].api
    before = api.identify
    seen: list[str] = []

    def identify(request: Any) -> Any:
        seen.append(f"{flask.current_app.name} {flask.request.path}")
        return before(request)

    api.identify = identify
    app.test_client().get(f"{API}/labels")

    assert seen == [f"kitchen {API}/labels"]
    assert direct == [f"{API}/labels"]


def test_the_users_handler_of_every_http_error_keeps_its_pages(app: flask.Flask) -> None:
    @app.errorhandler(HTTPException)
    def lost(error: HTTPException) -> tuple[str, int]:
        return f"my own {error.code}", error.code or 500

    client = app.test_client()

    assert client.get("/nowhere").text == "my own 404"
    assert client.get(f"{API}/labels/x").mimetype == "application/problem+json"
