"""Small apps of a test's own models, each on an empty database of each kind in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from sqlalchemy.orm import DeclarativeBase

from contracts.accounts.conftest import (
    database_kind,
    mailbox,
    new_database,
    processes,
    ready_database,
    served,
    served_verified,
    standing,
)
from contracts.kitchen import PEOPLE, SECRET_KEY, Kitchen, identify
from meze import Meze

__all__ = [
    "database_kind",
    "mailbox",
    "new_database",
    "processes",
    "ready_database",
    "serve",
    "served",
    "served_verified",
    "standing",
]

Rows = Mapping[str, list[dict[str, Any]]]
Declare = Callable[[Meze], None]
AddViews = Callable[[Flask], None]


def no_views(app: Flask) -> None:
    pass


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Kitchen]]:
    """Serve models: `serve(Base, declare, {"trips": [...]})`, with the people of the kitchen as users.

    `add_views` is given the Flask app, before it is sealed.
    """
    opened: list[Kitchen] = []

    def start(
        base: type[DeclarativeBase], declare: Declare, rows: Rows = {}, add_views: AddViews = no_views, **settings: Any
    ) -> Kitchen:
        app = Flask("attacked", instance_path=str(tmp_path / "instance"))
        own = {"database_url": database_url, "secret_key": SECRET_KEY}
        api = Meze(app, base, roles=("editor", "hr"), identify=identify, settings=own | settings)
        declare(api)
        add_views(app)
        kitchen = Kitchen(app)
        opened.append(kitchen)
        app.extensions["meze"].seal()
        base.metadata.create_all(kitchen.engine)
        people = [{"id": each.caller.id, "email": f"{each.token}@example.com", "name": "x"} for each in PEOPLE.values()]
        with kitchen.engine.begin() as connection:
            for table, filled in {"meze_users": people, **rows}.items():
                connection.execute(insert(base.metadata.tables[table]), filled)
        return kitchen

    yield start
    for each in opened:
        each.database.close()
