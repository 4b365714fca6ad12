"""The databases that tests run on, and how the workers of a parallel run share one server."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from database_places import database, database_url, postgresql_url, start_server, worker_database

__all__ = ["database", "database_url", "postgresql_url", "worker_database"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker of a parallel run where the server is. The process that started them stops it."""
    node.workerinput["postgresql_url"] = start_server(node.config)


def pytest_collection_finish() -> None:
    """Let the garbage collector look through what tests make, and not time and again through all that was imported.

    A worker holds a million objects before its first test, and makes thousands for each request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
