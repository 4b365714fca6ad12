"""The servers that a page starts: an app behind Flask's test client, or a real `meze serve` in a process of its own.

The test client is a hundred times cheaper, and the same app answers. One page of each language is read with the real
server, so that what the guide says of it is held too.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

from flask import Flask
from flask.cli import ScriptInfo

from guide_tools.curl import Answered, Asked
from guide_tools.programs import BIN, close, environment, forget, inside
from meze.cli.find import load_meze
from meze.cli.schema import prepare_schema
from meze.errors import Mistake

PATIENCE_SECONDS = 60


class Server(Protocol):
    """What answers the requests of a page. `said` is what it printed when it started."""

    said: str

    def ask(self, asked: Asked) -> Answered: ...

    def changed(self) -> None:
        """Load the program anew at the next request: a file of it was written."""

    def shows(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the next piece like this in the terminal of the server, and wait a while for it to be printed."""

    def close(self) -> None: ...


class Client:
    """An app behind Flask's test client, as `meze` or `flask` loads it; loaded anew after a file was written."""

    def __init__(self, command: str, target: str | None, folder: Path, variables: Mapping[str, str]) -> None:
        self._command, self._target, self._folder = command, target, folder
        self._variables = variables
        self._app: Flask | None = None
        self.said = ""
        self._load()

    def ask(self, asked: Asked) -> Answered:
        if self._app is None:
            self._load()
        assert self._app is not None
        with inside(self._folder, self._variables):
            response = self._app.test_client(use_cookies=False).open(
                asked.path,
                method=asked.method,
                headers=asked.headers,
                data=asked.body,
                base_url="http://127.0.0.1:8000",
            )
        reason = http.client.responses.get(response.status_code, "")
        return Answered(response.status_code, reason, list(response.headers), response.get_data(as_text=True))

    def changed(self) -> None:
        self.close()

    def shows(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.search(self.said)  # it prints nothing later

    def close(self) -> None:
        if self._app is not None:
            close(self._app)
        self._app = None
        forget(self._folder)

    def _load(self) -> None:
        forget(self._folder)
        with inside(self._folder, self._variables):
            if self._command == "flask":
                self._app = ScriptInfo(app_import_path=self._target).load_app()
                return
            try:
                meze = load_meze(self._target)
                self.said = "\n".join([*prepare_schema(meze, dev=True), "Meze is serving …", *meze.notices()])
            except Mistake as mistake:
                self.close()
                self.said = f"Error: {mistake}"
                return
            self._app = meze.app


class Process:
    """A real `meze serve`, on a free port that pages know as 8000. It is stopped when a file is written, and started
    again for the next request: that reloading works is another test's to show, and it costs a start for each file.
    """

    def __init__(self, words: list[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._command = [str(BIN / words[0]), *words[1:], "--port", "0"]
        self._folder, self._variables = folder, variables
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._terminal = ""
        self._looked_at = 0
        self.said = self._start()

    def ask(self, asked: Asked) -> Answered:
        if self._process is None:
            self._start()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(asked.method, asked.path, asked.body, {"Host": "127.0.0.1:8000", **asked.headers})
            response = connection.getresponse()
            return Answered(response.status, response.reason, response.getheaders(), response.read().decode())
        finally:
            connection.close()

    def changed(self) -> None:
        self.close()

    def shows(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = pattern.search(self._terminal.replace(f":{self._port}", ":8000"), self._looked_at)
            if found:
                self._looked_at = found.end()
                return found
            time.sleep(0.05)
        return None

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._process = None

    def _start(self) -> str:
        """Start the server and return what it says, up to its last line of welcome or to its end."""
        self._process = subprocess.Popen(  # noqa: S603 - the words are our own page's
            self._command,
            cwd=self._folder,
            env=environment(self._variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            lines.append(line)
            self._terminal += line
            if line.startswith("Meze is serving"):
                self._port = int(line.split("/api")[0].rpartition(":")[2])
            if line.startswith("  Stop "):
                break
        threading.Thread(target=self._read_on, args=(self._process.stdout,), daemon=True).start()
        return "".join(lines).replace(f":{self._port}", ":8000")

    def _read_on(self, output: IO[str]) -> None:
        """Read what it prints from now on, which it must never wait for."""
        with contextlib.suppress(ValueError):  # it was closed while we were listening
            for line in output:
                self._terminal += line
