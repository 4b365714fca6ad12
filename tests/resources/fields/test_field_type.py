"""How a column finds its kind: by its type, through variants, domains and decorators; and what is refused at start."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects import postgresql

from meze.databases import open_database
from meze.errors import ENTRY_TEXTS, Mistake
from meze.resources.fields import FIELD_TYPES, Exact, entry_for
from resources.fields.columns import KINDS, Kind, read, table_of, type_of

KNOWN_OPERATORS = {"eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "isnull", "contains", "startswith", "endswith"}


class Shade(enum.Enum):
    DARK = 0.5


class Alike(enum.Enum):
    ONE = 1
    TEXT = "1"


class LowerCase(sa.types.TypeDecorator[str]):
    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else value.lower()


class Cents(sa.types.TypeDecorator[int]):
    """Whole cents in Python, digits in the database."""

    impl = sa.String(20)
    cache_ok = True

    @property
    def python_type(self) -> type[int]:
        return int

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else int(value)


class UtcMoment(sa.types.TypeDecorator[datetime]):
    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)


class Odd(sa.types.TypeDecorator[complex]):
    impl = sa.String
    cache_ok = True

    @property
    def python_type(self) -> type[complex]:
        return complex


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_describes_itself_truly(kind: Kind) -> None:
    field = type_of(kind.sqltype, "postgresql")

    for schema in (field.schema, field.body_schema or field.schema):
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert jsonschema_rs.validator_for(dict(schema), validate_formats=True).is_valid(field.example)
    assert read(field, field.example) is not None
    assert field.operators <= KNOWN_OPERATORS
    assert field.phrase.en
    assert field.phrase.zh


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_taken_fits_the_schema_of_bodies(kind: Kind, data: st.DataObject) -> None:
    field = type_of(kind.sqltype, "postgresql")
    sent = data.draw(kind.values)
    assert read(field, sent) is not None

    wire = json.loads(json.dumps(sent, default=float))

    validator = jsonschema_rs.validator_for(dict(field.body_schema or field.schema), validate_formats=True)
    if kind.name == "unbounded-decimal" or not isinstance(sent, Decimal):
        assert validator.is_valid(wire)


@settings(max_examples=200, deadline=None)
@given(
    sent=st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.lists(st.text(), max_size=2),
    kind=st.sampled_from(KINDS),
)
def test_any_value_is_taken_or_refused_but_never_breaks(sent: Any, kind: Kind) -> None:
    field = type_of(kind.sqltype, "postgresql")

    taken, entries = None, []
    try:
        taken = TypeAdapter(field.annotation).validate_python(sent)
    except ValidationError as refusal:
        entries = [entry_for(error, field, "/value") for error in refusal.errors()]

    assert {entry.code for entry in entries} <= ENTRY_TEXTS.keys()
    assert entries or taken is not None or field.name == "json"


def test_the_table_names_each_kind_once() -> None:
    names = [kind.name for kind in FIELD_TYPES]

    assert len(set(names)) == len(names)
    assert {type_of(kind.sqltype, "postgresql").name for kind in KINDS} == set(names)


@pytest.mark.parametrize(
    ("sqltype", "database", "cause", "remedy"),
    [
        pytest.param(sa.PickleType(), "sqlite", "code", "JSON", id="a-pickle"),
        pytest.param(sa.types.NullType(), "sqlite", "how to write", "plain types", id="no-type"),
        pytest.param(postgresql.INET(), "postgresql", "INET", "TypeDecorator", id="an-address"),
        pytest.param(postgresql.HSTORE(), "postgresql", "HSTORE", "TypeDecorator", id="hstore"),
        pytest.param(Odd(), "sqlite", "how to write", "plain types", id="a-decorator-of-something-else"),
        pytest.param(sa.Numeric(16, 2), "sqlite", "15 digits", "meze.Exact", id="digits-that-sqlite-loses"),
        pytest.param(sa.Numeric(), "sqlite", "15 digits", "meze.Exact", id="digits-without-bound-on-sqlite"),
        pytest.param(sa.Float(asdecimal=True), "sqlite", "cut", "Float()", id="a-float-read-as-decimal"),
        pytest.param(sa.Time(timezone=True), "postgresql", "offset", "DateTime", id="a-time-with-offset"),
        pytest.param(postgresql.INTERVAL(fields="YEAR"), "postgresql", "part", "without fields", id="years-only"),
        pytest.param(sa.ARRAY(sa.Integer()), "sqlite", "only PostgreSQL", "JSON", id="an-array-on-sqlite"),
        pytest.param(sa.ARRAY(sa.Integer(), dimensions=2), "postgresql", "one dimension", "JSON", id="a-matrix"),
        pytest.param(sa.ARRAY(sa.JSON()), "postgresql", "scalars", "JSON", id="an-array-of-json"),
        pytest.param(sa.Enum(Shade), "sqlite", "0.5", "whole numbers", id="an-enum-of-fractions"),
        pytest.param(sa.Enum(Alike), "sqlite", "told apart", "its own", id="an-enum-of-1-and-text-1"),
    ],
)
def test_a_column_that_cannot_be_served_is_a_mistake(sqltype: Any, database: str, cause: str, remedy: str) -> None:
    with pytest.raises(Mistake) as mistake:
        type_of(sqltype, database)

    assert "notes.value" in mistake.value.cause
    assert cause in mistake.value.cause
    assert remedy in mistake.value.remedy


@pytest.mark.parametrize(
    ("sqltype", "database", "name"),
    [
        pytest.param(
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), "postgresql", "json", id="a-json-variant"
        ),
        pytest.param(sa.String().with_variant(sa.Integer(), "sqlite"), "sqlite", "integer", id="the-variant-counts"),
        pytest.param(sa.String().with_variant(sa.Integer(), "sqlite"), "postgresql", "text", id="where-it-holds"),
        pytest.param(postgresql.DOMAIN("age", sa.Integer()), "postgresql", "integer", id="a-domain"),
        pytest.param(postgresql.CITEXT(), "postgresql", "text", id="citext"),
        pytest.param(postgresql.BYTEA(), "postgresql", "binary", id="bytea"),
        pytest.param(postgresql.INTERVAL(), "postgresql", "interval", id="an-interval-of-postgresql"),
        pytest.param(LowerCase(), "sqlite", "text", id="a-decorator-by-its-impl"),
        pytest.param(Cents(), "sqlite", "integer", id="a-decorator-by-its-python-type"),
    ],
)
def test_a_type_is_seen_through(sqltype: Any, database: str, name: str) -> None:
    assert type_of(sqltype, database).name == name


@pytest.mark.parametrize(
    ("sqltype", "sent", "stored"),
    [
        pytest.param(LowerCase(), "ABC", "abc", id="what-the-decorator-made"),
        pytest.param(Cents(), 250, "250", id="what-is-stored"),
        pytest.param(UtcMoment(), "2026-05-31T12:00:00Z", "2026-05-31 12:00:00.000000", id="a-moment-as-stored"),
    ],
)
def test_a_cursor_reads_what_a_decorator_stores(sqltype: Any, sent: Any, stored: Any, tmp_path: Any) -> None:
    field = type_of(sqltype, "sqlite")
    table = table_of(sqltype)
    opened = open_database(f"sqlite:///{tmp_path / 'notes.db'}")
    table.metadata.create_all(opened.engine)
    assert field.store is None

    with opened.engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, "value": read(field, sent)})
        seen = connection.scalar(sa.select(sa.type_coerce(table.c.value, field.cursor_type)))
    opened.close()

    assert field.freeze(seen) == stored
    assert field.thaw(stored) == stored


def test_every_spelling_of_a_moment_on_sqlite_is_found_and_ordered(tmp_path: Any) -> None:
    """CURRENT_TIMESTAMP writes no fraction, strftime three digits, SQLAlchemy six."""
    field = type_of(sa.DateTime(), "sqlite")
    table = table_of(sa.DateTime())
    opened = open_database(f"sqlite:///{tmp_path / 'notes.db'}")
    table.metadata.create_all(opened.engine)
    texts = ["11:59:59.999999", "12:00:00", "12:00:00.000", "12:00:00.000000", "12:00:00.000001", "12:00:01"]
    spellings = field.spellings
    assert spellings is not None
    least, greatest = spellings(field.parse("2026-05-31T12:00:00Z"))
    column = sa.type_coerce(table.c.value, field.cursor_type)

    with opened.engine.begin() as connection:
        for number, text in enumerate(texts):
            connection.exec_driver_sql("INSERT INTO notes (id, value) VALUES (?, ?)", (number, f"2026-05-31 {text}"))

        def found(condition: sa.ColumnElement[bool]) -> list[int]:
            return list(connection.scalars(sa.select(table.c.id).where(condition).order_by(column)))

        assert found(column.between(least, greatest)) == [1, 2, 3]
        assert found(column < least) == [0]
        assert found(column > greatest) == [4, 5]
        frozen = [field.freeze(each) for each in connection.scalars(sa.select(column).order_by(column))]
        for position, value in enumerate(frozen):
            assert found(column > field.thaw(value)) == list(range(position + 1, len(texts)))
    opened.close()


@pytest.mark.parametrize(
    ("sqltype", "stored", "written"),
    [
        pytest.param(sa.Numeric(5, 2), Decimal("NaN"), None, id="NaN-as-decimal"),
        pytest.param(sa.Numeric(5, 2), Decimal("-0.00"), "0.00", id="no-negative-zero"),
        pytest.param(sa.Numeric(), Decimal("1E+3"), "1000", id="no-exponent"),
        pytest.param(sa.Float(), float("inf"), None, id="infinity"),
        pytest.param(sa.REAL(), float("nan"), None, id="NaN-as-single"),
        pytest.param(sa.REAL(), 0.10000000149011612, 0.1, id="the-fewest-digits-of-a-single"),
        pytest.param(sa.CHAR(5), "ab   ", "ab", id="no-padding"),
        pytest.param(sa.JSON(), ["\ud800", float("nan"), {"\udc00": 2**80}], ["?", None, {"?": 2**80}], id="odd-json"),
        pytest.param(sa.ARRAY(sa.Numeric(5, 2)), [[Decimal(1), None]], [["1.00", None]], id="a-matrix-in-an-array"),
        pytest.param(sa.DateTime(), datetime(2026, 5, 31, 12, tzinfo=UTC), "2026-05-31T12:00:00Z", id="aware"),
        pytest.param(sa.DateTime(), datetime(2026, 5, 31, 12), "2026-05-31T12:00:00Z", id="naive"),  # noqa: DTZ001
    ],
)
def test_what_another_program_stored_is_still_written_as_json(sqltype: Any, stored: Any, written: Any) -> None:
    field = type_of(sqltype, "postgresql")

    shown = stored if field.wire is None else field.wire(stored)

    assert json.loads(msgspec.json.encode(shown)) == written


def test_exact_is_a_decimal_on_both_databases() -> None:
    assert {type_of(Exact(18, 2), name).name for name in ("sqlite", "postgresql")} == {"decimal"}
