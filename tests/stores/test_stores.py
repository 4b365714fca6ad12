"""What every store must do, and the bound on the one in memory."""

import threading

import pytest

from meze.stores import STORES, MemoryStore


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return MemoryStore(entries=3, clock=clock)


def test_a_value_is_kept_until_its_time_is_over(store, clock):
    store.set("a", b"1", seconds=10)

    clock.now += 9.9
    assert store.get("a") == b"1"
    clock.now += 0.1
    assert store.get("a") is None
    assert len(store) == 0


def test_a_later_value_replaces_value_and_time(store, clock):
    store.set("a", b"1", seconds=1)
    store.set("a", b"2", seconds=10)

    clock.now += 5
    assert store.get("a") == b"2"


def test_a_counter_lives_from_its_first_increment(store, clock):
    assert store.increment("hits", seconds=10) == 1
    clock.now += 6
    assert store.increment("hits", seconds=10, by=4) == 5
    assert store.get("hits") == b"5"
    clock.now += 4
    assert store.increment("hits", seconds=10) == 1


def test_a_counter_goes_on_from_a_number_and_refuses_a_text(store):
    store.set("n", b"41", seconds=10)
    store.set("text", b"many", seconds=10)

    assert store.increment("n", seconds=10) == 42
    with pytest.raises(ValueError, match="many"):
        store.increment("text", seconds=10)


def test_a_deleted_value_is_gone_and_deleting_nothing_is_fine(store):
    store.set("a", b"1", seconds=10)
    store.delete("a")
    store.delete("a")

    assert store.get("a") is None


def test_memory_forgets_first_what_was_used_longest_ago(store):
    for key in "abc":
        store.set(key, key.encode(), seconds=10)
    store.get("a")
    store.set("d", b"d", seconds=10)

    assert [store.get(key) for key in "abcd"] == [b"a", None, b"c", b"d"]


def test_no_increment_is_lost_between_threads():
    store = MemoryStore()
    threads = [
        threading.Thread(target=lambda: [store.increment("n", seconds=60) for _ in range(1000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get("n") == b"4000"


def test_the_table_names_the_memory_store():
    assert STORES["memory"] is MemoryStore
