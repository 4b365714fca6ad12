"""Letter case is folded by the whole of Unicode, in the same way on every database."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select

from meze.databases import Database

texts = Table("texts", MetaData(), Column("id", Integer, primary_key=True), Column("body", String))


@pytest.fixture
def filled(database: Database) -> Database:
    texts.create(database.engine)
    return database


def store(database: Database, bodies: list[str]) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(texts), [{"id": number, "body": body} for number, body in enumerate(bodies)])


def folded(database: Database) -> list[str]:
    with database.reading() as connection:
        return [
            row[0]
            for row in connection.rows(database.prepare(select(database.fold(texts.c.body)).order_by(texts.c.id)))
        ]


def test_every_letter_is_folded_as_its_operand_is(filled: Database) -> None:
    # What Unicode 14 knows, all the servers know too.
    letters = [
        chr(code)
        for code in range(1, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co") and chr(code).casefold() != chr(code)
    ]
    cased = letters + [letter.casefold() for letter in letters] + [letter.upper() for letter in letters]
    store(filled, cased)

    assert folded(filled) == [filled.fold_value(each) for each in cased]


@pytest.mark.parametrize(
    ("body", "operand", "same"),
    [
        pytest.param("Straße", "STRASSE", True, id="sharp-s"),
        pytest.param("STRAẞE", "straße", True, id="capital-sharp-s"),
        pytest.param("ΟΔΟΣ", "οδος", True, id="sigma-at-the-end"),
        pytest.param("ΟΔΟΣ", "οδοσ", True, id="sigma-anywhere"),
        pytest.param("ﬁn", "FIN", True, id="ligature"),
        pytest.param("ı", "i", False, id="dotless-i"),
        pytest.param("é", "e", False, id="an-accent-is-no-letter-case"),
        pytest.param("Ꭰ", "ꭰ", True, id="cherokee"),
    ],
)
def test_text_is_the_same_without_its_letter_case(filled: Database, body: str, operand: str, same: bool) -> None:
    store(filled, [body])
    found = select(texts.c.id).where(filled.fold(texts.c.body) == bindparam("v", type_=String))

    with filled.reading() as connection:
        rows = connection.rows(filled.prepare(found), {"v": filled.fold_value(operand)})
    assert bool(rows) is same
