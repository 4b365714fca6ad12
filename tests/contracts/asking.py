"""Write the oracle's questions as query strings, and as bodies."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from contracts.oracle import AllOf, AnyOf, Asked, Complement, Condition, Order, Question, Shown, written


def arguments(question: Question) -> list[tuple[str, str]]:
    """Return the parameters of a list request, but for `cursor` and `page`."""
    pairs = [condition(each) for each in question.conditions if isinstance(each, Condition)]
    assert len(pairs) == len(question.conditions), "an address cannot say this"
    if question.sort:
        pairs.append(("sort", ",".join(order(each) for each in question.sort)))
    return [*pairs, *selection(question.shown), ("limit", str(question.limit))]


def condition(condition: Condition) -> tuple[str, str]:
    name = name_of(condition)
    if condition.operator in ("in", "not_in"):
        record = io.StringIO()
        csv.writer(record, lineterminator="").writerow([text(each) for each in condition.operand])
        return name, record.getvalue()
    return name, text(condition.operand)


def name_of(condition: Condition) -> str:
    name = "__".join((*condition.relations, *((condition.column,) if condition.column else ())))
    return name if condition.operator == "eq" else f"{name}__{condition.operator}"


def body(question: Question) -> dict[str, Any]:
    """Return the body that asks a question, but for `cursor` and `page`."""
    said: dict[str, Any] = {"where": where(question.conditions), "limit": question.limit}
    if question.sort:
        said["sort"] = [order(each) for each in question.sort]
    return said | {name: listed.split(",") for name, listed in selection(question.shown)}


def where(asked: Iterable[Asked]) -> dict[str, Any]:
    """Return an object of conditions. What an object cannot hold twice goes into its `and`."""
    said: dict[str, Any] = {}
    beside: list[dict[str, Any]] = []
    for each in asked:
        if isinstance(each, AllOf):
            beside.append(where(each.members))
            continue
        name, value = _member(each)
        if name in said:
            beside.append({name: value})
        else:
            said[name] = value
    return said | ({"and": beside} if beside else {})


def _member(asked: Condition | AnyOf | Complement) -> tuple[str, Any]:
    match asked:
        case AnyOf():
            return "or", [where((each,)) for each in asked.members]
        case Complement():
            return "not", where((asked.member,))
    many = isinstance(asked.operand, tuple)
    return name_of(asked), [written(each) for each in asked.operand] if many else written(asked.operand)


def order(order: Order) -> str:
    return ("-" if order.descending else "") + "__".join((*order.relations, order.column))


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(written(value))


def selection(shown: Shown) -> list[tuple[str, str]]:
    """Return `fields` and `expand`; related rows that are only reached through `fields` need no `expand`."""
    fields: list[str] = []
    expand: list[str] = []

    def visit(at: Shown, path: str) -> None:
        fields.extend(path + name for name in at.columns or ())
        for name, inner in at.related.items():
            expand.append(path + name)
            visit(inner, f"{path}{name}__")

    visit(shown, "")
    return [(name, ",".join(listed)) for name, listed in (("fields", fields), ("expand", expand)) if listed]
