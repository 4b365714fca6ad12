"""A store in this process alone: right for one worker, and for what need not be shared."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class MemoryStore:
    """Holds at most `entries` values, and forgets first what was used longest ago.

    `clock` gives monotonic seconds: a wall clock that is set back would keep values for longer than asked.
    """

    def __init__(self, *, entries: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, bytes | int]] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            value = self._living(key)
        return str(value).encode() if isinstance(value, int) else value

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        with self._lock:
            self._keep(key, value, self._clock() + seconds)

    def increment(self, key: str, *, seconds: float, by: int = 1) -> int:
        """As the protocol says; a value that was `set` is counted on if it is a whole number, as it is in Redis.

        Raises:
            ValueError: the value is something else.
        """
        with self._lock:
            value = self._living(key)
            expires = self._clock() + seconds if value is None else self._kept[key][0]
            total = int(value or 0) + by
            self._keep(key, total, expires)
            return total

    def delete(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)

    def _living(self, key: str) -> bytes | int | None:
        expires, value = self._kept.get(key, (0.0, None))
        if value is None:
            return None
        if expires <= self._clock():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return value

    def _keep(self, key: str, value: bytes | int, expires: float) -> None:
        self._kept[key] = (expires, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)
