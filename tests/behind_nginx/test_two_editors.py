"""Two clients edit one row by its entity tag, directly and through an nginx that compresses: no change is ever lost."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

PROGRAM = """
from flask import Flask
from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone


class Base(DeclarativeBase):
    pass


class Page(Base):
    __tablename__ = "pages"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)


app = Flask(__name__)
api = Meze(app, Base)
api.resource(Page, read=anyone, write=anyone)
"""
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 0;
    gzip_types application/json;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_set_header Host $host;
        }}
    }}
}}
"""


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < give_up
            time.sleep(0.05)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[int]:
    """The port of a served program on each database."""
    (tmp_path / "app.py").write_text(PROGRAM)
    output = tmp_path / "output"
    command = [Path(sys.executable).parent / "meze", "serve", "--dev", "--port", "0"]
    environment = {**os.environ, "DATABASE_URL": database_url}
    with output.open("wb") as stream:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=stream, stderr=stream)
    try:
        give_up = time.monotonic() + 30
        while (found := re.search(r"Meze is serving http://[^:]+:(\d+)", output.read_text())) is None:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < give_up, output.read_text()
            time.sleep(0.05)
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def proxy(server: int, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx before it, which compresses whatever it passes on."""
    port = free_port()
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, port=port, behind=server))
    process = subprocess.Popen([os.environ["MEZE_TEST_NGINX"], "-p", tmp_path, "-c", configuration])
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


Answer = tuple[int, dict[str, str], bytes]


def ask(port: int, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """Ask as a client that takes gzip, and return status, headers in lower case, and the body as it was sent."""
    sent = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, sent, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=20)  # noqa: S310 - an address of this test
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


@pytest.fixture(params=["directly", "through-nginx"])
def port(request: pytest.FixtureRequest, server: int) -> int:
    if request.param == "directly":
        return server
    through: int = request.getfixturevalue("proxy")
    return through


def test_of_two_who_edit_what_they_saw_the_second_is_told(port: int, request: pytest.FixtureRequest) -> None:
    ask(port, "POST", "/api/v1/pages", {"text": "first " * 200})
    (_, seen_by_anna, body), (_, seen_by_ben, _) = (ask(port, "GET", "/api/v1/pages/1") for _ in range(2))

    anna = ask(port, "PATCH", "/api/v1/pages/1", {"text": "by Anna"}, If_Match=seen_by_anna["etag"])
    ben = ask(port, "PATCH", "/api/v1/pages/1", {"text": "by Ben"}, If_Match=seen_by_ben["etag"])

    if "through-nginx" in request.node.name:
        assert seen_by_anna["etag"].startswith('W/"')
        assert json.loads(gzip.decompress(body))["id"] == 1
    assert (anna[0], ben[0]) == (200, 412)
    assert json.loads(plain(ask(port, "GET", "/api/v1/pages/1")))["text"] == "by Anna"


def test_of_many_who_edit_at_once_every_change_that_was_taken_is_there(port: int) -> None:
    ask(port, "POST", "/api/v1/pages", {"text": ""})

    def add(letter: str) -> bool:
        status, headers, body = ask(port, "GET", "/api/v1/pages/1")
        text = json.loads(plain((status, headers, body)))["text"]
        return ask(port, "PATCH", "/api/v1/pages/1", {"text": text + letter}, If_Match=headers["etag"])[0] == 200

    letters = "abcdefghijklmnopqrst"
    with ThreadPoolExecutor(8) as pool:
        taken: list[bool] = list(pool.map(add, letters))

    kept = json.loads(plain(ask(port, "GET", "/api/v1/pages/1")))["text"]
    assert sorted(kept) == [letter for letter, was in zip(letters, taken, strict=True) if was]
    assert any(taken)


def test_what_did_not_change_is_not_sent_again(port: int) -> None:
    ask(port, "POST", "/api/v1/pages", {"text": "same " * 200})
    tag = ask(port, "GET", "/api/v1/pages/1")[1]["etag"]

    assert ask(port, "GET", "/api/v1/pages/1", If_None_Match=tag)[0] == 304


def plain(answer: Answer) -> bytes:
    _, headers, body = answer
    decode: Callable[[bytes], bytes] = gzip.decompress if headers.get("content-encoding") == "gzip" else bytes
    return decode(body)
