"""Bodies over a real connection: cut short, longer than they may be, or so slow that they never end."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import psycopg
import pytest

from cli.conftest import Project, Server

PROGRAM = """\
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


app = Flask(__name__)
api = Meze(app, Base)
api.resource(City, read=anyone, write=anyone)
"""
CHUNK = 65_536
LIMIT = 2 * 1024 * 1024


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`meze serve --dev`, which is one worker, started once for all of these tests on each kind of database."""
    folder = tmp_path_factory.mktemp("project")
    url = f"sqlite:///{folder / 'cities.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("worker_database")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    project = Project(folder, {"DATABASE_URL": url})
    project.write(PROGRAM)
    with project.serving("--dev") as serving:
        yield serving


@contextlib.contextmanager
def sending(server: Server, framing: str) -> Iterator[socket.socket]:
    """Open a connection and send the head of a POST, whose body is framed so."""
    host, port = server.url.removeprefix("http://").split(":")
    head = f"POST /api/v1/cities HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        yield connection


def answer_on(connection: socket.socket) -> tuple[int, dict[str, object]]:
    """Return the status and the JSON of the one answer; (0, {}) where the connection was closed without one."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while b"\r\n\r\n" not in received and (piece := connection.recv(CHUNK)):
            received += piece
        if not received:
            return 0, {}
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length and (piece := connection.recv(CHUNK)):
            body += piece
        return int(head.split()[1]), json.loads(body)
    return 0, {}


def send_in_chunks(connection: socket.socket, body: bytes) -> None:
    """Send a body whose length is not announced. The server may refuse it and close before its end."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for start in range(0, len(body), CHUNK):
            piece = body[start : start + CHUNK]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")


def names(server: Server) -> list[str]:
    return [row["name"] for row in json.loads(server.get("/api/v1/cities?limit=100"))["items"]]


def add(server: Server, name: str) -> None:
    """Add a city, which must succeed; what was sent before it was dealt with by then, or never will be."""
    body = json.dumps({"name": name}).encode()
    with sending(server, f"Content-Length: {len(body)}") as connection:
        connection.sendall(body)
        assert answer_on(connection)[0] == 201


@pytest.mark.parametrize("half_closed", [True, False], ids=["half-closed", "closed"])
def test_a_body_that_is_cut_off_is_not_written(server: Server, half_closed: bool) -> None:
    with sending(server, "Content-Length: 50") as connection:
        connection.sendall(b'{"name":"cut off"}')
        if half_closed:
            connection.shutdown(socket.SHUT_WR)
            status, problem = answer_on(connection)
            assert (status, problem.get("code")) in ((400, "malformed"), (0, None))

    add(server, "after one that was cut off")
    assert "cut off" not in names(server)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"name":"long"}' + b" " * (LIMIT + CHUNK), id="whole-within-the-limit-and-spaces-beyond"),
        pytest.param(b'{"name":"' + b"a" * (LIMIT + CHUNK) + b'"}', id="one-long-text"),
    ],
)
def test_a_body_of_unknown_length_is_refused_beyond_the_limit(server: Server, body: bytes) -> None:
    before = names(server)
    with sending(server, "Transfer-Encoding: chunked") as connection:
        send_in_chunks(connection, body)
        status, problem = answer_on(connection)

    assert (status, problem["code"]) == (413, "too_large")
    assert names(server) == before


def test_a_body_of_unknown_length_is_taken_up_to_the_limit(server: Server) -> None:
    body = b'{"name":"just short enough"}'
    with sending(server, "Transfer-Encoding: chunked") as connection:
        send_in_chunks(connection, body + b" " * (LIMIT - len(body)))
        status, row = answer_on(connection)

    assert (status, row["name"]) == (201, "just short enough")


def test_bodies_that_never_end_keep_nobody_from_reading(server: Server) -> None:
    before = names(server)
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            connection = stack.enter_context(sending(server, "Content-Length: 500"))
            connection.sendall(b"{")
        for _ in range(5):
            assert json.loads(server.get("/health/live", seconds=5))
            assert names(server) == before
    add(server, "after bodies that never ended")
