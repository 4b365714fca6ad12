"""What Python says of well-known misuses, said so that a beginner can act on it."""

import pytest

from meze.cli.misuse import EXPLANATIONS, LoadingFailed, explained, users_line
from meze.errors import Mistake

MODELS = """\
import meze
from flask import Flask
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
class Base(DeclarativeBase): pass
class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    trip: Mapped[Trip] = relationship()
"""
LINE = MODELS.count("\n") + 1


def raised_by(source, folder):
    path = folder / "app.py"
    path.write_text(source)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which error it is is what the rows say
        exec(compile(source, str(path), "exec"), {"__name__": "app"})  # noqa: S102 - the program under test
    return caught.value


@pytest.mark.parametrize(
    ("line", "cause", "remedy"),
    [
        pytest.param(
            "Stop.trip.owner_id == 1",
            "Stop.trip is a relation; 'owner_id' belongs to the row behind it.",
            "Stop.trip.has(TheOtherModel.owner_id == …)",
            id="a-column-through-a-relation",
        ),
        pytest.param("meze.resource(Trip)", "has no 'resource'", "api.resource(…)", id="the-module-for-the-object"),
        pytest.param(
            "from meze import resource", "has no 'resource'", "api.resource(…)", id="imported-from-the-module"
        ),
        pytest.param("from meze import Maze", "has no 'Maze'", "Did you mean Meze?", id="a-name-misspelt"),
        pytest.param(
            "meze.Meze(Flask('a'), Base).resorce(Trip)",
            "no 'resorce'",
            "Did you mean resource?",
            id="a-method-misspelt",
        ),
        pytest.param("(Trip.id > 1) and (Trip.owner_id < 2)", "and, or, not", "& for and", id="and-between-conditions"),
        pytest.param("class City(Base): pass", "City has no table", '__tablename__ = "citys"', id="no-table"),
        pytest.param(
            "class City(Base): __tablename__ = 'cities'; name: Mapped[str]",
            "'cities' has no key",
            "primary_key",
            id="no-key",
        ),
        pytest.param(
            "class City(Base): __tablename__ = 'trips'; id: Mapped[int] = mapped_column(primary_key=True)",
            "Two classes have the table 'trips'",
            "another __tablename__",
            id="one-table-twice",
        ),
        pytest.param(
            "class City(Base):\n"
            "    __tablename__ = 'cities'\n"
            "    id: Mapped[int] = mapped_column(ForeignKey('Trip.id'), primary_key=True)\n"
            "Base.metadata.sorted_tables; City.__table__.c.id.foreign_keys.copy().pop().column",
            "'Trip', which no model has",
            "__tablename__",
            id="a-foreign-key-to-a-class",
        ),
        pytest.param(
            "class City(Base):\n"
            "    __tablename__ = 'cities'\n"
            "    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    stops: Mapped[list['Stopp']] = relationship()\n"
            "Base.registry.configure()",
            "the class Stopp",
            "spelling",
            id="a-relationship-to-nothing",
        ),
        pytest.param(
            "class City(Base):\n"
            "    __tablename__ = 'cities'\n"
            "    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    stops: Mapped[list[Stop]] = relationship()\n"
            "Base.registry.configure()",
            "no foreign key joins the two tables",
            "ForeignKey(",
            id="a-relationship-without-a-key",
        ),
    ],
)
def test_a_known_misuse_is_explained_at_its_line(tmp_path, line, cause, remedy):
    mistake = explained(raised_by(MODELS + line, tmp_path))

    assert not isinstance(mistake, LoadingFailed)
    assert cause in mistake.cause
    assert remedy in mistake.remedy
    assert mistake.where == f"{tmp_path}/app.py:{LINE + line.count(chr(10))}"


def test_every_row_of_the_table_is_tried_here():
    rows = next(mark for mark in test_a_known_misuse_is_explained_at_its_line.pytestmark if mark.name == "parametrize")

    # Three of the rows above share an explanation with another.
    assert len(rows.args[1]) >= len(EXPLANATIONS)


def test_the_line_is_the_users_innermost_and_seen_from_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    error = raised_by("import json\ndef read():\n    json.loads('')\nread()\n", tmp_path)

    assert users_line(error) == "app.py:3"


def test_what_is_not_known_keeps_its_traceback(tmp_path):
    mistake = explained(raised_by("1 / 0\n", tmp_path))

    assert isinstance(mistake, LoadingFailed)
    assert isinstance(mistake, Mistake)
    assert f'File "{tmp_path}/app.py", line 1' in str(mistake)
    assert "ZeroDivisionError: division by zero" in str(mistake)


def test_a_syntax_error_is_at_its_line(tmp_path):
    mistake = explained(raised_by("x = 1\nif x:\n", tmp_path))

    assert mistake.where == f"{tmp_path}/app.py:2"
