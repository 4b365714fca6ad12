"""One condition: what its name says, and how the values that it compares with are bound.

The names are the same in a URL and in a body, `price__lt` and `artist__country__in`; the values are not, so each reader
brings its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meze.errors import Entry, Text, UnknownParameter
from meze.query.ask import HIGH, Compare
from meze.query.operators import OPERATORS, FoldValue, Operand, Operator
from meze.query.values import bad_value
from meze.query.view import Path, View, unknown_field, view_at
from meze.resources.resource import Field

CONDITIONS = 100
"""How many conditions one request may hold."""
PIECE_CHARACTERS = 200
"""How long the text may be that `contains` and its kin look for: their time grows with it times the length of what they
look through, in one call that no time limit can end."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What the name of a condition means. `field` is None where the path ends at a relation: it has `isnull` alone."""

    path: Path
    operator: Operator
    field: Field | None

    @property
    def takes_flag(self) -> bool:
        return self.operator.operand is Operand.FLAG

    @property
    def takes_many(self) -> bool:
        return self.operator.operand is Operand.MANY


def meant(name: str, found: tuple[Path, View, list[str]], view: View) -> Meant:
    """Return what `name` means, which `resolve` has followed as far as `found`.

    Raises:
        UnknownField: it ends at a relation, without saying what of it.
        UnknownParameter: what follows the field is no operator of it.
    """
    path, end, rest = found
    operator = _operator(name, rest)
    if path.field is None:
        if not rest:
            raise unknown_field(path.relations[-1], view_at(path.relations[:-1], view), name)
        return Meant(path, OPERATORS["isnull"], None)
    field = end.fields[path.field]
    if operator.name not in field.type.operators:
        raise _no_operator(name, operator.name, field.type.operators)
    return Meant(path, operator, field)


def check_piece(name: str, operator: Operator, text: str) -> None:
    """Refuse a text that would take too long to look for.

    Raises:
        BadValue: it is longer than the operators that look inside a text may be given.
    """
    if operator.prepare is not None and len(text) > PIECE_CHARACTERS:
        reason = Text("At most {max} characters.", "最多 {max} 个字符。")
        raise bad_value(name, reason, "too_long", max=PIECE_CHARACTERS)


def compared(said: Meant, operands: Iterable[Sequence[Any]], values: dict[str, Any], fold: FoldValue) -> Compare:
    """Return the condition, binding in `values` each operand, whose forms are what `values.forms` gives."""
    names = tuple([bind(said, forms, values, fold) for forms in operands])
    return Compare(said.path, said.operator.name, names)


def bind(said: Meant, forms: Sequence[Any], values: dict[str, Any], fold: FoldValue) -> str:
    """Bind one operand in `values`, and return its name."""
    bound = f"v{len(values)}"
    values[bound] = said.operator.prepare(forms[0], fold) if said.operator.prepare else forms[0]
    if len(forms) > 1:
        values[f"{bound}{HIGH}"] = forms[1]
    return bound


def _operator(name: str, rest: list[str]) -> Operator:
    if not rest:
        return OPERATORS["eq"]
    if len(rest) == 1 and rest[0] in OPERATORS:
        return OPERATORS[rest[0]]
    raise _no_operator(name, "__".join(rest), OPERATORS)


def _no_operator(name: str, operator: str, known: Iterable[str]) -> UnknownParameter:
    allowed = ", ".join(each for each in OPERATORS if each in set(known))
    text = Text(
        "'{operator}' is no operator of this field; it has: {allowed}.",
        "此字段没有运算符“{operator}”；可用：{allowed}。",
    )
    params = {"name": name, "operator": operator, "allowed": allowed}
    return UnknownParameter(text, params=params, entries=[Entry("unknown", parameter=name, params=params, text=text)])
