"""Each fault that pydantic can find in a value becomes an entry with one of the contract's codes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from meze.errors import ENTRY_TEXTS
from meze.resources.fields import entry_for, parameter_entry
from meze.resources.fields.refusal import refuse
from resources.fields.columns import Genre, type_of


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(min_length=2, max_length=3)] = "abc"
    stars: Annotated[int, Field(strict=True, ge=1, le=5)] = 1
    colour: Literal["red", "green"] = "red"
    code: Annotated[str, Field(pattern="^a")] = "a"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    tags: Annotated[list[str], Field(max_length=1)] = []
    genre: Genre = Genre.JAZZ
    owner: str


def errors_of(body: Any) -> list[Any]:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(Note).validate_python(body)
    return refusal.value.errors()


@pytest.mark.parametrize(
    ("body", "code", "params"),
    [
        pytest.param({}, "required", {}, id="missing"),
        pytest.param({"owner": "a", "x": 1}, "unknown", {}, id="extra"),
        pytest.param({"owner": 1}, "wrong_type", {}, id="type"),
        pytest.param({"owner": "a", "title": "abcd"}, "too_long", {"max": 3}, id="long"),
        pytest.param({"owner": "a", "title": "a"}, "too_short", {"min": 2}, id="short"),
        pytest.param({"owner": "a", "tags": ["a", "b"]}, "too_long", {"max": 1}, id="long-list"),
        pytest.param({"owner": "a", "stars": 6}, "too_big", {"max": 5}, id="big"),
        pytest.param({"owner": "a", "stars": 0}, "too_small", {"min": 1}, id="small"),
        pytest.param({"owner": "a", "share": 1.0}, "too_big", {"max": 1.0}, id="not-less"),
        pytest.param({"owner": "a", "share": 0.0}, "too_small", {"min": 0.0}, id="not-greater"),
        pytest.param({"owner": "a", "colour": "blue"}, "not_one_of", {"allowed": "'red' or 'green'"}, id="literal"),
        pytest.param({"owner": "a", "genre": "x"}, "not_one_of", {"allowed": "'jazz' or 'the blues'"}, id="enum"),
        pytest.param({"owner": "a", "code": "b"}, "bad_format", {}, id="pattern"),
    ],
)
def test_a_fault_of_pydantic_has_a_code_of_the_contract(body: Any, code: str, params: dict[str, Any]) -> None:
    (error,) = errors_of(body)

    entry = entry_for(error, None, "/x")

    assert entry.code == code
    assert entry.params == params
    assert entry.as_json("zh")["detail"]


@pytest.mark.parametrize("code", sorted(ENTRY_TEXTS))
def test_every_code_can_be_refused_with(code: str) -> None:
    def validate(value: Any) -> Any:
        raise refuse(code, max=1, min=1, allowed="a, b")

    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(Annotated[int, PlainValidator(validate)]).validate_python(1)
    (error,) = refusal.value.errors()

    entry = entry_for(error, type_of(sa.Integer(), "sqlite"), "/stars")

    assert (entry.code, entry.pointer, entry.parameter) == (code, "/stars", None)
    assert "{" not in entry.as_json("en")["detail"] + entry.as_json("zh")["detail"]


def test_an_entry_names_what_was_expected_in_both_languages() -> None:
    kind = type_of(sa.Date(), "sqlite")
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(kind.annotation).validate_python("today")

    entry = entry_for(refusal.value.errors()[0], kind, "/day")

    assert entry.as_json("en") == {
        "pointer": "/day",
        "code": "bad_format",
        "params": {"expected": "a date (YYYY-MM-DD)"},
        "detail": "Must be written as a date (YYYY-MM-DD).",
    }
    assert entry.as_json("zh")["detail"] == "格式必须是日期（YYYY-MM-DD）。"


@pytest.mark.parametrize("error", [refuse("bad_format"), ValueError("x")], ids=["ours", "any"])
def test_a_parameter_is_named_in_its_entry(error: ValueError) -> None:
    entry = parameter_entry(error, type_of(sa.Integer(), "sqlite"), "stars__gt")

    assert entry.as_json("en") == {
        "parameter": "stars__gt",
        "code": "bad_format",
        "params": {"expected": "a whole number"},
        "detail": "Must be written as a whole number.",
    }
