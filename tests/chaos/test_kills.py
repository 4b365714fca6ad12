"""kill -9 under write load: what was acknowledged is there, what was refused is not, the rest is whole or absent."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import contextmanager

import pytest

from chaos.clients import Clients
from chaos.ledger import Ledger, Outcome, Verdict
from chaos.postgresql import PostgreSQL
from chaos.server import Server
from chaos.stored import add_trigger, read_stored, sqlite_url

LONG = "MEZE_LONG" in os.environ
CONNECTIONS = 8
SEED = 20260728
SHORTEST, LONGEST = 0.05, 0.6
"""Seconds of load before a kill."""
CRASH_LOOP_SECONDS = 5.6
"""granian ends a server one of whose workers ends again so soon after it was replaced."""

# The number of workers, what is killed, and how often in the long form and in the short one, which leaves some out.
KILLS = [
    (1, "the whole server", 60, 0),
    (2, "the whole server", 50, 1),
    (1, "a worker", 20, 0),
    (2, "a worker", 70, 2),
]
TRIED = [(workers, victim, long if LONG else short) for workers, victim, long, short in KILLS if LONG or short]


class Fault:
    """Kills a server again and again, while clients write, and judges after each kill."""

    def __init__(self, url, folder, row, *, workers, meddling="", only=None):
        self.ledger = Ledger()
        self.url = url
        self.row = row
        self.server = Server(folder / "program", url, workers=workers, meddling={"CHAOS": meddling})
        self._replaced = None
        self._chance = random.Random(SEED)  # noqa: S311 - the same chance in every run
        self._clients = Clients(self.ledger, CONNECTIONS, SEED, only=only)
        self._acknowledged = 0
        self._found = Verdict()

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.kill()

    @contextmanager
    def _under_load(self):
        """Let clients write, and enter the `with` at a random moment of it."""
        with self._clients.writing(self.server):
            self._wait_for_a_write()
            time.sleep(self._chance.uniform(SHORTEST, LONGEST))
            yield

    def _wait_for_a_write(self):
        """Each fault meets clients that write: on a machine that does much else the first answer may be late."""
        before = self.ledger.outcomes()[Outcome.ACKNOWLEDGED]
        self.server.wait_for(lambda: self.ledger.outcomes()[Outcome.ACKNOWLEDGED] > before)

    def _judge(self):
        verdict = self.ledger.judge(read_stored(self.url))
        self.row.times += 1
        # What was lost stays lost: what the kills before have cost is not counted again.
        self.row.acknowledged += verdict.acknowledged - self._acknowledged
        self.row.lost += len(set(verdict.lost) - set(self._found.lost))
        self.row.refused_yet_present += len(set(verdict.refused_yet_present) - set(self._found.refused_yet_present))
        self._acknowledged = verdict.acknowledged
        self._found = verdict
        return verdict

    def kill_server(self, *, once=False):
        """Kill it and, unless this is all, start it again at once; return what is stored then."""
        with self._under_load():
            struck = time.monotonic()
            self.server.kill()
        if not once:
            self.server.start()
            self.row.ready.append(time.monotonic() - struck)
        return self._judge()

    def kill_worker(self):
        """Kill a worker and wait until another answers in its place, while the clients go on; return what is stored."""
        former = self.server.workers()
        # Of several workers each is killed in its turn: the one that was replaced last is left alone.
        victim = self._chance.choice(sorted(former - {self._replaced} if len(former) > 1 else former))
        if victim == self._replaced:
            time.sleep(CRASH_LOOP_SECONDS)
        with self._under_load():
            struck = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            self.server.wait_for_another(former)
            self.row.ready.append(time.monotonic() - struck)
        (self._replaced,) = self.server.workers() - former
        return self._judge()

    def kill_database(self, database, *, once=False):
        """Kill every process of PostgreSQL, and start it again at once; the server gets over it by itself."""
        with self._under_load():
            struck = time.monotonic()
            database.kill()
            database.start()
            if not once:
                self.server.wait_for(self.server.is_ready)
                self.row.ready.append(time.monotonic() - struck)
        return self._judge()


def copied(prepared, folder):
    """Return the URL of a copy of the SQLite database that is prepared."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    return sqlite_url(folder)


def expect_refusals(ledger):
    """The clients wrote what must be refused, and it was; whatever else was answered was answered well.

    Arrays may take long, so a worker lets in few at once: the rest are told to come again, and came to nothing.
    """
    assert not LONG or any(write.kind.startswith("refused") for write in ledger.writes)
    for write in ledger.writes:
        if write.status == 503 and "three" in write.kind:
            continue
        if write.status is not None:
            assert (write.outcome is Outcome.REFUSED) == write.kind.startswith("refused"), write
            assert write.status < 500, write


@pytest.mark.parametrize(("workers", "victim", "times"), TRIED)
def test_nothing_that_was_acknowledged_is_lost(workers, victim, times, prepared, tmp_path, table):
    row = table.row(f"SQLite, kill -9 of {victim}, {workers} worker{'s' * (workers > 1)}")
    with Fault(copied(prepared, tmp_path), tmp_path, row, workers=workers) as fault:
        for _ in range(times):
            verdict = fault.kill_server() if victim == "the whole server" else fault.kill_worker()

            assert verdict.holds, verdict

    assert row.acknowledged > 0
    expect_refusals(fault.ledger)


@pytest.mark.parametrize("meddling", ["hasty", "lying"] if LONG else ["hasty"])
def test_a_broken_promise_is_seen(meddling, prepared, tmp_path, table):
    told = {"hasty": "answers sent before the commit", "lying": "now and then a refusal of what was done"}[meddling]
    row = table.row(f"SQLite, kill -9 of the whole server, {told}", control=True)
    with Fault(copied(prepared, tmp_path), tmp_path, row, workers=1, meddling=meddling, only="create") as fault:
        verdict = fault.kill_server(once=True)

    assert bool(verdict.lost) is (meddling == "hasty")
    assert bool(verdict.refused_yet_present) is (meddling == "lying")


if LONG:

    @pytest.fixture
    def postgresql(request, tmp_path):
        """A server and its URL, with the tables made."""
        server = PostgreSQL(*getattr(request, "param", ()))
        Server(tmp_path / "program", server.url, workers=1).prepare()
        add_trigger(server.url)
        server.checkpoint()
        yield server
        server.close()

    def test_nothing_is_lost_where_meze_is_killed_on_postgresql(postgresql, tmp_path, table):
        row = table.row("PostgreSQL, kill -9 of the whole server, 2 workers")
        with Fault(postgresql.url, tmp_path, row, workers=2) as fault:
            for _ in range(15):
                verdict = fault.kill_server()

                assert verdict.holds, verdict

        assert row.acknowledged > 0
        expect_refusals(fault.ledger)

    def test_nothing_is_lost_where_postgresql_is_killed(postgresql, tmp_path, table):
        row = table.row("PostgreSQL, kill -9 of PostgreSQL itself, 2 workers")
        with Fault(postgresql.url, tmp_path, row, workers=2) as fault:
            for _ in range(15):
                verdict = fault.kill_database(postgresql)

                assert verdict.holds, verdict

        assert row.acknowledged > 0

    @pytest.mark.parametrize("postgresql", [("synchronous_commit = off", "wal_writer_delay = 10s")], indirect=True)
    def test_with_synchronous_commit_off_acknowledged_writes_are_lost(postgresql, tmp_path, table):
        row = table.row("PostgreSQL with synchronous_commit=off, kill -9 of PostgreSQL itself", control=True)
        with Fault(postgresql.url, tmp_path, row, workers=1) as fault:
            verdict = fault.kill_database(postgresql, once=True)

        assert verdict.lost
