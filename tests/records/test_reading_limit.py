"""A request whose plan reads more rows than may be is refused before it is run, with the index that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import ForeignKey, Index, String, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Caller, FieldRules, Meze, anyone, me, role, signed_in
from meze.databases.query_plan import read_plan
from meze.databases.search import declared
from meze.records import reading_limit

ROWS, LIMIT = 1200, 200


class Base(DeclarativeBase):
    pass


class Land(Base):
    __tablename__ = "lands"
    code: Mapped[str] = mapped_column(String(9), primary_key=True)
    towns: Mapped[list[Town]] = relationship(back_populates="land")


class Town(Base):
    __tablename__ = "towns"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    land_code: Mapped[str] = mapped_column(ForeignKey("lands.code"))
    people: Mapped[int]
    seen: Mapped[int] = mapped_column(index=True)
    clock: Mapped[str] = mapped_column(String(20))
    code_name: Mapped[str] = mapped_column(String(20))
    land: Mapped[Land] = relationship(back_populates="towns")
    __table_args__ = (Index("by_people", "people", "id"), Index("by_land", "land_code", "people", "id"))


class Diary(Base):
    __tablename__ = "diaries"
    id: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[int]


Start = Callable[..., FlaskClient]


@pytest.fixture
def start(database_url: str) -> Iterator[Start]:
    """Start an app over many rows; returns a client of an editor, who may do everything."""
    made: list[Flask] = []

    def begin(**settings: Any) -> FlaskClient:
        app = Flask(__name__)
        chosen = {"database_url": database_url, "secret_key": "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"}
        editor = Caller(id=1, roles=frozenset({"editor"}))
        api = Meze(app, Base, roles=["editor"], identify=lambda _: editor, settings=chosen | settings)
        api.resource(Land, read=anyone, write=role("editor"))
        closed = {"code_name": FieldRules(read=role("admin"))}
        api.resource(Town, read=anyone, write=role("editor"), search=["name"], fields=closed)
        api.resource(Diary, read=signed_in & (Diary.author == me.id))
        app.extensions["meze"].seal()
        made.append(app)
        return app.test_client()

    with begin().application.app_context():
        fill(made[0])
    yield begin
    for app in made:
        app.extensions["meze"].database.close()


def fill(app: Flask) -> None:
    database = app.extensions["meze"].database
    Base.metadata.create_all(database.engine)
    for index in declared(Base.metadata):
        index.ensure(database)
    with database.engine.begin() as connection:
        connection.execute(insert(Land), [{"code": f"l{n}"} for n in range(60)])
        names = ("north", "south", "east")
        rows = [
            {
                "id": n,
                "name": names[n % 3],
                "land_code": f"l{n % 60}",
                "people": n,
                "seen": n % 40,
                "clock": f"c{n % 9}",
                "code_name": "x",
            }
            for n in range(ROWS)
        ]
        connection.execute(insert(Town), rows)
        connection.execute(insert(Diary), [{"id": n, "author": n} for n in range(ROWS)])
        connection.exec_driver_sql("ANALYZE")


REFUSED = {
    "towns?clock=c3": "clock",
    "towns?clock=c3&count=true": "clock",
    "towns?sort=-clock": "clock",
    "towns?name__contains=or": "name",
    "towns?aggregate=count&clock=c3": "clock",
    "towns?aggregate=count&group=people&clock=c3": "clock",
    "towns?format=csv&clock=c3": "clock",
}
"""What no index leads, and the field that lacks one."""

ANSWERED = (
    "towns",
    "towns?sort=-people",
    "towns?sort=-people&page=3",
    "towns?count=true",
    "towns?aggregate=count&group=land_code",
    "towns?land_code=l3&clock=c3",
    "towns?id=7",
    "towns?expand=land",
    "lands?expand=towns",
    "towns?q=nothing",
    "towns/7",
    "towns?format=ndjson",
)


def test_what_no_index_leads_is_refused_by_the_names_that_were_asked(start: Start) -> None:
    client = start(rows_read_limit=LIMIT)

    for path, field in REFUSED.items():
        answer = client.get(f"/api/v1/{path}")
        assert (path, answer.status_code, answer.json["code"]) == (path, 422, "too_expensive")
        assert f"no index leads to {field}." in answer.json["detail"]
        assert str(LIMIT) in answer.json["detail"]
        assert str(ROWS) not in answer.text


def test_what_looks_inside_a_related_value_is_refused_where_nothing_is_known_of_values(start: Start) -> None:
    client = start(rows_read_limit=LIMIT)

    answer = client.get("/api/v1/towns?land__code__endswith=3")

    # PostgreSQL takes it for granted that such a condition leaves few of the lands, whatever the value.
    sqlite = client.application.extensions["meze"].database.name == "sqlite"
    assert answer.status_code == (422 if sqlite else 200)


def test_what_an_index_leads_is_answered(start: Start) -> None:
    client = start(rows_read_limit=LIMIT)

    answers = {path: client.get(f"/api/v1/{path}").status_code for path in ANSWERED}
    following = client.get("/api/v1/towns?sort=-people").json["next"]

    assert answers == dict.fromkeys(ANSWERED, 200)
    assert client.get(following).status_code == 200


def test_without_a_limit_everything_is_answered(start: Start) -> None:
    client = start()

    assert {path: client.get(f"/api/v1/{path}").status_code for path in REFUSED} == dict.fromkeys(REFUSED, 200)


def test_a_bulk_delete_that_no_index_leads_deletes_nothing(start: Start) -> None:
    client = start(rows_read_limit=LIMIT)

    refused = client.delete("/api/v1/towns?clock=c3")
    led = client.delete("/api/v1/towns?land_code=l3&clock=c3")

    assert (refused.status_code, refused.json["code"]) == (422, "too_expensive")
    assert (led.status_code, led.json) == (200, {"deleted": 7})
    assert client.get("/api/v1/towns?count=true").json["total"] == ROWS - 7


def test_everything_may_be_counted_up_to_ten_times_the_limit(start: Start) -> None:
    client = start(rows_read_limit=ROWS // 10 - 1)

    assert client.get("/api/v1/towns?count=true").status_code == 422
    assert client.get("/api/v1/towns?aggregate=count").status_code == 422


def test_the_sql_that_would_mend_it_is_told_in_development_only(start: Start) -> None:
    told = start(rows_read_limit=LIMIT).get("/api/v1/towns?clock=c3").json["detail"]
    served = start(
        rows_read_limit=LIMIT, env="production", public_url="https://api.example.com", registration="closed"
    ).get("/api/v1/towns?clock=c3", base_url="https://api.example.com")

    assert "CREATE INDEX ix_towns_clock ON towns (clock)" in told
    assert served.status_code == 422
    assert "CREATE" not in served.text


def test_equal_values_in_an_order_are_told_the_index_over_both(start: Start) -> None:
    answer = start(rows_read_limit=10).get("/api/v1/towns?land_code=l3&sort=-seen")

    assert answer.status_code == 422
    assert "CREATE INDEX ix_towns_land_code ON towns (land_code, seen)" in answer.json["detail"]


def test_a_rule_that_no_index_leads_is_not_told(start: Start) -> None:
    answer = start(rows_read_limit=LIMIT).get("/api/v1/diaries")

    assert answer.status_code == 422
    assert "author" not in answer.text


def test_a_hidden_field_is_as_if_it_did_not_exist(start: Start) -> None:
    client = start(rows_read_limit=LIMIT)

    hidden, missing = (client.get(f"/api/v1/towns?{name}=x") for name in ("code_name", "cold_name"))

    assert (hidden.status_code, missing.status_code) == (400, 400)
    assert hidden.json["code"] == missing.json["code"] == "unknown_field"


def test_the_answer_says_it_in_the_language_of_the_client(start: Start) -> None:
    answer = start(rows_read_limit=LIMIT).get("/api/v1/towns?clock=c3", headers={"Accept-Language": "zh"})

    assert "没有可用的索引" in answer.json["detail"]


def test_the_database_is_asked_once_for_a_plan_and_never_without_a_limit(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counting(*arguments: Any) -> Any:
        asked.append(None)
        return read_plan(*arguments)

    monkeypatch.setattr(reading_limit, "read_plan", counting)
    for settings, times in (({"rows_read_limit": LIMIT}, 1), ({}, 0)):
        asked.clear()
        client = start(**settings)
        for clock in range(3):
            client.get(f"/api/v1/towns?land_code=l{clock}")

        assert len(asked) == times
