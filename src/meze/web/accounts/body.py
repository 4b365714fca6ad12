"""Read a body of the accounts into its shape, telling every fault in the words of the contract."""

from __future__ import annotations

import threading
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from meze.accounts.bodies import Shape
from meze.errors import Entry, Invalid, Text
from meze.records.check import pointer
from meze.resources.fields import entry_for
from meze.web.body import MERGE_PATCH, json_object
from meze.web.messages import JSON, Request

S = TypeVar("S", bound=Shape)
_BUILDING = threading.Lock()

_KINDS = {
    "string_type": Text("text", "文本"),
    "bool_type": Text("true or false", "true 或 false"),
    "list_type": Text("a list", "列表"),
}
_ITEMS = {
    "too_long": Text("At most {max} items.", "最多 {max} 项。"),
    "too_short": Text("At least {min} items.", "至少 {min} 项。"),
}


def read_body(request: Request, shape: type[S]) -> S:
    """Return the body.

    Raises:
        UnsupportedMediaType, BadRequest: it is no JSON.
        Invalid: it does not fit; with an entry for every fault.
    """
    _build(shape)
    accepted = (JSON, MERGE_PATCH) if request.method == "PATCH" else (JSON,)
    try:
        return shape.model_validate(json_object(request, accepted))
    except ValidationError as error:
        faults = error.errors(include_url=False)
    raise Invalid([_entry(fault) for fault in faults])


def _build(shape: type[Shape]) -> None:
    """Let pydantic build what reads this shape, once, by one thread alone."""
    if not shape.__pydantic_complete__:
        with _BUILDING:
            shape.model_rebuild()


def _entry(fault: ErrorDetails) -> Entry:
    kind, place = fault["type"], "".join(pointer(str(step)) for step in fault["loc"])
    if kind in _KINDS:
        if fault["input"] is None:
            return Entry("required", pointer=place)
        said = _KINDS[kind]
        return Entry("wrong_type", pointer=place, params={"expected": said.en, "expected_zh": said.zh})
    if kind in _ITEMS:
        name, limit = ("max", "max_length") if kind == "too_long" else ("min", "min_length")
        return Entry(kind, pointer=place, params={name: fault["ctx"][limit]}, text=_ITEMS[kind])
    return entry_for(fault, None, place)
