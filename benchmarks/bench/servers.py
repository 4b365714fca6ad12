"""Start one application's server on one core, and stop it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from bench.applications import Application, environment_of, log_of
from bench.processor import Cores, pinned, usage
from bench.workload import PREFIX, Call

START_SECONDS = 30.0
STOP_SECONDS = 10.0
FIRST_BOOK = Call("GET", f"{PREFIX}/books/1")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, its processes, and what it took to answer its first request."""

    application: Application
    port: int
    process: psutil.Process
    start_seconds: float
    idle: int


@contextmanager
def serving(application: Application, url: str, cores: Cores, work: Path, workers: int = 1) -> Iterator[Server]:
    """Serve the application until the block ends; what it prints is in `.work/<name>.log` until its next start.

    Raises:
        RuntimeError: it ended or gave no 200 within 30 seconds; carries the end of its log.
    """
    port = free_port()
    log = log_of(application)
    with log.open("wb") as output, pinned(*cores.of_workers(workers)):
        began = time.monotonic()
        process = subprocess.Popen(
            application.command(port, workers),
            cwd=application.folder,
            env=environment_of(application, url, work),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not answers(application, port):
            if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise RuntimeError(f"{application.title} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.02)
        started, root = time.monotonic() - began, psutil.Process(process.pid)
        yield Server(application, port, root, started, usage(root).resident)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started, by force if it does not go."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()


def answers(application: Application, port: int) -> bool:
    """Whether the first book can be read."""
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.request("GET", application.call(FIRST_BOOK).path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
