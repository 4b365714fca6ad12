"""Connections are lent from a stack; who finds none waits until one is given back."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from meze.databases.pool import Pool


class Opened:
    """Counts what was opened and closed."""

    def __init__(self) -> None:
        self.count = 0
        self.closed: list[int] = []

    def open(self) -> int:
        self.count += 1
        return self.count


def pool_of(opened: Opened, threads: int = 1, wait_seconds: float = 5.0) -> Pool[int]:
    return Pool(opened.open, opened.closed.append, threads=threads, wait_seconds=wait_seconds)


def test_what_was_in_use_last_is_lent_first() -> None:
    opened = Opened()
    pool = pool_of(opened, threads=4)
    first, second = pool.take(), pool.take()
    assert (pool.open(first), pool.open(second)) == (1, 2)
    pool.give_back(second)
    pool.give_back(first)

    assert pool.take() is first
    assert pool.open(first) == 1


def test_no_more_are_opened_than_are_in_use_at_once() -> None:
    opened = Opened()
    pool = pool_of(opened, threads=16)
    for _ in range(50):
        seat = pool.take()
        pool.open(seat)
        pool.give_back(seat)
    assert opened.count == 1


def test_who_finds_none_gets_the_one_that_is_given_back() -> None:
    pool = pool_of(Opened())
    held = [pool.take(), pool.take()]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.take)
        time.sleep(0.02)
        assert not waiting.done()
        pool.give_back(held[0])
        assert waiting.result(10) is held[0]


def test_waiting_ends() -> None:
    pool = pool_of(Opened(), wait_seconds=0.05)
    held = [pool.take(), pool.take()]
    with pytest.raises(TimeoutError):
        pool.take()
    pool.give_back(held[0])
    assert pool.take() is held[0]


def test_many_threads_lose_no_connection() -> None:
    pool, busy, lock = pool_of(Opened(), threads=2), set[int](), threading.Lock()

    def use(_: int) -> None:
        seat = pool.take()
        with lock:
            assert id(seat) not in busy
            busy.add(id(seat))
        time.sleep(0)
        with lock:
            busy.discard(id(seat))
        pool.give_back(seat)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(use, range(3000)))
    seats = [pool.take() for _ in range(4)]
    assert len({id(seat) for seat in seats}) == 4
