"""Statements mean on the driver what they mean in SQLAlchemy, on both databases."""

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select

from meze.databases import Database

metadata = MetaData()
notes = Table("notes", metadata, Column("id", Integer, primary_key=True), Column("title", String(50)))


def test_what_was_written_is_read(database: Database) -> None:
    metadata.create_all(database.engine)
    add = database.prepare(insert(notes).values(title=bindparam("t")).returning(notes.c.id))
    get = database.prepare(select(notes.c.title).where(notes.c.id == bindparam("key")))

    with database.writing() as connection:
        rows = connection.rows(add, {"t": "one"})

    with database.reading() as connection:
        assert connection.rows(get, {"key": rows[0][0]}) == [("one",)]
