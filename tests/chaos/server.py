"""`meze serve` in production settings, as a process that is killed and started again."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

COMMAND = Path(sys.executable).with_name("meze")
TESTS = Path(__file__).parents[1]
PROGRAM = Path(__file__).parent / "program" / "app.py"
PRODUCTION = {
    "MEZE_ENV": "production",
    "SECRET_KEY": "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO",
    "MEZE_PUBLIC_URL": "https://entries.example",
    "MEZE_REGISTRATION": "closed",
    "PYTHONPATH": str(TESTS),
}
FOREIGN = ("MEZE_", "FLASK_", "SECRET_KEY", "DATABASE_URL", "PORT", "CHAOS")
PATIENCE_SECONDS = 60.0


class Server:
    """The program in a folder of its own, on the database at `url`; `meddling` is what is done to it inside."""

    def __init__(self, folder: Path, url: str, *, workers: int, meddling: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._workers = workers
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self._environment = kept | PRODUCTION | {"DATABASE_URL": url} | (meddling or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def prepare(self) -> None:
        """Copy the program and make its tables."""
        self._folder.mkdir(exist_ok=True)
        shutil.copy(PROGRAM, self._folder)
        made = {name: value for name, value in self._environment.items() if not name.startswith("CHAOS")}
        done = subprocess.run([COMMAND, "db", "upgrade"], cwd=self._folder, env=made, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and return once it is ready."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with self._said.open("ab") as output:
            self._process = subprocess.Popen(
                [COMMAND, "serve", "--port", str(self.port), "--workers", str(self._workers)],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.wait_for(self.is_ready)

    def is_ready(self) -> bool:
        return self.ask("/health/ready")[0] == 200

    def ask(self, path: str) -> tuple[int, str]:
        """Return the status and the body; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def workers(self) -> set[int]:
        assert self._process is not None
        return {child.pid for child in psutil.Process(self._process.pid).children()}

    def kill(self) -> None:
        """End every process of it at once, in the middle of whatever it does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def wait_for_another(self, former: set[int]) -> None:
        """Wait until a worker answers that is none of these. Each connection may come to any worker."""

        def answered() -> bool:
            status, process = self.ask("/process")
            return status == 200 and int(process) not in former

        self.wait_for(answered)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until or (self._process is not None and self._process.poll() is not None):
                raise AssertionError(f"the server does not come:\n{self._said.read_text()[-3000:]}")
            time.sleep(0.005)

    @property
    def _said(self) -> Path:
        return self._folder / "said"
