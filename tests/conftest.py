"""The databases that tests run on, and how the workers of a parallel run share one server."""

from __future__ import annotations

from typing import Any

import pytest

from database_places import database, database_url, postgresql_url, start_server, worker_database

__all__ = ["database", "database_url", "postgresql_url", "worker_database"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker of a parallel run where the server is. The process that started them stops it."""
    node.workerinput["postgresql_url"] = start_server(node.config)
