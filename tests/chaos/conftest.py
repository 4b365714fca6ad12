"""The table that the tests of this folder fill. It is printed at the end, and saved by the long form."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.server import Server
from chaos.stored import add_trigger, sqlite_url
from chaos.table import Row, Waiting, render, save

LONG = "MEZE_LONG" in os.environ


class Table:
    """The rows that were measured so far, in their order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.waiting: list[Waiting] = []

    def row(self, fault: str, *, control: bool = False) -> Row:
        """Return the row of a fault, new where there is none."""
        for row in self.rows:
            if row.fault == fault:
                return row
        self.rows.append(Row(fault, control=control))
        return self.rows[-1]


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    measured = Table()
    yield measured
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write(f"\n\n{render(measured.rows, measured.waiting)}\n")
    if LONG and not request.session.testsfailed and not request.config.option.keyword:
        save(measured.rows, measured.waiting)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SQLite database whose tables are made, and nothing in them. It is copied, and never served."""
    folder = tmp_path_factory.mktemp("prepared")
    url = sqlite_url(folder)
    Server(folder / "program", url, workers=1).prepare()
    add_trigger(url)
    return folder
