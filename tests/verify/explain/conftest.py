"""The library on each database, and the tables of the oracle for rules at random."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.world import World
from verify.explain.library import Library, fill, make_app


@pytest.fixture
def library(database_url: str, tmp_path: Path) -> Iterator[Library]:
    app = make_app(database_url, tmp_path, identify=lambda _: None)
    fill(app.extensions["meze"])
    yield Library(app)
    app.extensions["meze"].database.close()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()
