"""A clock that is set by hand, and the tables of accounts in an empty database."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData

from meze.accounts.storage import Storage
from meze.databases.own import add_tables


class Clock:
    """`now` is seconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def storage(database):
    metadata = MetaData()
    add_tables(metadata)
    metadata.create_all(database.engine)
    return Storage(database)
