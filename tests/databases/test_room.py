"""Few requests are at work at once, and those that wait for a disk are not among them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from meze.databases import Room


def test_no_more_are_inside_than_there_are_places() -> None:
    room, lock, inside, most = Room(2), threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal inside, most
        assert room.enter()
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.002)
        with lock:
            inside -= 1
        room.leave()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(40)))
    assert most == 2


def test_who_waits_outside_lets_another_in() -> None:
    room, let_in = Room(1), threading.Event()

    def other() -> None:
        room.enter()
        let_in.set()
        room.leave()

    assert room.enter()
    thread = threading.Thread(target=other)
    thread.start()
    assert not let_in.wait(0.05)
    with room.outside():
        assert not room.inside
        assert let_in.wait(10)
    assert room.inside
    room.leave()
    thread.join()


def test_a_thread_has_one_place_however_often_it_enters() -> None:
    room = Room(1)

    assert room.enter()
    assert not room.enter()
    room.leave()
    assert room.enter()


def test_who_has_no_place_takes_none_by_waiting_outside() -> None:
    room = Room(1)
    with room.outside():
        pass
    assert not room.inside
    assert room.enter()


def test_a_place_is_taken_back_where_what_was_waited_for_failed() -> None:
    room = Room(1)
    room.enter()
    with pytest.raises(OSError, match="full"), room.outside():
        raise OSError("full")
    assert room.inside


def test_a_forked_process_begins_with_an_empty_room() -> None:
    room = Room(1)
    room.enter()
    child = os.fork()
    if child == 0:
        os._exit(0 if room.enter() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
