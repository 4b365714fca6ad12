"""What is refused before a handler is asked, and around it, is answered as carefully as everything else."""

from __future__ import annotations

from collections.abc import Callable

import flask
import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contracts.kitchen import ANNA, Kitchen, refused
from meze import Meze, anyone
from meze.errors import Forbidden

Serve = Callable[..., Kitchen]
ORIGIN = "https://page.example"
FOREIGN_HOSTS = [
    "evil.com",
    "localhost.evil.com",
    "localhost:80@evil.com",
    "localhost@evil.com",
    "127.0.0.1.nip.io",
    "",
]


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]


def declare(api: Meze) -> None:
    api.resource(City, read=anyone)


def mine() -> str:
    return "mine"


def aborted() -> str:
    flask.abort(404)


def forbidden() -> str:
    raise Forbidden


def add_views(app: flask.Flask) -> None:
    """Add views of the user's own: one outside of the prefix, and two inside that refuse."""
    app.add_url_rule("/mine", view_func=mine)
    app.add_url_rule("/api/v1/own/aborted", view_func=aborted)
    app.add_url_rule("/api/v1/own/forbidden", view_func=forbidden)


@pytest.fixture
def cities(serve: Serve) -> Kitchen:
    rows = {"cities": [{"id": 1, "name": "x"}]}
    return serve(Base, declare, rows, add_views, cors_origins=(ORIGIN,), public_url="https://cities.example")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/cities?name=%ff", 400, "malformed", id="a-query-that-is-not-utf-8"),
        pytest.param("GET", "/own/aborted", 404, "not_found", id="a-view-that-aborts"),
        pytest.param("POST", "/own/aborted", 405, "method_not_allowed", id="a-view-that-lacks-the-method"),
        pytest.param("GET", "/own/forbidden", 403, "forbidden", id="a-view-that-raises-a-problem"),
    ],
)
def test_every_problem_under_the_prefix_has_all_headers(
    cities: Kitchen, method: str, path: str, status: int, code: str
) -> None:
    usual = cities.get("/cities/999", ANNA, headers={"Origin": ORIGIN})
    refused(usual, 404, "not_found")

    answer = cities.request(method, path, ANNA, headers={"Origin": ORIGIN})

    refused(answer, status, code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    for name, value in usual.headers.items():
        if name not in ("Content-Length", "X-Request-ID"):
            assert answer.headers[name] == value, name


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_host_that_is_not_ours_is_refused(cities: Kitchen, host: str) -> None:
    for path in ("/cities", "/cities?name=%ff", "/nothing", "//", "//openapi.json"):
        refused(cities.get(path, headers={"Host": host}), 400, "malformed", header="Host")


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_host_that_is_not_ours_is_refused_by_the_users_own_views(cities: Kitchen, host: str) -> None:
    for path in ("//mine", "/own/aborted"):
        assert cities.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000", "cities.example"])
def test_a_host_that_is_ours_is_answered(cities: Kitchen, host: str) -> None:
    for path in ("/cities", "//mine"):
        assert cities.get(path, headers={"Host": host}).status_code == 200


def test_health_answers_for_any_host(cities: Kitchen) -> None:
    assert cities.get("//health/live", headers={"Host": "10.0.0.7"}).status_code == 200
