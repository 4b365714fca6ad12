"""The table that the tests of this folder fill. It is printed at the end, and saved by the long form."""

from __future__ import annotations

import os
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


TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash.setdefault(TABLE, Table())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Print the table; save it where nothing failed and nothing was left out."""
    measured = config.stash.get(TABLE, None)
    if measured is None:
        return
    terminalreporter.write_line(f"\n{render(measured.rows, measured.waiting)}")
    if LONG and exitstatus == 0 and not config.option.keyword:
        save(measured.rows, measured.waiting)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SQLite database whose tables are made, and nothing in them. It is copied, and never served."""
    folder = tmp_path_factory.mktemp("prepared")
    url = sqlite_url(folder)
    Server(folder / "program", url, workers=1).prepare()
    add_trigger(url)
    return folder
