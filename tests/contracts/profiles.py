"""How long the property tests look: MEZE_LONG=1 tries thousands of examples, anew each time; else the same few."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings

LONG = bool(os.environ.get("MEZE_LONG"))


def tries(examples: int, *, long: int = 3000) -> Callable[[Any], Any]:
    """Return the settings of a property: how many examples, in a usual run and in a long one."""
    return settings(
        max_examples=long if LONG else examples,
        derandomize=not LONG,
        deadline=None,
        # Each example fills the tables itself, so one world serves them all; drawing rows and rules takes its time.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=(Phase.explicit, Phase.generate, Phase.shrink) if LONG else (Phase.explicit, Phase.generate),
        print_blob=True,
    )
