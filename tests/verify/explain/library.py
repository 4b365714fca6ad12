"""A small program whose rules have what explanations tell of: an owner, a role, a relation, hidden fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from sqlalchemy import ForeignKey, String, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.access.caller import Caller
from meze.installation import Installation
from meze.verify.explain.explainer import Audience, Explainer
from meze.verify.explain.explanation import Explanation
from meze.verify.explain.question import question_of, split_request
from meze.web.explain import Answering
from meze.web.messages import Request

SECRET_KEY = "only-for-tests-and-long-enough-to-be-accepted"
SESAME = "open sesame"
PREFIX = "/api/v1"


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    public: Mapped[bool]
    papers: Mapped[list[Paper]] = relationship(back_populates="shelf")


class Paper(Base):
    __tablename__ = "papers"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id"), index=True)
    title: Mapped[str] = mapped_column(String(40))
    state: Mapped[str | None] = mapped_column(String(10))
    word: Mapped[str | None] = mapped_column(String(40))
    api_token: Mapped[str | None] = mapped_column(String(40))
    pay: Mapped[int | None]
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelves.id"), index=True)
    shelf: Mapped[Shelf | None] = relationship(back_populates="papers")


class Desk(Base):
    """Shown by what lies on it, which the role admin does not open."""

    __tablename__ = "desks"
    id: Mapped[int] = mapped_column(primary_key=True)
    diaries: Mapped[list[Diary]] = relationship()


class Diary(Base):
    __tablename__ = "diaries"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    said: Mapped[str] = mapped_column(String(40))
    desk_id: Mapped[int | None] = mapped_column(ForeignKey("desks.id"), index=True)


class Label(Base):
    __tablename__ = "labels"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    count: Mapped[int | None]


def make_app(url: str, folder: Path, **settings: Any) -> Flask:
    app = Flask("library", instance_path=str(folder / "instance"))
    identify = settings.pop("identify", None)
    own = {"database_url": url, "secret_key": SECRET_KEY}
    api = Meze(app, Base, roles=("editor",), identify=identify, settings=own | settings)
    mine = signed_in & (Paper.owner_id == me.id)
    api.resource(Shelf, read=Shelf.public.is_(True) | role("editor"), write=role("editor"))
    api.resource(
        Paper,
        read=(Paper.state == "out") | mine | Paper.shelf.has(Shelf.public.is_(True)) | (Paper.word == SESAME),
        create=mine,
        update=mine & (Paper.state != "out"),
        delete=mine,
        fields={
            "word": hidden,
            "pay": FieldRules(read=role("editor"), write=role("editor")),
            "title": FieldRules(write=Paper.state.is_distinct_from("kept")),
        },
    )
    api.resource(Diary, read=signed_in & (Diary.owner_id == me.id), admin=False)
    api.resource(Desk, read=Desk.diaries.any(Diary.said == "d1"))
    api.resource(Label, read=anyone, write=(Label.count > 0) & signed_in)
    return app


def fill(meze: Installation) -> None:
    """Make the tables, and rows that each part of the rules lets in or keeps out."""
    Base.metadata.create_all(meze.database.engine)
    users = Base.metadata.tables["meze_users"]
    papers: list[dict[str, Any]] = [
        {"id": 1, "owner_id": 1, "state": "new", "word": None, "shelf_id": None},
        {"id": 2, "owner_id": 2, "state": "out", "word": None, "shelf_id": None},
        {"id": 3, "owner_id": 2, "state": "new", "word": None, "shelf_id": None},
        {"id": 4, "owner_id": 2, "state": None, "word": SESAME, "shelf_id": 2},
        {"id": 5, "owner_id": None, "state": "new", "word": "x", "shelf_id": 1},
        {"id": 6, "owner_id": 2, "state": "kept", "word": None, "shelf_id": 2},
        {"id": 7, "owner_id": 1, "state": "out", "word": None, "shelf_id": None},
        {"id": 8, "owner_id": 1, "state": "kept", "word": None, "shelf_id": None},
    ]
    with meze.database.engine.begin() as connection:
        for id in (1, 2):  # the database numbers them, and goes on from there
            connection.execute(insert(users), {"email": f"{id}@example.org"})
        connection.execute(
            insert(Shelf), [{"id": 1, "name": "a", "public": True}, {"id": 2, "name": "b", "public": False}]
        )
        connection.execute(
            insert(Paper), [{**each, "title": f"t{each['id']}", "api_token": "tok-1", "pay": 3} for each in papers]
        )
        connection.execute(insert(Desk), [{"id": id} for id in (1, 2)])
        diaries = [{"id": id, "owner_id": id, "said": f"d{id}", "desk_id": id % 2 or None} for id in (1, 2, 3)]
        connection.execute(insert(Diary), diaries)
        connection.execute(insert(Label), [{"name": "a/b", "count": 1}, {"name": "c", "count": 0}])


ANNA = Caller(1, "anna@example.org", "Anna", credentials=True)
EDITOR = Caller(2, None, "Ed", frozenset({"editor"}), credentials=True)
ADMIN = Caller(3, None, "Ada", frozenset({"admin"}), credentials=True, session=1)
NOBODY = Caller()


class Library:
    """The program, and questions about it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.meze: Installation = app.extensions["meze"]
        self.parts = self.meze.open()

    def explain(
        self, written: str, caller: Caller, *, body: Any = None, audience: Audience = Audience.TERMINAL
    ) -> Explanation:
        method, path, query = split_request(f"{written.partition(' ')[0]} {PREFIX}{written.partition(' ')[2]}")
        question = question_of(method, path, query, PREFIX, self.parts.resources)
        explainer = Explainer(self.parts.records, caller, audience)
        if question.changes:
            return explainer.write(question, body)
        arguments = tuple(parse_qsl(query))
        request = Request(method, path, arguments, caller=caller)
        return explainer.read(question, Answering(self.parts.site.routes, request, self.parts.site.refused))
