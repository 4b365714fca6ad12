"""How many passwords a process hashes at once: a flood of sign-ins must leave threads and cores for everything else."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from meze.errors import TooManyRequests


class Gate:
    """Lets in one for each core, but at most half of the threads; a short queue stands before it.

    At least one thread always stays outside, where there is more than one: of 4 threads on 2 cores, 2 hash, 1 waits.
    """

    def __init__(self, threads: int, *, longest_wait_seconds: float = 1.0) -> None:
        self.at_once = max(1, min(_cores(), threads // 2))
        self.waiting = max(0, min(threads - self.at_once - 1, threads // 2))
        self._longest_wait_seconds = longest_wait_seconds
        self._inside = threading.Semaphore(self.at_once)
        self._inside_or_waiting = threading.Semaphore(self.at_once + self.waiting)

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait to be let in.

        Raises:
            TooManyRequests: the queue is full, or did not move for `longest_wait_seconds`.
        """
        if not self._inside_or_waiting.acquire(blocking=False):
            raise TooManyRequests(retry_after_seconds=1)
        try:
            if not self._inside.acquire(timeout=self._longest_wait_seconds):
                raise TooManyRequests(retry_after_seconds=1)
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._inside_or_waiting.release()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
