"""What a Flask extension costs each request to a generated route: the quick door against the one through Flask.

    python benchmarks/doors.py

Every app runs in this process, on a SQLite database of its own, and is called as a server calls it; rounds take turns,
and processor time is counted. Its own work (the row, the JSON, the log line) is in both doors alike.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
from flask_cors import CORS
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone

ROWS, ROUNDS, REQUESTS = 1000, 40, 100
ASKED = {"one row": ("/api/v1/cities/7", ""), "20 rows": ("/api/v1/cities", "country=FR&sort=name")}


def login(app: flask.Flask) -> None:
    app.secret_key = "only-for-this"
    LoginManager(app).user_loader(lambda _: None)


def database(app: flask.Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    SQLAlchemy(app)


EXTENSIONS: dict[str, Callable[[flask.Flask], Any]] = {
    "none": lambda _: None,
    "a before_request that does nothing": lambda app: app.before_request(lambda: None),
    "Flask-Login": login,
    "Flask-CORS": CORS,
    "Flask-SQLAlchemy": database,
    "Flask-Limiter": lambda app: Limiter(lambda: "all", app=app, storage_uri="memory://"),
    "Flask-Limiter, a default limit": lambda app: Limiter(
        lambda: "all", app=app, storage_uri="memory://", default_limits=["100000000/hour"]
    ),
}


def make(folder: Path, install: Callable[[flask.Flask], Any]) -> flask.Flask:
    class Base(DeclarativeBase):
        pass

    class City(Base):
        __tablename__ = "cities"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(100), index=True)
        country: Mapped[str] = mapped_column(String(2), index=True)
        population: Mapped[int] = mapped_column(index=True)

    app = flask.Flask("doors", instance_path=str(folder / "instance"))
    api = Meze(app, Base, settings={"database_url": f"sqlite:///{folder / 'doors.db'}"})
    api.resource(City, read=anyone)
    install(app)
    engine = app.extensions["meze"].database.engine
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        rows = [{"name": f"City {n}", "country": ("FR", "CN")[n % 2], "population": n} for n in range(ROWS)]
        connection.execute(City.__table__.insert(), rows)
    return app


def called(app: flask.Flask, path: str, query: str, times: int) -> float:
    """Return the processor time of one request, in microseconds."""
    started = time.process_time()
    for _ in range(times):
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "HTTP_ACCEPT": "application/json",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
        }
        body = app.wsgi_app(environ, begun)
        b"".join(body)
        if hasattr(body, "close"):
            body.close()
    return (time.process_time() - started) / times * 1e6


def begun(status: str, _headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
    assert status == "200 OK", status


def main(rounds: int = ROUNDS, requests: int = REQUESTS) -> None:
    out, told, sys.stderr = sys.stdout, sys.stderr, io.StringIO()  # the log lines are written, to memory
    with tempfile.TemporaryDirectory() as folder:
        apps = {}
        for number, (name, install) in enumerate(EXTENSIONS.items()):
            place = Path(folder) / str(number)
            place.mkdir()
            apps[name] = make(place, install)
        for asked, (path, query) in ASKED.items():
            taken: dict[str, list[float]] = {name: [] for name in apps}
            for turn in range(rounds + 1):
                for name, app in apps.items():
                    microseconds = called(app, path, query, requests)
                    if turn:  # the first round plans, and fills caches
                        taken[name].append(microseconds)
                    sys.stderr.seek(0)
                    sys.stderr.truncate()
            quick = taken["none"]
            for name, each in taken.items():
                ratio = statistics.median(mine / theirs for mine, theirs in zip(each, quick, strict=True))
                closed = apps[name].extensions["meze"].doors.way.closed_by()
                print(
                    f"{asked:8} {name:36} {statistics.median(each):6.0f} µs  ×{ratio:.2f}  {closed or 'WSGI'}", file=out
                )
        for app in apps.values():
            app.extensions["meze"].database.close()
    sys.stderr = told


if __name__ == "__main__":
    main()
