"""What goes in as JSON comes out as the same JSON value, through either database; so do filters and cursors."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meze.databases import Database
from meze.resources.fields import FieldType
from resources.fields.columns import KINDS, Kind, read, table_of, type_of

# Each example empties the table itself, so one database serves them all.
thorough = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

pytestmark = pytest.mark.parametrize(
    ("database_url", "kind"),
    [
        pytest.param(name, kind, id=f"{name}-{kind}")
        for name in ("sqlite", "postgresql")
        for kind in KINDS
        if name == "postgresql" or not kind.postgresql_only
    ],
    indirect=True,
)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def table(kind: Kind, database: Database) -> sa.Table:
    made = table_of(kind.sqltype)
    made.metadata.create_all(database.engine)
    return made


def fill(database: Database, table: sa.Table, field: FieldType, values: list[Any]) -> None:
    """Put the Python values in, numbered from 0, in place of what was there."""
    with database.engine.begin() as connection:
        connection.execute(table.delete())
        for number, value in enumerate(values):
            bound = value if field.store is None else field.store(value)
            connection.execute(table.insert(), {"id": number, "value": bound})


def rows(database: Database, query: Any, values: dict[str, Any] | None = None) -> list[Any]:
    with database.engine.connect() as connection:
        return list(connection.scalars(query, values or {}))


def written(field: FieldType, value: Any) -> bytes:
    """Return the JSON of the driver's value as it stands in an answer."""
    shown = value if value is None or field.wire is None else field.wire(value)
    row = msgspec.defstruct("Row", [("value", field.struct | None)])
    text = msgspec.json.encode(row(shown))
    return text[len(b'{"value":') : -1]


def body(text: bytes) -> Any:
    """Read JSON as bodies are read."""
    return json.loads(text, parse_float=Decimal)


@thorough
@given(data=st.data())
def test_a_value_comes_back_as_it_went_in(database: Database, kind: Kind, table: sa.Table, data: st.DataObject) -> None:
    field = type_of(kind.sqltype, database)
    values = [read(field, each) for each in data.draw(st.lists(kind.values, max_size=8))]
    fill(database, table, field, [*values, None])

    stored = rows(database, sa.select(table.c.value).order_by(table.c.id))

    answers = [written(field, each) for each in stored]
    assert answers.pop() == b"null"
    assert [read(field, body(each)) for each in answers] == values


@thorough
@given(data=st.data())
def test_an_answer_fits_the_schema(database: Database, kind: Kind, table: sa.Table, data: st.DataObject) -> None:
    field = type_of(kind.sqltype, database)
    sent = data.draw(kind.values)
    fill(database, table, field, [read(field, sent)])

    (stored,) = rows(database, sa.select(table.c.value))

    validator = jsonschema_rs.validator_for(dict(field.schema), validate_formats=True)
    assert validator.is_valid(json.loads(written(field, stored)))


@thorough
@given(data=st.data())
def test_text_in_a_url_finds_the_row(database: Database, kind: Kind, table: sa.Table, data: st.DataObject) -> None:
    field = type_of(kind.sqltype, database)
    if "eq" not in field.operators:
        assert field.operators == {"isnull"}
        return
    sent = data.draw(kind.values)
    value = read(field, sent)
    fill(database, table, field, [value])
    (stored,) = rows(database, sa.select(table.c.value))
    answer = json.loads(written(field, stored))
    text = answer if isinstance(answer, str) else json.dumps(answer)
    if field.name == "binary" and not text:
        return

    asked = field.parse(text)

    assert asked == value
    bound = asked if field.store is None else field.store(asked)
    query = sa.select(table.c.id).where(table.c.value == sa.bindparam("value", type_=table.c.value.type))
    assert rows(database, query, {"value": bound}) == [0]


@thorough
@given(data=st.data())
def test_a_cursor_meets_its_own_row(database: Database, kind: Kind, table: sa.Table, data: st.DataObject) -> None:
    field = type_of(kind.sqltype, database)
    if not field.sortable:
        assert field.cursor_type is None
        return
    fill(database, table, field, [read(field, data.draw(kind.values))])
    column = table.c.value if field.cursor_type is None else sa.type_coerce(table.c.value, field.cursor_type)
    (seen,) = rows(database, sa.select(column))

    thawed = field.thaw(json.loads(json.dumps(field.freeze(seen))))

    operand = sa.bindparam("value", type_=field.cursor_type or table.c.value.type)
    assert rows(database, sa.select(table.c.id).where(column == operand), {"value": thawed}) == [0]
    assert (
        rows(database, sa.select(table.c.id).where(sa.or_(column > operand, column < operand)), {"value": thawed}) == []
    )


@thorough
@given(data=st.data())
def test_the_database_sorts_as_python_does(
    database: Database, kind: Kind, table: sa.Table, data: st.DataObject
) -> None:
    field = type_of(kind.sqltype, database)
    if "lt" not in field.operators:
        return
    values = [read(field, each) for each in data.draw(st.lists(kind.values, max_size=8))]
    fill(database, table, field, values)

    found = rows(database, sa.select(table.c.id).order_by(table.c.value, table.c.id))

    assert found == [number for number, _ in sorted(enumerate(values), key=lambda pair: (pair[1], pair[0]))]
