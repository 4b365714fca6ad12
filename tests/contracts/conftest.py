"""The tables of the oracle on each database, and what is left to the run on PostgreSQL 15."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.profiles import LONG
from contracts.world import World

HERE = Path(__file__).parent
DECIDED_BEFORE_A_DATABASE = {
    *(f"accounts/test_{name}.py" for name in ("cookies", "foreign_tokens", "passwords", "addresses", "matrix")),
    *(f"over_http/test_{name}.py" for name in ("bad_bodies", "headers", "fixed_addresses", "fuzzing")),
}
"""Files whose checks hang on what a request says: on PostgreSQL they run with `make test-postgresql-15` alone, and with
`make fuzz`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("MEZE_TEST_POSTGRESQL") or LONG:
        return
    files = {HERE / name for name in DECIDED_BEFORE_A_DATABASE}
    elsewhere = {item for item in items if item.path in files and "postgresql" in item.name.partition("[")[2]}
    items[:] = [item for item in items if item not in elsewhere]
    config.hook.pytest_deselected(items=list(elsewhere))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()
