"""Lines of a log, each written at once, or in a server many at a time: one call of the system for those of a moment.

Writing each line by itself costs every request a call of the system, and Python's lock with it. In a server a line
waits for `WAIT_SECONDS` at most; what tells of an error is written at once, with all that came before it. A process
that is killed loses the lines of its last moment.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from contextlib import suppress
from multiprocessing import util
from typing import TextIO

from meze.soon import Soon

WAIT_SECONDS = 0.05
UNDIVIDED_BYTES = 4096
"""What is written to a pipe at once and stays together (PIPE_BUF)."""
MOST_WAITING = 10_000
"""Whoever adds more than these before they could be written writes them by himself."""


class Lines:
    """Writes lines to `stream`. `later`: from a thread of its own that begins with the first one."""

    later = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[bytes] = deque()
        self._writing = threading.Lock()
        self._soon = Soon(self.write, WAIT_SECONDS)
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))
        # Workers that multiprocessing has forked end without what atexit knows of.
        util.Finalize(self, _write_rest, args=(itself,), exitpriority=0)
        atexit.register(_write_rest, itself)

    def add(self, line: bytes) -> None:
        """Write a line, or have it written within a moment; it ends by itself, no line feed is in it."""
        self._lines.append(line)
        if self.later and len(self._lines) <= MOST_WAITING:
            self._soon.ask()
        else:
            self.write()

    def write(self) -> None:
        """Write everything that waits. A log that cannot be written is no reason to refuse a request."""
        with self._writing, suppress(OSError, ValueError):
            while self._lines:
                self._stream.write(self._piece().decode())
                self._stream.flush()

    def _piece(self) -> bytes:
        """Return as many lines as the system writes undivided: other processes may write to the same pipe."""
        piece = bytearray()
        while self._lines and (not piece or len(piece) + len(self._lines[0]) < UNDIVIDED_BYTES):
            piece += self._lines.popleft() + b"\n"
        return bytes(piece)

    def start_again(self) -> None:
        """Begin anew in a process that was just forked: its parent writes what waited there."""
        self._lines.clear()
        self._writing = threading.Lock()


def _write_rest(of: weakref.ref[Lines]) -> None:
    lines = of()
    if lines is not None:
        lines.write()


def _after_fork(of: weakref.ref[Lines]) -> None:
    lines = of()
    if lines is not None:
        lines.start_again()
