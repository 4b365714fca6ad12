"""The one call of `api.resource` for rules made by tests.

Meze reads the source around such a call; in a file of its own there is little to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meze import Meze


def declare(api: Meze, model: Any, said: Mapping[str, Any]) -> None:
    api.resource(model, **said)
