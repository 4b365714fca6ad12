"""Flask extensions that people use, each on an app with Meze: both work, and it is known what closed the quick door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_cors import CORS
from flask_limiter import Limiter
from flask_login import LoginManager, UserMixin, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contracts.kitchen import API, make_app, make_tables
from meze import Meze, anyone
from web.exchanges import exchanges, told

Install = Callable[[flask.Flask], None]
Use = Callable[[FlaskClient], None]


def login(app: flask.Flask) -> None:
    class Visitor(UserMixin):
        id = "1"

    app.secret_key = "only-for-tests"
    LoginManager(app).user_loader(lambda _: Visitor())

    @app.post("/enter")
    def enter() -> str:
        login_user(Visitor())
        return "entered"

    @app.get("/mine")
    @login_required
    def mine() -> str:
        return "mine"


def use_login(client: FlaskClient) -> None:
    assert client.get("/mine").status_code == 401
    client.post("/enter")
    assert client.get("/mine").text == "mine"


def cors(app: flask.Flask) -> None:
    CORS(app, resources="/open")

    @app.get("/open")
    def opened() -> str:
        return "open"


def use_cors(client: FlaskClient) -> None:
    answer = client.get("/open", headers={"Origin": "https://else.example"})

    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://else.example")


def sqlalchemy(app: flask.Flask) -> None:
    class Base(DeclarativeBase):
        pass

    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app, model_class=Base)

    class Visit(db.Model):
        id: Mapped[int] = mapped_column(primary_key=True)

    @app.post("/visits")
    def visit() -> str:
        db.create_all()
        db.session.add(Visit())
        db.session.commit()
        return str(db.session.query(Visit).count())


def use_sqlalchemy(client: FlaskClient) -> None:
    assert client.post("/visits").text == "1"
    assert client.post("/visits").text == "2"


def limiter(app: flask.Flask) -> None:
    limiter = Limiter(lambda: "everyone", app=app, storage_uri="memory://")

    @app.get("/seldom")
    @limiter.limit("1/hour")
    def seldom() -> str:
        return "seldom"


def use_limiter(client: FlaskClient) -> None:
    assert client.get("/seldom").text == "seldom"
    assert client.get("/seldom").status_code == 429


EXTENSIONS = [
    pytest.param(
        login, use_login, r"after_request function LoginManager\._update_remember_cookie", "login_manager", id="login"
    ),
    pytest.param(cors, use_cors, r"Flask\.handle_exception is overridden", "flask_cors/ext", id="cors"),
    pytest.param(
        sqlalchemy,
        use_sqlalchemy,
        r"teardown_appcontext function SQLAlchemy\.",
        "flask_sqlalchemy/ext",
        id="sqlalchemy",
    ),
    pytest.param(limiter, use_limiter, r"before_request function Limiter\.", "flask_limiter", id="limiter"),
]


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[flask.Flask]:
    yield from kitchen(tmp_path / "plain")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[flask.Flask]:
    yield from kitchen(tmp_path / "extended")


def kitchen(folder: Path) -> Iterator[flask.Flask]:
    folder.mkdir()
    app = make_app(f"sqlite:///{folder / 'kitchen.db'}", folder, body_limit=2000)
    make_tables(app.extensions["meze"].database)
    yield app
    app.extensions["meze"].database.close()


@pytest.mark.parametrize(("install", "use", "what", "where"), EXTENSIONS)
def test_an_extension_works_beside_meze_and_changes_no_answer_of_it(
    plain: flask.Flask, app: flask.Flask, install: Install, use: Use, what: str, where: str
) -> None:
    install(app)

    use(app.test_client())
    for exchange in exchanges():
        assert told(app, exchange) == told(plain, exchange), exchange[:2]

    assert plain.extensions["meze"].doors.way.closed_by() is None
    closed = app.extensions["meze"].doors.way.closed_by()
    assert re.search(what, closed.what)
    assert re.search(rf"{where}.*\.py:[0-9]+$", closed.where)


def test_cors_on_the_whole_app_adds_its_headers_to_the_answers_of_meze(app: flask.Flask) -> None:
    CORS(app)

    answer = app.test_client().get(f"{API}/labels", headers={"Origin": "https://else.example"})

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://else.example")


def test_the_models_of_flask_sqlalchemy_can_be_served(tmp_path: Path) -> None:
    class Base(DeclarativeBase):
        pass

    app = flask.Flask("shop", instance_path=str(tmp_path / "instance"))
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app, model_class=Base)

    class Product(db.Model):
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    api = Meze(app, db.Model, settings={"database_url": url, "secret_key": "only-for-tests-and-long-enough"})
    api.resource(Product, read=anyone, write=anyone)
    with app.app_context():
        db.create_all()

    @app.get("/count")
    def count() -> str:
        return str(db.session.query(Product).count())

    client = app.test_client()
    made: Any = client.post(f"{API}/product", json={"name": "tea"}).json
    counted = client.get("/count").text
    app.extensions["meze"].database.close()

    assert made == {"id": 1, "name": "tea"}
    assert counted == "1"
