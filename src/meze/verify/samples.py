"""Values that a column takes: new ones by number, and those near a value that a rule names.

Text bears the name of its column (`canary-trips-title-3`), so that whoever sees it in an answer knows what leaked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.types import TypeEngine

_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
_TAILS = ("", " Straße", " ÉCLAIR Éclair", " 100%_a/b", " 北京 東京", "", " 'quoted' \"twice\"", ", =1+1")
"""What follows a canary: letters whose case folds beyond ASCII, signs that mean something to LIKE, to CSV, to SQL."""
_WORDS = ("1", "a", "127.0.0.1", "10.0.0.0/8", "08:00:2b:01:02:03", "[1,2)", "[2026-01-01,2026-02-01)", "1=>2", "P1D")
"""Spellings for a type that is not known here."""


class NoSample(Exception):
    """No value is known for a type."""


def stored_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type that a TypeDecorator stands on, or the type itself."""
    if isinstance(type_, TypeDecorator) and not isinstance(type_, Interval):  # which is one of SQLAlchemy's own
        return type_.impl_instance
    return type_


def sample(column: Column[Any], n: int, random: Random) -> Any:
    """Return a value for a column; another `n` gives another one, as far as the type has as many.

    Raises:
        NoSample: the type is not known here.
    """
    return _sample(column.type, n, random, f"canary-{column.table.name}-{column.key}-{n}")


def _sample(type_: TypeEngine[Any], n: int, random: Random, canary: str) -> Any:
    if isinstance(type_, TypeDecorator) and not isinstance(type_, Interval):
        return _decorated(type_, n, random, canary)
    match type_:
        case Boolean():
            return n % 2 == 0
        case Enum():
            members = members_of(type_)
            return members[n % len(members)]
        case String():
            return _text(type_.length or None, n, canary)
        case Integer():
            return n % 30_000 if isinstance(type_, SmallInteger) else n
        case Float():
            return n + 0.25
        case Numeric():
            return _decimal(type_, n)
        case Date():
            return date(2026, 1, 1) + timedelta(days=n)
        case DateTime():
            moment = datetime(2026, 1, 1, 8, 30, tzinfo=UTC) + timedelta(days=n % 900, minutes=n)
            return moment if type_.timezone else moment.replace(tzinfo=None)
        case Time():
            return time(n % 24, n * 7 % 60, n % 60)
        case Interval():
            return timedelta(hours=n, minutes=5)
        case Uuid():
            made = UUID(int=random.getrandbits(128), version=4)
            return made if type_.as_uuid else str(made)
        case JSON():
            return ({"canary": canary, "n": n}, [canary, n, None], canary, n)[n % 4]
        case LargeBinary():
            return canary.encode()[-(type_.length or len(canary)) :]
        case ARRAY():
            return [_sample(type_.item_type, n + each, random, f"{canary}-{each}") for each in range(n % 3)]
    if type(type_).__name__ in ("HSTORE",):
        return {"canary": canary}
    return _WORDS[n % len(_WORDS)]


def _decorated(type_: TypeDecorator[Any], n: int, random: Random, canary: str) -> Any:
    """Return a value for a TypeDecorator: of the Python type that its class names, else of what it stores."""
    if type(type_).python_type is not TypeDecorator.python_type:
        simple: dict[Any, TypeEngine[Any]] = {
            bool: Boolean(),
            int: Integer(),
            str: String(getattr(type_.impl_instance, "length", None)),
            bytes: LargeBinary(),
            float: Float(),
            Decimal: Numeric(10, 2),
            datetime: DateTime(timezone=True),
            date: Date(),
            time: Time(),
            timedelta: Interval(),
            UUID: Uuid(),
        }
        if type_.python_type is dict:
            return {"canary": canary}
        if type_.python_type in simple:
            return _sample(simple[type_.python_type], n, random, canary)
    return _sample(type_.impl_instance, n, random, canary)


def members_of(type_: Enum) -> list[Any]:
    return list(type_.enum_class) if type_.enum_class is not None else list(type_.enums)


def _text(length: int | None, n: int, canary: str) -> str:
    if length is None or length >= len(canary):
        tail = _TAILS[n % len(_TAILS)]
        return canary + tail if length is None or length >= len(canary + tail) else canary
    # Too short to bear a name: still one of its own for each number.
    code, left = "", n
    while True:
        left, digit = divmod(left, len(_DIGITS))
        code = _DIGITS[digit] + code
        if not left:
            break
    return code.rjust(min(length, 3), "a")[-length:]


def _decimal(type_: Numeric[Any], n: int) -> Any:
    scale = type_.scale if type_.scale is not None else 2
    whole = (type_.precision or 12) - scale
    value = Decimal(n % 10**whole if whole > 0 else 0)
    if scale:
        value += Decimal(n * 25 % 10**scale).scaleb(-scale)
    return value if type_.asdecimal else float(value)


def near(column: Column[Any], value: Any) -> Iterator[Any]:
    """Yield a value that a rule names, if the column takes it, and some on either side of it."""
    kind = stored_type(column.type)
    if isinstance(value, bool) or value is None:
        if isinstance(kind, Boolean) and value is not None:
            yield value
    elif isinstance(kind, Enum):
        yield from (each for each in members_of(kind) if value in (each, getattr(each, "name", None)))
    elif isinstance(value, str) and isinstance(kind, String):
        longest = kind.length or 10_000
        options = (value, f"{value}x", value.upper(), f"x {value} y")
        yield from dict.fromkeys(each for each in options if each and len(each) <= longest)
    elif isinstance(value, str) and isinstance(kind, Uuid):
        yield value if not kind.as_uuid else UUID(value)
    elif isinstance(value, int) and isinstance(kind, String):
        # A length, most likely: func.length(code) == 3.
        longest = kind.length or 10_000
        yield from ("abcdefghij"[: each % 10] or "z" * each for each in (value, value + 1) if 0 < each <= longest)
    elif isinstance(value, int) and isinstance(kind, Integer):
        yield from (value, value + 1, value - 1)
    elif isinstance(value, int | float | Decimal) and isinstance(kind, Numeric | Float):
        step = Decimal(1).scaleb(-(getattr(kind, "scale", None) or 0))
        base = Decimal(str(value))
        numbers = (base, base + step, base - step)
        yield from (each if kind.asdecimal else float(each) for each in numbers)
    elif (isinstance(value, datetime) and isinstance(kind, DateTime)) or (
        isinstance(value, date) and isinstance(kind, Date) and not isinstance(value, datetime)
    ):
        yield from (value, value + timedelta(days=1), value - timedelta(days=1))
    elif isinstance(value, timedelta) and isinstance(kind, Interval):
        yield from (value, value + timedelta(hours=1), value - timedelta(hours=1))
    elif isinstance(value, time | UUID | bytes):
        yield value


def spelled(column: Column[Any], literal: str) -> Iterator[Any]:
    """Yield what a literal of a CHECK constraint may mean for a column, and values near it."""
    kind = stored_type(column.type)
    if isinstance(kind, Integer | Numeric | Float):
        try:
            number = Decimal(literal)
        except ArithmeticError:
            return
        yield from near(column, int(number) if isinstance(kind, Integer) else number)
    elif isinstance(kind, Enum):
        yield from near(column, literal)
    elif isinstance(kind, String):
        pattern = literal.replace("%", "x").replace("_", "y")
        yield from near(column, pattern)
        if literal.isdigit() and 0 < int(literal) <= (kind.length or 1_000):
            size = int(literal)
            yield from (("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * size)[:size], ("1234567890" * size)[:size], "a" * size)
    elif isinstance(kind, Date):
        try:
            yield from near(column, date.fromisoformat(literal))
        except ValueError:
            return
    elif isinstance(kind, DateTime):
        try:
            moment = datetime.fromisoformat(literal)
        except ValueError:
            return
        yield from near(column, moment.replace(tzinfo=UTC) if kind.timezone and moment.tzinfo is None else moment)


def varied(value: Any, random: Random) -> Any:
    """Return a value of the same make: a text whose letters are others of the same kind, a number not far off."""
    if isinstance(value, str):
        kinds = (_DIGITS[:26].upper(), _DIGITS[:26], _DIGITS[26:])
        made = [next((random.choice(kind) for kind in kinds if letter in kind), letter) for letter in value]
        return "".join(made)
    if isinstance(value, int) and not isinstance(value, bool):
        return value + random.randint(-50, 50)
    if isinstance(value, Decimal):
        return value + random.randint(-50, 50)
    if isinstance(value, date):
        return value + timedelta(days=random.randint(-50, 50))
    return value
