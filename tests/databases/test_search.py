"""A search finds what its meaning says, in rows that a program without our functions wrote.

The oracle below states that meaning again, in the plainest Python, and random texts of many scripts are held to it.
"""

from __future__ import annotations

import itertools
import sqlite3
import unicodedata
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, Uuid, insert, select, text

from meze.databases import Database
from meze.databases.search import SearchIndex
from meze.databases.unicode_tables import WORD_CHARACTERS
from meze.databases.words import boundaries

metadata = MetaData()
places = Table(
    "places", metadata, Column("id", Integer, primary_key=True), Column("name", String(99)), Column("also", Text)
)
index = SearchIndex(places, (places.c.name, places.c.also))


# The oracle


def is_spaceless(letter: str) -> bool:
    name = unicodedata.name(letter, "")
    kinds = ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER", "HANGUL SYLLABLE")
    return name.startswith(kinds) or letter in "々ー"


def is_dropped(letter: str) -> bool:
    voices_kana = letter in "\u3099\u309a"
    return (unicodedata.combining(letter) != 0 and not voices_kana) or "VARIATION SELECTOR" in unicodedata.name(
        letter, ""
    )


def words_of(body: str) -> list[str]:
    """Return the words of a text; a run written without spaces is one of them, still whole."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", body) if not is_dropped(letter))
    plain = unicodedata.normalize("NFC", plain.lower().replace("ς", "σ").replace("ß", "ss"))
    kinds = itertools.groupby(
        plain, lambda letter: unicodedata.category(letter)[0] in "LNM" and (1 + is_spaceless(letter))
    )
    return ["".join(letters) for kind, letters in kinds if kind]


def pairs_of(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]


def oracle(query: str, *bodies: str | None) -> bool:
    indexed = set()
    for word in words_of(" ".join(body or "" for body in bodies)):
        indexed |= {*pairs_of(word), word[-1]} if is_spaceless(word[0]) else {word}
    asked = words_of(query)
    for word in asked:
        if is_spaceless(word[0]) and len(word) > 1:
            found = indexed.issuperset(pairs_of(word))
        else:
            found = any(each.startswith(word[:100]) for each in indexed)
        if not found:
            return False
    return bool(asked)


# Rows that another program writes


class OtherProgram:
    """A bare connection of a driver, which knows nothing of Meze."""

    def __init__(self, database: Database) -> None:
        self.place = "?" if database.name == "sqlite" else "%s"
        if database.name == "sqlite":
            self.connection: Any = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
        else:
            url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            self.connection = psycopg.connect(url, autocommit=True)

    def run(self, sql: str, *values: Any) -> None:
        self.connection.execute(sql.replace("?", self.place), values)


@pytest.fixture
def searched(database: Database) -> Database:
    metadata.create_all(database.engine)
    index.ensure(database)
    return database


@pytest.fixture
def other(searched: Database) -> Iterator[OtherProgram]:
    program = OtherProgram(searched)
    yield program
    program.connection.close()


def found(database: Database, query: str, searched_index: SearchIndex = index) -> list[Any]:
    table = searched_index.table
    key = list(table.primary_key.columns)
    statement = database.prepare(select(*key).where(searched_index.matching(table, database)).order_by(*key))
    with database.reading() as connection:
        rows = connection.rows(statement, {"meze_q": searched_index.query(query)})
    return [row[0] if len(key) == 1 else row for row in rows]


SCRIPTS = st.one_of(
    st.sampled_from("aAbBzZ019 _-'.ßẞéÉıİſﬁǆŉÅ"),
    st.sampled_from("σςΣΐᾼάЯяёЇ"),
    st.sampled_from("北京大学東々〇㍻豈"),
    st.sampled_from("かがはばぱガカｶﾞﾟーｱ゙゚"),
    st.sampled_from("가각나힣ㄱ가각ﾡ"),
    st.sampled_from("हिन्दীোে ා௧ཀྵ"),
    st.sampled_from("العربﷺۀ٣שָׁ"),
    st.sampled_from("ไทยกำ१²½Ⅷ"),
    st.sampled_from("\u0301\u0323\u200d\ufe0f\u3000\u00a0\U0001f600\U00020000\U0001d400，。·"),
    st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\0", max_codepoint=0x1FFFF),
)
BODIES = st.one_of(st.none(), st.text(SCRIPTS, max_size=30))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(st.tuples(BODIES, BODIES), min_size=1, max_size=5), data=st.data())
def test_a_search_finds_the_rows_that_have_its_words(
    searched: Database, other: OtherProgram, rows: list[tuple[str | None, str | None]], data: st.DataObject
) -> None:
    other.run("DELETE FROM places")
    for number, row in enumerate(rows):
        other.run("INSERT INTO places (id, name, also) VALUES (?, ?, ?)", number, *row)
    whole = " ".join(body or "" for body in data.draw(st.sampled_from(rows)))
    start = data.draw(st.integers(0, len(whole)))
    piece = whole[start : start + data.draw(st.integers(0, 8))]
    query = data.draw(st.one_of(st.just(piece), st.text(SCRIPTS, max_size=6)))

    assert found(searched, query) == [number for number, row in enumerate(rows) if oracle(query, *row)]


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize(
    "word", ["São Paulo", "대한민국", "ガーデン", "Việt Nam", "কোলকাতা", "ಕೊಡಗು", "강남역", "İzmir", "الرياض", "Ὀδυσσεύς"]
)
def test_a_word_is_found_in_every_form_that_unicode_has_for_it(
    searched: Database, other: OtherProgram, form: Any, word: str
) -> None:
    other.run("INSERT INTO places (id, name) VALUES (1, ?)", unicodedata.normalize(form, word))

    assert found(searched, word) == [1]
    assert found(searched, unicodedata.normalize("NFD", word.upper())) == [1]


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        pytest.param("München", "mun", True, id="beginning-without-accent"),
        pytest.param("München", "unch", False, id="not-in-the-middle"),
        pytest.param("北京大学", "京大", True, id="pair-in-the-middle"),
        pytest.param("北京大学", "大京", False, id="pair-in-another-order"),
        pytest.param("北京大学", "学", True, id="last-character-alone"),
        pytest.param("ab北京", "ab", True, id="letters-beside-a-run"),
        pytest.param("はは", "ぱぱ", False, id="voicing-is-part-of-the-letter"),
        pytest.param("Straße", "STRASSE", True, id="sharp-s"),
        pytest.param('a\' OR "b" * : ( NEAR ^', '\' OR "b" NEAR', True, id="query-language-is-only-words"),
        pytest.param("x" * 3000, "x" * 2000, True, id="long-word"),
        pytest.param("x" * 3000, "x" * 101 + "y", True, id="long-words-are-compared-by-their-beginning"),
        pytest.param("anything", "", False, id="no-words-match-nothing"),
        pytest.param("anything", " ,.-!", False, id="punctuation-matches-nothing"),
    ],
)
def test_what_is_searched(searched: Database, other: OtherProgram, body: str, query: str, expected: bool) -> None:
    other.run("INSERT INTO places (id, also) VALUES (1, ?)", body)

    assert bool(found(searched, query)) is expected


def test_the_words_of_a_query_may_be_in_different_columns(searched: Database, other: OtherProgram) -> None:
    other.run("INSERT INTO places (id, name, also) VALUES (1, 'New York', 'Big Apple'), (2, 'New Delhi', NULL)")

    assert found(searched, "apple new") == [1]
    assert found(searched, "new") == [1, 2]


def test_changes_and_deletions_are_followed(searched: Database, other: OtherProgram) -> None:
    other.run("INSERT INTO places (id, name) VALUES (1, 'Saigon'), (2, 'Hanoi')")
    other.run("UPDATE places SET name = 'Hồ Chí Minh' WHERE id = 1")
    assert (found(searched, "saigon"), found(searched, "ho chi")) == ([], [1])
    other.run("UPDATE places SET id = 5 WHERE id = 1")
    assert found(searched, "minh") == [5]
    other.run("DELETE FROM places WHERE id = 5")
    assert (found(searched, "minh"), found(searched, "hanoi")) == ([], [2])


def test_no_text_is_too_much_to_be_written(searched: Database, other: OtherProgram) -> None:
    varied = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(60_000)) + " beyond"
    for number, body in enumerate(
        ["x" * 200_000, "word " * 100_000, varied, "ﷺ" * 60_000, "\U00020000" * 60_000, "é" * 9999]
    ):
        other.run("INSERT INTO places (id, also) VALUES (?, ?)", number, body)

    assert found(searched, varied[10:20]) == [2]
    assert found(searched, "beyond") == []


def test_a_query_of_thousands_of_words_is_answered(searched: Database, other: OtherProgram) -> None:
    many = " ".join(f"w{number}" for number in range(3000))
    other.run("INSERT INTO places (id, also) VALUES (1, ?)", many)

    assert found(searched, many) == [1]
    assert found(searched, many + " absent") == []


def test_rows_that_were_there_before_the_index_are_found(database: Database) -> None:
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(places).values(id=1, name="Zürich", also="취리히 苏黎世"))
    index.ensure(database)

    assert found(database, "zur 苏黎") == found(database, "취리") == [1]


@pytest.mark.parametrize("name", ["plain", 'odd "name" %s', "o'clock :x"])
def test_a_table_may_have_any_name_and_key(database: Database, name: str) -> None:
    odd = Table(
        name,
        MetaData(),
        Column("a b", String(20), primary_key=True),
        Column("n", BigInteger, primary_key=True, autoincrement=False),
        Column("te%t", Text),
    )
    odd.create(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(odd), [{"a b": "k", "n": 1, "te%t": "北京"}, {"a b": "k", "n": 2, "te%t": "tōkyō"}])
    odd_index = SearchIndex(odd, (odd.c["te%t"],))
    odd_index.ensure(database)
    with database.engine.begin() as connection:
        connection.execute(insert(odd), [{"a b": "m", "n": 1, "te%t": "Tokyo"}])
        connection.execute(odd.delete().where(odd.c.n == 2))

    assert odd_index.exists(database)
    assert (found(database, "tokyo", odd_index), found(database, "北京", odd_index)) == ([("m", 1)], [("k", 1)])


def test_keys_that_are_no_numbers_are_found_after_the_file_was_compacted(database: Database) -> None:
    keyed = Table("keyed", MetaData(), Column("id", Uuid(as_uuid=False), primary_key=True), Column("body", Text))
    keyed.create(database.engine)
    keyed_index = SearchIndex(keyed, (keyed.c.body,))
    keyed_index.ensure(database)
    keys = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(3)]
    with database.engine.begin() as connection:
        connection.execute(insert(keyed), [{"id": key, "body": f"word{key[-1]}"} for key in keys])
        connection.execute(keyed.delete().where(keyed.c.id == keys[0]))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")

    assert found(database, "word2", keyed_index) == [keys[2]]
    assert found(database, "word0", keyed_index) == []


def test_an_index_is_made_once_and_again_when_its_columns_change(searched: Database) -> None:
    narrower = SearchIndex(places, (places.c.name,))

    assert index.exists(searched)
    assert not narrower.exists(searched)
    narrower.ensure(searched)
    assert (narrower.exists(searched), index.exists(searched)) == (True, False)


def test_an_alias_can_be_searched(searched: Database, other: OtherProgram) -> None:
    other.run("INSERT INTO places (id, name) VALUES (1, 'Lima')")
    alias = places.alias("elsewhere")
    statement = searched.prepare(select(alias.c.name).where(index.matching(alias, searched)))

    with searched.reading() as connection:
        assert connection.rows(statement, {"meze_q": index.query("lima")}) == [("Lima",)]


def test_the_index_is_used_rather_than_every_row_read(searched: Database, other: OtherProgram) -> None:
    with searched.engine.begin() as connection:
        connection.execute(insert(places), [{"id": number, "name": f"place {number}"} for number in range(3000)])
    if searched.name == "postgresql":
        other.run("ANALYZE places")
    statement = select(places.c.id).where(index.matching(places, searched))
    prefix = "EXPLAIN QUERY PLAN " if searched.name == "sqlite" else "EXPLAIN "
    compiled = statement.params(meze_q=index.query("place 2999"))
    with searched.engine.connect() as connection:
        sql = str(compiled.compile(searched.engine, compile_kwargs={"literal_binds": True}))
        plan = str(connection.execute(text(prefix + sql.replace(":*", r"\:*").replace("::", r"\:\:"))).all())

    assert "meze_places_fts" in plan


def test_the_tables_of_characters_agree_with_unicode() -> None:
    edges = boundaries(WORD_CHARACTERS)
    inside = [chr(code) for first, end in zip(edges[::2], edges[1::2], strict=True) for code in range(first, end)]
    strangers = [
        each for each in inside if unicodedata.category(each)[0] not in "LNM" and unicodedata.category(each) != "Cn"
    ]

    assert strangers == []
    assert len(inside) > 130_000
