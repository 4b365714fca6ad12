"""Tell the other processes something short, at once if possible: by Redis (or Valkey), where there is one.

What is told only makes things faster, and may get lost: nothing may rely on it. So nobody waits for a server that is
away or hangs, and what strangers write into the channel is only read if it is a number.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

logger = logging.getLogger(__name__)

CHANNEL = "meze:forget"
LONGEST_QUEUE = 10_000
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 2.0


class Broadcast(Protocol):
    """Numbers that every process of the installation hears of."""

    def publish(self, number: int) -> None:
        """Tell every other process, without waiting."""
        ...

    def start(self) -> None:
        """Begin to listen in this process; it may be called again, and after a fork."""
        ...

    def stop(self) -> None: ...


class Silence:
    """No other process is told."""

    def publish(self, number: int) -> None:
        """Do nothing: what others know is good for a second anyway."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class RedisBroadcast:
    """Over a channel of a Redis or Valkey server. `heard` is called with each number, in a thread of its own."""

    def __init__(self, url: str, heard: Callable[[int], None]) -> None:
        self._url = url
        self._heard = heard
        self._lock = threading.Lock()
        self._lay_out()

    def _lay_out(self) -> None:
        self._process = os.getpid()
        self._waiting: queue.Queue[int] = queue.Queue(LONGEST_QUEUE)
        self._stopped = threading.Event()
        self._started = False

    def publish(self, number: int) -> None:
        self.start()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(number)

    def start(self) -> None:
        if self._started and self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._lay_out()
            if self._started:
                return
            self._started = True
            for target in (self._speak, self._listen):
                threading.Thread(target=target, args=(self._stopped,), name="meze-broadcast", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _speak(self, stopped: threading.Event) -> None:
        client = self._client()
        while not stopped.is_set():
            try:
                number = self._waiting.get(timeout=PAUSE_SECONDS)
            except queue.Empty:
                continue
            try:
                client.publish(CHANNEL, str(number))
            except Exception:
                self._rest(stopped, "told")
        client.close()

    def _listen(self, stopped: threading.Event) -> None:
        client = self._client()
        while not stopped.is_set():
            try:
                with client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(CHANNEL)
                    while not stopped.is_set():
                        message = channel.get_message(timeout=PAUSE_SECONDS)
                        if message is not None:
                            self._hear(message["data"])
            except Exception:
                self._rest(stopped, "heard")
        client.close()

    def _hear(self, data: Any) -> None:
        if isinstance(data, bytes) and data.isdigit() and len(data) < 20:
            self._heard(int(data))

    def _rest(self, stopped: threading.Event, what: str) -> None:
        logger.warning("The other processes are not %s just now: Redis does not answer", what)
        stopped.wait(PAUSE_SECONDS)

    def _client(self) -> Any:
        import redis  # only where REDIS_URL is set

        return redis.Redis.from_url(
            self._url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, health_check_interval=15
        )


def open_broadcast(url: str | None, heard: Callable[[int], None]) -> Broadcast:
    """Return what tells the other processes: nothing without a URL."""
    return Silence() if url is None else RedisBroadcast(url, heard)
