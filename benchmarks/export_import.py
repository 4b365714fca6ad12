"""Measure exports beside short requests, and an import: `make bench-export`.

Prints the figures as they came, with the memory and the processor time that the server used for them. The database is
SQLite unless DATABASE_URL names another, whose table `cities` must be empty or absent.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
from bench.processor import pinned, usage
from bench.servers import free_port, stop

CITIES = 170_391
IMPORTED = 100_000
READERS = 4
BYTES_A_SECOND = 10_000
LIST = "/api/v1/cities"
APP = Path(__file__).parent / "apps" / "cities" / "app.py"
MB = 1_000_000


class Memory(threading.Thread):
    """Samples what a server holds while the block lasts. Shared pages are counted once."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._done = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._done.wait(0.05):
            self.peak = max(self.peak, held(self._root))

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


def held(root: psutil.Process) -> int:
    """Return the bytes that a server's processes hold, each page once."""
    return sum(process.memory_full_info().pss for process in [root, *root.children(recursive=True)])


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Serve the cities with one worker on the first core."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'cities.db'}",
        "SECRET_KEY": "only-for-measuring-and-long-enough-to-be-taken",
        "TMPDIR": str(folder),
    }
    command = [Path(sys.executable).parent / "meze", "serve", "--app", APP, "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log, pinned(0):
        subprocess.run([command[0], "db", "upgrade", "--app", APP], env=environment, stdout=log, check=True)
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        give_up = time.monotonic() + 20
        while status_of(port, f"{LIST}?limit=1") != 200:
            if time.monotonic() > give_up:
                raise RuntimeError((folder / "server.log").read_text()[-3000:])
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        stop(process)


def status_of(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


def csv_of(first: int, count: int) -> bytes:
    rows = (
        f"City {n} of the {n % 97}th,{'DEFRCNJPBR'[n % 5 * 2 : n % 5 * 2 + 2]},{n * 37 % 9_000_000},"
        f"{n % 180 - 90}.{n % 997},{n % 360 - 180}.{n % 991},Europe/Berlin\r\n"
        for n in range(first, first + count)
    )
    return ("name,country_code,population,latitude,longitude,timezone\r\n" + "".join(rows)).encode()


def imported(port: int, body: bytes) -> float:
    """Import a file and return the seconds that it took."""
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    began = time.perf_counter()
    connection.request("POST", LIST, body, {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"{answer.status} {said[:500]!r}")
    return time.perf_counter() - began


class Reader(threading.Thread):
    """Reads an export at a slow client's pace."""

    def __init__(self, port: int, until: float) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._until = until
        self.status = 0
        self.bytes = 0

    def run(self) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect(("127.0.0.1", self._port))
            client.sendall(f"GET {LIST}?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = client.recv(2048)
            self.status, self.bytes = int(head.split()[1]), len(head)
            while self.status == 200 and time.monotonic() < self._until:
                time.sleep(0.1)
                self.bytes += len(client.recv(BYTES_A_SECOND // 10))


def latencies(port: int, until: float) -> list[float]:
    """Get one city after the other, 200 a second, and return the seconds that each took."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    took = []
    while time.monotonic() < until:
        began = time.perf_counter()
        connection.request("GET", f"{LIST}/{len(took) % CITIES + 1}")
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"R1 answered {answer.status}")
        time.sleep(max(0.0, 0.005 - took[-1]))
    return took


def told(name: str, took: list[float]) -> str:
    cuts = statistics.quantiles(took, n=100)
    return f"{name:<44} p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms, longest {max(took) * 1000:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the slow readers read")
    seconds: float = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="meze-bench-") as name, serving(Path(name)) as (port, root):
        idle = held(root)
        imported(port, csv_of(0, 70_391))
        before = usage(root).seconds
        with Memory(root) as memory:
            took = imported(port, csv_of(70_391, IMPORTED))
        print(f"import of {IMPORTED:,} rows: {took:.1f} s, {usage(root).seconds - before:.1f} s of processor time,")
        print(f"  memory at most {(memory.peak - idle) / MB:.1f} MB above {idle / MB:.1f} MB idle")
    # The rows again, on a server that has done nothing yet: an import leaves memory that an export could use.
    with tempfile.TemporaryDirectory(prefix="meze-bench-") as name:
        with serving(Path(name)) as (port, _):
            for first in range(0, CITIES, 60_000):
                imported(port, csv_of(first, min(60_000, CITIES - first)))
        with serving(Path(name)) as (port, root):
            measure_export(port, root, seconds)


def measure_export(port: int, root: psutil.Process, seconds: float) -> None:
    latencies(port, time.monotonic() + 2)
    print(told("R1 alone", latencies(port, time.monotonic() + 5)))
    idle = held(root)
    before, began = usage(root).seconds, time.monotonic()
    with Memory(root) as memory:
        readers = [Reader(port, began + seconds) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        beside = latencies(port, began + seconds)
    share = (usage(root).seconds - before) / (time.monotonic() - began)
    for reader in readers:
        reader.join()
    print(told(f"R1 beside {READERS} readers at {BYTES_A_SECOND // 1000} kB/s", beside))
    print(f"  readers got {sorted(reader.status for reader in readers)}; the server used {share:.0%} of a core,")
    print(f"  memory at most {(memory.peak - idle) / MB:.1f} MB above {idle / MB:.1f} MB idle")
    time.sleep(2)
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", f"{LIST}?format=csv")
    answer = connection.getresponse()
    first = time.perf_counter() - began
    body = answer.read()
    rows = body.count(b"\r\n") - 1
    took = time.perf_counter() - began
    print(f"export of {rows:,} rows, {len(body) / MB:.1f} MB: {took:.1f} s, first byte {first:.1f} s")


if __name__ == "__main__":
    main()
