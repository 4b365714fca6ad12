"""Rules of fields that ask the row: where they do not hold, what the field holds changes no byte of any answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, String, insert, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.test import TestResponse

from contracts.kitchen import ADMIN, ANNA, BEN, HR, PEOPLE, SECRET_KEY, Kitchen, Thing, identify, refused
from meze import FieldRules, Meze, anyone, me, role, signed_in
from meze.databases.search import SearchIndex


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    open: Mapped[bool] = mapped_column(default=True)
    workers: Mapped[list[Worker]] = relationship(back_populates="team")


class Worker(Base):
    __tablename__ = "workers"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"))
    name: Mapped[str] = mapped_column(String(40), default="someone")
    salary: Mapped[int]
    bonus: Mapped[int | None]
    desk: Mapped[str | None] = mapped_column(String(40), unique=True)
    diary: Mapped[str | None] = mapped_column(String(40))
    mood: Mapped[str | None] = mapped_column(String(40), default="calm")
    kind: Mapped[str | None] = mapped_column(String(40))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    team: Mapped[Team | None] = relationship(back_populates="workers")
    reviews: Mapped[list[Review]] = relationship(back_populates="worker")


class Review(Base):
    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    worker: Mapped[Worker] = relationship(back_populates="reviews")


MASKED = ("salary", "bonus", "desk", "diary", "team_id")
"""What Anna may not read of Ben's row."""


def make_app(url: str, folder: Path) -> Flask:
    app = Flask("workers", instance_path=str(folder / "instance"))
    settings = {"database_url": url, "secret_key": SECRET_KEY}
    api = Meze(app, Base, roles=("editor", "hr"), identify=identify, settings=settings)
    mine = signed_in & (Worker.owner_id == me.id)
    api.resource(Team, read=Team.open.is_(True), write=role("editor"))
    api.resource(
        Worker,
        read=anyone,
        write=signed_in,
        search=["name", "diary"],
        fields={
            "salary": FieldRules(read=mine | role("hr")),
            "bonus": FieldRules(read=Worker.reviews.any() & mine),
            "desk": FieldRules(read=mine, write=signed_in),
            "diary": FieldRules(read=mine | role("hr"), write=signed_in),
            "mood": FieldRules(write=mine),
            "kind": FieldRules(create_only=True),
            "team_id": FieldRules(read=mine, write=signed_in),
        },
    )
    api.resource(Review, read=anyone, write=signed_in)
    return app


@pytest.fixture
def workers(database_url: str, tmp_path: Path) -> Iterator[Kitchen]:
    """Worker 1 is Anna's and worker 2 Ben's; each has a review. Team 2 is hidden."""
    kitchen = Kitchen(make_app(database_url, tmp_path))
    Base.metadata.create_all(kitchen.engine)
    table = Base.metadata.tables["workers"]
    SearchIndex(table, (table.c.name, table.c.diary)).ensure(kitchen.database)
    with kitchen.engine.begin() as connection:
        users = [{"id": each.caller.id, "email": f"{name}@example.com"} for name, each in PEOPLE.items()]
        connection.execute(insert(Base.metadata.tables["meze_users"]), users)
        connection.execute(insert(Team), [{"id": 1, "open": True}, {"id": 2, "open": False}])
        rows = [{"owner_id": 1, "salary": 10}, {"owner_id": 2, "salary": 20}]
        connection.execute(insert(Worker), [{**each, "kind": "old"} for each in rows])
        connection.execute(insert(Review), [{"worker_id": 1}, {"worker_id": 2}])
    yield kitchen
    kitchen.database.close()


def hold(workers: Kitchen, id: int = 2, **values: Any) -> None:
    """Set what a worker holds, past the API."""
    with workers.engine.begin() as connection:
        connection.execute(update(Worker).where(Worker.id == id).values(**values))


def worker(workers: Kitchen, id: int) -> dict[str, Any]:
    row = workers.stored(Worker)[id - 1]
    return dict(zip((column.name for column in Worker.__table__.columns), row, strict=True))


def told(answer: TestResponse) -> tuple[int, str, dict[str, str]]:
    """Return all of an answer that must not differ. A cursor is sealed anew each time."""
    text = re.sub(r"cursor=[^\"&]+", "cursor=C", answer.text)
    headers = {k: v for k, v in answer.headers.items() if k not in ("X-Request-ID", "Date", "Content-Length")}
    return answer.status_code, text.replace(answer.headers["X-Request-ID"], "ID"), headers


SECRETS = (
    {"salary": 20, "bonus": 3, "desk": "b", "diary": "words", "team_id": 2},
    {"salary": 0, "bonus": None, "desk": None, "diary": None, "team_id": None},
    {"salary": 10, "bonus": 99, "desk": "zz", "diary": "someone", "team_id": 1},
)

READS: list[tuple[str, str, Any]] = [
    *(
        ("GET", path, None)
        for path in (
            "/workers",
            "/workers?count=true&etag=true",
            "/workers?sort=-name&limit=1",
            "/workers?page=2&limit=1",
            "/workers?fields=id,salary,team_id",
            "/workers?format=csv",
            "/workers?format=ndjson&fields=id,desk",
            "/workers?expand=reviews",
            "/workers?aggregate=count&group=name",
            "/workers?aggregate=count,max:id&mood=calm",
            "/workers/2",
            "/workers/2?fields=bonus",
            "/workers/2?expand=reviews",
            "/reviews?expand=worker",
            "/reviews?fields=id,worker__salary",
            "/reviews/2?expand=worker__reviews",
            "/teams?expand=workers",
            "/workers?q=words",
            "/workers?q=someone&sort=salary",
            "/workers?team__open=true",
            "/teams?workers__isnull=true",
            *(f"/workers?{name}{form}" for name in MASKED for form in ("=10", "__isnull=true", "__ne=20")),
            *(f"/workers?sort={name}" for name in MASKED),
            *(f"/workers?aggregate=count:{name}" for name in MASKED),
            *(f"/workers?aggregate=count&group={name}" for name in MASKED),
            *(f"/reviews?worker__{name}=10" for name in MASKED),
            "/reviews?sort=worker__salary",
        )
    ),
    ("HEAD", "/workers/2", None),
    ("POST", "/workers/query", {"where": {"name": "someone"}, "sort": ["-id"], "limit": 1}),
    ("POST", "/workers/query", {"where": {"not": {"salary__gt": 5}}}),
    ("POST", "/batch", {"operations": [{"method": "GET", "path": "/workers/2"}]}),
]

WRITES: list[tuple[str, str, Any]] = [
    *(("PATCH", "/workers/2", {name: value}) for name in ("salary", "bonus") for value in (0, 10, 20, 99, None)),
    *(("PUT", "/workers/2", {"name": "x", name: value}) for name in ("salary", "bonus") for value in (20, None)),
    *(("PATCH", "/workers/2", {"team_id": value}) for value in (1, 2, 777, None)),
    ("PATCH", "/workers", [{"id": 2, "salary": 20}]),
    ("PATCH", "/workers", [{"id": 1, "name": "x"}, {"id": 2, "salary": None, "name": "y"}]),
    ("PATCH", "/workers/2?expand=reviews", {"name": "y"}),
    ("PUT", "/workers/2", {"name": "y"}),
    ("POST", "/batch", {"operations": [{"method": "PATCH", "path": "/workers/2", "body": {"mood": "calm"}}]}),
    (
        "POST",
        "/batch",
        {
            "operations": [
                {"method": "GET", "path": "/workers/2"},
                {"method": "PATCH", "path": "/workers/1", "body": {"bonus": {"$ref": "/0/body/salary"}}},
            ]
        },
    ),
]


def test_what_is_hidden_of_a_row_changes_no_byte_of_what_is_read(workers: Kitchen) -> None:
    tag = workers.get("/workers/2", ANNA).headers["ETag"]
    for person in (None, ANNA):
        before: list[Any] = []
        for secrets in SECRETS:
            hold(workers, **secrets)
            answers = [told(workers.request(method, path, person, json=body)) for method, path, body in READS]
            same = {"If-None-Match": workers.get("/workers/2", person).headers["ETag"]}
            answers.append(told(workers.get("/workers/2", person, headers=same)))
            assert answers[-1][0] == 304
            for read, now, then in zip([*READS, "304"], answers, before or answers, strict=True):
                assert now == then, read
            before = answers
    assert workers.get("/workers/2", ANNA).headers["ETag"] == tag


def test_what_is_hidden_of_a_row_changes_no_byte_of_what_a_write_answers(workers: Kitchen) -> None:
    tag = workers.get("/workers/2", ANNA).headers["ETag"]
    for method, path, body in WRITES:
        answers = []
        for secrets in SECRETS:
            hold(workers, 1, name="someone", mood="calm", kind="old", bonus=None)
            hold(workers, owner_id=2, name="someone", mood="calm", kind="old", **secrets)
            headers = {"If-Match": tag} if path.startswith("/workers/2") else {}
            answers.append(told(workers.request(method, path, ANNA, json=body, headers=headers)))
            if method != "PUT" and "team_id" not in body:  # those are Anna's to write, though not to read
                assert {name: worker(workers, 2)[name] for name in MASKED} == secrets
        assert answers[0] == answers[1] == answers[2], (method, path, body)


def test_a_masked_value_looks_as_a_stored_null_does(workers: Kitchen) -> None:
    hold(workers, **SECRETS[1])
    shown = workers.get("/workers/2", ANNA).json

    assert [shown[name] for name in MASKED] == [None] * 5
    assert workers.get("/workers/2", BEN).json["salary"] == 0
    assert workers.get("/workers/1", ANNA).json["salary"] == 10
    assert "salary" not in workers.get("/workers/1").json, "nobody who is not signed in may read any"


@pytest.mark.parametrize("name", MASKED)
def test_who_may_not_read_a_field_everywhere_is_told_that_it_does_not_exist(workers: Kitchen, name: str) -> None:
    for query in (f"{name}=1", f"sort={name}", f"aggregate=count:{name}", f"aggregate=count&group={name}"):
        problem = refused(workers.get(f"/workers?{query}", ANNA), 400, "unknown_field")
        assert name not in json.dumps(problem["errors"][0]["params"].get("nearest", ""))
    assert workers.get(f"/workers?{name}__isnull=true", ADMIN).status_code == 200


def test_who_may_read_a_field_of_every_row_may_ask_about_it(workers: Kitchen) -> None:
    hold(workers, diary="words")

    assert [row["id"] for row in workers.get("/workers?salary__gte=15", HR).json["items"]] == [2]
    assert [row["salary"] for row in workers.get("/workers?sort=-salary", HR).json["items"]] == [20, 10]
    assert [row["id"] for row in workers.get("/workers?q=words", HR).json["items"]] == [2]
    refused(workers.get("/workers?q=words", ANNA), 400, "unknown_parameter")


def test_a_relation_over_a_masked_foreign_key_does_not_exist(workers: Kitchen) -> None:
    for path in ("/workers?expand=team", "/workers/1?expand=team", "/workers?team__id=1", "/teams?expand=workers"):
        refused(workers.get(path, ANNA), 400, "unknown_field")
    assert workers.get("/workers?expand=team", ADMIN).status_code == 200


def test_a_field_is_written_where_its_rule_holds(workers: Kitchen) -> None:
    assert workers.patch("/workers/1", {"salary": 11, "mood": "glad"}, ANNA).json["salary"] == 11
    before = worker(workers, 2)

    problem = refused(workers.patch("/workers/2", {"salary": 11, "mood": "sad", "name": "x"}, ANNA), 422, "invalid")

    assert {(each["pointer"], each["code"]) for each in problem["errors"]} == {
        ("/salary", "closed"),
        ("/mood", "closed"),
    }
    assert worker(workers, 2) == before


def test_the_rule_of_a_field_holds_for_the_row_as_it_was_and_as_it_would_be(workers: Kitchen) -> None:
    for id, person in ((1, BEN), (2, ANNA)):
        stolen = workers.patch(f"/workers/{id}", {"owner_id": person.caller.id, "salary": 99}, person)
        refused(stolen, 422, "invalid", pointer="/salary", entry="closed")
    given_away = workers.patch("/workers/1", {"owner_id": 2, "salary": 99}, ANNA)
    refused(given_away, 422, "invalid", pointer="/salary", entry="closed")
    assert (worker(workers, 1)["salary"], worker(workers, 2)["salary"]) == (10, 20)


def test_a_field_is_given_on_create_where_its_rule_holds_for_the_new_row(workers: Kitchen) -> None:
    refused(workers.post("/workers", {"salary": 1}, ANNA), 422, "invalid", pointer="/salary", entry="closed")
    several = [{"salary": 1, "owner_id": 1}, {"salary": 2, "owner_id": 2}]
    refused(workers.post("/workers", several, ANNA), 422, "invalid", pointer="/1/salary", entry="closed")
    assert len(workers.stored(Worker)) == 2

    assert workers.add("/workers", {"salary": 1, "owner_id": 1}, ANNA)["salary"] == 1


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_form_can_send_back_what_it_fetched(workers: Kitchen, method: str) -> None:
    hold(workers, **SECRETS[0], kind="k")
    before = worker(workers, 2)
    fetched = workers.get("/workers/2", ANNA).json
    kept = {name: value for name, value in fetched.items() if name not in ("desk", "diary", "team_id")}

    answer = workers.request(method, "/workers/2", ANNA, json=kept | {"name": "new"})

    assert answer.status_code == 200, answer.text
    changed = {"name": "new"} if method == "PATCH" else {"name": "new", "desk": None, "diary": None, "team_id": None}
    assert worker(workers, 2) == before | changed


def test_a_replacement_keeps_what_is_not_the_callers_to_write(workers: Kitchen) -> None:
    hold(workers, **SECRETS[0], mood="glad")

    assert workers.put("/workers/2", {"owner_id": 2}, ANNA).status_code == 200
    now = worker(workers, 2)
    assert (now["salary"], now["bonus"], now["mood"], now["kind"], now["name"]) == (20, 3, "glad", "old", "someone")

    assert workers.put("/workers/2", {"owner_id": 2, "salary": 5}, BEN).status_code == 200
    now = worker(workers, 2)
    assert (now["salary"], now["bonus"], now["mood"], now["kind"]) == (5, None, "calm", "old")


def test_a_value_is_required_only_of_who_may_write_it(workers: Kitchen) -> None:
    for body in ({"salary": None}, {"salary": None, "name": "x"}):
        refused(workers.patch("/workers/1", body, ANNA), 422, "invalid", pointer="/salary", entry="required")
        assert workers.patch("/workers/2", body, ANNA).status_code == 200
    refused(workers.put("/workers/1", {"owner_id": 1}, ANNA), 422, "invalid", pointer="/salary", entry="required")
    refused(workers.post("/workers", {"owner_id": 1}, ANNA), 422, "invalid", pointer="/salary", entry="required")
    assert [row["salary"] for row in (worker(workers, 1), worker(workers, 2))] == [10, 20]


def test_a_foreign_key_that_is_masked_is_not_found_out_by_sending_it(workers: Kitchen) -> None:
    hold(workers, 1, team_id=2)
    hold(workers, 2, team_id=2)

    assert workers.patch("/workers/1", {"team_id": 2}, ANNA).status_code == 200, "as it was, and known to be"
    for team in (2, 777):
        refused(workers.patch("/workers/2", {"team_id": team}, ANNA), 422, "invalid", pointer="/team_id")
    assert workers.patch("/workers/2", {"team_id": 1}, ANNA).json["team_id"] is None
    assert worker(workers, 2)["team_id"] == 1


def test_that_a_unique_value_is_taken_is_all_that_a_conflict_tells(workers: Kitchen) -> None:
    hold(workers, desk="taken")

    problem = refused(workers.patch("/workers/1", {"desk": "taken"}, ANNA), 409, "already_exists", pointer="/desk")

    assert len(problem["errors"]) == 1
    assert workers.patch("/workers/2", {"desk": "taken"}, ANNA).json["desk"] is None


def test_if_match_compares_what_the_caller_is_shown(workers: Kitchen) -> None:
    tag = workers.get("/workers/2", ANNA).headers["ETag"]
    own = workers.get("/workers/2", BEN).headers["ETag"]
    hold(workers, salary=21)

    assert workers.patch("/workers/2", {"name": "x"}, ANNA, headers={"If-Match": tag}).status_code == 200
    refused(workers.patch("/workers/2", {"name": "y"}, BEN, headers={"If-Match": own}), 412, "changed")


def test_a_field_that_is_for_new_rows_is_closed_afterwards(workers: Kitchen) -> None:
    made = workers.add("/workers", {"salary": 1, "owner_id": 1, "kind": "new"}, ANNA)
    path = f"/workers/{made['id']}"

    assert made["kind"] == "new"
    assert workers.patch(path, {"kind": "new", "name": "x"}, ANNA).status_code == 200
    assert workers.put(path, {"salary": 2, "owner_id": 1}, ANNA).json["kind"] == "new"
    for person in (ANNA, ADMIN):
        for method in ("PATCH", "PUT"):
            changed = workers.request(method, path, person, json={"salary": 2, "owner_id": 1, "kind": "other"})
            refused(changed, 422, "invalid", pointer="/kind", entry="closed")
    body = [{"id": made["id"], "kind": "other"}]
    refused(workers.patch("/workers", body, ANNA), 422, "invalid", pointer="/0/kind", entry="closed")


def test_a_file_that_was_exported_can_be_imported_again(workers: Kitchen) -> None:
    hold(workers, **SECRETS[0])
    before = workers.stored(Worker)
    fields = "id,owner_id,name,salary,bonus,mood,kind"
    text = workers.get(f"/workers?format=csv&fields={fields}", ANNA).text
    assert "20" not in text

    sent = {"data": text, "content_type": "text/csv"}
    answer = workers.request("POST", "/workers?on_conflict=update", ANNA, **sent)

    assert (answer.status_code, answer.json) == (201, {"created": 0, "updated": 2}), answer.text
    assert workers.stored(Worker) == before
    sent["data"] = text.replace("\n2,2,someone,,", "\n2,2,someone,7,")
    assert sent["data"] != text
    refused(
        workers.request("POST", "/workers?on_conflict=update", ANNA, **sent),
        422,
        "invalid",
        pointer="/1/salary",
        entry="closed",
    )


def test_an_answer_is_not_repeated_to_who_may_not_read_a_field_of_it_any_more(workers: Kitchen) -> None:
    def again(path: str, name: str) -> TestResponse:
        return workers.patch(path, {"name": "x"}, ANNA, headers={"Idempotency-Key": name})

    first = again("/workers/1", "k")
    other = again("/workers/2", "l")
    assert first.json["salary"] == 10
    assert other.json["salary"] is None
    assert again("/workers/1", "k").data == first.data

    hold(workers, 1, owner_id=2)

    refused(again("/workers/1", "k"), 404, "not_found")
    assert again("/workers/2", "l").data == other.data


def test_the_document_says_what_may_be_null_and_what_cannot_be_asked(workers: Kitchen) -> None:
    document = workers.app.extensions["meze"].openapi()
    schemas = document["components"]["schemas"]

    shown = schemas["Worker"]["properties"]["salary"]
    assert shown["type"] == ["integer", "null"]
    assert "may not read" in shown["description"]
    assert "kind" in schemas["WorkerCreate"]["properties"]
    assert schemas["WorkerUpdate"]["properties"]["kind"]["readOnly"] is True
    assert "salary" in schemas["WorkerCreate"]["required"]
    assert "salary" not in schemas["WorkerReplace"].get("required", [])


def test_where_the_rule_holds_a_value_of_any_type_is_written_as_ever(
    kitchen: Kitchen, kitchen_url: str, tmp_path: Path
) -> None:
    app = Flask("masked", instance_path=str(tmp_path / "instance"))
    settings = {"database_url": kitchen_url, "secret_key": SECRET_KEY}
    api = Meze(app, Thing.metadata, identify=identify, settings=settings)
    names = [name for name in Thing.__mapper__.column_attrs.keys() if name != "id"]  # noqa: SIM118 - no dictionary
    first = FieldRules(read=Thing.id < 2, write=anyone)
    api.resource(Thing, read=anyone, write=anyone, fields=dict.fromkeys(names, first))
    masked = Kitchen(app)
    full = {
        "small": 3, "whole": 4, "big": 2**60, "flag": True, "short": "ab", "words": "文", "price": "1.50", "ratio": 0.1,
        "exact": "2.0000", "day": "2024-02-29", "naive": "2024-02-29T01:02:03.000004Z", "clock": "01:02:03",
        "moment": "2024-02-29T01:02:03.000004Z", "span": "P1DT2H", "token": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
        "color": "red", "level": 1, "size": "m", "blob": "AAE=", "data": {"a": [1, None]},
    }  # fmt: skip

    made = masked.post("/things", full)
    plain = kitchen.get("/things/1")
    assert made.status_code == 201, made.text
    assert all(plain.json[name] is not None for name in full)
    assert (made.data, made.headers["ETag"]) == (plain.data, plain.headers["ETag"])
    assert masked.patch("/things/1", {"whole": 4}).data == plain.data
    other = masked.post("/things", full)
    assert other.json == dict.fromkeys(names) | {"id": 2}

    kitchen.delete("/things/2")
    for path in ("/things/1", "/things?etag=true", "/things?format=csv", "/things?format=ndjson"):
        assert masked.get(path).data == kitchen.get(path).data
    masked.database.close()
