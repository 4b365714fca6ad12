"""Whether 50 clients with slow queries hold up others: the health check, and people who sign in.

The slow queries look through every book for a text that none has, in an order without an index. Some are answered
and some are refused, because half of the threads are kept for what is short (the guide's limits on cost); either is
right here. Health and signing in are asked one after the other, each by a client of its own, all the while.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from bench.applications import MEZE
from bench.databases import Databases, run
from bench.generators import Load
from bench.measurement import Plan
from bench.report import markdown
from bench.servers import serving
from bench.workload import PREFIX, Call, Workload

CLIENTS = 50
MUST_MS = 1_000.0
"""The bar of the design, for the 99th percentile."""

HEALTH, SIGN_IN = "health", "sign-in"
PASSWORD = "only for the benchmark, which keeps no secrets"
PAUSE = 0.02
LASTS = 10
"""How many times a load of another kind this one is."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one of the two clients met while the slow ones were there, and before; milliseconds."""

    what: str
    asked: int
    failed: int
    alone_p99_ms: float
    p50_ms: float
    p99_ms: float
    worst_ms: float

    @property
    def good(self) -> bool:
        """Whether it kept the bar, with no failure."""
        return self.failed == 0 and self.asked > 0 and self.p99_ms <= MUST_MS


@dataclass(frozen=True, slots=True)
class Slowness:
    """What the slow clients met: one request alone, and then all of them."""

    rows: int
    alone_ms: float
    alone_status: int
    requests: int
    refused: int


def slow_workload() -> Workload:
    """Return the slow queries, none like another."""
    asked = (
        {"title__contains": f"no book has this {number}", "sort": "title", "limit": "20"} for number in range(2_000)
    )
    return Workload("slow", tuple(Call("GET", f"{PREFIX}/books?{urlencode(query)}") for query in asked))


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that this share of them does not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def ask_once(port: int, method: str, path: str, body: Mapping[str, str] | None) -> tuple[float, int]:
    """Return how long an answer took, in milliseconds, and its status; 0 is none."""
    text = None if body is None else json.dumps(body)
    # A connection each time: who comes anew has to be let in, too.
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.monotonic()
    try:
        connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
        response = connection.getresponse()
        response.read()
        status = response.status
    except (OSError, HTTPException):
        status = 0
    finally:
        connection.close()
    return (time.monotonic() - began) * 1e3, status


PROBES: Mapping[str, tuple[str, str, Mapping[str, str] | None]] = {
    HEALTH: ("GET", "/health/live", None),
    SIGN_IN: ("POST", f"{PREFIX}/auth/login", {"email": "reader1@example.org", "password": PASSWORD}),
}


def probed(port: int, while_running: Callable[[], object]) -> dict[str, list[tuple[float, int]]]:
    """Ask for both all the while that this runs."""
    over = threading.Event()
    found: dict[str, list[tuple[float, int]]] = {}

    def probe(name: str) -> None:
        found[name] = []
        while not over.wait(PAUSE):
            found[name].append(ask_once(port, *PROBES[name]))

    threads = [threading.Thread(target=probe, args=(name,)) for name in PROBES]
    for thread in threads:
        thread.start()
    try:
        while_running()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return found


def measure_slow(databases: Databases, plan: Plan, rows: int) -> tuple[Slowness, list[Held]]:
    """Return what the slow clients met and what the two others met, at one server of one worker."""
    path = plan.work / "slow.txt"
    path.write_text(slow_workload().text())
    url = databases.fresh(MEZE)
    run((sys.executable, "give_password.py", PASSWORD), MEZE, url, plan.work)
    with serving(MEZE, url, plan.cores, plan.work) as server:
        alone_ms, alone_status = ask_once(server.port, "GET", slow_workload().calls[-1].path, None)
        before = probed(server.port, lambda: time.sleep(plan.seconds))
        load = Load(f"http://127.0.0.1:{server.port}", path, 0, CLIENTS, LASTS * plan.seconds)
        outcomes = []
        during = probed(server.port, lambda: outcomes.append(plan.generator.run(load, plan.cores.load)))
    outcome = outcomes[0]
    return (
        Slowness(rows, alone_ms, alone_status, outcome.requests, outcome.errors),
        [held(name, before[name], during[name]) for name in PROBES],
    )


def held(name: str, before: Iterable[tuple[float, int]], during: Iterable[tuple[float, int]]) -> Held:
    """Put what one client met together."""
    took, statuses = [ms for ms, _ in during], [status for _, status in during]
    return Held(
        what=name,
        asked=len(took),
        failed=sum(not 200 <= status < 300 for status in statuses),
        alone_p99_ms=percentile((ms for ms, _ in before), 0.99),
        p50_ms=percentile(took, 0.5),
        p99_ms=percentile(took, 0.99),
        worst_ms=max(took, default=0.0),
    )


def slow_table(slowness: Slowness, clients: Iterable[Held]) -> str:
    """Return what was met, as Markdown."""
    cells = [
        ["client", "asked", "failed", "p99 ms alone", "p50 ms", "p99 ms", "worst ms", f"p99 at most {MUST_MS:g} ms"]
    ]
    for client in clients:
        figures = (client.alone_p99_ms, client.p50_ms, client.p99_ms, client.worst_ms)
        failed = f"{client.failed:,}"
        said = [f"{figure:,.1f}" for figure in figures]
        cells.append([client.what, f"{client.asked:,}", failed, *said, "yes" if client.good else "NO"])
    return (
        f"{CLIENTS} clients with slow queries over {slowness.rows:,} books: alone, one such query took "
        f"{slowness.alone_ms:,.0f} ms (status {slowness.alone_status}); of {slowness.requests:,} in all "
        f"{slowness.refused:,} were refused or failed.\n\n{markdown(cells, text_columns=1)}"
    )
