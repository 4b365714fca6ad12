"""Work that is left for a moment later is done once for all who asked, and asking never fails."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import pytest

from meze.soon import Soon

PATIENCE_SECONDS = 10


class Chore:
    def __init__(self, seconds: float = 0.02) -> None:
        self.done = 0
        self.fails = False
        self.soon = Soon(self.do, seconds)

    def do(self) -> None:
        self.done += 1
        if self.fails:
            raise ValueError("this time not")


def wait_until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_many_who_ask_within_a_moment_have_it_done_once() -> None:
    chore = Chore(0.1)
    for _ in range(100):
        chore.soon.ask()
    wait_until(lambda: chore.done == 1)
    time.sleep(0.15)
    assert chore.done == 1

    chore.soon.ask()
    wait_until(lambda: chore.done == 2)


def test_it_is_done_again_after_it_failed(caplog: pytest.LogCaptureFixture) -> None:
    chore = Chore()
    chore.fails = True
    chore.soon.ask()
    wait_until(lambda: "What was to be done soon failed" in caplog.text)
    chore.fails = False
    chore.soon.ask()
    wait_until(lambda: chore.done == 2)


def test_asking_does_not_fail_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    chore = Chore()
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", refuse)
        chore.soon.ask()
    chore.soon.ask()
    wait_until(lambda: chore.done == 1)


def started() -> threading.Thread:
    """Return the thread of a chore that nobody has any more."""
    chore = Chore()
    chore.soon.ask()
    wait_until(lambda: chore.done == 1)
    assert chore.soon._thread is not None
    return chore.soon._thread


def test_the_thread_ends_with_whom_it_works_for() -> None:
    thread = started()
    gc.collect()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
