"""Places in a file beside a SQLite database that one process at a time can hold: POSIX record locks.

They end with their process, however it ends. Where there are none, or for a database that no other process can reach,
every place is free. A process may take again what it holds: its threads keep each other away by themselves.
"""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path
from typing import Any

from meze.databases.database import DatabaseError, Fault, FaultKind

LARGEST = 2**62
"""Places from here on are those of turns; below it, of numbers that are held."""


class RecordLocks:
    """The places of the file at `path`, None where no other process can be there."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._locks = _locks() if path is not None else None
        self.start_again()

    def start_again(self) -> None:
        """Hold nothing: a forked process does not inherit its parent's locks."""
        self._opening = threading.Lock()
        self._file: int | None = None

    def take(self, place: int) -> bool:
        """Return whether the place was free, and is this process's now.

        Raises:
            DatabaseError: GONE, there can be no file beside the database.
        """
        if self._locks is None or self._path is None:
            return True
        file = self._file
        if file is None:
            file = self._open(self._path)
        try:
            self._locks.lockf(file, self._locks.LOCK_EX | self._locks.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self, place: int) -> None:
        if self._locks is not None and self._file is not None:
            self._locks.lockf(self._file, self._locks.LOCK_UN, 1, place)

    def close(self) -> None:
        with self._opening:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _open(self, path: Path) -> int:
        # Once for all threads: to close any descriptor of a file ends every lock that the process has on it.
        with self._opening:
            if self._file is None:
                try:
                    self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                except OSError as error:  # its folder is gone, or nothing can be written there
                    raise DatabaseError(Fault(FaultKind.GONE)) from error
            return self._file


def _locks() -> Any:
    """Return the module of record locks, None on a system that has none."""
    try:
        return importlib.import_module("fcntl")
    except ImportError:
        return None
