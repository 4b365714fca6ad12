"""How long writers of several processes wait for each other on one SQLite file: measured, and held to no time."""

from __future__ import annotations

import os
import shutil

import pytest

from chaos.server import Server
from chaos.stored import read_stored, sqlite_url
from chaos.table import Waiting
from chaos.waiting import write_for

LONG = "MEZE_LONG" in os.environ
SECONDS = 10 if LONG else 0.3
CONNECTIONS = 64 if LONG else 16
PROCESSES = [1, 2, 3, 4] if LONG else [2]
WAYS = {"": "in turns", "jostling": "SQLite's busy timeout alone"}


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("meddling", WAYS if LONG else [""])
def test_every_write_is_done(processes, meddling, prepared, tmp_path, table):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    url = sqlite_url(tmp_path)
    server = Server(tmp_path / "program", url, workers=processes, meddling={"CHAOS": meddling})
    try:
        server.start()
        first = server.workers()
        for worker in first:  # each of them answers before the load begins
            server.wait_for_another(first - {worker})
        warm = write_for(SECONDS / 10, server.port, CONNECTIONS, "warm")
        found = write_for(SECONDS, server.port, CONNECTIONS, "client")
    finally:
        server.kill()

    load = os.getloadavg()[0]
    count = len(found.milliseconds)
    table.waiting.append(
        Waiting(WAYS[meddling], processes, CONNECTIONS, count, SECONDS, found.milliseconds, found.refused, load)
    )
    kept = sum(len(each.milliseconds) - each.refused for each in (warm, found))
    assert found.refused == 0 or meddling
    assert len(read_stored(url).numbers) == kept
