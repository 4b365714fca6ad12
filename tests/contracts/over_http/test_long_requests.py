"""Requests that take long: ended in bounded time, and kept from taking every thread."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import perf_counter, sleep

import pytest

from contracts.kitchen import Kitchen, Thing, refused

MakeKitchen = Callable[..., Kitchen]
SLOW = "/things?" + "&".join(f"words__contains=a{index % 2}" for index in range(99)) + "&words__contains=z"
"""Folds every text a hundred times, and finds nothing."""


@pytest.fixture
def full(kitchen: Kitchen) -> Kitchen:
    """Texts enough that SLOW takes seconds."""
    words = "é" * 20_000 + "a0a1"
    kitchen.fill(Thing, [{"id": index, "words": words} for index in range(1, 301)])
    return kitchen


@pytest.mark.parametrize("more", ["", "&count=true", "&limit=1", "&sort=words", "&fields=id", "&page=2"])
def test_a_statement_that_takes_too_long_is_422(full: Kitchen, kitchen_with: MakeKitchen, more: str) -> None:
    kitchen = kitchen_with(statement_seconds=0.1)
    started = perf_counter()

    refused(kitchen.get(SLOW + more), 422, "too_expensive")

    assert perf_counter() - started < 2
    assert kitchen.get("/things/1?fields=id").json == {"id": 1}


def test_nothing_stays_locked_or_open_after_a_statement_was_ended(full: Kitchen, kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(statement_seconds=0.05)

    for _ in range(10):
        refused(kitchen.get(SLOW), 422, "too_expensive")

    assert kitchen.patch("/things/1?fields=whole", {"whole": 5}).json == {"whole": 5}
    assert full.patch("/things/1?fields=whole", {"whole": 6}).json == {"whole": 6}
    assert kitchen.delete("/things/2").status_code == 204


def test_lists_that_scan_share_half_of_the_threads(full: Kitchen, kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(threads=4, statement_seconds=2)
    assert kitchen.get("/labels").status_code == 200  # everything is open before the clock counts
    statuses: list[int] = []

    def scan() -> None:
        statuses.append(Kitchen(kitchen.app).get(SLOW).status_code)

    scanning = [Thread(target=scan) for _ in range(2)]
    for thread in scanning:
        thread.start()
    free = kitchen.app.extensions["meze"].open().records.slots._free
    while free._value:  # until both of them scan
        sleep(0.01)
    beyond = kitchen.get(SLOW)
    one = kitchen.get("/things/1?fields=id")
    page = kitchen.get("/things?limit=1&fields=id")
    made = kitchen.post("/labels", {"name": "a"})
    for thread in scanning:
        thread.join()

    refused(beyond, 503, "unavailable")
    assert int(beyond.headers["Retry-After"]) >= 1
    assert (one.status_code, page.status_code, made.status_code) == (200, 200, 201)
    assert statuses == [422, 422]
    assert kitchen.get("/things?words=x").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "words__contains=" + "%25a" * 100,
        "words__contains=" + "_" * 200,
        "words__in=" + ",".join("x" * 10 for _ in range(1000)),
        "&".join(f"words__contains={index}" for index in range(100)),
        "&".join(["parent__parent__parent__parent__words__contains=x"] * 50),
        "&".join(["labels__things__labels__things__words=x"] * 20),
        "children__children__children__children__words=x",
        "sort=parent__parent__parent__parent__words,parent__words,words,day,price,ratio,moment,big",
    ],
    ids=lambda query: query[:40],
)
def test_any_request_is_answered_in_bounded_time(kitchen: Kitchen, query: str) -> None:
    kitchen.fill(Thing, [{"id": index, "words": "a%_" * 100} for index in range(1, 201)])
    kitchen.fill(Thing, [{"id": index, "parent_id": index % 200 + 1} for index in range(201, 1001)])
    started = perf_counter()

    answer = kitchen.get(f"/things?{query}")

    assert answer.status_code in (200, 422)
    assert perf_counter() - started < 4


def test_more_than_a_hundred_conditions_are_422(kitchen: Kitchen) -> None:
    refused(kitchen.get("/things?" + "&".join(["whole=1"] * 101)), 422, "too_expensive")
    assert kitchen.get("/things?" + "&".join(["whole=1"] * 100)).status_code == 200


@pytest.mark.parametrize("operator", ["contains", "startswith", "endswith"])
def test_a_text_to_look_for_is_not_too_long(kitchen: Kitchen, operator: str) -> None:
    name = f"words__{operator}"

    refused(kitchen.get(f"/things?{name}={'a' * 201}"), 400, "bad_value", parameter=name, entry="too_long")
    assert kitchen.get(f"/things?{name}={'a' * 200}").status_code == 200
