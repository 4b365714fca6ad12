"""Where the time of a request goes: asks the app in this process, and prints the microseconds of each step as JSON.

    python steps.py ROUNDS NAME=FILE …

A step is what one function does less what the steps inside of it do. A clock around each costs a quarter of a
microsecond, so what is told of short steps is a little too much. What is in none of the others is the way between them.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

from app import app
from count import ask, environ_of

from meze.databases.group_commit import GroupCommit
from meze.databases.sqlite_connection import SQLiteConnection
from meze.observe.request_log import RequestLog
from meze.query.groups import CollectionParser
from meze.records import reads, writes
from meze.records.check import Checker
from meze.records.lending import Lending
from meze.records.run import Runner
from meze.records.shape import Node
from meze.web import resources
from meze.web.accounts.identify import Identify
from meze.web.door import Doors
from meze.web.doorway import Doorway
from meze.web.site import Site
from meze.web.wsgi_door import WsgiDoor

CALLS = 500


class Clock:
    """Counts each step's own nanoseconds."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, int] = defaultdict(int)
        self._inside = [0]

    def around(self, step: str, holder: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(holder, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            self._inside.append(0)
            began = time.perf_counter_ns()
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter_ns() - began
                self.spent[step] += took - self._inside.pop()
                self._inside[-1] += took

        setattr(holder, name, timed)


STEPS: dict[str, list[tuple[Any, str]]] = {
    "taken from WSGI": [(Doorway, "admits"), (WsgiDoor, "_request_of")],
    "the caller": [(Identify, "__call__")],
    "the request read: query string or body, values": [
        (CollectionParser, "parse"),
        (resources, "json_value"),
        (Checker, "create"),
    ],
    "the plan found": [(Lending, "planned")],
    "the statement run": [(SQLiteConnection, "fetch")],
    "the commit, with the wait for the disk": [(GroupCommit, "write")],
    "rows into JSON, entity tag": [
        (Node, "objects"),
        *((module, name) for module in (reads, writes) for name in ("encode", "digest")),
    ],
    "the next page: cursor and address": [(Runner, "_cursor"), (resources, "list_url")],
    "limits before, headers after": [(Site, "_check_limits"), (Site, "_finish")],
    "the line in the log": [(RequestLog, "answered")],
    "the way from one to the next": [(Doors, "__call__")],
}


def main() -> None:
    rounds = int(sys.argv[1])
    clock, isbns, told = Clock(), count(1), {}
    for step, functions in STEPS.items():
        for holder, name in functions:
            clock.around(step, holder, name)
    app.extensions["meze"].open()
    app.extensions["meze"].log_later()
    for argument in sys.argv[2:]:
        name, _, file = argument.partition("=")
        lines, kept = Path(file).read_text().splitlines(), []
        for turn in range(1 + rounds):
            environs = [environ_of(line, isbns) for line in islice(lines, CALLS)]
            clock.spent.clear()
            ask(environs)
            if turn:
                kept.append({step: clock.spent[step] / CALLS / 1000 for step in STEPS})
        told[name] = {step: median(each[step] for each in kept) for step in STEPS}
    Path("/dev/stdout").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
