"""Read the `where` of a body: conditions as JSON, joined by AND, OR and NOT.

`{"price__lt": 10, "or": [{"title": "a"}, {"not": {"artist__country": "FR"}}]}`: an object's members are joined by AND.
What may be named and what it means is as in a URL; values are JSON, as in the body of a write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from meze.errors import BadValue, Entry, Problem, Text, TooExpensive
from meze.query.ask import And, Compare, Condition, Not, Or, side_by_side
from meze.query.condition import CONDITIONS, check_piece, compared, meant
from meze.query.operators import FoldValue
from meze.query.parse import too_many_conditions, too_many_values
from meze.query.values import LIST_VALUES, bad_value, forms, forms_of
from meze.query.view import View, resolve
from meze.resources.fields import entry_for
from meze.resources.resource import Field

DEPTH = 8
"""How many of `and`, `or` and `not` may stand around a condition."""
NAME_CHARACTERS = 1000
"""How long a name may be: no path is longer, and looking for the nearest one takes time."""
JOINING = ("and", "or", "not")
"""The members that are no conditions; a field that is called so is asked about as `or__eq`."""

_NULL = Text(
    "null is equal to nothing; ask for it with `{name}__isnull`.", "null 不与任何值相等；请用 `{name}__isnull` 查询。"
)
_NO_ALTERNATIVE = Text(
    "An empty `or` holds for no row; leave it out, or give an alternative.",
    "空的 `or` 对任何行都不成立；请去掉它，或至少给出一个分支。",
)
_NO_VALUE = Text("An empty list holds for no row.", "空列表对任何行都不成立。")


@dataclass(frozen=True, slots=True)
class Where:
    """`values` are the operands of `conditions` by their binds. `said` is the text of it all, the same for the same
    conditions in whatever order an object has them; `names` are those of the conditions, for the log."""

    conditions: tuple[Condition, ...]
    values: dict[str, Any]
    said: str
    names: tuple[str, ...]


class WhereReader:
    """Reads conditions. `fold` is the database's case folding."""

    def __init__(self, fold: FoldValue) -> None:
        self.fold = fold
        self._adapters: dict[Field, TypeAdapter[Any]] = {}

    def read(self, where: Any, view: View) -> Where:
        """Return what `where` asks of the resource that `view` shows.

        Raises:
            BadRequest: a name or value that cannot be used, with its place in the body; TooExpensive: too much of it.
        """
        reading = _Reading(self, view)
        found = reading.group(where, "/where", 0)
        # Only what was read is written again: it is neither deep nor of a kind that JSON does not have.
        said = json.dumps(where, sort_keys=True, default=str)
        return Where(tuple(side_by_side((found,))), reading.values, said, tuple(reading.names))

    def forms(self, name: str, sent: Any, each: Field) -> tuple[Any, ...]:
        """Return the forms of a value that is compared with a field.

        Raises:
            BadValue: it is null, or no value of the field's type.
        """
        if sent is None:
            raise bad_value(name, _NULL, "wrong_type", name=name.removesuffix("__eq"))
        if each not in self._adapters:
            self._adapters[each] = TypeAdapter(each.type.annotation)
        try:
            return forms_of(self._adapters[each].validate_python(sent), each.type)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
        if fault["type"] == "string_too_long" and isinstance(sent, str):
            # What no row can hold may still be asked about, as in a URL.
            return forms(name, sent, each.type)
        raise BadValue(params={"name": name}, entries=[_refused(entry_for(fault, each.type, ""), name)])


@dataclass(slots=True)
class _Reading:
    """One `where` while it is read."""

    reader: WhereReader
    view: View
    values: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    count: int = 0
    operands: int = 0

    def group(self, sent: Any, pointer: str, depth: int) -> And:
        """Read an object, all of whose members must hold."""
        if depth > DEPTH:
            text = Text("`where` may be nested {max} deep at most.", "`where` 最多嵌套 {max} 层。")
            raise TooExpensive(text, params={"max": DEPTH})
        if not isinstance(sent, dict):
            text = Text("Must be an object of conditions.", "必须是由条件组成的对象。")
            raise _bad_at(pointer, text, "wrong_type")
        if depth and not sent:
            self._counted()
        # In one order always, so that one plan serves all orders.
        return And(tuple(self._member(name, sent[name], pointer, depth) for name in sorted(sent)))

    def _member(self, name: str, sent: Any, pointer: str, depth: int) -> Condition:
        if len(name) > NAME_CHARACTERS:
            text = Text("A name has at most {max} characters.", "名称最多 {max} 个字符。")
            raise _bad_at(pointer, text, "too_long", max=NAME_CHARACTERS)
        name = writable(name)
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        match name:
            case "and":
                return And(self._groups(sent, place, depth))
            case "or":
                if sent == []:
                    raise _bad_at(place, _NO_ALTERNATIVE, "too_short", min=1)
                return Or(self._groups(sent, place, depth))
            case "not":
                return Not(self.group(sent, place, depth + 1))
        self._counted()
        self.names.append(name)
        return self._compare(name, sent, place)

    def _groups(self, sent: Any, place: str, depth: int) -> tuple[And, ...]:
        if not isinstance(sent, list):
            text = Text("Must be a list of objects of conditions.", "必须是由条件对象组成的列表。")
            raise _bad_at(place, text, "wrong_type")
        return tuple(self.group(each, f"{place}/{index}", depth + 1) for index, each in enumerate(sent))

    def _compare(self, name: str, sent: Any, place: str) -> Compare:
        with pointing_at(place):
            said = meant(name, resolve(name, self.view, name), self.view)
            if said.takes_flag or said.field is None:
                return Compare(said.path, said.operator.name, flag=_truth(name, sent))
            sent_each = _list_of(name, sent) if said.takes_many else [sent]
        self.operands += len(sent_each)
        if self.operands > LIST_VALUES:
            raise too_many_values()
        operands = []
        for index, each in enumerate(sent_each):
            with pointing_at(f"{place}/{index}" if said.takes_many else place):
                if isinstance(each, str):
                    check_piece(name, said.operator, each)
                operands.append(self.reader.forms(name, each, said.field))
        return compared(said, operands, self.values, self.reader.fold)

    def _counted(self) -> None:
        self.count += 1
        if self.count > CONDITIONS:
            raise too_many_conditions()


@contextmanager
def pointing_at(place: str) -> Iterator[None]:
    """Let what is refused inside name its place in the body, instead of a parameter of the address."""
    try:
        yield
    except Problem as problem:
        problem.entries = tuple(
            each if each.parameter is None else replace(each, parameter=None, pointer=place) for each in problem.entries
        )
        raise


def writable(text: str) -> str:
    """Return text of a body as an answer can repeat it; what cannot be written in UTF-8 is replaced."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _truth(name: str, sent: Any) -> bool:
    if not isinstance(sent, bool):
        raise bad_value(name, Text("Must be true or false.", "必须是 true 或 false。"), "wrong_type")
    return sent


def _list_of(name: str, sent: Any) -> list[Any]:
    if not isinstance(sent, list):
        raise bad_value(name, Text("Must be a list of values.", "必须是由值组成的列表。"), "wrong_type")
    if not sent:
        raise bad_value(name, _NO_VALUE, "too_short", min=1)
    if len(sent) > LIST_VALUES:
        raise bad_value(name, Text("At most {max} values.", "最多 {max} 个值。"), "too_long", max=LIST_VALUES)
    return sent


def _refused(entry: Entry, name: str) -> Entry:
    return replace(entry, parameter=name, pointer=None)


def _bad_at(place: str, text: Text, code: str, **params: Any) -> BadValue:
    with pointing_at(place):
        raise bad_value("where", text, code, **params)
