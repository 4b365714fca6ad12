"""Send what the OpenAPI document allows, and what it does not, to every operation: schemathesis makes it up, seeded.

schemathesis comes with the extra `meze[verify]`. It is loaded when something is fuzzed, and not by importing this.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from meze.verify.finding import Finding
from meze.verify.stage import Stage

MISSING = 'schemathesis is not installed. Install it: pip install "meze[verify]"'


@dataclass(slots=True)
class Fuzzed:
    """What became of it. `left_out` says why nothing was fuzzed, None where something was."""

    findings: list[Finding] = field(default_factory=list)
    operations: int = 0
    requests: int = 0
    seconds: float = 0.0
    left_out: str | None = None


def available() -> bool:
    """Say whether schemathesis is installed."""
    return importlib.util.find_spec("schemathesis") is not None


def fuzz(stage: Stage, seconds: float) -> Fuzzed:
    """Fuzz every operation with the seed of the stage for at most so many seconds, and say what was found."""
    done = Fuzzed()
    if not available():
        done.left_out = MISSING
    else:
        done.findings += fuzzed(stage, stage.seed, seconds, done)
    return done


def fuzzed(stage: Stage, seed: int, seconds: float, done: Fuzzed | None = None) -> Iterator[Finding]:
    """Yield each finding as it is made; `done` is told the numbers. The rows are what they were before, at the end.

    An operation is asked in turns, and the next is always that which took least time so far, so that none waits for a
    slow one. What is sent in a turn depends on the seed, the operation and the number of the turn alone: with more time
    the same comes, and more after it.

    Raises:
        ModuleNotFoundError: schemathesis is not installed.
    """
    from meze.verify.fuzzer import Fuzzer  # schemathesis is an extra, and takes a second to load

    done = Fuzzed() if done is None else done
    started = time.monotonic()
    fuzzer = Fuzzer(stage, seed)
    try:
        done.left_out = fuzzer.left_out
        for turn in fuzzer.turns(started + seconds):
            yield from turn
    finally:
        fuzzer.close()
        done.operations, done.requests = fuzzer.operations, fuzzer.requests
        done.seconds = time.monotonic() - started
