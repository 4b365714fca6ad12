"""What schemathesis makes up of the document is asked of a sound app, and of some with a fault."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from meze import Caller, Meze, anyone, hidden, me, signed_in
from meze.installation import Installation
from meze.verify.client import Client, Exchange
from meze.verify.finding import Finding
from meze.verify.fuzz import MISSING, Fuzzed, available, fuzz, fuzzed
from meze.verify.fuzzer import Fuzzer
from meze.verify.stage import Stage, staged

SECRET = "only-for-tests-and-long-enough-to-be-accepted"
LONG = 120.0
"""Seconds that no test waits for: each ends at the first finding."""


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"), index=True)
    title: Mapped[str] = mapped_column(String(60))
    secret: Mapped[str | None] = mapped_column(String(60))
    public: Mapped[bool]


class FrailBase(DeclarativeBase):
    pass


class Size(TypeDecorator[int]):
    """A type of the user's own that falls over some of what clients send."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, _: Any) -> int | None:
        if value == 0:
            raise RuntimeError("nobody thought of this")
        return value


class Box(FrailBase):
    __tablename__ = "boxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(Size)


def make(folder: Path, base: Any, **arguments: Any) -> tuple[Flask, Meze]:
    app = Flask("fuzzed", instance_path=str(folder / "instance"))
    return app, Meze(app, base, settings={"database_url": "sqlite://", "secret_key": SECRET}, **arguments)


def installed(app: Flask) -> Installation:
    meze = app.extensions["meze"]
    assert isinstance(meze, Installation)
    return meze


def with_notes(folder: Path, **arguments: Any) -> Flask:
    app, api = make(folder, Base, **arguments)
    mine = signed_in & (Note.owner_id == me.id)
    api.resource(
        Note,
        read=Note.public.is_(True) | mine,
        write=mine,
        owner="owner_id",
        search=["title"],
        fields={"secret": hidden},
    )
    return app


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(installed(with_notes(tmp_path_factory.mktemp("fuzz")))) as made:
        yield made


Answer = tuple[str, list[tuple[str, str]], bytes]


def behind(stage: Stage, change: Callable[[dict[str, Any], Answer], Answer]) -> Stage:
    """Return the stage with its app behind something that changes answers."""

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun: list[Any] = []
        body = b"".join(stage.wsgi(environ, lambda *line: begun.extend(line)))
        changed = change(environ, (begun[0], begun[1], body)) if environ["PATH_INFO"] != "/openapi.json" else None
        status, headers, body = changed or (begun[0], begun[1], body)
        start_response(status, headers)
        return [body]

    return replace(stage, wsgi=wsgi)


def first(findings: Iterator[Finding]) -> Finding:
    found = next(findings)
    findings.close()  # type: ignore[attr-defined]  # a generator
    return found


def test_a_sound_app_keeps_to_its_document_and_its_rows(stage: Stage) -> None:
    done = Fuzzed()

    assert list(fuzzed(stage, 1, 6.0, done)) == []

    assert done.left_out is None
    assert done.operations > 0
    assert done.requests > 3 * done.operations
    assert done.seconds >= 6.0
    assert stage.changes() == ()
    for name in ("alice", "admin"):
        assert Client(stage.wsgi).send(Exchange("GET", "/api/v1/auth/me", stage.actor(name).headers)).status == 200


def test_an_error_of_the_server_is_found_and_can_be_repeated(tmp_path: Path) -> None:
    app, api = make(tmp_path, FrailBase, identify=lambda _: Caller())
    api.resource(Box, read=anyone, write=anyone)
    with staged(installed(app)) as stage:
        found = first(fuzzed(stage, 1, LONG))

    assert (found.door, found.resource) == ("fuzz", "boxes")
    assert found.got.startswith("500")
    assert "Server error" in found.what
    assert found.request.startswith("curl -i")
    assert "http://localhost:8000/api/v1/boxes" in found.request


def teapot(_: Any, answer: Answer) -> Answer:
    return "418 I'M A TEAPOT", answer[1], answer[2]


def no_problem(_: Any, answer: Answer) -> Answer:
    refused = answer[0][0] == "4"
    headers = [(name, "text/plain" if refused and name == "Content-Type" else value) for name, value in answer[1]]
    return answer[0], headers, answer[2]


def other_body(_: Any, answer: Answer) -> Answer:
    return answer[0], answer[1], b"[7]" if answer[0].startswith("200") else answer[2]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param(teapot, "Undocumented status code", id="a-status-that-the-document-does-not-know"),
        pytest.param(no_problem, "Undocumented Content-Type", id="a-refusal-that-is-no-problem"),
        pytest.param(other_body, "Response violates schema", id="a-body-that-does-not-fit"),
    ],
)
def test_an_answer_that_the_document_does_not_know_is_found(
    stage: Stage, change: Callable[[Any, Answer], Answer], what: str
) -> None:
    assert what in first(fuzzed(behind(stage, change), 1, LONG)).what


def test_a_value_of_a_hidden_row_is_found_in_an_answer(stage: Stage) -> None:
    foreign = next(
        row for row in stage.world.rows(Note.__table__) if row["owner_id"] is None and row["public"] is False
    )

    def leaking(environ: dict[str, Any], answer: Answer) -> Answer:
        known = environ.get("HTTP_AUTHORIZATION") == stage.actor("admin").headers["Authorization"]
        return answer if known else (answer[0], answer[1], answer[2] + foreign["title"].encode())

    found = first(fuzzed(behind(stage, leaking), 1, LONG))

    assert "may not read" in found.what
    assert found.actor in ("alice", "nobody")
    assert foreign["title"].split()[0] in found.got
    assert ("Bearer $ALICE" in found.request) is (found.actor == "alice")


def test_routes_of_the_users_own_are_not_asked(tmp_path: Path) -> None:
    app, asked = with_notes(tmp_path, identify=lambda _: Caller()), []

    @app.route("/health/live")
    @app.route("/api/v1/notes/<int:key>", methods=["GET"])
    @app.route("/api/v1/more")
    def broken(**_: Any) -> str:
        asked.append(1)
        raise RuntimeError("a fault of the user's own")

    with staged(installed(app)) as stage:
        fuzzer = Fuzzer(stage, 1)
        documented = Client(stage.wsgi).send(Exchange("GET", "/openapi.json")).json["paths"]
        methods = {"get", "put", "post", "patch", "delete"}
        number = sum(len(methods.intersection(item)) for item in documented.values())
        found = list(itertools.chain.from_iterable(itertools.islice(fuzzer.turns(math.inf), number)))
        fuzzer.close()

    assert "/health/live" in documented
    assert fuzzer.operations == number
    assert found == []
    assert asked == []


def test_the_same_seed_asks_the_same(stage: Stage) -> None:
    def sent(seed: int) -> list[tuple[str, ...]]:
        requests: list[tuple[str, ...]] = []

        def note(environ: dict[str, Any], answer: Answer) -> Answer:
            requests.append(tuple(environ[name] for name in ("REQUEST_METHOD", "RAW_URI", "CONTENT_LENGTH")))
            return answer

        fuzzer = Fuzzer(behind(stage, note), seed)
        for _ in itertools.islice(fuzzer.turns(math.inf), 3):
            pass
        fuzzer.close()
        return requests

    asked = sent(5)

    assert len(asked) > 20
    assert asked == sent(5)
    assert asked != sent(6)


def test_without_schemathesis_it_is_left_out_with_the_remedy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available()
    monkeypatch.setitem(sys.modules, "schemathesis", None)

    assert not available()
    done = fuzz(stage, 1.0)

    assert (done.left_out, done.requests) == (MISSING, 0)
    assert 'pip install "meze[verify]"' in MISSING


def test_schemathesis_is_loaded_when_something_is_fuzzed_and_not_before() -> None:
    source = "import sys, meze.verify.fuzz; sys.exit('schemathesis' in sys.modules or 'hypothesis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


def test_an_app_without_a_document_is_told(stage: Stage) -> None:
    def wsgi(_: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>My own page</h1>"]

    done = fuzz(replace(stage, wsgi=wsgi), 5.0)

    assert done.left_out is not None
    assert "/openapi.json" in done.left_out
    assert done.findings == []
