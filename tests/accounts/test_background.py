"""One thread in each process sends and cleans up, whatever goes wrong, until it is stopped."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from queue import Queue

import pytest
from sqlalchemy import MetaData

from meze.accounts.background import BUSY_SECONDS, IDLE_SECONDS, LONGEST_PAUSE_SECONDS, Background
from meze.accounts.housekeeping import Housekeeper as RealHousekeeper
from meze.accounts.outbox import BATCH
from meze.accounts.outbox import Outbox as RealOutbox
from meze.accounts.storage import Storage
from meze.databases.own import add_tables
from meze.errors import Unavailable
from meze.settings import read_settings


class Outbox:
    """Counts how often it was asked; `results` are returned, or raised, in turn."""

    def __init__(self):
        self.results = []
        self.asked = 0
        self.called = threading.Event()
        self.threads = set()

    def deliver_due(self):
        self.asked += 1
        self.threads.add(threading.current_thread())
        self.called.set()
        result = self.results.pop(0) if self.results else 0
        if isinstance(result, Exception):
            raise result
        return result

    def seen(self, seconds=5.0):
        """Say whether it was asked since the last time that this was called."""
        found = self.called.wait(seconds)
        self.called.clear()
        return found


class Sent(Queue):
    def send(self, to, template, _language, _values):
        self.put((to, template))


class Housekeeper:
    def __init__(self):
        self.sweeps = 0

    def sweep(self):
        self.sweeps += 1
        return {}


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def background(outbox):
    made = Background(outbox, Housekeeper())
    yield made
    made.stop()


def test_waking_starts_the_thread_and_has_mail_sent_at_once(background, outbox):
    background.wake()
    assert outbox.seen()
    background.wake()
    assert outbox.seen()


def test_there_is_one_thread_however_often_it_is_started(background, outbox):
    starters = [threading.Thread(target=background.start) for _ in range(8)]
    for each in starters:
        each.start()
    for each in starters:
        each.join()
    background.wake()
    assert outbox.seen()

    assert len([each for each in threading.enumerate() if each.name == "meze-background"]) == 1


def test_after_stopping_nothing_runs_and_nothing_starts_again(background, outbox):
    background.start()
    assert outbox.seen()
    background.stop()
    asked = outbox.asked

    background.wake()

    assert not any(each.is_alive() for each in outbox.threads)
    assert not outbox.seen(0.1)
    assert outbox.asked == asked


def test_stopping_what_never_started_does_nothing(background, outbox):
    background.stop()
    background.start()

    assert not outbox.seen(0.1)


def test_an_error_does_not_end_the_thread(background, outbox, caplog):
    outbox.results = [RuntimeError("ada@example.com")]
    background.start()
    assert outbox.seen()
    background.wake()

    assert outbox.seen()
    assert len(outbox.threads) == 1
    assert "Background work failed: RuntimeError at" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_it_looks_again_soon_while_there_is_mail(background, outbox):
    outbox.results = [BATCH, 3, 0]

    assert [background.work() for _ in range(3)] == [0.0, BUSY_SECONDS, IDLE_SECONDS]


def test_it_is_patient_with_a_database_that_is_away_and_tells_of_it_once(background, outbox, caplog):
    outbox.results = [Unavailable() for _ in range(8)]

    pauses = [background.work() for _ in range(8)]

    assert pauses == [5, 10, 20, 40, 80, *[LONGEST_PAUSE_SECONDS] * 3]
    assert len(caplog.messages) == 1
    assert background.work() == IDLE_SECONDS
    outbox.results = [Unavailable()]
    assert background.work() == 5
    assert len(caplog.messages) == 2


def test_it_sweeps_first_after_a_while_and_then_every_ten_minutes(outbox):
    now = 1000.0
    housekeeper = Housekeeper()
    background = Background(outbox, housekeeper, monotonic=lambda: now)
    sweeps = []
    for seconds in (0, 29, 61, 599, 1):
        now += seconds
        background.work()
        sweeps.append(housekeeper.sweeps)

    assert sweeps == [0, 0, 1, 1, 2]


def test_a_letter_leaves_as_soon_as_it_is_committed(database, tmp_path):
    metadata = MetaData()
    add_tables(metadata)
    metadata.create_all(database.engine)
    storage = Storage(database)
    sent = Sent()
    real = RealOutbox(storage, sent, read_settings(root=tmp_path, environ={}))
    background = Background(real, RealHousekeeper(storage))
    real.when_filled(background.wake)
    try:
        with storage.writing() as work:
            real.put(work, "account_deleted", "en", address="ada@example.com")
        assert sent.empty()
        real.wake()

        assert sent.get(timeout=5) == ("ada@example.com", "account_deleted")
    finally:
        background.stop()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_gets_a_thread_of_its_own(background, outbox):
    background.start()
    assert outbox.seen()
    outbox.called.clear()
    background._lock.acquire()  # as another thread may hold it at the moment of the fork
    child = os.fork()
    if child == 0:
        try:
            outbox.called = threading.Event()
            background.wake()
            os._exit(0 if outbox.called.wait(5) else 1)
        except BaseException:
            os._exit(2)
    background._lock.release()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_thread_ends_when_nobody_needs_it_any_more(outbox):
    background = Background(outbox, Housekeeper())
    background.start()
    assert outbox.seen()
    (thread,) = outbox.threads
    forgotten = weakref.ref(background)

    del background
    deadline = time.monotonic() + 5
    while forgotten() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    thread.join(5)

    assert not thread.is_alive()
