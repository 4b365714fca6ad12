"""The kitchen-sink app: a model for everything that Meze serves, and callers to try it as.

Contract tests over HTTP run against this app. `make_app` declares it on a new Flask app, on any database; the tables
are made once, by `make_tables`, and emptied between tests by `forget`.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Engine,
    Enum,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Interval,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    func,
    insert,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.test import TestResponse

from meze import Caller, Exact, FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.databases import Database
from meze.databases.search import SearchIndex
from meze.errors import BadCredentials
from meze.web.messages import Request

SECRET_KEY = "only-for-tests-and-long-enough-to-be-accepted"
API = "/api/v1"


class Base(DeclarativeBase):
    pass


class Color(enum.Enum):
    RED = "red"
    DEEP_BLUE = "deep-blue"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


thing_labels = Table(
    "thing_labels",
    Base.metadata,
    Column("thing_id", ForeignKey("things.id", ondelete="CASCADE"), primary_key=True),
    Column("label_name", ForeignKey("labels.name", ondelete="CASCADE"), primary_key=True),
)


class Thing(Base):
    """Every type of column, all of them nullable; refers to itself and to many labels."""

    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    small: Mapped[int | None] = mapped_column(SmallInteger)
    whole: Mapped[int | None] = mapped_column(index=True)
    big: Mapped[int | None] = mapped_column(BigInteger)
    flag: Mapped[bool | None]
    short: Mapped[str | None] = mapped_column(String(5))
    words: Mapped[str | None] = mapped_column(Text)
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    exact: Mapped[Decimal | None] = mapped_column(Exact(18, 4))
    ratio: Mapped[float | None] = mapped_column(Float)
    day: Mapped[date | None] = mapped_column(Date)
    naive: Mapped[datetime | None] = mapped_column(DateTime)
    moment: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    clock: Mapped[time | None] = mapped_column(Time)
    span: Mapped[timedelta | None] = mapped_column(Interval)
    token: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    token_text: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    color: Mapped[Color | None] = mapped_column(Enum(Color, name="color"))
    level: Mapped[Level | None] = mapped_column(Enum(Level, name="level"))
    size: Mapped[str | None] = mapped_column(Enum("s", "m", "l", name="size"))
    blob: Mapped[bytes | None] = mapped_column(LargeBinary)
    data: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("things.id"), index=True)
    parent: Mapped[Thing | None] = relationship(back_populates="children", remote_side=[id])
    children: Mapped[list[Thing]] = relationship(back_populates="parent")
    labels: Mapped[list[Label]] = relationship(secondary=thing_labels, back_populates="things")


class Label(Base):
    """A text key, which the client chooses."""

    __tablename__ = "labels"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    note: Mapped[str | None] = mapped_column(Text)
    count: Mapped[int | None]
    things: Mapped[list[Thing]] = relationship(secondary=thing_labels, back_populates="labels")


class Parcel(Base):
    """A UUID key, which the client chooses."""

    __tablename__ = "parcels"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    weight: Mapped[int | None]


class Seat(Base):
    """A composite key."""

    __tablename__ = "seats"
    hall: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    comfort: Mapped[int | None]
    bookings: Mapped[list[Booking]] = relationship(back_populates="seat")


class Booking(Base):
    """A foreign key of two columns."""

    __tablename__ = "bookings"
    id: Mapped[int] = mapped_column(primary_key=True)
    hall: Mapped[str | None] = mapped_column(String(20))
    number: Mapped[int | None]
    seat: Mapped[Seat | None] = relationship(back_populates="bookings")
    __table_args__ = (ForeignKeyConstraint(["hall", "number"], ["seats.hall", "seats.number"]),)


def slug_of_title(context: DefaultExecutionContext) -> str:
    title: str = context.get_current_parameters()["title"]
    return title.lower().replace(" ", "-")


class Article(Base):
    """Defaults of every kind, `onupdate`, a version, a computed column, unique values alone and together."""

    __tablename__ = "articles"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(120), unique=True, default=slug_of_title)
    author: Mapped[str] = mapped_column(String(40), default="anonymous")
    position: Mapped[int | None]
    code: Mapped[str] = mapped_column(String(36), default=lambda: str(uuid.uuid4()))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=func.now())
    changed: Mapped[int] = mapped_column(default=0, onupdate=7)
    state: Mapped[str] = mapped_column(String(10), server_default=text("'draft'"))
    stars: Mapped[int] = mapped_column(CheckConstraint("stars BETWEEN 0 AND 5", name="stars_are_few"), default=3)
    double: Mapped[int | None] = mapped_column(Computed("stars * 2", persisted=True))
    version: Mapped[int] = mapped_column()
    __table_args__ = (UniqueConstraint("author", "position", name="one_article_at_a_place"),)
    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}


class Vehicle(Base):
    """Single-table inheritance."""

    __tablename__ = "vehicles"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    wheels: Mapped[int] = mapped_column(default=4)
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind", "polymorphic_identity": "vehicle"}


class Car(Vehicle):
    doors: Mapped[int | None]
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "car"}


class Note(Base):
    """Rows of people: an owner, a hidden field, a field for one role."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    public: Mapped[bool] = mapped_column(default=False)
    secret: Mapped[str | None] = mapped_column(String(40))
    salary: Mapped[int | None]
    remarks: Mapped[list[Remark]] = relationship(back_populates="note")


class Remark(Base):
    """Belongs to a note that may be hidden."""

    __tablename__ = "remarks"
    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int | None] = mapped_column(ForeignKey("notes.id"), index=True)
    said: Mapped[str | None] = mapped_column(Text)
    note: Mapped[Note | None] = relationship(back_populates="remarks")


class Shelf(Base):
    """Is referred to by books, from which nothing cascades; changes need `If-Match`; pages are short."""

    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    books: Mapped[list[Book]] = relationship(back_populates="shelf")


class Book(Base):
    """Searchable."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    abstract: Mapped[str | None] = mapped_column(Text)
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelves.id"), index=True)
    shelf: Mapped[Shelf | None] = relationship(back_populates="books")


class Drop(Base):
    """May be put in by anyone, and read by nobody but the role hr."""

    __tablename__ = "drops"
    id: Mapped[int] = mapped_column(primary_key=True)
    said: Mapped[str] = mapped_column(String(40), unique=True)


class Sealed(Base):
    """Declared without a rule: closed."""

    __tablename__ = "sealed"
    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str | None]


def declare(api: Meze) -> None:
    """Declare every resource, each with the rules that its tests need."""
    mine = signed_in & (Note.owner_id == me.id)
    visible = Note.public.is_(True) | mine
    for model in (Thing, Label, Parcel, Seat, Booking, Vehicle):
        api.resource(model, read=anyone, write=anyone)
    api.resource(Car, name="cars", read=anyone, write=anyone)
    api.resource(Article, read=anyone, write=signed_in)
    api.resource(
        Note,
        read=visible,
        write=mine,
        owner="owner_id",
        fields={"secret": hidden, "salary": FieldRules(read=role("hr"), write=role("hr"))},
    )
    api.resource(Remark, read=anyone, write=signed_in)
    api.resource(Shelf, read=anyone, write=role("editor"), require_match=True, page_limit=5)
    api.resource(Book, read=anyone, write=role("editor"), search=["title", "abstract"])
    api.resource(Drop, create=anyone, read=role("hr"), update=role("hr"), delete=role("hr"))
    api.resource(Sealed)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who calls; `token` is what stands behind `Bearer`."""

    token: str
    caller: Caller


ANNA = Person("anna", Caller(1, "anna@example.com", "Anna", frozenset(), True))
BEN = Person("ben", Caller(2, None, "Ben", frozenset(), True))
EDITOR = Person("editor", Caller(3, None, "Ed", frozenset({"editor"}), True))
ADMIN = Person("admin", Caller(4, None, "Ada", frozenset({"admin"}), True))
HR = Person("hr", Caller(5, None, "Hera", frozenset({"hr"}), True))
PEOPLE = {person.token: person for person in (ANNA, BEN, EDITOR, ADMIN, HR)}


def identify(request: Request) -> Caller:
    written = request.headers.get("authorization")
    if written is None:
        return Caller()
    person = PEOPLE.get(written.removeprefix("Bearer "))
    if person is None:
        raise BadCredentials
    return person.caller


def make_app(url: str, folder: Path, **settings: Any) -> Flask:
    """Return the app on the database at `url`, not sealed, so that a test may add routes of its own."""
    app = Flask("kitchen", instance_path=str(folder / "instance"))
    own = {"database_url": url, "secret_key": SECRET_KEY}
    api = Meze(app, Base, roles=("editor", "hr"), identify=identify, settings=own | settings)
    declare(api)
    return app


def make_tables(database: Database) -> None:
    """Make the tables and the full-text index, and put in the people."""
    Base.metadata.create_all(database.engine)
    book = Base.metadata.tables["books"]
    SearchIndex(book, (book.c.title, book.c.abstract)).ensure(database)
    add_people(database.engine)


def add_people(engine: Engine) -> None:
    users = Base.metadata.tables["meze_users"]
    rows = [
        {"id": person.caller.id, "email": f"{person.token}@example.com", "name": person.caller.name}
        for person in PEOPLE.values()
    ]
    with engine.begin() as connection:
        connection.execute(insert(users), rows)


def forget(engine: Engine) -> None:
    """Empty every table and begin their numbers anew; the people stay."""
    tables = [table for table in reversed(Base.metadata.sorted_tables) if table.name != "meze_users"]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Many times faster than TRUNCATE on tables of a few rows.
            numbered = [table.name for table in tables if table.autoincrement_column is not None]
            # The time limit is that of requests: a test may have left thousands of rows.
            parts = ["SET LOCAL statement_timeout = 0"]
            parts += ["UPDATE things SET parent_id = NULL WHERE parent_id IS NOT NULL"]
            parts += [f"DELETE FROM {table.name}" for table in tables]
            parts += [f"ALTER SEQUENCE {name}_id_seq RESTART" for name in numbered]
            connection.exec_driver_sql(";".join(parts))
            return
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for table in tables:
            connection.execute(table.delete())


class Kitchen:
    """The app with a client; each method is one request, by `person` or by nobody."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client(use_cookies=False)

    @property
    def database(self) -> Database:
        database: Database = self.app.extensions["meze"].database
        return database

    @property
    def engine(self) -> Engine:
        return self.database.engine

    def request(
        self,
        method: str,
        path: str,
        person: Person | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> TestResponse:
        """Send a request to `path`, which begins under the prefix unless it starts with `//` for the whole site."""
        url = path[1:] if path.startswith("//") else API + path
        known = {} if person is None else {"Authorization": f"Bearer {person.token}"}
        return self.client.open(url, method=method, headers={**known, **(headers or {})}, **options)

    def get(self, path: str, person: Person | None = None, **options: Any) -> TestResponse:
        return self.request("GET", path, person, **options)

    def post(self, path: str, body: Any, person: Person | None = None, **options: Any) -> TestResponse:
        return self.request("POST", path, person, json=body, **options)

    def patch(self, path: str, body: Any, person: Person | None = None, **options: Any) -> TestResponse:
        return self.request("PATCH", path, person, json=body, **options)

    def put(self, path: str, body: Any, person: Person | None = None, **options: Any) -> TestResponse:
        return self.request("PUT", path, person, json=body, **options)

    def delete(self, path: str, person: Person | None = None, **options: Any) -> TestResponse:
        return self.request("DELETE", path, person, **options)

    def add(self, path: str, body: Mapping[str, Any], person: Person | None = None) -> dict[str, Any]:
        """Create a row, which must succeed, and return it."""
        answer = self.post(path, body, person)
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.json
        return row

    def fill(self, model: type[Base], rows: Iterable[Mapping[str, Any]]) -> None:
        """Put rows in past the API."""
        with self.engine.begin() as connection:
            connection.execute(insert(model), list(rows))

    def stored(self, model: type[Base]) -> list[tuple[Any, ...]]:
        """Return every row of a table as it is stored, in the order of the key."""
        table = model.__table__
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns))]


def refused(
    answer: TestResponse,
    status: int,
    code: str,
    *,
    pointer: str | None = None,
    parameter: str | None = None,
    header: str | None = None,
    entry: str | None = None,
) -> dict[str, Any]:
    """Assert that the answer is this problem, with an entry at this place and of the code `entry`; return its body."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.json
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == f"/errors/{code}"
    assert problem["title"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    where = {"pointer": pointer, "parameter": parameter, "header": header}
    place = {name: value for name, value in where.items() if value is not None}
    if place or entry:
        wanted = {**place, **({"code": entry} if entry else {})}
        assert any(wanted.items() <= each.items() for each in problem["errors"]), problem
    return problem
