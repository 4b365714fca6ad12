"""What every store can do."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """Values that expire. Nothing in a store may be the only copy of anything: any entry may be gone at any time.

    Keys are text, values are bytes, times are in seconds. Every method is safe from every thread.
    """

    def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none or its time is over."""

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the value for so long, in place of any earlier one."""

    def increment(self, key: str, *, seconds: float, by: int = 1) -> int:
        """Add to a counter and return what it then is.

        A counter starts at 0 and lives for `seconds` from its first increment; later ones do not prolong it.
        """

    def delete(self, key: str) -> None:
        """Forget the value, if there is one."""
