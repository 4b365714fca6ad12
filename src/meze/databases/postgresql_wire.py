"""Run statements on one psycopg connection by its C parts, with the plans that the server keeps.

`Cursor.execute` is written in Python and costs more than a one-row read does here. What it does is done with the same
parts: `psycopg.pq` speaks to libpq, and a `Transformer` turns values with the adapters of the connection. A text is
prepared when it is run for the second time, so what is asked once takes one round trip.

Values go as text and answers come as text. PostgreSQL's binary form of what most rows hold (numbers with a scale,
dates) is slower to read.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from psycopg import Connection, Error, InternalError, RawCursor, abc, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Values = list[Any] | dict[str, Any]
"""As `Statement.arguments` gives them: by name, for psycopg."""
Types = tuple[int, ...]

KEPT_TEXTS = 256
"""How many texts a connection remembers. Those that were prepared cost the server some ten kilobytes each."""
VARIANTS = 8
"""How often one text is prepared, with parameters of different types, before it is sent unprepared."""
ALIASES = 64

PREPARABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "(SELECT")
PLACEHOLDER = re.compile(r"%(?:%|\((?P<name>[^)]+)\)s(?:::(?P<cast>[A-Z]+(?: WITH(?:OUT)? TIME ZONE)?(?:\[\])?))?)")
"""psycopg's placeholder of a name and the type that SQLAlchemy casts it to, or a percent sign."""

INTEGERS, INTEGER_ARRAYS = (20, 21, 23), (1016, 1005, 1007)
SAME = {
    "BIGINT": INTEGERS,
    "BIGINT[]": INTEGER_ARRAYS,
    "BOOLEAN": (16,),
    "DATE": (1082,),
    "FLOAT": (701,),
    "INTEGER": INTEGERS,
    "INTEGER[]": INTEGER_ARRAYS,
    "INTERVAL": (1186,),
    "JSONB": (3802,),
    "NUMERIC": (1700,),
    "SMALLINT": INTEGERS,
    "SMALLINT[]": INTEGER_ARRAYS,
    "TEXT": (25,),
    "TIME WITHOUT TIME ZONE": (1083,),
    "TIMESTAMP WITH TIME ZONE": (1184,),
    "TIMESTAMP WITHOUT TIME ZONE": (1114,),
    "UUID": (2950,),
}
"""By the type of a cast: the types (OIDs) of values that need not be told to the server, which reads their text as the
type of the cast to the same effect. All others are told, so that the cast means what it says."""


class Numbered(NamedTuple):
    """A text with the numbered parameters of PostgreSQL's own. `take` picks their values out of psycopg's."""

    sql: bytes
    take: Callable[[Any], Sequence[Any]]
    formats: tuple[PyFormat, ...]
    same: tuple[frozenset[int], ...]
    preparable: bool

    def settled(self, types: Types) -> Types:
        """Return the types of the parameters as they are told to the server; 0 leaves one to its place in the text."""
        return tuple(0 if oid in same else oid for oid, same in zip(types, self.same, strict=True))


@lru_cache(maxsize=4 * KEPT_TEXTS)
def numbered(sql: str, encoding: str = "utf-8") -> Numbered:
    casts: dict[str, set[str]] = {}

    def number(found: re.Match[str]) -> str:
        name, cast = found["name"], found["cast"]
        if name is None:
            return "%"
        casts.setdefault(name, set()).add(cast or "")
        return f"${list(casts).index(name) + 1}" + (f"::{cast}" if cast else "")

    text = PLACEHOLDER.sub(number, sql)
    names = list(casts)
    if len(names) > 1:
        take: Callable[[Any], Sequence[Any]] = itemgetter(*names)
    else:

        def take(values: Any) -> Sequence[Any]:
            return [values[name] for name in names]

    return Numbered(
        text.encode(encoding),
        take,
        (PyFormat.TEXT,) * len(names),
        # Under two casts the server would read the value by the first of them alone.
        tuple(frozenset(SAME.get(each.pop(), ())) if len(each) == 1 else frozenset() for each in casts.values()),
        text.lstrip().upper().startswith(PREPARABLE),
    )


@dataclass(slots=True)
class Prepared:
    """A text that the server keeps for parameters of some types. `loads` reads its rows, `known` once it saw some."""

    name: bytes
    loads: abc.Transformer
    known: bool = False


@dataclass(slots=True)
class Text:
    """What a connection knows of a text. `seen` once it was run. `prepared` has each variant by the types that
    the server was told, and `aliases` by those of the values."""

    numbered: Numbered
    seen: bool = False
    prepared: dict[Types, Prepared] = field(default_factory=dict)
    aliases: dict[Types, Prepared] = field(default_factory=dict)


class Wire:
    """The statements of one connection, which the caller alone uses. Errors are psycopg's own."""

    def __init__(self, driver: Connection[Any], *, prepares: bool = True) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        self._encoding = driver.info.encoding
        self._dumps = Transformer(driver)
        self._loads = Transformer(driver)
        self._cursor = RawCursor(driver)
        self._prepares = prepares
        self._texts: OrderedDict[str, Text] = OrderedDict()
        # Behind a proxy several processes may share one session of the server, so their names must not meet.
        self._name = f"meze_{secrets.token_hex(4)}_"
        self._named = 0

    def fetch(self, sql: str, values: Values) -> tuple[list[tuple[Any, ...]], PGresult]:
        """Run a text whose placeholders are psycopg's, and return its rows."""
        text, types, dumped = self._dumped(sql, values)
        prepared = text.aliases.get(types) or self._prepared(text, types)
        if prepared is None:
            result, loads, known = self._unprepared(text, types, dumped), self._loads, False
        else:
            self._pgconn.send_query_prepared(prepared.name, dumped)
            result, loads, known = self._answer(), prepared.loads, prepared.known
            prepared.known = True
        loads.set_pgresult(result, set_loaders=not known)
        rows = loads.load_rows(0, result.ntuples, tuple)
        # The result would be kept as long as the text.
        loads.set_pgresult(None, set_loaders=False)
        return rows, result

    def execute(self, sql: str, values: Values) -> int:
        """Run a text whose placeholders are psycopg's, and return how many rows it changed (-1: it counts none)."""
        text, types, dumped = self._dumped(sql, values)
        prepared = text.aliases.get(types) or self._prepared(text, types)
        if prepared is None:
            result = self._unprepared(text, types, dumped)
        else:
            self._pgconn.send_query_prepared(prepared.name, dumped)
            result = self._answer()
        count = result.command_tuples
        return -1 if count is None else count

    def command(self, sql: bytes) -> bytes | None:
        """Run a command such as BEGIN, and return what the server says that it did."""
        self._pgconn.send_query(sql)
        return self._answer().command_status

    def each(self, sql: str, many: Sequence[Values]) -> list[tuple[list[tuple[Any, ...]], PGresult]]:
        """Run a text with each of `many`, sent one behind the other, and return the rows of each."""
        text, found, cursor = numbered(sql, self._encoding), [], self._cursor
        cursor.executemany(text.sql, [text.take(values) for values in many], returning=True)
        more: bool | None = bool(many)
        while more:
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            assert cursor.pgresult is not None
            found.append((rows, cursor.pgresult))
            more = cursor.nextset()
        return found

    def ended_while_idle(self) -> bool:
        """Say whether the server ended the connection, as far as is known here without asking: at a closed socket."""
        try:
            # The first may read no more than the server's last words.
            self._pgconn.consume_input()
            self._pgconn.consume_input()
        except Error:
            return True
        return False

    def _dumped(self, sql: str, values: Values) -> tuple[Text, Types, Sequence[Any]]:
        text = self._texts.get(sql)
        if text is None:
            text = self._remember(sql)
        else:
            self._texts.move_to_end(sql)
        at = text.numbered
        dumped = self._dumps.dump_sequence(at.take(values), at.formats)
        return text, self._dumps.types or (), dumped

    def _remember(self, sql: str) -> Text:
        if len(self._texts) >= KEPT_TEXTS:
            _, oldest = self._texts.popitem(last=False)
            for prepared in oldest.prepared.values():
                self.command(b"DEALLOCATE " + prepared.name)
        text = Text(numbered(sql, self._encoding))
        self._texts[sql] = text
        return text

    def _prepared(self, text: Text, types: Types) -> Prepared | None:
        """Return the variant for values of these types, None where the text is to be sent unprepared."""
        if not (self._prepares and text.numbered.preparable):
            return None
        settled = text.numbered.settled(types)
        found = text.prepared.get(settled)
        if found is None:
            if not text.seen:
                text.seen = True
                return None
            if len(text.prepared) >= VARIANTS:
                return None
            self._named += 1
            name = f"{self._name}{self._named}".encode()
            self._pgconn.send_prepare(name, text.numbered.sql, settled)
            self._answer()
            found = text.prepared[settled] = Prepared(name, Transformer(self._driver))
        if len(text.aliases) >= ALIASES:
            text.aliases.clear()
        text.aliases[types] = found
        return found

    def _unprepared(self, text: Text, types: Types, dumped: Sequence[Any]) -> PGresult:
        self._pgconn.send_query_params(text.numbered.sql, dumped, text.numbered.settled(types))
        return self._answer()

    def _answer(self) -> PGresult:
        results: list[PGresult] = self._driver.wait(generators.execute(self._pgconn))
        for result in results:
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY):
                raise error_from_result(result, self._encoding)
        if not results:
            raise InternalError("the server gave no result")
        return results[-1]
