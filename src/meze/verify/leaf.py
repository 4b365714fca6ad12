"""Ask the database for one value that Python cannot work out: a function of its own, an order that it decides."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import JSON, BigInteger, Engine, String, bindparam, cast, collate, exc, null, select
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.types import TypeEngine

from meze.access.caller import Caller
from meze.access.terms import MeValue
from meze.resources.rewrite import plain, rebuilt
from meze.verify.values import Frames


class Leaf:
    """Asks with a SELECT that names no table: every column stands there as its value.

    `asked` counts the questions by the text of the condition; `failed` are those that the database refused.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[Any, bool | None] = {}
        self._kept: dict[int, Any] = {}
        self.asked: Counter[str] = Counter()
        self.failed: dict[str, str] = {}

    def truth(self, element: Any, frames: Frames, caller: Caller) -> bool | None:
        """Return what a condition comes to; unknown where the database cannot say, which `failed` then tells."""
        used: list[Any] = []

        def substitute(part: Any) -> Any:
            here = plain(part)
            if isinstance(here, MeValue):
                used.append(getattr(caller, here.attribute))
                return self._literal(used[-1], BigInteger() if here.attribute == "id" else String())
            if isinstance(here, ColumnClause) and here.table is not None:
                used.append(frames[plain(here.table)][here.key])
                return self._literal(used[-1], here.type)
            return None

        asked = rebuilt(element, substitute)
        at = (id(element), repr(used))
        self._kept[id(element)] = element
        if at not in self._known:
            text = str(plain(element)) if not _speaks_of_me(element) else "a comparison with me"
            self.asked[text] += 1
            self._known[at] = self._ask(asked, text)
        return self._known[at]

    def _ask(self, asked: Any, text: str) -> bool | None:
        try:
            with self._engine.connect() as connection:
                said = connection.execute(select(asked)).scalar()
        except exc.DBAPIError as error:
            self.failed[text] = str(error.orig)
            return None
        return None if said is None else bool(said)

    def _literal(self, value: Any, type_: TypeEngine[Any]) -> Any:
        if value is None and isinstance(type_, JSON):
            return null()
        bound: Any = bindparam(None, value, type_=type_, unique=True)
        if self._engine.dialect.name != "sqlite":
            bound = cast(bound, type_)  # a value without a type is ambiguous there
        collation = getattr(type_, "collation", None)
        return collate(bound, collation) if collation else bound


def _speaks_of_me(element: Any) -> bool:
    from sqlalchemy.sql.visitors import iterate

    return any(isinstance(part, MeValue) for part in iterate(element))
