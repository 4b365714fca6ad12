"""Each operator selects the rows that its phrase says, on every database."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select

from meze.query.operators import OPERATORS, Bound

notes = Table(
    "notes", MetaData(), Column("id", Integer, primary_key=True), Column("title", String(40)), Column("stars", Integer)
)
TITLES = ["road", "Straße", "50%", "a_b", "a\\b", None]


@pytest.fixture
def stored(database):
    notes.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        rows = [{"id": number, "title": title, "stars": number} for number, title in enumerate(TITLES, 1)]
        connection.execute(insert(notes), rows)
    return database


def selected(database, column, operator, *values):
    row = OPERATORS[operator]
    type_ = String() if row.prepare else column.type
    binds = [bindparam(f"v{at}", type_=type_) for at in range(len(values))]
    condition = row.lower(column, [Bound(bind, bind) for bind in binds], database.fold)
    prepared = [row.prepare(value, database.fold_value) if row.prepare else value for value in values]
    statement = database.prepare(select(notes.c.title).where(condition).order_by(notes.c.id))
    with database.reading() as connection:
        rows = connection.rows(statement, {f"v{at}": value for at, value in enumerate(prepared)})
    return [title for (title,) in rows]


@pytest.mark.parametrize(
    ("operator", "operands", "titles"),
    [
        pytest.param("eq", ["road"], ["road"], id="eq-is-exact"),
        pytest.param("eq", ["Road"], [], id="eq-keeps-letter-case"),
        pytest.param("ne", ["road"], ["Straße", "50%", "a_b", "a\\b", None], id="ne-includes-null"),
        pytest.param("in", ["road", "50%", "none"], ["road", "50%"], id="in-finds-any-of-them"),
        pytest.param("not_in", ["road", "50%"], ["Straße", "a_b", "a\\b", None], id="not-in-includes-null"),
        pytest.param("isnull", [], [None], id="isnull-finds-what-has-no-value"),
        pytest.param("contains", ["STRASSE"], ["Straße"], id="contains-folds-beyond-ascii"),
        pytest.param("contains", ["%"], ["50%"], id="contains-takes-a-percent-sign-as-it-is"),
        pytest.param("contains", ["_"], ["a_b"], id="contains-takes-an-underscore-as-it-is"),
        pytest.param("contains", ["\\"], ["a\\b"], id="contains-takes-a-backslash-as-it-is"),
        pytest.param(
            "contains", [""], ["road", "Straße", "50%", "a_b", "a\\b"], id="every-text-contains-the-empty-one"
        ),
        pytest.param("startswith", ["STR"], ["Straße"], id="startswith-folds"),
        pytest.param("startswith", ["0"], [], id="startswith-is-at-the-start"),
        pytest.param("endswith", ["SSE"], ["Straße"], id="endswith-folds"),
        pytest.param("endswith", ["ro"], [], id="endswith-is-at-the-end"),
    ],
)
def test_operator_selects(stored, operator, operands, titles):
    assert selected(stored, notes.c.title, operator, *operands) == titles


@pytest.mark.parametrize(
    ("operator", "found"),
    [
        pytest.param("lt", ["road", "Straße"], id="less-than"),
        pytest.param("lte", ["road", "Straße", "50%"], id="at-most"),
        pytest.param("gt", ["a_b", "a\\b", None], id="greater-than"),
        pytest.param("gte", ["50%", "a_b", "a\\b", None], id="at-least"),
    ],
)
def test_comparison_selects(stored, operator, found):
    assert selected(stored, notes.c.stars, operator, 3) == found


def test_every_operator_has_its_row_in_these_tests():
    tested = {"eq", "ne", "in", "not_in", "isnull", "contains", "startswith", "endswith", "lt", "lte", "gt", "gte"}

    assert set(OPERATORS) == tested
