"""Bodies are read whole or refused, by few threads at a time; a query string is read or told to be unreadable."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from threading import Event, Thread
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

from meze.errors import BadRequest, Problem, TooLarge, Unavailable
from meze.web.messages import Response
from meze.web.translation import Bodies, request_of, response_of


def asked(body: bytes = b"", length: int | None = None, stream: Any = None, **more: Any) -> flask.Request:
    """Return a request whose body ends where the connection does; `length` is what it announces."""
    environ = EnvironBuilder(method="POST", **more).get_environ()
    environ["wsgi.input"] = stream or BytesIO(body)
    environ["wsgi.input_terminated"] = True
    environ.pop("CONTENT_LENGTH", None)
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    return flask.Request(environ)


Read = Callable[[Bodies, flask.Request], bytes]
BOTH_DOORS = pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda bodies, request: bodies.read(request), id="through-flask"),
        pytest.param(lambda bodies, request: bodies.read_announced(request.environ), id="straight-from-wsgi"),
    ],
)


@BOTH_DOORS
@pytest.mark.parametrize(
    ("size", "announced"),
    [
        pytest.param(0, 0, id="empty"),
        pytest.param(0, None, id="empty-of-unknown-length"),
        pytest.param(100, 100, id="at-the-limit"),
        pytest.param(100, None, id="at-the-limit-of-unknown-length"),
    ],
)
def test_a_body_is_read_whole(read: Read, size: int, announced: int | None) -> None:
    assert read(Bodies(100, 4), asked(b"x" * size, announced)) == b"x" * size


class Dribbling(BytesIO):
    """A body that comes byte by byte."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1 if size else size)


def test_a_body_is_read_whole_however_it_comes() -> None:
    assert Bodies(100, 4).read_announced(asked(stream=Dribbling(b"abc"), length=3).environ) == b"abc"


@pytest.mark.parametrize("written", ["", "-1", "+3", " 3", "0x3", "３", "9" * 400])
def test_a_length_that_is_no_number_is_read_as_flask_reads_it(written: str) -> None:
    def told(read: Read) -> Any:
        request = asked(b"abc")
        request.environ["CONTENT_LENGTH"] = written
        try:
            return read(Bodies(100, 4), request)
        except Problem as problem:
            return type(problem)

    assert told(lambda bodies, request: bodies.read_announced(request.environ)) == told(
        lambda bodies, request: bodies.read(request)
    )


@BOTH_DOORS
@pytest.mark.parametrize(
    ("size", "announced", "refusal"),
    [
        pytest.param(101, 101, TooLarge, id="too-long"),
        pytest.param(0, 101, TooLarge, id="announced-too-long-and-not-sent"),
        pytest.param(101, None, TooLarge, id="too-long-of-unknown-length"),
        pytest.param(100_000, None, TooLarge, id="far-too-long-of-unknown-length"),
        pytest.param(99, 100, BadRequest, id="shorter-than-announced"),
        pytest.param(0, 1, BadRequest, id="nothing-of-what-was-announced"),
    ],
)
def test_what_is_not_whole_or_too_long_is_refused(
    read: Read, size: int, announced: int | None, refusal: type[Problem]
) -> None:
    bodies = Bodies(100, 2)

    for _ in range(3):  # a place is given back every time
        with pytest.raises(refusal):
            read(bodies, asked(b"x" * size, announced))


class Slow(BytesIO):
    """A body of which nothing comes until `go` is set."""

    def __init__(self) -> None:
        super().__init__(b"{}")
        self.begun, self.go = Event(), Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun.set()
        assert self.go.wait(10)
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(("threads", "places"), [(4, 2), (2, 1), (1, 1)])
def test_slow_bodies_hold_half_of_the_threads_at_most(threads: int, places: int) -> None:
    bodies, read = Bodies(100, threads), []
    streams = [Slow() for _ in range(places)]
    reading = [
        Thread(target=lambda stream=stream: read.append(bodies.read(asked(stream=stream, length=2))))
        for stream in streams
    ]
    for thread in reading:
        thread.start()
    assert all(stream.begun.wait(10) for stream in streams)

    with pytest.raises(Unavailable):
        bodies.read(asked(b"{}", 2))
    assert bodies.read(asked(b"", 0)) == b""

    for stream in streams:
        stream.go.set()
    for thread in reading:
        thread.join()
    assert read == [b"{}"] * places
    assert bodies.read(asked(b"{}", 2)) == b"{}"


def translated(from_flask: flask.Request) -> Any:
    return request_of(from_flask, lambda _: b"body")


def test_a_request_keeps_names_in_lower_case_and_arguments_in_order() -> None:
    request = translated(asked(query_string="b=1&a=&b=%C3%A9", headers={"X-Some": "Thing"}))

    assert request.arguments == (("b", "1"), ("a", ""), ("b", "é"))
    assert request.headers["x-some"] == "Thing"
    assert (request.method, request.path, request.fault, request.read()) == ("POST", "/", None, b"body")


@pytest.mark.parametrize("query", ["name=%ff", "%ff=1", "name=%ed%a0%80"])
def test_a_query_string_that_is_not_utf_8_is_a_fault_and_no_argument(query: str) -> None:
    request = translated(asked(query_string=query))

    assert request.arguments == ()
    assert isinstance(request.fault, BadRequest)


@pytest.mark.parametrize(
    ("method", "status", "body", "has_type"),
    [("GET", 200, b"{}", True), ("HEAD", 200, b"", True), ("GET", 304, b"", False), ("GET", 204, b"", False)],
)
def test_an_answer_without_a_body_has_none(method: str, status: int, body: bytes, has_type: bool) -> None:
    environ: dict[str, object] = {}
    from_flask = asked()
    from_flask.environ["REQUEST_METHOD"] = from_flask.method = method

    answer = response_of(Response(status, b"{}", headers={"X-A": "b"}), translated(from_flask), environ)

    assert (answer.status_code, answer.data, "Content-Type" in answer.headers) == (status, body, has_type)
    assert answer.headers["X-A"] == "b"
    assert set(environ) == {"meze.response", "meze.request"}
