"""Facts that happened, and how the parts that care hear of them.

An event is frozen and holds no request, no connection and no value that a client sent; whoever hears it cannot change
what happened. Publishers know nothing of subscribers: `app.py` joins them.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

logger = logging.getLogger(__name__)


class RequestAnswered(NamedTuple):
    """An answer was handed to the server.

    `route` is the template (`/api/v1/cities/{key}`), not the address, and `parameters` are names only: values may be
    personal. `rows` is how many rows the answer holds, None where that means nothing; `code` is the problem's.
    """

    method: str
    route: str
    status: int
    milliseconds: float
    request_id: str
    caller_id: int | None = None
    rows: int | None = None
    parameters: tuple[str, ...] = ()
    code: str | None = None


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request met an error that nobody expected; it was answered 500. The answer says nothing of it, the log does."""

    method: str
    route: str
    request_id: str
    error: BaseException


E = TypeVar("E")


class Events:
    """Who listens to what. Subscribing is for start-up; publishing is safe from every thread."""

    def __init__(self) -> None:
        self._receivers: defaultdict[type[Any], tuple[Callable[[Any], object], ...]] = defaultdict(tuple)

    def subscribe(self, kind: type[E], receiver: Callable[[E], object]) -> None:
        """Call `receiver` with every later event of exactly this kind, in the thread that publishes it."""
        self._receivers[kind] += (receiver,)

    def silence(self, kind: type[Any]) -> None:
        """Let nobody who subscribed so far hear of a kind any more."""
        self._receivers.pop(kind, None)

    def publish(self, event: object) -> None:
        """Tell everyone who subscribed. A receiver that fails is logged, as what it was told of has happened anyway."""
        for receiver in self._receivers.get(type(event), ()):
            try:
                receiver(event)
            except Exception:
                logger.exception("A receiver of %s failed", type(event).__name__)
