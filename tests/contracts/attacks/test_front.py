"""What is refused before a handler is asked, and around it, is answered as carefully as everything else."""

from __future__ import annotations

from collections.abc import Callable

import flask
import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.test import TestResponse

from contracts.kitchen import ANNA, Kitchen, refused
from meze import Meze, anyone
from meze.errors import Forbidden

Serve = Callable[..., Kitchen]
OF_EVERY_ANSWER = ("Cache-Control", "Vary", "X-Content-Type-Options", "Content-Security-Policy", "X-Request-ID")
ORIGIN = "https://page.example"


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]


def declare(api: Meze) -> None:
    api.resource(City, read=anyone)


def add_views(app: flask.Flask) -> None:
    """Add routes of the user's own: one outside of the prefix, and one inside that refuses in each of two ways."""
    app.add_url_rule("/mine", "mine", lambda: "mine")
    app.add_url_rule("/api/v1/own/aborted", "aborted", lambda: flask.abort(404))
    app.add_url_rule("/api/v1/own/forbidden", "forbidden", forbidden)


def forbidden() -> str:
    raise Forbidden


@pytest.fixture
def cities(serve: Serve) -> Kitchen:
    def declare_all(api: Meze) -> None:
        declare(api)
        add_views(flask_app_of(api))

    return serve(Base, declare_all, {"cities": [{"id": 1, "name": "x"}]}, cors_origins=(ORIGIN,))
