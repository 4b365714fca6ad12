"""Send what the OpenAPI document allows, and what it does not, to every operation: schemathesis makes it up, seeded.

No answer may be an error of the server, have a status or a body that the document does not know, or refuse in anything
but problem+json. schemathesis comes with the extra `meze[verify]`, and is loaded here alone.
"""

from __future__ import annotations

import importlib.util
import itertools
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from meze.verify.callers import Actor
from meze.verify.client import Exchange
from meze.verify.finding import Finding
from meze.verify.stage import Stage

DOOR = "fuzz"
MISSING = "schemathesis is not installed. Install it: pip install 'meze[verify]'"
_EXAMPLES = 3
_LONGEST = 400


@dataclass(slots=True)
class Fuzzed:
    """What became of it. `left_out` says why nothing was fuzzed, None where something was."""

    findings: list[Finding] = field(default_factory=list)
    operations: int = 0
    requests: int = 0
    seconds: float = 0.0
    left_out: str | None = None


def fuzz(stage: Stage, seconds: float) -> Fuzzed:
    """Fuzz every operation as an admin and as a user without roles, for at most so many seconds."""
    if importlib.util.find_spec("schemathesis") is None:
        return Fuzzed(left_out=MISSING)
    started, done = time.monotonic(), Fuzzed()
    actors = [actor for actor in stage.actors if actor.name in ("admin", "alice")] or list(stage.actors[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for actor, operation, config in _operations(stage, actors):
            if time.monotonic() - started > seconds:
                break
            done.operations += 1
            _one(stage, actor, operation, config, done)
            stage.restore()
    done.seconds = time.monotonic() - started
    return done


def _operations(stage: Stage, actors: list[Actor]) -> Iterator[tuple[Actor, Any, Any]]:
    """Yield each operation with who asks it, those of rows first: there is most to find."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    document = schemathesis.openapi.from_wsgi("/openapi.json", stage.wsgi, config=SchemathesisConfig.from_dict({}))
    prefix = f"{stage.prefix}/auth"
    operations = [found.ok() for found in document.get_all_operations()]
    operations = [each for each in operations if not each.path.startswith(prefix)]
    for operation, actor in itertools.product(operations, actors):
        yield actor, operation, document.config


def _one(stage: Stage, actor: Actor, operation: Any, config: Any, done: Fuzzed) -> None:
    from hypothesis import HealthCheck, Phase, settings
    from schemathesis.core.failures import FailureGroup
    from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )
    from schemathesis.checks import not_a_server_error

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    def ask(case: Any) -> None:
        done.requests += 1
        response = case.call(headers=dict(actor.headers))
        try:
            case.validate_response(response, checks=checks)
        except FailureGroup as failures:
            done.findings += [_finding(stage, actor, case, response, each) for each in failures.exceptions[:1]]

    bounded = settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        report_multiple_bugs=False,
    )
    made = HypothesisTestConfig(
        project=config,
        modes=[HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING],
        settings=bounded,
        seed=stage.seed,
    )
    create_test(operation=operation, test_func=ask, config=made)()


def _finding(stage: Stage, actor: Actor, case: Any, response: Any, failure: Any) -> Finding:
    path = response.request.path_url
    body = response.request.body or b""
    headers = {name: value for name, value in response.request.headers.items() if name.lower() == "content-type"}
    exchange = Exchange(
        response.request.method,
        path,
        headers,
        body if isinstance(body, bytes) else str(body).encode(),
        actor.name if actor.headers else None,
    )
    piece = case.path.removeprefix(f"{stage.prefix}/").split("/")[0]
    said = " ".join(str(failure).split())
    return Finding(
        DOOR,
        piece,
        actor.name,
        f"The answer is not as the OpenAPI document says: {getattr(failure, 'title', type(failure).__name__)}",
        "an answer that the document knows",
        f"{response.status_code}: {said[:_LONGEST]}",
        exchange.curl,
    )
