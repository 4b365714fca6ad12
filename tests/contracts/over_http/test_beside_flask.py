"""Living in a Flask app: the user's own routes, hooks and error pages beside ours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import insert

from contracts.kitchen import ANNA, Base, Kitchen, Label, make_app, refused
from meze import NOBODY, Meze, anyone


@pytest.fixture
def app(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> Any:
    """The app again, not sealed, so that routes may be added."""
    app = make_app(kitchen_url, tmp_path)
    yield app
    app.extensions["meze"].database.close()


def test_a_route_of_the_users_wins_over_a_generated_one(app: flask.Flask) -> None:
    @app.get("/api/v1/labels")
    def labels() -> str:
        return "my own list"

    @app.get("/api/v1/labels/<name>")
    def label(name: str) -> str:
        return f"my own {name}"

    kitchen = Kitchen(app)

    assert kitchen.get("/labels").text == "my own list"
    assert kitchen.get("/labels/x").text == "my own x"
    assert kitchen.get("/things").json == {"items": [], "next": None}


def test_a_route_of_the_users_for_one_method_leaves_the_others_to_us(app: flask.Flask) -> None:
    @app.post("/api/v1/labels")
    def make() -> str:
        return "my own making"

    kitchen = Kitchen(app)

    assert kitchen.post("/labels", {"name": "a"}).text == "my own making"
    assert kitchen.get("/labels").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/errors/not_found", "/api/v1"]
)
def test_a_route_of_the_users_wins_over_a_fixed_address(app: flask.Flask, path: str) -> None:
    app.add_url_rule(path, "mine", lambda: "mine")

    assert app.test_client().get(path).text == "mine"


def test_a_catch_all_of_the_users_wins_over_everything(app: flask.Flask) -> None:
    app.add_url_rule("/<path:path>", "mine", lambda path: f"mine: {path}")

    client = app.test_client()

    for path in ("/docs", "/openapi.json", "/anything"):
        assert client.get(path).text == f"mine: {path[1:]}"


def test_hooks_run_around_generated_routes(app: flask.Flask) -> None:
    seen: list[str] = []
    app.before_request(lambda: seen.append("before " + flask.request.path))
    app.teardown_request(lambda _: seen.append("teardown"))

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        response.headers["X-Mine"] = "yes"
        return response

    kitchen = Kitchen(app)

    assert kitchen.get("/labels").headers["X-Mine"] == "yes"
    assert kitchen.get("/labels/x").headers["X-Mine"] == "yes"
    assert seen == ["before /api/v1/labels", "teardown", "before /api/v1/labels/x", "teardown"]


def test_a_hook_that_answers_keeps_the_request_from_us(app: flask.Flask) -> None:
    app.before_request(lambda: ("closed today", 503) if flask.request.method == "POST" else None)

    kitchen = Kitchen(app)

    answer = kitchen.post("/labels", {"name": "a"})
    assert (answer.status_code, answer.text) == (503, "closed today")
    assert kitchen.stored(Label) == []


def test_the_users_pages_outside_the_prefix_keep_their_own_errors(app: flask.Flask) -> None:
    @app.get("/mine")
    def mine() -> str:
        flask.abort(404)

    @app.get("/teapot")
    def teapot() -> str:
        flask.abort(418)

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    client = app.test_client()

    for path, status in [("/mine", 404), ("/teapot", 418), ("/nowhere", 404), ("/broken", 500)]:
        answer = client.get(path)
        assert answer.status_code == status
        assert answer.mimetype == "text/html"
    assert client.post("/mine").mimetype == "text/html"


def test_the_users_error_pages_are_used_outside_the_prefix(app: flask.Flask) -> None:
    @app.errorhandler(404)
    def lost(_: Exception) -> tuple[str, int]:
        return "my own 404", 404

    kitchen = Kitchen(app)

    assert kitchen.client.get("/nowhere").text == "my own 404"
    refused(kitchen.get("/labels/x"), 404, "not_found")


def test_the_users_views_under_the_prefix_answer_errors_as_problems(app: flask.Flask) -> None:
    @app.get("/api/v1/mine/<int:number>")
    def mine(number: int) -> str:
        flask.abort(number)

    @app.get("/api/v1/broken")
    def broken() -> str:
        raise ZeroDivisionError

    kitchen = Kitchen(app)

    refused(kitchen.get("/mine/404"), 404, "not_found")
    refused(kitchen.get("/mine/403"), 403, "forbidden")
    refused(kitchen.get("/broken"), 500, "internal")


def test_a_wrong_method_on_a_view_of_the_users_is_405(app: flask.Flask) -> None:
    app.add_url_rule("/api/v1/mine", "mine", lambda: "mine", methods=["GET"])

    answer = Kitchen(app).post("/mine", {})

    refused(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_an_error_that_nobody_expected_is_500_and_tells_nothing(
    app: flask.Flask, caplog: pytest.LogCaptureFixture
) -> None:
    api = app.extensions["meze"].api

    def fails(_: object) -> Any:
        raise RuntimeError("the password is swordfish")

    api.identify = fails
    with caplog.at_level(logging.CRITICAL + 1):
        answer = Kitchen(app).get("/labels")

    problem = refused(answer, 500, "internal")
    assert "swordfish" not in answer.text
    assert "RuntimeError" not in answer.text
    assert set(problem) == {"type", "title", "status", "code", "detail", "request_id"}


def test_request_ids_are_on_the_users_pages_too(app: flask.Flask) -> None:
    app.add_url_rule("/mine", "mine", lambda: "mine")

    answer = app.test_client().get("/mine", headers={"X-Request-ID": "abc"})

    assert answer.headers["X-Request-ID"] == "abc"


def test_url_for_and_flask_routes_know_of_resources(app: flask.Flask) -> None:
    with app.test_request_context():
        assert flask.url_for("meze.labels") == "/api/v1/labels"
        assert flask.url_for("meze.labels.one", key="jazz") == "/api/v1/labels/jazz"
    assert any(rule.rule == "/api/v1/labels" for rule in app.url_map.iter_rules())


def test_an_app_made_by_a_factory_is_served_alike(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> None:
    api = Meze(settings={"database_url": kitchen_url, "secret_key": "x" * 40}, identify=lambda _: NOBODY)
    api.resource(Label, read=anyone)
    app = flask.Flask("factory", instance_path=str(tmp_path / "instance"))
    api.init_app(app, Base)
    with kitchen.engine.begin() as connection:
        connection.execute(insert(Label), [{"name": "a"}])

    made = Kitchen(app)

    assert [row["name"] for row in made.get("/labels").json["items"]] == ["a"]
    refused(made.get("/things"), 404, "not_found")
    made.database.close()


def test_another_prefix_serves_the_same(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> None:
    app = make_app(kitchen_url, tmp_path, prefix="/v2/data")
    moved = Kitchen(app)

    made = moved.client.post("/v2/data/labels", json={"name": "a"})

    assert made.headers["Location"] == "/v2/data/labels/a"
    assert moved.client.get("/v2/data/labels/a").json["name"] == "a"
    assert moved.get("/labels").status_code == 404
    assert refused(moved.client.get("/v2/data/labels/b"), 404, "not_found")
    moved.database.close()


def test_can_asks_the_rules_from_python(kitchen: Kitchen) -> None:
    api = kitchen.app.extensions["meze"].api

    assert api.can(ANNA.caller, "create", Label(name="a"))
    assert not api.can(NOBODY, "read", Label(name="a"))
