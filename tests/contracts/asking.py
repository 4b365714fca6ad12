"""Write the oracle's questions as query strings."""

from __future__ import annotations

import csv
import io
from typing import Any

from contracts.oracle import Condition, Order, Question, Shown, written


def arguments(question: Question) -> list[tuple[str, str]]:
    """Return the parameters of a list request, but for `cursor` and `page`."""
    pairs = [condition(each) for each in question.conditions]
    if question.sort:
        pairs.append(("sort", ",".join(order(each) for each in question.sort)))
    return [*pairs, *selection(question.shown), ("limit", str(question.limit))]


def condition(condition: Condition) -> tuple[str, str]:
    name = "__".join((*condition.relations, *((condition.column,) if condition.column else ())))
    if condition.operator != "eq":
        name += f"__{condition.operator}"
    if condition.operator in ("in", "not_in"):
        record = io.StringIO()
        csv.writer(record, lineterminator="").writerow([text(each) for each in condition.operand])
        return name, record.getvalue()
    return name, text(condition.operand)


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
