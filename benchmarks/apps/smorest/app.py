"""Books with Flask, flask-smorest, Flask-SQLAlchemy and marshmallow, written as their documentation advises."""

import os
from typing import Any

from books import blueprint
from flask import Flask
from flask_smorest import Api
from models import db
from sqlalchemy import event, make_url

url = make_url(os.environ["DATABASE_URL"])
on_sqlite = url.get_backend_name() == "sqlite"

app = Flask(__name__)
app.config["API_TITLE"] = "Books"
app.config["API_VERSION"] = "v1"
app.config["OPENAPI_VERSION"] = "3.1.0"
app.config["SQLALCHEMY_DATABASE_URI"] = url if on_sqlite else url.set(drivername="postgresql+psycopg")
db.init_app(app)
Api(app).register_blueprint(blueprint)


def set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


if on_sqlite:
    with app.app_context():
        event.listen(db.engine, "connect", set_pragmas)
