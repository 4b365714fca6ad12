"""Full-text search on PostgreSQL: a GIN index over an immutable function of ours, with no extension.

The function cuts a text into the words that `words.py` defines. The index over it follows every write by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, Text, cast, func, literal_column, select, text, tuple_
from sqlalchemy import Connection as EngineConnection
from sqlalchemy import column as named_column
from sqlalchemy.engine import Dialect

from meze.databases.unicode_tables import DROPPED_MARKS, WORD_CHARACTERS
from meze.databases.words import LONGEST_PLAIN_TEXT, LONGEST_TEXT, LONGEST_WORD, SPACELESS, bracketed

LONGEST_NAME = 63

# A run is cut into pairs twice, from its first and from its second character; what is left over at the end of one of
# the two is the last character alone. COST keeps the planner from calling it for every row of a table.
WORDS_FUNCTION = r"""
CREATE OR REPLACE FUNCTION meze_words(input text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $meze$
DECLARE
    t text := left(input, {longest_text});
    later text;
BEGIN
    IF octet_length(t) = char_length(t) THEN
        t := regexp_replace(lower(t COLLATE pg_catalog."C"), '[^0-9a-z]+', ' ', 'g');
    ELSE
        t := regexp_replace(normalize(t, NFKD), '[{dropped}]+', '', 'g');
        t := replace(translate(lower(t COLLATE pg_catalog.{collation}), 'ς', 'σ'), 'ß', 'ss');
        t := regexp_replace(left(normalize(t, NFC), {longest_plain_text}), '[^{word}]+', ' ', 'g');
        IF t ~ '[{spaceless}]' THEN
            later := regexp_replace(t, '[^{spaceless}]+', ' ', 'g');
            later := regexp_replace(later, '[{spaceless}]([{spaceless}]*)', '\1', 'g');
            t := regexp_replace(t || ' ' || later, '([{spaceless}]{{1,2}})', ' \1 ', 'g');
        END IF;
    END IF;
    IF t ~ '[^ ]{{{too_long}}}' THEN
        t := regexp_replace(t, '([^ ]{{{longest_word}}})[^ ]+', '\1', 'g');
    END IF;
    RETURN t::tsvector;
END
$meze$
"""


class PostgreSQLSearch:
    """A GIN index over `meze_words` of all the columns together."""

    def create_statements(self, table: Table, columns: Sequence[Column[Any]], dialect: Dialect) -> list[str]:
        quote = dialect.identifier_preparer
        name = quote.quote(index_name(table))
        place = f"{quote.quote_schema(table.schema)}." if table.schema else ""
        return [
            words_function(dialect),
            f"DROP INDEX IF EXISTS {place}{name}",
            f"CREATE INDEX {name} ON {quote.format_table(table)} USING gin ({_indexed(columns, dialect)})",
            f"COMMENT ON INDEX {place}{name} IS '{_fingerprint(columns, dialect)}'",
        ]

    def exists(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> bool:
        quote = connection.dialect.identifier_preparer
        place = f"{quote.quote_schema(table.schema)}." if table.schema else ""
        comment = connection.scalar(
            text("SELECT obj_description(to_regclass(:name), 'pg_class')"),
            {"name": (place + quote.quote(index_name(table))).replace("%%", "%")},  # not a part of the statement
        )
        return bool(comment == _fingerprint(columns, connection.dialect))

    def rebuild(self, connection: EngineConnection, table: Table, columns: Sequence[Column[Any]]) -> None:
        """Do nothing: CREATE INDEX has indexed what was there."""

    def matching(
        self, source: FromClause, table: Table, columns: Sequence[Column[Any]], query: ColumnElement[str]
    ) -> ColumnElement[bool]:
        """Return a condition on the key, by a question of its own that only the index can answer cheaply.

        As a condition on the row itself, the planner might cut every row into words while it follows the sort's index
        to the end of the page. OFFSET 0 keeps it from joining the two questions again.
        """
        from sqlalchemy.dialects.postgresql import TSQUERY  # takes long, and this module is loaded on SQLite too

        rows = table.alias(f"{table.name}_found")
        found = _words_of([rows.c[column.key] for column in columns]).bool_op("@@")(cast(query, TSQUERY))
        keys = [column.key for column in table.primary_key.columns]
        matches = select(*(rows.c[key] for key in keys)).where(found).offset(literal_column("0"))
        return tuple_(*(source.c[key] for key in keys)).in_(matches) if keys[1:] else source.c[keys[0]].in_(matches)

    def query(self, words: list[tuple[str, bool]]) -> str:
        return " & ".join(f"'{word}':*" if beginning else f"'{word}'" for word, beginning in words)


def index_name(table: Table) -> str:
    """Return the index's name, which fits into what PostgreSQL keeps of a name."""
    name = f"meze_{table.name}_fts"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"meze_{hashlib.sha256(name.encode()).hexdigest()[:16]}_fts"


def words_function(dialect: Dialect) -> str:
    """Return the SQL of `meze_words`, with the lower-casing that the server has."""
    builtin = (getattr(dialect, "server_version_info", None) or ()) >= (18,)
    return WORDS_FUNCTION.format(
        collation="pg_unicode_fast" if builtin else '"und-x-icu"',
        word=bracketed(WORD_CHARACTERS),
        dropped=bracketed(DROPPED_MARKS),
        spaceless=SPACELESS,
        longest_text=LONGEST_TEXT,
        longest_plain_text=LONGEST_PLAIN_TEXT,
        longest_word=LONGEST_WORD,
        too_long=LONGEST_WORD + 1,
    )


def _words_of(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    # Constants are written out: with binds in it, this would not be the expression that the index is over.
    nothing, space = literal_column("''::text", Text), literal_column("' '::text", Text)
    together: ColumnElement[Any] = func.coalesce(cast(columns[0], Text), nothing)
    for column in columns[1:]:
        together = together.op("||")(space).op("||")(func.coalesce(cast(column, Text), nothing))
    return func.meze_words(together)


def _indexed(columns: Sequence[Column[Any]], dialect: Dialect) -> str:
    bare: list[ColumnElement[Any]] = [named_column(column.name) for column in columns]
    return str(_words_of(bare).compile(dialect=dialect))


def _fingerprint(columns: Sequence[Column[Any]], dialect: Dialect) -> str:
    """Return what changes when the index would hold something else."""
    meaning = words_function(dialect) + _indexed(columns, dialect)
    return hashlib.sha256(meaning.encode()).hexdigest()[:32]
