"""Rules of every shape that a rule may have, at random."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import Text, and_, case, cast, false, func, not_, or_, true
from sqlalchemy.orm import aliased

from meze import anyone, me, role, signed_in
from meze.access.caller import Caller
from meze.access.terms import Anyone, HasRole, MeValue, SignedIn
from meze.resources.rewrite import plain, rebuilt
from verify.schema import Mood, Place, Stop, Tag

NUMBERS = (None, -1, 0, 3, 12, 100)
TEXTS = ("a", "canary-places-name-3", "CANARY", "Straße", "100%", "_", "alice@example.com", "")
DAYS = (date(2026, 1, 5), date(2026, 1, 20))

RELATIONS: dict[Any, list[tuple[str, Any, bool]]] = {
    Place: [("parent", Place, False), ("children", Place, True), ("tags", Tag, True), ("stops", Stop, True)],
    Stop: [("place", Place, False)],
    Tag: [("places", Place, True)],
}


class Rules:
    """Draws rules over Place, Stop and Tag, with such comparisons of `me` as mean the same in SQL where it is null."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same rules each time

    def rule(self, depth: int = 3) -> Any:
        return self._rule(Place, depth)

    def _rule(self, model: Any, depth: int) -> Any:
        kind = self.random.randrange(10) if depth else 9
        if kind < 2:
            return and_(*(self._rule(model, depth - 1) for _ in range(self.random.randint(1, 3))))
        if kind < 4:
            return or_(*(self._rule(model, depth - 1) for _ in range(self.random.randint(1, 3))))
        if kind < 6:
            return not_(self._rule(model, depth - 1))
        if kind == 6:
            return self.random.choice([anyone, signed_in, role("editor"), role("guest")])
        if kind == 7 or kind == 8:
            return self._related(model, depth)
        return self._atom(model)

    def _related(self, model: Any, depth: int) -> Any:
        where = None if self.random.random() < 0.15 else (lambda target: self._rule(target, depth - 1))
        name, target, to_many = self.random.choice(RELATIONS[_class(model)])
        crossed = getattr(model, name)
        if target is _class(model) or self.random.random() < 0.3:
            target = aliased(target)
            crossed = crossed.of_type(target)
        asked = None if where is None else where(target)
        return crossed.any(asked) if to_many else crossed.has(asked)

    def _atom(self, model: Any) -> Any:
        pick, maker = self.random.choice, {Place: self._of_place, Stop: self._of_stop, Tag: self._of_tag}
        return pick(maker[_class(model)](model))()

    def _number(self, column: Any) -> list[Callable[[], Any]]:
        pick = self.random.choice
        low, high = sorted(each for each in (pick(NUMBERS[1:]), pick(NUMBERS[1:])))
        value = pick(NUMBERS)
        return [
            lambda: column == pick(NUMBERS[1:]),
            lambda: column != pick(NUMBERS[1:]),
            lambda: column >= pick(NUMBERS[1:]),
            lambda: column < value if value is not None else column.is_(None),
            lambda: column.between(low, high),
            lambda: ~column.between(low, high),
            lambda: column.in_([pick(NUMBERS[1:]), pick(NUMBERS[1:])]),
            lambda: column.in_([]),
            lambda: column.not_in([]),
            lambda: column.not_in([pick(NUMBERS[1:]), None]),
            lambda: column.is_distinct_from(value),
            lambda: column.is_not_distinct_from(pick(NUMBERS[1:])),
            lambda: column + 2 > pick(NUMBERS[1:]),
            lambda: column * -1 <= pick(NUMBERS[1:]),
            lambda: func.coalesce(column, 7) == 7,
            lambda: func.nullif(column, pick(NUMBERS[1:])).is_(None),
            lambda: func.abs(column) > 5,
            lambda: case((column > 5, 1), (column.is_(None), 2), else_=3) == pick((1, 2, 3)),
            lambda: case({0: "zero", 3: "three"}, value=column, else_="many") != "many",
            lambda: -column < 5,
            lambda: column % 3 == 1,
            lambda: cast(column, Text) == "3",
        ]

    def _text(self, column: Any) -> list[Callable[[], Any]]:
        piece = self.random.choice(TEXTS)
        return [
            lambda: column == piece,
            lambda: column != piece,
            lambda: column.like(f"%{piece}%"),
            lambda: ~column.like("%1%"),
            lambda: column.ilike(f"%{piece}"),
            lambda: column.startswith("canary"),
            lambda: column.endswith("3"),
            lambda: column.contains(piece, autoescape=True),
            lambda: ~column.contains("3"),
            lambda: column.icontains("CANARY"),
            lambda: func.lower(column) == "a",
            lambda: func.upper(column).like("%TAGS%"),
            lambda: func.length(column) > 21,
            lambda: func.coalesce(column, "none") != "none",
            lambda: (column + "x").endswith("3x"),
            lambda: column > "b",
            lambda: func.replace(column, "canary", "") != column,
            lambda: column.in_([piece, "a"]),
            lambda: column.is_not(None),
        ]

    def _of_place(self, model: Any) -> list[Callable[[], Any]]:
        return [
            *self._number(self.random.choice((model.height, model.doubled))),
            *self._text(model.name),
            lambda: model.open,
            lambda: ~model.open,
            lambda: model.open.is_(True),
            lambda: model.open.is_not(False),
            lambda: model.open == true(),
            lambda: true(),
            lambda: false(),
            lambda: model.mood == Mood.WILD,
            lambda: model.mood.in_([Mood.CALM, Mood.WILD]),
            lambda: model.mood.is_(None),
            lambda: model.since <= model.until,
            lambda: model.since > self.random.choice(DAYS),
            lambda: model.until.between(*DAYS),
            lambda: model.price > Decimal("7.25"),
            lambda: model.price * 2 < 30,
            lambda: model.exact + Decimal("1.50") >= Decimal("10.00"),
            lambda: model.exact == Decimal("8.00"),
            lambda: model.ratio < 9.25,
            lambda: model.ratio > model.price,
            lambda: model.token.is_(None),
            lambda: model.owner_id == me.id,
            lambda: model.owner_id != me.id,
            lambda: model.owner_id > me.id,
            lambda: model.owner_id.in_([1, 2]),
            lambda: model.email == me.email,
            lambda: me.email == model.email,
            lambda: func.lower(model.email) == func.lower(me.email),
            lambda: and_(model.open, model.height > 3),
            lambda: not_(or_(model.open, model.mood == Mood.CALM)),
        ]

    def _of_stop(self, model: Any) -> list[Callable[[], Any]]:
        return [*self._number(model.night), *self._text(model.guest), lambda: model.rank == model.number]

    def _of_tag(self, model: Any) -> list[Callable[[], Any]]:
        return [*self._number(model.weight), *self._text(model.word)]


def _class(model: Any) -> Any:
    return model if isinstance(model, type) else model._aliased_insp.class_  # type: ignore[attr-defined]


def as_sql(rule: Any, caller: Caller) -> Any:
    """Return the rule as a database can be asked, the terms in it decided by hand."""

    def substitute(part: Any) -> Any:
        here = plain(part)
        if isinstance(here, Anyone):
            return true()
        if isinstance(here, SignedIn):
            return true() if caller.id is not None else false()
        if isinstance(here, HasRole):
            return true() if here.role in caller.roles else false()
        if isinstance(here, MeValue):
            value = getattr(caller, here.attribute)
            return cast(value, here.type)
        return None

    return rebuilt(rule, substitute)
