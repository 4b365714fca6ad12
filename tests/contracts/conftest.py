"""The tables of the oracle on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()
