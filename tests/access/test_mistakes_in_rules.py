"""What Python or SQL would silently misread is refused at start, with its line and what to write instead."""

import itertools
import sys

import pytest

from meze.cli.find import load_meze
from meze.errors import Mistake

PROGRAM = """\
from flask import Flask
from sqlalchemy import ForeignKey, String, and_, event, exists, func, join, select, text, tuple_
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates
from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in

class Base(DeclarativeBase): pass
class Other(DeclarativeBase): pass

class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    title: Mapped[str] = mapped_column(String(80))
    public: Mapped[bool] = mapped_column(default=False)
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip")

class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    nights: Mapped[int]
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    trip: Mapped[Trip] = relationship(back_populates="stops")
{models}
app = Flask(__name__)
api = Meze(app, Base, roles=("editor",))
{rules}
{last}
"""
EMPTY = pytest.mark.filterwarnings(
    "ignore:Invoking and_:DeprecationWarning", "ignore:Invoking and_:sqlalchemy.exc.SADeprecationWarning"
)
_numbers = itertools.count()


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a program as `meze serve` does, and return its Meze."""

    def load(last, rules="", models=""):
        name = f"program_{next(_numbers)}.py"
        (tmp_path / name).write_text(PROGRAM.format(models=models, rules=rules, last=last))
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        return load_meze(name)

    return load


def line_of(mistake, tmp_path):
    """Return the text of the line that a mistake names."""
    path, _, number = mistake.where.rpartition(":")
    assert path.startswith(str(tmp_path))
    with open(path) as file:  # noqa: PTH123 - a path from a message, as a person would open it
        return file.read().splitlines()[int(number) - 1]


@pytest.mark.parametrize(
    ("last", "cause", "remedy"),
    [
        pytest.param(
            "api.resource(Trip, read=(Trip.owner_id == me.id) or signed_in)", "`or` in a rule", "Write `|`", id="or"
        ),
        pytest.param(
            "api.resource(Trip, read=(Trip.owner_id == me.id) and Trip.public)", "`and` in a rule", "`&`", id="and"
        ),
        pytest.param("api.resource(Trip, read=not Trip.public)", "`not` in a rule", "Write `~`", id="not"),
        pytest.param("api.resource(Trip, read=Trip.title is None)", "`is` in a rule", ".is_(None)", id="is"),
        pytest.param(
            "api.resource(Stop, read=1 == Stop.nights == 9)", "chained comparison", "two comparisons", id="chain"
        ),
        pytest.param("api.resource(Stop, read=Stop.nights in (1, 2))", "`in` in a rule", ".in_(", id="in"),
        pytest.param(
            "api.resource(Stop, read=anyone if Stop else me.id)", "`if` in a rule", "Combine rules", id="conditional"
        ),
        pytest.param(
            "api.resource(Trip, read=signed_in & Trip.owner_id == me.id)",
            "compares a rule with a value",
            "(Trip.owner_id == me.id)",
            id="missing-parentheses",
        ),
        pytest.param("api.resource(Trip, read=True)", "A bare True", "Write anyone", id="bare-true"),
        pytest.param("api.resource(Trip, read='anyone')", "'anyone' is not a rule", "A rule is anyone", id="a-string"),
        pytest.param(
            "api.resource(Trip, read=Trip.owner_id)", "is a value, not a condition", "parentheses", id="value"
        ),
        pytest.param(
            "api.resource(Trip, read=role('edtor'))", 'role("edtor") was not declared', 'role("editor")', id="no-role"
        ),
        pytest.param(
            "api.resource(Stop, read=Trip.public.is_(True))", "`trips.public`", "Stop.trip.has(", id="other-table"
        ),
        pytest.param(
            "api.resource(Stop, read=Stop.trip_id.in_(select(Trip.id)))", "holds a subquery", ".has(", id="subquery"
        ),
        pytest.param(
            "api.resource(Stop, read=exists().where(Trip.id == Stop.trip_id))", "holds a subquery", ".has(", id="exists"
        ),
        pytest.param(
            "api.resource(Trip, read=tuple_(Trip.owner_id, Trip.id).in_([(me.id, 1)]))",
            "inside of a list of values",
            "Write each comparison out",
            id="me-in-a-list-of-pairs",
        ),
        pytest.param(
            "api.resource(Trip, write=and_(*[]))", "made of no parts", "Write anyone", id="an-empty-and", marks=EMPTY
        ),
        pytest.param(
            "api.resource(Trip, read=exists().select_from(join(Trip, Stop)).correlate_except(Trip, Stop))",
            "did not see a relationship",
            "Cross to other rows",
            id="an-exists-of-ones-own",
        ),
        pytest.param("api.resource(Trip, read=text('public'))", "not a rule", "A rule is", id="raw-sql"),
        pytest.param(
            "api.resource(Trip, read=func.coalesce(Trip.public, text('1')) == True)",
            "raw SQL text",
            "columns",
            id="text",
        ),
        pytest.param("api.resource(Trip, owner='owner')", "owner= names 'owner'", "'owner_id'", id="owner"),
        pytest.param("api.resource(Trip, name='users')", "`users` is Meze's own", "name=", id="taken-name"),
        pytest.param("api.resource(Trip, name='a/b')", "'a/b' cannot stand in an address", "letters", id="bad-name"),
        pytest.param("api.resource(Trip, search=['titel'])", "search= names 'titel'", "'title'", id="search"),
        pytest.param(
            "api.resource(Stop, search=['nights'])", "holds no text", "Search fields of text", id="search-type"
        ),
        pytest.param("api.resource(Trip, page_limit=0)", "page_limit=0", "1 or more", id="page-limit"),
        pytest.param("api.resource(Trip, fields={'titel': hidden})", "fields= names 'titel'", "'title'", id="fields"),
        pytest.param(
            "api.resource(Trip, fields={'title': anyone})", "is no FieldRules", "FieldRules(", id="field-rule"
        ),
        pytest.param(
            "api.resource(Trip, fields={'id': FieldRules(read=Trip.public)})",
            "trips.id asks the row, and the field is part of the key",
            "Let the caller alone decide it",
            id="key-of-some-rows",
        ),
        pytest.param(
            "api.resource(Trip, fields={'title': FieldRules(create_only=True, hidden=True)})",
            "'title' is hidden",
            "Leave create_only out",
            id="hidden-and-given-once",
        ),
        pytest.param("api.resource(Trip(), read=anyone)", "is not a class", "the model", id="an-instance"),
        pytest.param("api.resource(object, read=anyone)", "object has no table", "__tablename__", id="no-table"),
        pytest.param("api.resource(Trip, read=me.name)", "`me` has no `name`", "caller", id="me-attribute"),
        pytest.param("if me.id: pass", "has no value anywhere else", "`caller`", id="me-outside"),
        pytest.param("if signed_in: pass", "no truth value", "Combine rules", id="term-outside"),
        pytest.param("str(select(Trip).where(Trip.owner_id == me.id))", "`me.id`", "`caller`", id="me-in-a-statement"),
        pytest.param("str(select(Trip).where(signed_in))", "`signed_in`", "`caller`", id="term-in-a-statement"),
        pytest.param("role('')", "takes the name of a role", "role(", id="role-without-name"),
    ],
)
def test_a_mistake_names_its_line_cause_and_remedy(load, tmp_path, last, cause, remedy):
    with pytest.raises(Mistake) as caught:
        load(last)

    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
    assert line_of(caught.value, tmp_path).strip() == last


@pytest.mark.parametrize(
    ("rules", "wrong_line"),
    [
        pytest.param("mine = signed_in and (Trip.owner_id == me.id)", 0, id="in-an-assignment"),
        pytest.param("def mine_of():\n    return Trip.public or anyone\nmine = mine_of()", 1, id="in-a-function"),
        pytest.param("public: object = not Trip.public\nmine = public", 0, id="two-names-away"),
    ],
)
def test_words_of_python_are_found_where_a_name_was_given_its_value(load, tmp_path, rules, wrong_line):
    with pytest.raises(Mistake) as caught:
        load("api.resource(Trip, read=mine)", rules)

    assert line_of(caught.value, tmp_path) == rules.splitlines()[wrong_line]


def test_words_of_python_are_found_in_another_module(load, tmp_path, monkeypatch):
    (tmp_path / "rules_elsewhere.py").write_text(
        "import sqlalchemy\nx = sqlalchemy.column('a') == 1\nopen_rule = x and x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(Mistake) as caught:
        load("api.resource(Trip, read=open_rule)", "from rules_elsewhere import open_rule")

    assert line_of(caught.value, tmp_path) == "open_rule = x and x"


def test_words_of_python_are_found_in_another_module_of_a_package(tmp_path, monkeypatch):
    package = f"travel{next(_numbers)}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "words.py").write_text("from meze import anyone as x\nopen_rule = x and x\n")
    rules = PROGRAM.format(models="", rules="from .words import open_rule", last="api.resource(Trip, read=open_rule)")
    (tmp_path / package / "__init__.py").write_text(rules)
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(Mistake) as caught:
        load_meze(package)

    assert line_of(caught.value, tmp_path) == "open_rule = x and x"


def test_what_a_library_imports_within_itself_is_not_taken_for_a_module_of_the_program(tmp_path, monkeypatch):
    last = "def kept(api): return anyone\napi.resource(Trip, read=kept(api))"
    (tmp_path / "app.py").write_text(PROGRAM.format(models="", rules="", last=last))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    try:
        assert [each.name for each in load_meze("app.py").resources.served] == ["trips"]
    finally:
        sys.modules.pop("app", None)


def test_a_name_that_modules_hand_round_is_followed_once(load, tmp_path):
    first, second = f"first{next(_numbers)}", f"second{next(_numbers)}"
    (tmp_path / f"{first}.py").write_text(
        f"from meze import anyone\nnamed = anyone\nimport {second}\nfrom {second} import named\n"
    )
    (tmp_path / f"{second}.py").write_text(f"from {first} import named\n")

    served = load("api.resource(Trip, read=named)", rules=f"from {first} import named")

    assert [each.name for each in served.resources.served] == ["trips"]


@pytest.mark.parametrize(
    ("models", "last", "cause", "remedy"),
    [
        pytest.param(
            "class City(Other):\n    __tablename__ = 'cities'\n    id: Mapped[int] = mapped_column(primary_key=True)",
            "api.resource(City, read=anyone)",
            "another Base",
            "Derive City",
            id="another-base",
        ),
        pytest.param(
            "class Group(Base):\n    __tablename__ = 'users'\n    id: Mapped[int] = mapped_column(primary_key=True)",
            "api.resource(Group, read=anyone)",
            "`users` is Meze's own",
            "name=",
            id="a-table-called-users",
        ),
        pytest.param(
            "class Note(Base):\n    __tablename__ = 'notes'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    body: Mapped[str]\n    @validates('body')\n    def check(self, key, value): return value",
            "api.resource(Note, read=anyone)",
            "@validates('body')",
            "CheckConstraint",
            id="validates",
        ),
        pytest.param(
            "@event.listens_for(Trip, 'before_insert')\ndef hear(mapper, connection, target): pass",
            "api.resource(Trip, read=anyone)",
            "before_insert",
            "column default",
            id="mapper-events",
        ),
        pytest.param(
            "class Day(Base):\n    __tablename__ = 'days'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    hours: Mapped[list['Hour']] = relationship(cascade='all, delete-orphan')\n"
            "class Hour(Base):\n    __tablename__ = 'hours'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    day_id: Mapped[int] = mapped_column(ForeignKey('days.id'))",
            "api.resource(Day, read=anyone)",
            "Day.hours deletes related rows",
            'ondelete="CASCADE"',
            id="cascade-of-the-orm",
        ),
        pytest.param(
            "class Man(Base):\n    __tablename__ = 'men'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "class Boss(Man):\n    __tablename__ = 'bosses'\n"
            "    id: Mapped[int] = mapped_column(ForeignKey('men.id'), primary_key=True)",
            "api.resource(Boss, read=anyone)",
            "several tables",
            "single-table",
            id="joined-inheritance",
        ),
        pytest.param(
            "class Odd(Base):\n    __tablename__ = 'odds'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    a__b: Mapped[int]",
            "api.resource(Odd, read=anyone)",
            "two underscores",
            "mapped_column(",
            id="two-underscores",
        ),
        pytest.param(
            "class Face(Base):\n    __tablename__ = 'faces'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    hat: Mapped['Hat'] = relationship(uselist=False)\n"
            "class Hat(Base):\n    __tablename__ = 'hats'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    face_id: Mapped[int] = mapped_column(ForeignKey('faces.id'))",
            "api.resource(Face, read=anyone)",
            "nothing keeps a second related row out",
            "unique=True",
            id="to-one-without-unique",
        ),
        pytest.param(
            "",
            "api.resource(Trip, read=anyone); api.resource(Trip, name='b')",
            "declared twice",
            "Keep one",
            id="twice",
        ),
        pytest.param(
            "",
            "api.resource(Trip, read=anyone, name='x'); api.resource(Stop, name='x')",
            "Two resources are named 'x'",
            "name=",
            id="one-name-for-two",
        ),
        pytest.param(
            "class Ver(Base):\n    __tablename__ = 'vers'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    v: Mapped[str] = mapped_column()\n"
            "    __mapper_args__ = {'version_id_col': v, 'version_id_generator': str}",
            "api.resource(Ver, read=anyone)",
            "no whole number",
            "Integer",
            id="version-of-text",
        ),
    ],
)
def test_a_model_that_cannot_be_served_is_refused(load, tmp_path, models, last, cause, remedy):
    # The braces of a model are those of a format string here.
    with pytest.raises(Mistake) as caught:
        load(last, models=models)

    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
    assert line_of(caught.value, tmp_path) == last


def test_a_resource_without_rules_is_said_to_be_closed(load):
    meze = load("api.resource(Trip)")

    (notice,) = meze.notices()

    assert "trips has no rules, so it is closed" in notice
    assert "api.resource(Trip, read=anyone)" in notice


def test_a_declaration_after_the_first_request_is_refused(load):
    meze = load("api.resource(Trip, read=anyone)")

    with pytest.raises(Mistake, match="after the first request"):
        meze.api.resource(object, read=None)


def test_a_program_without_mistakes_is_served(load):
    meze = load(
        "api.resource(Stop, read=Stop.trip.has(mine), write=Stop.trip.has(mine))",
        "mine = signed_in & (Trip.owner_id == me.id) | role('editor')\napi.resource(Trip, read=mine, owner='owner_id')",
    )

    assert [resource.name for resource in meze.resources.served] == ["trips", "stops"]
