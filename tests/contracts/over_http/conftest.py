"""The kitchen-sink app on both databases, opened once for all tests of a worker and emptied before each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from contracts.kitchen import Kitchen, forget, make_app, make_tables


@pytest.fixture(scope="session")
def kitchen_postgresql_url(worker_database: str) -> Iterator[str]:
    """The URL of a second database of this worker: the first is emptied by the tests that use `database_url`."""
    url = make_url(worker_database)
    name = f"{url.database}_kitchen"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(worker_database, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
                sql.Identifier(name)
            )
        )
    yield url.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(worker_database, autocommit=True) as connection:
        connection.execute(drop)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kitchen_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database for the kitchen-sink app, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('kitchen') / 'kitchen.db'}"
    url: str = request.getfixturevalue("kitchen_postgresql_url")
    return url


@pytest.fixture(scope="session")
def opened_kitchen(kitchen_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    kitchen = Kitchen(make_app(kitchen_url, tmp_path_factory.mktemp("kitchen_app")))
    make_tables(kitchen.database)
    yield kitchen
    kitchen.app.extensions["meze"].database.close()


@pytest.fixture
def kitchen(opened_kitchen: Kitchen) -> Kitchen:
    """The kitchen-sink app without a row, on each kind of database in turn."""
    forget(opened_kitchen.engine)
    return opened_kitchen


@pytest.fixture
def kitchen_with(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> Iterator[object]:
    """Make the app again on the same tables with settings of its own: `kitchen_with(body_limit=100)`."""
    opened: list[Kitchen] = []

    def make(**settings: object) -> Kitchen:
        opened.append(Kitchen(make_app(kitchen_url, tmp_path, **settings)))
        return opened[-1]

    yield make
    for each in opened:
        each.app.extensions["meze"].database.close()
