"""The same calls in each application's own words: its addresses and bodies, and the tokens of its own sessions."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.applications import Application, sessions_file
from bench.workload import Call, Workload


def tokens_of(application: Application, work: Path) -> Mapping[str, str]:
    """Return the application's token for each that stands in the workload; empty where it knows those themselves."""
    if not application.sign_in:
        return {}
    found: dict[str, str] = json.loads(sessions_file(application, work).read_text())
    return found


def own_call(application: Application, call: Call, tokens: Mapping[str, str]) -> Call:
    """Return the call as the application is asked it. A token that nobody has stays what it is."""
    return replace(application.call(call), token=tokens.get(call.token, call.token))


def own_workload(application: Application, workload: Workload, tokens: Mapping[str, str]) -> Workload:
    """Return the workload as the application is asked it."""
    return Workload(workload.name, tuple(own_call(application, call, tokens) for call in workload.calls))
