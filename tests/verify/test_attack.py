"""What goes through the doors: nothing is found in a sound app, and what leaks is told with who, where and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.events import RequestAnswered
from meze.installation import Installation
from meze.verify.attack import Attack, Chosen, attack
from meze.verify.doors import DOORS
from meze.verify.fuzz import Fuzzed
from meze.verify.report import as_data, as_text, report_of
from meze.verify.stage import Stage, staged

SECRET = "only-for-tests-and-long-enough-to-be-accepted"
LONG = 300.0
Wsgi = Callable[..., Iterable[bytes]]


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(60))
    public: Mapped[bool] = mapped_column(default=False)
    code: Mapped[str | None] = mapped_column(String(60))
    price: Mapped[int | None]
    stops: Mapped[list[Stop]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id", ondelete="CASCADE"), index=True)
    tag_name: Mapped[str | None] = mapped_column(ForeignKey("tags.name"), index=True)
    trip: Mapped[Trip] = relationship(back_populates="stops")


class Tag(Base):
    __tablename__ = "tags"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    listed: Mapped[bool]


def make(database_url: str, folder: Path) -> Installation:
    app = Flask("attacked", instance_path=str(folder / "instance"))
    api = Meze(app, Base, roles=("editor",), settings={"database_url": database_url, "secret_key": SECRET})
    mine = signed_in & (Trip.owner_id == me.id)
    api.resource(
        Trip,
        read=Trip.public.is_(True) | mine,
        write=mine,
        owner="owner_id",
        search=["title"],
        fields={"code": hidden, "price": FieldRules(read=mine)},
    )
    api.resource(Stop, read=Stop.trip.has(Trip.public.is_(True) | mine), write=Stop.trip.has(mine))
    api.resource(Tag, read=Tag.listed.is_(True) | role("editor"), create=anyone, update=role("editor"))
    installed: Installation = app.extensions["meze"]
    return installed


@pytest.fixture(scope="module")
def one_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all that is found by looking at answers, whatever the database."""
    installed = make("sqlite://", tmp_path_factory.mktemp("attacked"))
    with staged(installed) as made:
        installed.events.silence(RequestAnswered)
        yield made


@pytest.fixture
def stage(one_stage: Stage) -> Iterator[Stage]:
    """The stage, whose app a test may put something in front of."""
    wsgi = one_stage.wsgi
    yield one_stage
    one_stage.wsgi = wsgi


def test_nothing_is_found_in_a_sound_app(database_url: str, tmp_path: Path) -> None:
    with staged(make(database_url, tmp_path)) as stage:
        actors = ["nobody", "alice", "role editor", "admin", "alice's key: trips:read"]
        done = attack(stage, Chosen(actors=actors), LONG)

        assert done.findings == []
        assert done.skipped == {}
        assert done.knocks == len(DOORS) * 3 * len(actors)
        assert done.writes > 20
        assert stage.changes() == ()


class Faulty:
    """The app, behind something that spoils its answers: `spoil` gets status, headers and body of each."""

    def __init__(self, wsgi: Wsgi, spoil: Callable[[dict[str, Any], int, dict[str, str], bytes], Any]) -> None:
        self.wsgi = wsgi
        self.spoil = spoil

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told: dict[str, Any] = {}

        def keep(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            told["status"], told["headers"] = int(status[:3]), dict(headers)

        body = b"".join(self.wsgi(environ, keep))
        status, headers, body = self.spoil(environ, told["status"], told["headers"], body)
        start_response(f"{status} Said", list(headers.items()))
        return [body]


def hidden_is_forbidden(_: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    if status == 404:
        said = json.loads(body) | {"status": 403, "code": "forbidden"}
        return 403, headers, json.dumps(said).encode()
    return status, headers, body


def one_row_more_is_counted(_: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    if b'"total":' in body:
        said = json.loads(body)
        return status, headers, json.dumps(said | {"total": said["total"] + 1}).encode()
    return status, headers, body


def lists_end_early(_: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    if b'"next":"/api' in body:
        return status, headers, json.dumps(json.loads(body) | {"next": None}).encode()
    return status, headers, body


def tags_never_change(_: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    return status, {name: '"same"' if name == "ETag" else value for name, value in headers.items()}, body


def nothing_is_not_modified(environ: dict[str, Any], status: int, headers: dict[str, str], body: bytes) -> Any:
    if environ["REQUEST_METHOD"] == "GET" and environ.get("HTTP_IF_NONE_MATCH") == "*" and status == 404:
        return 304, headers, b""
    return status, headers, body


def masks_are_off(_: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    return status, headers, body.replace(b'"price":null', b'"price":7')


def errors_are_of_the_server(environ: dict[str, Any], status: int, headers: dict[str, str], body: bytes) -> Any:
    return (500, headers, b"{}") if environ["REQUEST_METHOD"] == "DELETE" else (status, headers, body)


@pytest.mark.parametrize(
    ("door", "spoil"),
    [
        pytest.param("get", hidden_is_forbidden, id="403-where-404-is-due"),
        pytest.param("count", one_row_more_is_counted, id="a-hidden-row-is-counted"),
        pytest.param("list", lists_end_early, id="the-rest-of-a-list-is-missing"),
        pytest.param("tag", tags_never_change, id="the-tag-is-the-same-after-a-change"),
        pytest.param("not modified", nothing_is_not_modified, id="304-for-a-hidden-row"),
        pytest.param("get", masks_are_off, id="a-value-where-null-is-due"),
        pytest.param("delete", errors_are_of_the_server, id="an-error-of-the-server"),
    ],
)
def test_a_wrong_answer_is_found(
    stage: Stage, door: str, spoil: Callable[[dict[str, Any], int, dict[str, str], bytes], Any]
) -> None:
    stage.wsgi = Faulty(stage.wsgi, spoil)

    found = attack(stage, Chosen(doors=[door], first=True), LONG).findings

    assert found
    assert {each.door for each in found} == {door}


class Mistaken:
    """The app, behind something that lets some requests pass as an admin's."""

    def __init__(self, wsgi: Wsgi, admin: str, lets: Callable[[dict[str, Any]], bool]) -> None:
        self.wsgi = wsgi
        self.admin = admin
        self.lets = lets

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.lets(environ):
            environ["HTTP_AUTHORIZATION"] = self.admin
        return self.wsgi(environ, start_response)


@pytest.mark.parametrize(
    ("door", "resource", "lets"),
    [
        pytest.param("get", "trips", lambda e: e["REQUEST_METHOD"] == "GET", id="every-row-is-given"),
        pytest.param("list", "stops", lambda e: e["REQUEST_METHOD"] == "GET", id="every-row-is-listed"),
        pytest.param("csv", "trips", lambda e: "csv" in e.get("HTTP_ACCEPT", ""), id="every-row-is-exported"),
        pytest.param("aggregate", "trips", lambda e: "aggregate" in e["QUERY_STRING"], id="every-row-is-summed"),
        pytest.param("expand", "stops", lambda e: "expand" in e["QUERY_STRING"], id="every-related-row-is-shown"),
        pytest.param("path", "stops", lambda e: "trip__" in e["QUERY_STRING"], id="hidden-related-rows-are-met"),
        pytest.param("query", "trips", lambda e: e["REQUEST_METHOD"] == "QUERY", id="every-row-is-asked"),
        pytest.param("create", "stops", lambda e: e["REQUEST_METHOD"] == "POST", id="rows-are-made-under-others-rows"),
        pytest.param("patch", "trips", lambda e: e["REQUEST_METHOD"] == "PATCH", id="every-row-is-changed"),
        pytest.param("delete", "trips", lambda e: e["REQUEST_METHOD"] == "DELETE", id="every-row-is-deleted"),
        pytest.param("delete several", "stops", lambda e: e["REQUEST_METHOD"] == "DELETE", id="a-filter-deletes-all"),
        pytest.param("batch", "trips", lambda e: e["PATH_INFO"].endswith("/batch"), id="a-batch-may-do-everything"),
        pytest.param("import", "stops", lambda e: "ndjson" in e.get("CONTENT_TYPE", ""), id="a-file-makes-everything"),
    ],
)
def test_a_door_that_asks_no_rule_is_found(
    stage: Stage, door: str, resource: str, lets: Callable[[dict[str, Any]], bool]
) -> None:
    stage.wsgi = Mistaken(stage.wsgi, stage.actor("admin").headers["Authorization"], lets)

    found = attack(stage, Chosen(doors=[door], resources=[resource], actors=["alice"], first=True), LONG).findings

    assert [each for each in found if (each.door, each.resource, each.actor) == (door, resource, "alice")]
    assert stage.changes() == ()


def test_a_finding_tells_what_leaked_as_whom_and_how_to_repeat_it(stage: Stage) -> None:
    stage.wsgi = Mistaken(stage.wsgi, stage.actor("admin").headers["Authorization"], lambda _: True)

    done = attack(stage, Chosen(doors=["get"], resources=["trips"], actors=["nobody", "alice"]), LONG)
    report = report_of(stage, done, Fuzzed(left_out="it was not asked for."))
    text = "\n".join(as_text(report))

    assert not report.clean
    finding = next(each for each in done.findings if each.actor == "alice" and "may not read" in each.what)
    assert f"{finding.what}, as alice." in " ".join(text.split()) or len(done.findings) > 3
    assert finding.request.startswith("curl -i http://localhost:8000/api/v1/trips/")
    assert '-H "Authorization: Bearer $ALICE"' in finding.request
    assert stage.actor("alice").headers["Authorization"] not in text
    assert "meze verify --seed 1" in text
    data = as_data(report)
    assert data["ok"] is False
    assert data["findings"][0].keys() == {"door", "resource", "actor", "what", "expected", "got", "request"}


def test_what_the_time_did_not_reach_is_told(stage: Stage) -> None:
    done = attack(stage, Chosen(), 0.0)
    report = report_of(stage, done, Fuzzed(left_out="it was not asked for."))

    assert done.knocks <= 1
    assert set(done.skipped) >= set(DOORS) - {"get"}
    assert "Give more: --seconds" in " ".join(as_text(report))


def test_the_same_seed_sends_the_same_requests(stage: Stage) -> None:
    def sent() -> tuple[int, Attack]:
        done = attack(stage, Chosen(doors=["filter", "create"], actors=["alice"]), LONG)
        return done.requests, done

    (first, _), (second, _) = sent(), sent()

    assert first == second
