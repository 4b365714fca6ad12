"""What a database refuses is told in the same words whichever database it is, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    exc,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from meze.databases import Database, DatabaseError, Fault, FaultKind

metadata = MetaData()
parents = Table(
    "parents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(20), unique=True),
    Column("email", String(50)),
    Column("a", Integer),
    Column("b", Integer),
    Column("age", Integer, CheckConstraint("age > 0", name="older")),
    Column("name", String(50), nullable=False, server_default="x"),
    Column("boss_id", ForeignKey("parents.id")),
    UniqueConstraint("a", "b"),
)
Index("one_email", func.lower(parents.c.email), unique=True)
children = Table(
    "children",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent_id", ForeignKey("parents.id"), nullable=False),
    Column("note", String(50)),
)
pairs = Table("pairs", metadata, Column("x", Integer, primary_key=True), Column("y", Integer, primary_key=True))
pair_notes = Table(
    "pair_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("x", Integer),
    Column("y", Integer),
    ForeignKeyConstraint(["x", "y"], ["pairs.x", "pairs.y"]),
)


@pytest.fixture
def family(database: Database) -> Database:
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(parents).values(id=1, code="one", email="A@x", a=1, b=2, age=5))
        connection.execute(insert(parents).values(id=2, boss_id=1))
        connection.execute(insert(parents).values(id=3, email="c@x"))
        connection.execute(insert(children).values(id=1, parent_id=1))
    return database


def refusal(database: Database, clause: Any, **values: Any) -> Fault:
    statement = database.prepare(clause)
    with pytest.raises(DatabaseError) as refused, database.writing() as connection:
        connection.execute(statement, values)
    return refused.value.fault


UNIQUE, FOREIGN_KEY = FaultKind.UNIQUE, FaultKind.FOREIGN_KEY

REFUSALS = [
    pytest.param(insert(parents).values(id=1), Fault(UNIQUE, "parents", ("id",)), id="key"),
    pytest.param(insert(parents).values(id=9, code="one"), Fault(UNIQUE, "parents", ("code",)), id="unique-column"),
    pytest.param(update(parents).values(a=1, b=2), Fault(UNIQUE, "parents", ("a", "b")), id="unique-together"),
    pytest.param(
        insert(parents).values(id=9, email="a@X"), Fault(UNIQUE, "parents", ("email",)), id="unique-expression"
    ),
    pytest.param(update(parents).values(name=None), Fault(FaultKind.NOT_NULL, "parents", ("name",)), id="null"),
    pytest.param(update(parents).values(age=-1), Fault(FaultKind.CHECK, "parents"), id="check"),
    pytest.param(
        insert(children).values(id=9, parent_id=99),
        Fault(FOREIGN_KEY, "children", ("parent_id",)),
        id="insert-to-nothing",
    ),
    pytest.param(
        update(children).values(parent_id=99), Fault(FOREIGN_KEY, "children", ("parent_id",)), id="update-to-nothing"
    ),
    pytest.param(
        update(parents).values(boss_id=99), Fault(FOREIGN_KEY, "parents", ("boss_id",)), id="self-reference-to-nothing"
    ),
    pytest.param(
        insert(pair_notes).values(id=1, x=1, y=2),
        Fault(FOREIGN_KEY, "pair_notes", ("x", "y")),
        id="composite-to-nothing",
    ),
]


@pytest.mark.parametrize(("clause", "fault"), REFUSALS)
def test_a_refusal_names_table_and_columns(family: Database, clause: Any, fault: Fault) -> None:
    assert refusal(family, clause) == fault


@pytest.mark.parametrize(
    "clause",
    [
        pytest.param(delete(parents).where(parents.c.id == 1), id="delete"),
        pytest.param(update(parents).where(parents.c.id == 1).values(id=50), id="change-of-key"),
    ],
)
def test_a_row_that_others_point_at_is_still_referenced(family: Database, clause: Any) -> None:
    fault = refusal(family, clause)

    assert (fault.kind, fault.table) == (FaultKind.STILL_REFERENCED, "parents")
    if family.name == "postgresql":
        assert fault.referring_table in ("parents", "children")


@pytest.mark.parametrize(
    ("expression", "only_on"),
    [
        pytest.param(func.abs(-(2**63)), "sqlite", id="integer-overflow"),
        pytest.param(literal(2**31 - 1) + literal(2**31 - 1), "postgresql", id="integer-out-of-range"),
        pytest.param(text("1 / 0"), "postgresql", id="division-by-zero"),
        pytest.param(text("json('{')"), "sqlite", id="malformed-json"),
        pytest.param(text("'{'::json"), "postgresql", id="malformed-json-cast"),
        pytest.param(literal("a\ud800"), None, id="lone-surrogate"),
        pytest.param(text("zeroblob(2000000000)"), "sqlite", id="value-too-big"),
    ],
)
def test_a_value_that_cannot_be_is_bad_data(database: Database, expression: Any, only_on: str | None) -> None:
    if only_on not in (None, database.name):
        expression = literal("b\udfff")
    with pytest.raises(DatabaseError) as refused, database.reading() as connection:
        connection.rows(database.prepare(select(expression)))

    assert refused.value.fault == Fault(FaultKind.BAD_DATA)


def test_text_with_a_nul_is_refused_by_postgresql_and_kept_by_sqlite(family: Database) -> None:
    change = update(parents).where(parents.c.id == 3).values(email=bindparam("v"))
    if family.name == "postgresql":
        assert refusal(family, change, v="a\0b").kind is FaultKind.BAD_DATA
    else:
        with family.writing() as connection:
            assert connection.execute(family.prepare(change), {"v": "a\0b"}) == 1


def test_the_user_s_own_session_gets_the_same_faults(family: Database) -> None:
    with Session(family.engine) as session, pytest.raises(exc.IntegrityError) as refused:
        session.execute(insert(children).values(id=9, parent_id=99))

    fault = family.fault(refused.value)
    assert fault is not None
    assert fault.kind is FOREIGN_KEY


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), exc.ArgumentError("y")])
def test_an_error_of_a_program_is_not_the_database_s(database: Database, error: Exception) -> None:
    assert database.fault(error) is None


def test_a_statement_that_is_wrong_is_not_explained_away(database: Database) -> None:
    statement = database.prepare(select(text("nothing_of_this_name")))

    with database.reading() as connection, pytest.raises(Exception, match="nothing_of_this_name") as raised:
        connection.rows(statement)

    assert not isinstance(raised.value, DatabaseError)


def count(database: Database, table: Table) -> int:
    with database.reading() as connection:
        return int(connection.rows(database.prepare(select(func.count()).select_from(table)))[0][0])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_undoes_the_whole_transaction(family: Database, error: type[BaseException]) -> None:
    add = family.prepare(insert(pairs).values(x=bindparam("n"), y=1))

    def write() -> None:
        with family.writing() as connection:
            connection.execute(add, {"n": 1})
            raise error

    with pytest.raises(error):
        write()
    assert count(family, pairs) == 0


def test_a_refused_statement_undoes_the_whole_transaction(family: Database) -> None:
    add = family.prepare(insert(pairs).values(x=bindparam("n"), y=1))

    def write() -> None:
        with family.writing() as connection:
            connection.execute(add, {"n": 1})
            connection.execute(add, {"n": 1})

    with pytest.raises(DatabaseError):
        write()
    assert count(family, pairs) == 0


def test_a_transaction_that_failed_is_never_called_committed(family: Database) -> None:
    add = family.prepare(insert(pairs).values(x=bindparam("n"), y=1))

    def write() -> None:
        with family.writing() as connection:
            connection.execute(add, {"n": 1})
            with pytest.raises(DatabaseError):
                connection.execute(add, {"n": 1})

    kept = attempt(write)
    assert count(family, pairs) == (1 if kept else 0)


def attempt(work: Callable[[], None]) -> bool:
    try:
        work()
    except RuntimeError:
        return False
    return True


def test_a_deferred_foreign_key_is_refused_at_the_end(database: Database) -> None:
    late = MetaData()
    Table("targets", late, Column("id", Integer, primary_key=True))
    key = ForeignKey("targets.id", deferrable=True, initially="DEFERRED")
    pointing = Table("pointing", late, Column("id", Integer, primary_key=True), Column("target_id", key))
    late.create_all(database.engine)

    assert refusal(database, insert(pointing).values(id=1, target_id=7)).kind is FOREIGN_KEY
    assert count(database, pointing) == 0
    with database.writing() as connection:
        assert connection.execute(database.prepare(insert(pointing).values(id=1))) == 1
