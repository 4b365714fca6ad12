"""The one thread of each process that works while nobody waits: it sends mail, cleans up, and writes last uses.

It never ends by itself. What goes wrong is logged and tried again later, the more patiently the longer it lasts.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
import traceback
import weakref
from collections.abc import Callable

from meze.accounts.housekeeping import Housekeeper
from meze.accounts.outbox import BATCH, Outbox
from meze.accounts.uses import Uses
from meze.errors import Problem

BUSY_SECONDS = 5.0
IDLE_SECONDS = 30.0
USES_SECONDS = 5.0
"""How long a last use waits at most to be written."""
LONGEST_PAUSE_SECONDS = 120.0
SWEEP_SECONDS = 600.0
FIRST_SWEEP_SECONDS = (30.0, 90.0)

logger = logging.getLogger(__name__)


class Background:
    """Starts its thread at the first `start` or `wake`; a forked process gets one of its own in the same way.

    The thread ends soon after nobody else holds the Background.
    """

    def __init__(
        self,
        outbox: Outbox,
        housekeeper: Housekeeper,
        uses: Uses | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._housekeeper = housekeeper
        self._uses = uses
        self._monotonic = monotonic
        self._stopped = False
        self._failures = 0
        # Processes that started together should not all sweep at once.
        self._sweep_at = self._monotonic() + secrets.SystemRandom().uniform(*FIRST_SWEEP_SECONDS)
        self._lay_out()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def _lay_out(self) -> None:
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See that the thread runs, unless it was stopped."""
        with self._lock:
            if self._stopped or (self._thread is not None and self._thread.is_alive()):
                return
            woken = self._woken
            itself = weakref.ref(self, lambda _: woken.set())
            self._thread = threading.Thread(target=_run, args=(itself, woken), name="meze-background", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Have mail that was just committed sent at once."""
        self.start()
        self._woken.set()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread for good, waiting at most `timeout` seconds for what it is doing."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        self._woken.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def work(self) -> float | None:
        """Do what is due and return in how many seconds to look again, None once this was stopped."""
        try:
            if self._stopped:
                return None
            sent = self._outbox.deliver_due()
            if self._monotonic() >= self._sweep_at:
                self._sweep_at = self._monotonic() + SWEEP_SECONDS
                self._housekeeper.sweep()
        except Exception as error:
            return None if self._stopped else self._pause_after(error)
        self._failures = 0
        if sent == BATCH:
            return 0.0
        return BUSY_SECONDS if sent else IDLE_SECONDS

    def write_uses(self) -> None:
        """Write the last uses that were noted."""
        try:
            if self._uses is not None and not self._stopped:
                self._uses.write()
        except Exception as error:
            self._pause_after(error)

    def _pause_after(self, error: Exception) -> float:
        """Log what went wrong, a database that is away only the first time, and return how long to leave it."""
        if not isinstance(error, Problem):
            # The words of a driver's error quote rows, so only its kind and place are told.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("Background work failed: %s at %s:%s", type(error).__name__, frame.filename, frame.lineno)
        elif not self._failures:
            logger.warning("Background work waits for the database: %s", error)
        self._failures += 1
        return min(BUSY_SECONDS * 2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE_SECONDS)


def _run(itself: weakref.ref[Background], woken: threading.Event) -> None:
    while True:
        background = itself()
        pause = None if background is None else background.work()
        del background
        if pause is None:
            return
        _wait(itself, woken, time.monotonic() + pause)
        woken.clear()


def _wait(itself: weakref.ref[Background], woken: threading.Event, until: float) -> None:
    """Wait until then, or until there is something to do, and write last uses meanwhile."""
    while (left := until - time.monotonic()) > 0 and not woken.wait(min(left, USES_SECONDS)):
        background = itself()
        if background is not None:
            background.write_uses()
        del background


def _after_fork(itself: weakref.ref[Background]) -> None:
    # The child has one thread: neither ours nor the holder of the lock came along.
    background = itself()
    if background is not None:
        background._lay_out()
