"""Which numbers are held by a transaction of a SQLite file, in this process and in the others of the machine.

SQLite shows nobody what another process has not committed, so each number is a byte of a file beside the database that
its holder locks (POSIX record locks, which end with their process). Where there are none, only this process is known.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meze.databases.database import AlreadyRunning

_LARGEST = 2**62


class Held:
    """The numbers that are held. `path` is the file of the locks, None where no other process can be there."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._locks = _locks() if path is not None else None
        self.start_again()

    def start_again(self) -> None:
        """Hold nothing: a forked process inherits neither the threads that held a number nor their locks."""
        self._mutex = threading.Lock()
        self._numbers: set[int] = set()
        self._file: int | None = None

    @contextmanager
    def holding(self, number: int) -> Iterator[None]:
        """Hold a number, whose sign and highest bit do not count, while in the `with`.

        Raises:
            AlreadyRunning: somebody else holds it.
        """
        place = number % _LARGEST
        with self._mutex:
            if place in self._numbers or not self._lock(place):
                raise AlreadyRunning
            self._numbers.add(place)
        try:
            yield
        finally:
            with self._mutex:
                self._numbers.discard(place)
                self._unlock(place)

    def close(self) -> None:
        with self._mutex:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _lock(self, place: int) -> bool:
        if self._locks is None or self._path is None:
            return True
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._locks.lockf(self._file, self._locks.LOCK_EX | self._locks.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, place: int) -> None:
        if self._locks is not None and self._file is not None:
            self._locks.lockf(self._file, self._locks.LOCK_UN, 1, place)


def _locks() -> Any:
    """Return the module of record locks, None on a system that has none."""
    try:
        return importlib.import_module("fcntl")
    except ImportError:
        return None
