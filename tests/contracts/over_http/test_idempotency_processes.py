"""Keys between processes that serve one database, and after one that was killed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from contracts.kitchen import ANNA, API, Note

PROGRAM = Path(__file__).with_name("served.py")
TESTS = Path(__file__).parents[2]
KEY = "0199c9d2-6c3e-7a51-8c68-1f2f6e0e7f01"


@contextmanager
def served(url, folder, when=""):
    """Run the app as a process, and yield it with its port."""
    environ = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = subprocess.Popen(
        [sys.executable, PROGRAM, url, folder, when],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(port, body=b'{"title": "a"}', path="/notes", key=KEY):
    """Create a note with the key, and return status, headers and body; None where nobody answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {ANNA.token}", "Content-Type": "application/json", "Idempotency-Key": key}
    try:
        connection.request("POST", API + path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    except (http.client.HTTPException, ConnectionError):
        return None
    finally:
        connection.close()


def test_fifty_at_once_in_two_processes_make_one_row(kitchen, kitchen_url, tmp_path):
    with ExitStack() as stack:
        ports = [stack.enter_context(served(kitchen_url, tmp_path))[1] for _ in range(2)]
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda number: ask(ports[number % 2]), range(50)))

    assert len(kitchen.stored(Note)) == 1
    done = [answer for answer in answers if answer[0] == 201]
    assert len({body for _, _, body in done}) == 1
    assert sum("Idempotency-Replayed" not in headers for _, headers, _ in done) == 1
    for status, _, body in answers:
        assert status == 201 or (status, json.loads(body)["code"]) == (409, "in_progress")


def test_killed_between_commit_and_answer_a_retry_gets_the_answer_and_makes_nothing(kitchen, kitchen_url, tmp_path):
    with served(kitchen_url, tmp_path, "killed-after-commit") as (process, port):
        assert ask(port) is None
        assert process.wait(10) == -9
    (row,) = kitchen.stored(Note)

    with served(kitchen_url, tmp_path) as (_, port):
        status, headers, body = ask(port)

    assert status == 201
    assert headers["Idempotency-Replayed"] == "true"
    assert headers["Location"] == f"{API}/notes/{row[0]}"
    assert json.loads(body) == {"id": row[0], "owner_id": 1, "title": "a", "public": False}
    assert kitchen.stored(Note) == [row]


@pytest.mark.parametrize("path", ["/notes", "/batch"])
def test_killed_before_the_commit_nothing_is_done_and_a_retry_does_it(kitchen, kitchen_url, tmp_path, path):
    operation = {"method": "POST", "path": "/notes", "body": {"title": "a"}}
    body = b'{"title": "a"}' if path == "/notes" else json.dumps({"operations": [operation]}).encode()
    with served(kitchen_url, tmp_path, "killed-before-commit") as (process, port):
        assert ask(port, body, path) is None
        assert process.wait(10) == -9
    assert kitchen.stored(Note) == []

    with served(kitchen_url, tmp_path) as (_, port):
        status, headers, _ = ask(port, body, path)

    assert status in (200, 201)
    assert "Idempotency-Replayed" not in headers
    assert len(kitchen.stored(Note)) == 1


def test_while_another_process_is_at_it_the_answer_is_409_within_a_second(kitchen, kitchen_url, tmp_path):
    with ExitStack() as stack:
        process, slow = stack.enter_context(served(kitchen_url, tmp_path, "slow"))
        _, other = stack.enter_context(served(kitchen_url, tmp_path))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        first = threads.submit(ask, slow)
        assert process.stdout.readline() == "kept\n"
        started = time.monotonic()

        waiting = [ask(other), ask(slow)]

        assert time.monotonic() - started < 1
        for status, _, body in waiting:
            assert (status, json.loads(body)["code"]) == (409, "in_progress")
        status, _, body = first.result()
        assert status == 201
        again = ask(other)

    assert (again[0], again[1]["Idempotency-Replayed"], again[2]) == (201, "true", body)
    assert len(kitchen.stored(Note)) == 1
