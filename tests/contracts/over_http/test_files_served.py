"""Exports and imports through the server itself: raw sockets, slow readers, and a server that is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from contracts.kitchen import API, Kitchen, Label

PROGRAM = Path(__file__).with_name("served_by_meze.py")
TESTS = Path(__file__).parents[2]
ROWS = 20_000


class Served:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def open(self, request: bytes, *, narrow: bool = False) -> socket.socket:
        client = socket.socket()
        if narrow:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", self.port))
        client.sendall(request)
        return client

    def ask(self, request: bytes) -> bytes:
        """Send a request and return all that comes until the server closes."""
        with self.open(request) as client:
            received = b""
            while piece := client.recv(65536):
                received += piece
            return received

    def kill(self) -> None:
        """Kill every process of the server, as a lost machine would."""
        for each in [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]:
            each.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def served(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(kitchen_url, tmp_path) as server:
        yield server


@contextmanager
def serving(url: str, folder: Path) -> Iterator[Served]:
    output = folder / "output"
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "KITCHEN_URL": url, "KITCHEN_FOLDER": str(folder)}
    command = [Path(sys.executable).parent / "meze", "serve", "--app", PROGRAM, "--port", "0", "--workers", "1"]
    with output.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    try:
        give_up = time.monotonic() + 30
        while (found := re.search(r"Meze is serving http://[^:]+:(\d+)", output.read_text())) is None:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < give_up, output.read_text()
            time.sleep(0.05)
        yield Served(process, int(found[1]))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def get(path: str) -> bytes:
    return f"GET {API}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def head_of(received: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return int(first.split()[1]), dict(line.lower().split(b": ", 1) for line in lines), body


def post(path: str, body: bytes, *, length: int | None = None, kind: str = "application/x-ndjson") -> bytes:
    head = f"POST {API}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


@pytest.fixture
def full(kitchen: Kitchen, served: Served) -> Served:
    """An export that no buffer of the system holds."""
    kitchen.fill(Label, [{"name": f"n{at:06}", "note": "x" * 500, "count": at} for at in range(ROWS)])
    return served


def test_an_export_is_as_long_as_it_says(full: Served) -> None:
    status, headers, body = head_of(full.ask(get("/labels?format=csv")))

    assert status == 200
    assert int(headers[b"content-length"]) == len(body)
    assert body.count(b"\r\n") == ROWS + 1


def test_an_export_that_breaks_off_is_shorter_than_it_says(full: Served) -> None:
    """The server is killed while a client reads: what came must not look whole."""
    with full.open(get("/labels?format=ndjson"), narrow=True) as client:
        received = client.recv(4096)
        full.kill()
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionError:
            pass

    status, headers, body = head_of(received)
    assert status == 200
    assert len(body) < int(headers[b"content-length"])


def test_slow_readers_hold_two_places_and_nobody_else_up(full: Served) -> None:
    readers = [full.open(get("/labels?format=csv"), narrow=True) for _ in range(4)]
    try:
        statuses = [head_of(reader.recv(2000))[0] for reader in readers]
        started = time.monotonic()
        for _ in range(20):
            assert head_of(full.ask(get("/labels/n000001")))[0] == 200
        took = time.monotonic() - started
    finally:
        for reader in readers:
            reader.close()

    assert sorted(statuses) == [200, 200, 503, 503]
    assert took < 5
    # Their clients are gone, so their places are free again.
    give_up = time.monotonic() + 10
    while (status := head_of(full.ask(get("/labels?format=csv")))[0]) == 503 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert status == 200


def test_head_of_an_export_has_no_body(full: Served) -> None:
    status, headers, body = head_of(full.ask(get("/labels?format=csv").replace(b"GET", b"HEAD", 1)))

    assert (status, body) == (200, b"")
    assert headers[b"content-type"].startswith(b"text/csv")


def test_a_body_in_chunks_is_imported(kitchen: Kitchen, served: Served) -> None:
    head = f"POST {API}/labels HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/csv\r\n"
    pieces = [b"name,co", b"unt\r\na,1\r", b"\nb,2\r\n"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    status, _, said = head_of(served.ask(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body))

    assert (status, json.loads(said)) == (201, {"created": 2, "updated": 0})
    assert kitchen.stored(Label) == [("a", None, 1), ("b", None, 2)]


def test_a_body_that_is_cut_off_leaves_nothing(kitchen: Kitchen, served: Served) -> None:
    body = b'{"name": "a"}\n{"name": "b"}\n'
    with served.open(post("/labels", body, length=len(body) + 14)):
        time.sleep(0.3)
    time.sleep(0.5)

    assert kitchen.stored(Label) == []
    assert head_of(served.ask(post("/labels", body)))[0] == 201


def test_an_import_that_is_killed_halfway_leaves_nothing(kitchen: Kitchen, kitchen_url: str, tmp_path: Path) -> None:
    body = "".join(f'{{"name": "n{at:06}", "note": "{"x" * 100}"}}\n' for at in range(60_000)).encode()
    with serving(kitchen_url, tmp_path) as server:
        began = time.time()
        with server.open(post("/labels", body)) as client:
            client.settimeout(0.02)
            while not writing(kitchen, began):
                assert time.time() < began + 60, "no transaction was ever seen"
                with pytest.raises(TimeoutError):
                    client.recv(1)  # an answer would mean that all was done
            server.kill()

    assert kitchen.stored(Label) == []
    assert kitchen.post("/labels", {"name": "after"}).status_code == 201


def writing(kitchen: Kitchen, since: float) -> bool:
    """Say whether the import has written rows that are not committed."""
    if kitchen.engine.dialect.name == "postgresql":
        asked = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND backend_xid IS NOT NULL"
        with kitchen.engine.connect() as connection:
            return bool(connection.exec_driver_sql(asked).scalar())
    # What does not fit SQLite's cache is in its log before the commit; nobody else writes here.
    log = Path(f"{kitchen.engine.url.database}-wal")
    return log.exists() and log.stat().st_mtime > since
