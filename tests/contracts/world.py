"""The tables of `schema.py` on a real database, and apps that serve them under the rules of the day.

One database serves many apps: opening one costs more than the requests of an example. So the models are made once for
each test, and a new Meze stands on them for each set of rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Column, Engine, ForeignKey, String, Table, delete, insert, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from contracts.declaring import declare
from contracts.oracle import Declared, Narrowed, written
from contracts.rules import Data, Person
from contracts.schema import KINDS, SERVED, TABLES, Sort
from contracts.spelling import Speller
from meze import Caller, FieldRules, Meze, User, hidden, role
from meze.web.messages import Request

PREFIX = "/api/v1"
SECRET = "a secret of the tests, long enough to be one"
FIRST_MADE = 1000
"""Ids that the database gives begin here, above those of the rows that examples bring."""

PEOPLE: Mapping[str, Person] = {
    "nobody": Person(),
    "ann": Person(1, "ann@example.org"),
    "ben": Person(2, None),
    "cyd": Person(3, "cyd@example.org", frozenset({"editor"})),
    "dan": Person(4, None, frozenset({"editor", "guest"})),
    "eve": Person(5, "eve@example.org", frozenset({"admin"})),
}
NUMBERED = {"sqlite_autoincrement": True}
"""Lets SQLite number rows from FIRST_MADE too."""

ROLES = ("editor", "guest", "keeper")


class Kind(Enum):
    LOW, MID, TOP = KINDS


def make_models() -> tuple[type[DeclarativeBase], dict[str, Any]]:
    """Return a new Base and its models by table."""

    class Base(DeclarativeBase):
        pass

    links = Table(
        "links",
        Base.metadata,
        Column("place_id", ForeignKey("places.id", ondelete="CASCADE"), primary_key=True),
        Column("label_id", ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
    )

    class Place(Base):
        __tablename__ = "places"
        __table_args__ = NUMBERED
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str | None] = mapped_column(String(40))
        kind: Mapped[Kind | None]
        height: Mapped[int | None]
        open: Mapped[bool | None]
        since: Mapped[date | None]
        curator_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"))
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
        parent = relationship("Place", remote_side="Place.id", back_populates="children")
        children = relationship("Place", back_populates="parent")
        labels = relationship("Label", secondary=links, back_populates="places")
        stops = relationship("Stop", back_populates="place")
        homing = relationship("Trip", foreign_keys="Trip.home_id", back_populates="home")

    class Label(Base):
        __tablename__ = "labels"
        __table_args__ = NUMBERED
        id: Mapped[int] = mapped_column(primary_key=True)
        word: Mapped[str | None] = mapped_column(String(40))
        rank: Mapped[int | None] = mapped_column(default=2)
        places = relationship("Place", secondary=links, back_populates="labels")

    class Trip(Base):
        __tablename__ = "trips"
        __table_args__ = NUMBERED
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str | None] = mapped_column(String(40))
        email: Mapped[str | None]
        public: Mapped[bool | None] = mapped_column(default=False)
        begins: Mapped[date | None]
        length: Mapped[int | None]
        mood: Mapped[Kind | None]
        owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"))
        home_id: Mapped[int | None] = mapped_column(ForeignKey("places.id", ondelete="SET NULL"))
        goal_id: Mapped[int | None] = mapped_column(ForeignKey("places.id", ondelete="SET NULL"))
        owner = relationship(User)
        home = relationship("Place", foreign_keys="Trip.home_id", back_populates="homing")
        goal = relationship("Place", foreign_keys="Trip.goal_id")
        stops = relationship("Stop", back_populates="trip")

    class Stop(Base):
        __tablename__ = "stops"
        __table_args__ = NUMBERED
        id: Mapped[int] = mapped_column(primary_key=True)
        nights: Mapped[int | None] = mapped_column(default=1)
        remark: Mapped[str | None]
        trip_id: Mapped[int | None] = mapped_column(ForeignKey("trips.id", ondelete="CASCADE"))
        place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
        trip = relationship("Trip", back_populates="stops")
        place = relationship("Place", back_populates="stops")

    return Base, {"places": Place, "labels": Label, "trips": Trip, "stops": Stop, "users": User}


class World:
    """The tables on one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.base, self.models = make_models()
        self.kinds = {member.value: member for member in Kind}
        self.speller = Speller(self.models, self.kinds)
        served = self._meze({})
        self._installed = served.app.extensions["meze"]
        self.database = self._installed.database
        self.engine: Engine = self.database.engine
        self.tables = {name: self.base.metadata.tables[f"meze_{name}" if name == "users" else name] for name in TABLES}
        self.links = self.base.metadata.tables["links"]
        self._standing: dict[int, tuple[Mapping[str, Declared], Served]] = {}
        self._create()

    def serve(self, declared: Mapping[str, Declared]) -> Served:
        """Return a new app over the tables, under these rules."""
        served = self._meze(declared)
        served.app.extensions["meze"]._database = self.database  # opening it anew costs more than an example
        served.app.extensions["meze"].seal()
        return served

    def serve_all(self, declared: Mapping[str, Declared]) -> Served:
        """Return the one app that serves every example under these rules, as a process serves request after request.

        It remembers the forms of earlier requests, so that their plans are asked with other values too.
        """
        if id(declared) not in self._standing:
            self._standing[id(declared)] = declared, self.serve(declared)
        return self._standing[id(declared)][1]

    def _meze(self, declared: Mapping[str, Declared]) -> Served:
        app = Flask("oracle")
        api = Meze(app, self.base, roles=ROLES, settings={"database_url": self.url, "secret_key": SECRET})
        served = Served(app, api)
        api.identify = served.identify
        for name, each in declared.items():
            declare(api, self.models[name], self._said(name, each))
        return served

    def _said(self, name: str, declared: Declared) -> dict[str, Any]:
        said: dict[str, Any] = {action: self.speller.rule(rule, name) for action, rule in declared.rules.items()}
        said["fields"] = {column: self._field_said(name, each) for column, each in declared.fields.items()}
        return said | {"admin": declared.admin, "owner": declared.owner}

    def _field_said(self, name: str, said: str | Narrowed | None) -> FieldRules:
        match said:
            case None:
                return hidden
            case str(needed):
                return FieldRules(read=role(needed))
        read, write = (None if each is None else self.speller.rule(each, name) for each in (said.read, said.write))
        return FieldRules(read=read, write=write, create_only=said.create_only)

    def _create(self) -> None:
        self.base.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            people = [
                {"id": each.id, "email": each.email or f"{name}@example.org", "name": name.title()}
                for name, each in PEOPLE.items()
                if each.id is not None
            ]
            connection.execute(insert(self.tables["users"]), people)
            for name in SERVED:
                if self.engine.dialect.name == "postgresql":
                    connection.execute(text(f"ALTER SEQUENCE {name}_id_seq RESTART WITH {FIRST_MADE}"))
                else:
                    connection.execute(text(f"INSERT INTO sqlite_sequence VALUES ('{name}', {FIRST_MADE - 1})"))

    def fill(self, data: Data) -> None:
        """Make the rows of the database those of `data`; the users stay."""
        with self.engine.begin() as connection:
            connection.execute(update(self.tables["places"]).values(parent_id=None))
            for table in (self.links, *(self.tables[name] for name in ("stops", "trips", "labels", "places"))):
                connection.execute(delete(table))
            for name in SERVED:
                rows = [self.as_stored(name, row) for row in data.rows[name].values()]
                if name == "places":
                    parents = [(row["id"], row["parent_id"]) for row in rows if row["parent_id"] is not None]
                    rows = [row | {"parent_id": None} for row in rows]
                if rows:
                    connection.execute(insert(self.tables[name]), rows)
            places = self.tables["places"]
            for id, parent in parents:
                connection.execute(update(places).where(places.c.id == id).values(parent_id=parent))
            if data.links:
                pairs = [{"place_id": place, "label_id": label} for place, label in sorted(data.links)]
                connection.execute(insert(self.links), pairs)

    def stored(self) -> Data:
        """Return what the database holds now."""
        data = Data()
        with self.engine.connect() as connection:
            for name, schema in TABLES.items():
                table = self.tables[name]
                found = connection.execute(select(*(table.c[column] for column in schema.columns)))
                for row in found.mappings():
                    data.rows[name][row["id"]] = {
                        column: value.value if isinstance(value, Kind) else value for column, value in row.items()
                    }
            data.links = {tuple(pair) for pair in connection.execute(select(self.links))}
        return data

    def as_stored(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        columns = TABLES[name].columns
        return {
            column: self.kinds[value] if columns[column] is Sort.KIND and value is not None else value
            for column, value in row.items()
        }

    def close(self) -> None:
        self.database.close()
        self.base.registry.dispose()  # Trip relates to User, whom the next world maps to a table of its own


class Answer:
    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None

    def __repr__(self) -> str:
        return f"<{self.status} {self.body}>"


class Served:
    """An app, and requests to it by the people of the tests."""

    def __init__(self, app: Flask, api: Meze) -> None:
        self.app = app
        self.api = api
        self.client: FlaskClient = app.test_client()

    @staticmethod
    def identify(request: Request) -> Caller:
        person = PEOPLE[request.headers.get("authorization", "nobody")]
        return Caller(person.id, person.email, None, person.roles, credentials=person.id is not None)

    def ask(self, who: str, method: str, path: str, body: Any = None, query: Any = None) -> Answer:
        """Send a request; `path` is under the prefix, or a whole address that an answer carried."""
        url = path if path.startswith("/") else f"{PREFIX}/{path}"
        sent = None if body is None else {name: written(value) for name, value in body.items()}
        got = self.client.open(url, method=method, headers={"Authorization": who}, json=sent, query_string=query)
        assert got.status_code < 500, (method, url, query, body, got.get_data(as_text=True))
        return Answer(got.status_code, got.headers, got.get_json(force=True) if got.data else None)


def path_of(url: str) -> str:
    """Return the path of an address, without its query."""
    return urlsplit(url).path
