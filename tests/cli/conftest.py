"""A project in an empty folder, and the real command line run in it as a process of its own."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

import meze.app  # noqa: F401 - all of Meze's own tables are declared by what it imports
from cli import forking
from meze.databases import open_database
from meze.databases.own import add_tables

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
SECRET_KEY = "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"
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

    def send(self, method: str, path: str, body=None, token: str | None = None) -> tuple[int, dict]:
        """Return the status and the document of an answer, whatever it is."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - as above
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, json.loads(problem.read())

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

    def run(self, *words: str, command: str = "meze", given: str = "") -> subprocess.CompletedProcess:
        """Run a command with `given` on standard input, where no terminal is."""
        if command == "meze":
            return forking.run(words, self.folder, self.environment(), given)
        return subprocess.run(
            [COMMANDS / command, *words],
            cwd=self.folder,
            env=self.environment(),
            input=given,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    def run_on_terminal(self, *words: str, answers: dict[str, str]) -> tuple[int, str, str]:
        """Run a command at a terminal, typing each answer once its question stands there.

        Returns the exit code, what the command printed, and what the terminal showed of questions, answers and errors.
        """
        ours, theirs = pty.openpty()
        shown = b""
        with subprocess.Popen(
            [COMMANDS / "meze", *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            start_new_session=True,  # no terminal but this one can be asked
        ) as process:
            os.close(theirs)
            questions = list(answers.items())
            while True:
                try:
                    piece = os.read(ours, 1024)
                except OSError:  # how Linux says that the other end is closed
                    break
                shown += piece
                if questions and questions[0][0].encode() in shown:
                    os.write(ours, f"{questions.pop(0)[1]}\n".encode())
            os.close(ours)
            printed = process.stdout.read().decode()
        return process.returncode, printed, shown.decode()

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


@pytest.fixture
def staff(project):
    """A project with a role of its own, on SQLite; its tables are made."""
    return with_accounts(project)


@pytest.fixture
def staff_anywhere(project, database_url):
    """The same, on each database in turn."""
    project.environ["DATABASE_URL"] = database_url
    return with_accounts(project)


def with_accounts(project):
    project.write(PROGRAM.replace("Meze(app, Base)", 'Meze(app, Base, roles=["editor"])'))
    url = project.environ.setdefault("DATABASE_URL", f"sqlite:///{project.folder}/instance/meze.db")
    project.environ |= {"SECRET_KEY": SECRET_KEY, "MEZE_PASSWORD_HASHING": "m=8,t=1,p=1"}
    metadata = MetaData()
    Table("notes", metadata, Column("id", Integer, primary_key=True))
    add_tables(metadata)
    database = open_database(url)
    metadata.create_all(database.engine)
    database.close()
    return project
