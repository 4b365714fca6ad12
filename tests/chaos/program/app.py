"""The program that is killed: entries whose writes set a number twice, so that half of a write would show.

CHAOS names, separated by commas, what a test does to it; without it, it is served as it is anywhere.
"""

import os

from flask import Flask
from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chaos import meddling
from meze import Meze, anyone


class Base(DeclarativeBase):
    pass


class Entry(Base):
    __tablename__ = "entries"
    __table_args__ = (CheckConstraint("number >= 0", name="not_negative"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    marker: Mapped[str] = mapped_column(String(60), unique=True)
    number: Mapped[int]
    twin: Mapped[int]
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("entries.id", deferrable=True, initially="DEFERRED"), index=True
    )


app = Flask(__name__)
api = Meze(app, Base)
api.resource(Entry, read=anyone, write=anyone)


@app.get("/process")
def process() -> str:
    return str(os.getpid())


for name in filter(None, os.environ.get("CHAOS", "").split(",")):
    meddling.MEDDLING[name](app)
