"""How often PostgreSQL is waited for by each kind of request: what is far away answers late."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from contracts.kitchen import ANNA, Kitchen

Counted = Callable[[Callable[[], TestResponse]], int]


@pytest.fixture
def round_trips(kitchen: Kitchen) -> Counted:
    """Count the Query and Sync messages of one request, at each of which the client waits for the server.

    Of its statements none is new: each has been prepared.
    """
    if kitchen.database.name != "postgresql":
        pytest.skip("SQLite is never far away")

    def count(request: Callable[[], TestResponse]) -> int:
        for _ in range(3):
            assert request().status_code < 300
        with kitchen.database.reading() as connection:
            pgconn: Any = connection.driver.pgconn  # type: ignore[attr-defined]
        with tempfile.TemporaryFile("w+b") as trace:
            pgconn.trace(trace.fileno())
            try:
                assert request().status_code < 300
            finally:
                pgconn.untrace()
            trace.seek(0)
            lines = [line.split(b"\t") for line in trace.read().splitlines()]
        return sum(line[1] == b"F" and line[3] in (b"Sync", b"Query") for line in lines if len(line) > 3)

    return count


def test_one_statement_is_one_round_trip(kitchen: Kitchen, round_trips: Counted) -> None:
    """With a rule that asks the row, a related row beside it, and a write with its rules and what it answers."""
    kept = f"/notes/{kitchen.add('/notes', {'title': 'x', 'public': True}, ANNA)['id']}"
    requests: dict[str, Callable[[], TestResponse]] = {
        "get": lambda: kitchen.get(kept, ANNA),
        "get as nobody": lambda: kitchen.get(kept),
        "list": lambda: kitchen.get("/notes?title__gte=a&sort=-title&limit=20", ANNA),
        "expand": lambda: kitchen.get("/remarks?expand=note&limit=20", ANNA),
        "create": lambda: kitchen.post("/notes", {"title": "x"}, ANNA),
        "patch": lambda: kitchen.patch(kept, {"title": "z"}, ANNA),
    }

    assert {name: round_trips(request) for name, request in requests.items()} == dict.fromkeys(requests, 1)


def test_a_delete_is_one_round_trip(kitchen: Kitchen, round_trips: Counted) -> None:
    doomed = iter([f"/notes/{kitchen.add('/notes', {'title': 'y'}, ANNA)['id']}" for _ in range(4)])

    assert round_trips(lambda: kitchen.delete(next(doomed), ANNA)) == 1


def test_what_asks_more_than_once_sees_one_moment(kitchen: Kitchen, round_trips: Counted) -> None:
    """BEGIN, the two questions, and ROLLBACK."""
    kept = f"/notes/{kitchen.add('/notes', {'title': 'x'}, ANNA)['id']}"

    assert round_trips(lambda: kitchen.get(f"{kept}?expand=remarks", ANNA)) <= 4
    assert round_trips(lambda: kitchen.get("/notes?count=true", ANNA)) <= 4
