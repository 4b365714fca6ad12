"""Requests that may be sent again: with an Idempotency-Key they are done once, and answered alike for a day.

The row of the key is written first, the work is done in a savepoint of the same transaction, and the answer is stored
with it: a crash before the commit leaves nothing, and after it there is the answer. What was refused is stored too,
save where another time may be better: nobody known, not allowed, too often, or our own fault.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import msgspec

from meze.databases import AlreadyRunning, Connection, DatabaseError, FaultKind
from meze.errors import BadRequest, Entry, InProgress, KeyReused, Problem, Text, TooExpensive
from meze.records.idempotency import LARGEST_BODY, LONGEST_KEY, Answers, Kept, Name
from meze.records.records import Records
from meze.records.replay import Replays
from meze.records.visit import Notes
from meze.web.imports import ImportRoutes
from meze.web.messages import PROBLEM, Request, Response
from meze.web.query import FORM

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_HEADER = HEADER.lower()
METHODS = ("POST", "PATCH", "PUT", "DELETE")
NOT_KEPT = (401, 403, 429)
_CONTENT_TYPE = "Content-Type"
_PIECE = 65_536

_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE = re.compile(r"[\x21\x23-\x7e]+")

Tell = Callable[[Request, Problem], Response]


class Handler(Protocol):
    """What answers requests with records, and does the same with those that are inside of a transaction."""

    def answer(self, request: Request) -> Response: ...

    def within(self, records: Records) -> Handler: ...


class Retries:
    """Stands before what answers for the resources."""

    def __init__(self, records: Records, imports: ImportRoutes, answers: Answers, replays: Replays) -> None:
        self._records = records
        self._imports = imports
        self._answers = answers
        self._replays = replays

    def answer(self, request: Request, handler: Handler, tell: Tell) -> Response:
        """Return what `handler` answers, or has answered to the same request before.

        `tell` writes a problem as it is sent.

        Raises:
            Problem: what is not kept; InProgress, KeyReused: the key stands for another request.
        """
        written = request.headers.get(_HEADER)
        user_id = request.caller.id
        if written is None or user_id is None or not _may_change(request):
            return handler.answer(request)
        key = key_of(written)
        # The body comes first: no transaction waits for a client that is slow to send it.
        with self._received(request) as (received, digest):
            name = Name(user_id, key, _fingerprint(request, digest))
            response = self._again(name, request)
            return self._first(name, received, handler, tell) if response is None else response

    @contextmanager
    def _received(self, request: Request) -> Iterator[tuple[Request, bytes]]:
        """Lend the request with its body, all of which is here, and the body's digest."""
        if request.method != "POST" or not self._imports.takes(request):
            body = request.read()
            yield replace(request, read=lambda: body), hashlib.sha256(body).digest()
            return
        with request.receive(self._imports.longest) as file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE):
                digest.update(piece)
            file.seek(0)
            yield replace(request, receive=lambda _: file), digest.digest()

    def _again(self, name: Name, request: Request) -> Response | None:
        """Return what was answered before, as it was, None where that is nothing.

        Raises:
            KeyReused: it was the answer to another request.
        """
        with self._records.lending.reading_any() as connection:
            kept = self._answers.find(name, connection)
        if kept is None:
            return None
        if kept.fingerprint != name.fingerprint:
            raise KeyReused(entries=[Entry("not_one_of", header=HEADER, text=KeyReused.text)])
        self._replays.ask_again(request.caller, kept.rules)
        headers = {**kept.headers, REPLAYED: "true"}
        content_type = headers.pop(_CONTENT_TYPE)
        code = msgspec.json.decode(kept.body)["code"] if content_type == PROBLEM else None
        return Response(kept.status, kept.body, content_type, headers, code=code)

    def _first(self, name: Name, request: Request, handler: Handler, tell: Tell) -> Response:
        try:
            with self._records.lending.writing_once(name.number) as connection:
                if self._begun(name, connection):
                    return self._done(name, request, handler, tell, connection)
        except AlreadyRunning:
            raise InProgress(entries=[Entry("already_exists", header=HEADER, text=InProgress.text)]) from None
        response = self._again(name, request)
        if response is None:
            raise InProgress(entries=[Entry("already_exists", header=HEADER, text=InProgress.text)])
        return response

    def _begun(self, name: Name, connection: Connection) -> bool:
        """Write the row of the key; False where another request has committed it since it was looked for.

        Raises:
            BadRequest: there is no row of this person to keep answers for.
        """
        try:
            with connection.savepoint():
                self._answers.begin(name, connection)
        except DatabaseError as error:
            if error.fault.kind is FaultKind.FOREIGN_KEY:
                text = Text("Answers are kept only for users of this server.", "只为本服务器的用户保存应答。")
                raise BadRequest(entries=[Entry("no_such_row", header=HEADER, text=text)]) from error
            if error.fault.kind is not FaultKind.UNIQUE:
                raise
            return False
        return True

    def _done(self, name: Name, request: Request, handler: Handler, tell: Tell, connection: Connection) -> Response:
        """Do what is asked, and store the answer beside it."""
        notes = Notes()
        try:
            with connection.savepoint():
                response = handler.within(self._records.noted(connection, notes)).answer(request)
                if len(response.body) > LARGEST_BODY:
                    text = Text(
                        "With an Idempotency-Key an answer holds at most {max} bytes.",
                        "使用 Idempotency-Key 时，应答最多 {max} 字节。",
                    )
                    raise TooExpensive(text, params={"max": LARGEST_BODY})
        except Problem as problem:
            if problem.status in NOT_KEPT or problem.status >= 500:
                raise
            response = tell(request, problem)
            notes.shown.clear()
        rules = self._replays.rules(request.caller, notes, connection)
        headers = {**response.headers, _CONTENT_TYPE: response.content_type}
        self._answers.end(name, Kept(name.fingerprint, response.status, headers, response.body, rules), connection)
        return response


def key_of(written: str) -> str:
    """Return the key that a header holds: a string as RFC 8941 writes it, or its characters without quotes.

    Raises:
        BadRequest: it is neither, or not 1 to 255 characters long.
    """
    quoted = _QUOTED.fullmatch(written.strip())
    if quoted is not None:
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    else:
        bare = _BARE.fullmatch(written.strip())
        key = bare[0] if bare is not None else ""
    if not 1 <= len(key) <= LONGEST_KEY:
        text = Text(
            "Must be 1 to {max} visible ASCII characters, such as a UUID, in quotes or without.",
            "必须是 1 到 {max} 个可见 ASCII 字符（例如 UUID），加不加引号均可。",
        )
        raise BadRequest(entries=[Entry("bad_format", header=HEADER, params={"max": LONGEST_KEY}, text=text)])
    return key


def _may_change(request: Request) -> bool:
    """Say whether a request may change anything. A POST that asks for a list does not."""
    return request.method in METHODS and not (request.method == "POST" and request.path.endswith(f"/{FORM}"))


def _fingerprint(request: Request, digest: bytes) -> bytes:
    """Return what tells one request from another: method, path, query and body."""
    asked = msgspec.json.encode((request.method, request.path, request.arguments))
    return hashlib.sha256(hashlib.sha256(asked).digest() + digest).digest()
