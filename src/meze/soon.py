"""Work that is to be done within a moment, once for all who asked for it meanwhile, and by none of their threads."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Soon:
    """Runs `work`, a method, at most `seconds` after it was asked for, in a thread that begins with the first asking.

    `work()` gives the method for as long as there is whoever it belongs to; without them the thread ends.
    """

    def __init__(self, work: Callable[[], None], seconds: float) -> None:
        self.work = weakref.WeakMethod(work)
        self._seconds = seconds
        self.start_again()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(itself))

    def start_again(self) -> None:
        """Forget what was asked for: a process that was just forked does not have the thread."""
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._idle = True

    def ask(self) -> None:
        """Have the work done once more, beginning after now. Cheap, mostly one look at a flag, and never raises."""
        if self._idle:
            self._idle = False
            try:
                self._start()
            except RuntimeError:  # the system has no thread left; whoever asks next tries again
                self._idle = True
                logger.exception("The thread for what is to be done soon cannot be started")
                return
            self._wake.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                arguments = (weakref.ref(self), self.work, self._wake, self._seconds)
                thread = threading.Thread(target=_work_on, args=arguments, daemon=True)
                thread.start()
                self._thread = thread
                # It waits for as long as nobody asks, and must hear that nobody will.
                weakref.finalize(self, self._wake.set).atexit = False

    def rest(self) -> None:
        """Note that what is asked for from now on is not yet under way."""
        self._wake.clear()
        self._idle = True


def _work_on(
    of: weakref.ref[Soon], work: weakref.WeakMethod[Callable[[], None]], wake: threading.Event, seconds: float
) -> None:
    while wake.wait():
        time.sleep(seconds)
        soon, do = of(), work()
        if soon is None or do is None:
            return
        soon.rest()
        try:
            do()
        except Exception:
            logger.exception("What was to be done soon failed")
        del soon, do


def _after_fork(soon: weakref.ref[Soon]) -> None:
    living = soon()
    if living is not None:
        living.start_again()
