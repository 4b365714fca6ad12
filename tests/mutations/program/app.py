"""A small app that uses every part of the rules: what `meze verify` must guard, and where planted faults show."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask
from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in


class Base(DeclarativeBase):
    pass


note_tags = Table(
    "note_tags",
    Base.metadata,
    Column("note_id", ForeignKey("notes.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_name", ForeignKey("tags.name", ondelete="CASCADE"), primary_key=True),
)


class Folder(Base):
    """Holds notes; a folder may stand in another."""

    __tablename__ = "folders"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    shared: Mapped[bool] = mapped_column(default=False)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("folders.id"), index=True)
    parent: Mapped[Folder | None] = relationship(back_populates="children", remote_side=[id])
    children: Mapped[list[Folder]] = relationship(back_populates="parent")
    notes: Mapped[list[Note]] = relationship(back_populates="folder")


class Note(Base):
    """Its owner may read it, and all others where it is public; some fields are for fewer."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("folders.id"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="draft")
    stars: Mapped[int] = mapped_column(CheckConstraint("stars BETWEEN 0 AND 5", name="stars_are_few"), default=0)
    salary: Mapped[int | None]
    secret: Mapped[str | None] = mapped_column(String(60))
    drafted: Mapped[str | None] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(10), default="plain")
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    version: Mapped[int] = mapped_column()
    folder: Mapped[Folder | None] = relationship(back_populates="notes")
    tags: Mapped[list[Tag]] = relationship(secondary=note_tags, back_populates="notes")
    comments: Mapped[list[Comment]] = relationship(back_populates="note")
    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}


class Tag(Base):
    """Its key is the client's to choose."""

    __tablename__ = "tags"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    listed: Mapped[bool] = mapped_column(default=True)
    meaning: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[list[Note]] = relationship(secondary=note_tags, back_populates="tags")


class Comment(Base):
    """Belongs to a note, and is as visible as that."""

    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("notes.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    score: Mapped[int | None]
    note: Mapped[Note] = relationship(back_populates="comments")


class Diary(Base):
    """Not even admins may read another's."""

    __tablename__ = "diaries"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    entry: Mapped[str] = mapped_column(Text)


class Animal(Base):
    """A table of which one resource serves a part."""

    __tablename__ = "animals"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(40))
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


class Dog(Animal):
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "dog"}


class Seat(Base):
    """A key of two parts."""

    __tablename__ = "seats"
    hall: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[str | None] = mapped_column(String(40))
    free: Mapped[bool] = mapped_column(default=True)


class Ledger(Base):
    """Declared without any rule; a folder that it refers to cannot be deleted."""

    __tablename__ = "ledgers"
    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("folders.id"), index=True)
    amount: Mapped[int]


class Report(Base):
    """Anyone who is signed in may make one, and only auditors may read it."""

    __tablename__ = "reports"
    id: Mapped[int] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(String(80))
    weight: Mapped[int | None]
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("folders.id", ondelete="SET NULL"), index=True)
    folder: Mapped[Folder | None] = relationship()


app = Flask(__name__)
api = Meze(app, Base, roles=("editor", "auditor"))

own = signed_in & (Note.owner_id == me.id)
public = Note.state == "public"

api.resource(
    Folder,
    read=Folder.shared.is_(True) | (Folder.owner_id == me.id),
    write=Folder.owner_id == me.id,
    owner="owner_id",
)
api.resource(
    Note,
    read=public | own | role("auditor"),
    create=signed_in & (Note.state != "public"),
    update=own & (Note.state != "locked"),
    delete=own & (Note.stars == 0),
    owner="owner_id",
    search=["title", "body"],
    fields={
        "secret": hidden,
        "salary": FieldRules(read=role("auditor"), write=role("auditor")),
        "drafted": FieldRules(read=own, write=own),
        "kind": FieldRules(create_only=True),
        "body": FieldRules(write=Note.stars < 3),
    },
)
api.resource(Tag, read=Tag.listed.is_(True) | role("editor"), write=role("editor"))
api.resource(
    Comment,
    read=Comment.note.has(public | own),
    create=signed_in & Comment.note.has(public | own),
    update=Comment.author_id == me.id,
    delete=(Comment.author_id == me.id) | Comment.note.has(own),
    owner="author_id",
    require_match=True,
)
api.resource(Diary, read=Diary.owner_id == me.id, write=Diary.owner_id == me.id, owner="owner_id", admin=False)
api.resource(Dog, name="dogs", read=anyone, write=signed_in)
api.resource(Seat, read=~(Seat.free.is_(False) & (Seat.label == me.email)), write=role("editor"))
api.resource(Ledger)
api.resource(
    Report,
    read=role("auditor") | (Report.weight > 3),
    create=signed_in,
    fields={"folder_id": FieldRules(read=role("auditor"))},
)
