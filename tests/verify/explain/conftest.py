"""The library on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from verify.explain.library import Library, fill, make_app


@pytest.fixture
def library(database_url: str, tmp_path: Path) -> Iterator[Library]:
    app = make_app(database_url, tmp_path, identify=lambda _: None)
    fill(app.extensions["meze"])
    yield Library(app)
    app.extensions["meze"].database.close()
