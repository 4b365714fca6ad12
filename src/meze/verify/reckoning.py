"""What the databases reckon of values: comparisons with nulls among them, sums, and functions that all of them have."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from meze.verify.patterns import Beyond

NUMBERS = (bool, int, float, Decimal)
KINDS = (str, bytes, datetime, date, time, timedelta, UUID)
"""What is compared with its like alone; a moment is a date to Python, and none here."""


def compare(compares: Callable[[Any, Any], bool], left: Any, right: Any) -> bool | None:
    """Compare two values in the database's form; unknown where one is null. Raises Beyond where they are unlike."""
    if left is None or right is None:
        return None
    try:
        return bool(compares(*alike(left, right)))
    except TypeError:  # a moment with an offset and one without
        raise Beyond from None


def distinct(left: Any, right: Any) -> bool:
    """Say whether two values are distinct, null being like null."""
    if left is None or right is None:
        return left is not right
    return not compare(operator.eq, left, right)


def alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values that may be compared. A decimal beside a binary number is made binary, as databases do it."""
    if isinstance(left, NUMBERS) and isinstance(right, NUMBERS):
        if isinstance(left, float) or isinstance(right, float):
            return float(left), float(right)
        return left, right
    kinds = [next((kind for kind in KINDS if isinstance(value, kind)), None) for value in (left, right)]
    if kinds[0] is None or kinds[0] is not kinds[1]:
        raise Beyond
    return left, right


def truth(value: Any) -> bool | None:
    """Return a value as a condition. SQLite has whole numbers for true and false."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    raise Beyond


def number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Beyond
    return value


def concatenated(left: Any, right: Any) -> str | None:
    if left is None or right is None:
        return None
    if not (isinstance(left, str) and isinstance(right, str)):
        raise Beyond
    return left + right


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Beyond
    return value


def _ascii(value: Any) -> str:
    """Return text whose letter case every database changes alike."""
    if not _text(value).isascii():
        raise Beyond
    return _text(value)


def _of_one(apply: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    def gives(values: list[Any]) -> Any:
        if len(values) != 1:
            raise Beyond
        return None if values[0] is None else apply(values[0])

    return gives


def _nullif(values: list[Any]) -> Any:
    if len(values) != 2:
        raise Beyond
    return None if compare(operator.eq, values[0], values[1]) is True else values[0]


FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "lower": _of_one(lambda value: _ascii(value).lower()),
    "upper": _of_one(lambda value: _ascii(value).upper()),
    "length": _of_one(lambda value: len(_text(value))),
    "char_length": _of_one(lambda value: len(_text(value))),
    "abs": _of_one(lambda value: abs(number(value))),
    "coalesce": lambda values: next((each for each in values if each is not None), None),
    "nullif": _nullif,
}
"""The functions that mean the same on every database. Any other is asked of the database."""
