"""Read the body of QUERY: what a list is asked in its address, and a `where` besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from meze.errors import Problem, Text
from meze.query.ask import ListAsk
from meze.query.groups import AggregateAsk, CollectionParser
from meze.query.parse import LIST_PARAMETERS, Arguments, unknown_parameter
from meze.query.values import bad_value
from meze.query.view import View
from meze.query.where import NAME_CHARACTERS, Where, WhereReader, pointing_at, writable

LARGEST = 10**10
"""What steers a request is smaller; a number in a body may have a billion digits."""
MEMBERS = ("where", *LIST_PARAMETERS)
GOING_ON = ("cursor", "page")
"""What the address may say besides: with these in its `next`, the same body gets the next page."""
TEXT_CHARACTERS = 16_000
"""How long a text may be, such as that of `q`; an address could not be longer either."""

_ALL = Where((), {}, "{}", ())


@dataclass(frozen=True, slots=True)
class BodyParser:
    """Reads bodies as `lists` reads addresses."""

    lists: CollectionParser
    where: WhereReader

    def parse(
        self, body: Mapping[str, Any], arguments: Arguments, view: View
    ) -> tuple[ListAsk | AggregateAsk, tuple[str, ...]]:
        """Return what a body asks of the resource that `view` shows, and the names in it, for the log.

        Raises:
            BadRequest: a name or value that cannot be used, with its place; TooExpensive: more than may be.
        """
        addressed = _addressed(arguments)
        control = _control(body)
        if "cursor" in addressed and "cursor" in control:
            text = Text(
                "Give `cursor` in the address or in the body, not in both.", "`cursor` 只能出现在地址或正文之一中。"
            )
            raise bad_value("cursor", text)
        where = _ALL if body.get("where") is None else self.where.read(body["where"], view)
        filtered = [] if where.said == _ALL.said else [where.said]
        try:
            # The page that the address counts takes the place of the one that the body began with.
            ask = self.lists.asked({**control, **addressed}, where.conditions, where.values, filtered, view)
        except Problem as problem:
            problem.entries = tuple(
                each
                if each.parameter is None or each.parameter in addressed
                else replace(each, parameter=None, pointer=f"/{each.parameter}")
                for each in problem.entries
            )
            raise
        return ask, (*control, *where.names)


def _addressed(arguments: Arguments) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in arguments:
        if name not in GOING_ON:
            raise unknown_parameter(name, GOING_ON)
        if name in found:
            raise bad_value(name, Text("Give this parameter once.", "此参数只能出现一次。"))
        found[name] = text
    return found


def _control(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a body as an address has them. Null is as good as left out."""
    control: dict[str, str] = {}
    for sent_name, sent in body.items():
        name = writable(sent_name[:NAME_CHARACTERS])
        with pointing_at(f"/{name.replace('~', '~0').replace('/', '~1')}"):
            if sent_name not in MEMBERS:
                raise unknown_parameter(name, MEMBERS)
            if sent is not None and name != "where":
                control[name] = _written(name, sent)
    return control


def _written(name: str, sent: Any) -> str:
    """Return the value of a member as an address has it."""
    match name:
        case "limit" | "page":
            if type(sent) is int or (isinstance(sent, Decimal) and abs(sent) < LARGEST and sent % 1 == 0):
                return str(int(sent))
            raise bad_value(name, Text("Must be a whole number.", "必须是整数。"), "wrong_type")
        case "count" | "etag":
            if isinstance(sent, bool):
                return "true" if sent else "false"
            raise bad_value(name, Text("Must be true or false.", "必须是 true 或 false。"), "wrong_type")
        case "q" | "cursor":
            return _text(name, sent)
    if not isinstance(sent, list):
        return _text(name, sent)
    # A comma would make two names of one.
    if not sent or not all(isinstance(each, str) and "," not in each for each in sent):
        raise bad_value(name, Text("Must be a list of names.", "必须是由名称组成的列表。"), "wrong_type")
    return _text(name, ",".join(sent))


def _text(name: str, sent: Any) -> str:
    if not isinstance(sent, str):
        raise bad_value(name, Text("Must be text.", "必须是文本。"), "wrong_type")
    if len(sent) > TEXT_CHARACTERS:
        reason = Text("At most {max} characters.", "最多 {max} 个字符。")
        raise bad_value(name, reason, "too_long", max=TEXT_CHARACTERS)
    return writable(sent)
