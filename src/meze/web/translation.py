"""Between Flask's request and response and ours."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from queue import Empty, SimpleQueue
from typing import IO, Any
from urllib.parse import parse_qsl

import flask
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wrappers import Request as Incoming

from meze.errors import BadRequest, Problem, Text, TooLarge, Unavailable
from meze.web.messages import Request, Response, Stream
from meze.web.negotiate import language_of

KEPT_IN_MEMORY = 1024 * 1024
"""A body that is received as a file is kept in memory up to here."""
PIECE = 64 * 1024
_DIGITS = 16
"""A length of more digits is longer than any body."""
PATIENCE_SECONDS = 0.1
"""How long a request waits before its body may be read, when too many are being read."""

Receive = Callable[[Incoming, int], IO[bytes]]


class Bodies:
    """Reads bodies of at most `limit` bytes, at most half of the threads at a time.

    A client may send its body as slowly as it likes, and holds a thread meanwhile: the other half goes on answering.
    """

    def __init__(self, limit: int, threads: int) -> None:
        self._limit = limit
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(max(1, threads // 2)):
            self._places.put(None)

    def read(self, of: Incoming) -> bytes:
        """Return the whole body.

        Raises:
            TooLarge: it is longer than the limit; one that is announced so is refused unread.
            BadRequest: it is shorter than announced.
            Unavailable: too many slow bodies are being read.
        """
        if of.content_length == 0:
            return b""
        with self._receiving(of, self._limit):
            body = of.get_data(parse_form_data=False)
        _check_length(of, len(body), self._limit)
        return body

    def read_announced(self, environ: Mapping[str, Any]) -> bytes:
        """Return the whole body straight from WSGI where its length was announced, else as `read` does.

        Raises:
            TooLarge, BadRequest, Unavailable: as `read` does.
        """
        announced = environ.get("CONTENT_LENGTH") or ""
        if not (announced.isascii() and announced.isdigit() and len(announced) < _DIGITS):
            return self.read(Incoming(dict(environ)))
        length = int(announced)
        if length == 0:
            return b""
        if length > self._limit:
            raise _too_large(self._limit)
        self._take_place()
        try:
            body: bytes = environ["wsgi.input"].read(length)
            while len(body) < length:
                more = environ["wsgi.input"].read(length - len(body))
                if not more:
                    raise _cut_short()
                body += more
        except OSError:
            raise _cut_short() from None
        finally:
            self._places.put(None)
        return body

    def _take_place(self) -> None:
        try:
            self._places.get(timeout=PATIENCE_SECONDS)
        except Empty:
            text = Text("Too many bodies are being received at once.", "同时接收的请求正文过多。")
            raise Unavailable(text) from None

    def receive(self, of: Incoming, limit: int) -> IO[bytes]:
        """Return a body of at most `limit` bytes as a file without a name, at its beginning.

        Raises:
            TooLarge, BadRequest, Unavailable: as `read` does.
        """
        file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115 - who asked for it closes it
        try:
            with self._receiving(of, limit):
                while piece := of.stream.read(PIECE):
                    file.write(piece)
            _check_length(of, file.tell(), limit)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    @contextmanager
    def _receiving(self, of: Incoming, limit: int) -> Iterator[None]:
        announced = of.content_length
        if announced is not None and announced > limit:
            raise _too_large(limit)
        self._take_place()
        try:
            # Werkzeug cuts a body of unknown length at its limit without a word: one byte more tells that it was cut.
            of.max_content_length = limit + 1
            yield
        except RequestEntityTooLarge:
            raise _too_large(limit) from None
        except ClientDisconnected:
            raise _cut_short() from None
        finally:
            self._places.put(None)


def _check_length(of: Incoming, length: int, limit: int) -> None:
    if length > limit:
        raise _too_large(limit)
    if of.content_length is not None and length < of.content_length:
        raise _cut_short()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(params={"max": limit})


def _cut_short() -> BadRequest:
    return BadRequest(Text("The body is shorter than announced.", "正文比声明的长度短。"))


def request_of(
    from_flask: flask.Request, read: Callable[[flask.Request], bytes], receive: Receive | None = None
) -> Request:
    """Return Flask's request as ours; `read` gets its body when it is asked for, `receive` gets it as a file."""
    environ = from_flask.environ
    headers = {name.lower(): value for name, value in from_flask.headers.items()}
    arguments, fault = arguments_of(from_flask.query_string)
    return Request(
        method=from_flask.method,
        path=from_flask.path,
        arguments=arguments,
        headers=headers,
        read=lambda: read(from_flask),
        receive=lambda limit: BytesIO() if receive is None else receive(from_flask, limit),
        request_id=environ.get("meze.request_id", ""),
        language=language_of(headers.get("accept-language", "")),
        address_length=len(environ.get("RAW_URI") or from_flask.full_path),
        remote=from_flask.remote_addr,
        fault=fault,
    )


def arguments_of(query: bytes) -> tuple[tuple[tuple[str, str], ...], Problem | None]:
    """Return the parameters of a query string, or what is wrong with it."""
    if not query:
        return (), None
    try:
        if b"%" not in query and b"+" not in query:
            pieces = [piece.partition("=") for piece in query.decode().split("&") if piece]
            return tuple([(name, value) for name, _, value in pieces]), None
        return tuple(parse_qsl(query.decode(), keep_blank_values=True, errors="strict")), None
    except ValueError:
        return (), BadRequest(Text("The query string is not UTF-8.", "查询字符串不是 UTF-8 编码。"))


def response_of(response: Response, request: Request, environ: dict[str, object]) -> flask.Response:
    """Return our response as Flask's, and leave both for the line in the log."""
    environ["meze.response"], environ["meze.request"] = response, request
    if response.stream is not None:
        return _streamed(response, response.stream)
    body = b"" if request.method == "HEAD" or response.status in (204, 304) else response.body
    answer = flask.Response(body, status=response.status, content_type=response.content_type)
    if response.status in (204, 304):
        del answer.headers["Content-Type"]
    return _with_headers(answer, response)


def _streamed(response: Response, stream: Stream) -> flask.Response:
    """Return an answer that is sent in pieces. Its length is told, so that what breaks off is never taken for whole.

    granian ends a chunked body as if nothing had happened when the iterator of a response raises; where the body is
    shorter than its Content-Length, it cuts the connection.
    """
    answer = flask.Response(iter(stream), status=response.status, content_type=response.content_type)
    if stream.length is not None:
        answer.headers["Content-Length"] = str(stream.length)
    answer.call_on_close(stream.close)
    return _with_headers(answer, response)


def _with_headers(answer: flask.Response, response: Response) -> flask.Response:
    for name, value in response.headers.items():
        answer.headers[name] = value
    for cookie in response.cookies:
        answer.headers.add("Set-Cookie", cookie)
    return answer
