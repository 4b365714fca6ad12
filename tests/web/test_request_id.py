"""Ids of requests are ULIDs: like no other, and in the order of their time."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from meze.web.request_id import RequestIds

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def moment_of(ulid: str) -> int:
    number = 0
    for letter in ulid[:10]:
        number = number * 32 + CROCKFORD.index(letter)
    return number


def test_an_id_is_a_ulid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = RequestIds().new()

    assert re.fullmatch(f"[{CROCKFORD}]{{26}}", made)
    assert before <= moment_of(made) <= time.time_ns() // 1_000_000


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    ids = RequestIds()
    made = []
    for _ in range(20):
        made.append(ids.new())
        time.sleep(0.002)
    assert made == sorted(made)


def test_threads_and_processes_make_no_id_twice() -> None:
    ids = RequestIds()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.new(), range(20_000)))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "\n".join(ids.new() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as told:
        made += told.read().split("\n")

    assert len(set(made)) == len(made) == 20_100
    assert {each[10:22] for each in made[-100:]}.isdisjoint(each[10:22] for each in made[:-100])
