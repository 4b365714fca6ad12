"""A project in an empty folder, and the real command line run in it as a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

COMMANDS = Path(sys.executable).parent
PROGRAM = """\
import os
import time

from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)


app = Flask(__name__)
api = Meze(app, Base)
api.resource(Note, read=anyone)


@app.get("/version")
def version() -> str:
    return f"first {os.getpid()}"


@app.get("/slow")
def slow() -> str:
    time.sleep(1)
    return "slow"
"""
# What would change how a program starts, wherever the tests run.
FOREIGN = re.compile(r"MEZE_|FLASK_|SECRET_KEY|DATABASE_URL|PORT$|NO_COLOR|FORCE_COLOR|PYTEST_")


@dataclass
class Server:
    process: subprocess.Popen
    output: Path
    url: str = ""

    def get(self, path: str, seconds: float = 5) -> str:
        with urllib.request.urlopen(self.url + path, timeout=seconds) as answer:  # noqa: S310 - our own server
            return answer.read().decode()

    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, condition, seconds: float = 20):
        """Return what `condition` gives as soon as it is true; an answer that fails counts as not yet."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                if value := condition():
                    return value
            time.sleep(0.05)
        raise AssertionError(f"Nothing after {seconds} s; the server said:\n{self.said()[-3000:]}")

    def wait_for_words(self, words: str) -> str:
        return self.wait_for(lambda: words in self.said() and self.said())

    def worker(self) -> int:
        return int(self.get("/version").split()[1])


@dataclass
class Project:
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, source: str, name: str = "app.py") -> None:
        (self.folder / name).write_text(source)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        return kept | {"PYTHONUNBUFFERED": "1"} | self.environ

    def run(self, *words: str, command: str = "meze") -> subprocess.CompletedProcess:
        return subprocess.run(
            [COMMANDS / command, *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextlib.contextmanager
    def serving(self, *words: str):
        output = self.folder.parent / f"{self.folder.name}-output"
        with output.open("w") as stream:
            process = subprocess.Popen(
                [COMMANDS / "meze", "serve", "--port", "0", *words],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        server = Server(process, output)
        try:
            server.wait_for_words("Meze is serving")
            server.url = re.search(r"http://[^/\s]+", server.said())[0]
            yield server
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    made.write(PROGRAM)
    return made
