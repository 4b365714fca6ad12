"""Simulated power cuts under write load: with what was synced alone, nothing that was acknowledged is lost.

One run is recorded, and cut at many moments. An acknowledgement counts where its client had received it by then; the
recorder and the clients read the same clock.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from itertools import cycle, islice

import pytest

from chaos.clients import Clients
from chaos.ledger import Ledger, Outcome
from chaos.power_cut import Folder, Keeping, Recording
from chaos.recorder import Kind, read_records
from chaos.server import Server
from chaos.stored import read_stored, sqlite_url

LONG = "MEZE_LONG" in os.environ
CUTS = 60 if LONG else 12
"""Of each recorded run; every way of keeping has its turn."""
WRITES = 5000 if LONG else 400
CONNECTIONS = 8
SEED = 20260728
DATABASE = "entries.db"


def recorded(prepared, folder, workers, *meddling):
    """Let clients write until enough was acknowledged, and return the ledger and what was done to the files."""
    place, records = folder / "data", folder / "records"
    shutil.copytree(prepared, place)
    records.mkdir()
    inside = {"CHAOS": ",".join(["recorded", *meddling]), "CHAOS_RECORD": str(records)}
    server = Server(place / "program", sqlite_url(place), workers=workers, meddling=inside)
    before = Folder.read(place)
    ledger = Ledger()
    try:
        server.start()
        with Clients(ledger, CONNECTIONS, SEED).writing(server):
            while ledger.outcomes()[Outcome.ACKNOWLEDGED] < WRITES:
                time.sleep(0.02)
        server.kill()
    finally:
        server.kill()
    return ledger, Recording(before, read_records(records))


def moments(ledger, recording, chance, at):
    """Yield when the power goes, by turns of `at`: as an answer comes, as SQLite syncs or copies its log, whenever."""
    answered = sorted(write.answered for write in ledger.writes if write.answered is not None)
    known = {
        "answer": answered,
        "copy": recording.moments(DATABASE, Kind.WRITE),
        "sync": recording.moments(f"{DATABASE}-wal", Kind.SYNC),
        "any": range(answered[0], answered[-1]),
    }
    for kind in cycle(at):
        assert known[kind], f"the run was too short for a cut at {kind}"
        yield chance.choice(known[kind])


def cut(ledger, recording, folder, row, at=("answer", "copy", "answer", "any", "sync")):
    """Cut the power at so many moments, and yield what is found after each."""
    chance = random.Random(SEED)  # noqa: S311 - the same chance in every run
    for number, moment in enumerate(islice(moments(ledger, recording, chance, at), CUTS)):
        keeping = list(Keeping)[number % len(Keeping)]
        place = folder / f"cut-{number}"
        place.mkdir()
        for name, content in recording.after_cut(moment, keeping, chance).items():
            (place / name).write_bytes(content)
        if chance.random() < 0.5:
            # What the processes shared is no part of what is stored, and may have come to the disk at any time.
            (place / f"{DATABASE}-shm").write_bytes(chance.randbytes(32768))
        verdict = ledger.judge(read_stored(sqlite_url(place)), moment)
        row.times += 1
        row.acknowledged += verdict.acknowledged
        row.lost += len(verdict.lost)
        row.refused_yet_present += len(verdict.refused_yet_present)
        yield keeping, verdict


# How many workers, and whether SQLite copies its log into the database every 50 pages instead of every 1,000.
RUNS = [(1, ["tidy"]), (1, []), (2, ["tidy"])]


@pytest.mark.parametrize(("workers", "meddling"), RUNS if LONG else RUNS[:1])
def test_nothing_that_was_acknowledged_is_lost(workers, meddling, prepared, tmp_path, table):
    row = table.row(f"SQLite, power cut, {workers} worker{'s' * (workers > 1)}")
    ledger, recording = recorded(prepared, tmp_path, workers, *meddling)

    for keeping, verdict in cut(ledger, recording, tmp_path, row):
        assert verdict.holds, (keeping, verdict)

    assert row.acknowledged > 0
    assert ledger.outcomes()[Outcome.REFUSED] > 0


def test_at_synchronous_normal_acknowledged_writes_are_lost(prepared, tmp_path, table):
    row = table.row("SQLite at synchronous=NORMAL, power cut", control=True)
    ledger, recording = recorded(prepared, tmp_path, 1, "forgetful")

    # Not as SQLite copies its log: it syncs it first, and then even here everything is on the disk.
    found = list(cut(ledger, recording, tmp_path, row, at=("answer", "any")))

    assert row.lost > 0
    assert any(verdict.lost for keeping, verdict in found if keeping is Keeping.NOTHING)
    assert all(verdict.holds for keeping, verdict in found if keeping is Keeping.EVERYTHING)
