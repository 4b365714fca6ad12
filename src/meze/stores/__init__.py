"""Short-lived state that requests share: counters and small cached values.

`STORES` is the visible table: a kind of store is one file here and one row in it.
"""

from __future__ import annotations

from meze.stores.memory import MemoryStore
from meze.stores.store import Store

STORES: dict[str, type[Store]] = {"memory": MemoryStore}
"""The kinds of store by the name of their URL's scheme."""

__all__ = ["STORES", "MemoryStore", "Store"]
