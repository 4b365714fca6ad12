"""A key in an address is read back as it was written, whatever stands in it."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, String
from sqlalchemy.types import TypeEngine

from meze.query.ask import Selection
from meze.records.urls import key_text, key_values, selection_arguments
from meze.resources.fields import field_type
from meze.resources.resource import Default, Field


def part(name: str, sqltype: TypeEngine) -> Field:
    column = Column(name, sqltype, primary_key=True)
    return Field(
        name, column, field_type(column, lambda _: 64, "sqlite"), False, True, False, Default(), Default(), None
    )


TEXT, NUMBER = part("code", String()), part("id", Integer())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(-(2**63), 2**63 - 1))
def test_a_key_survives_its_address(text, number):
    written = key_text((TEXT, NUMBER), (text, number))

    assert "/" not in written
    assert key_values((TEXT, NUMBER), unquote(written)) == [text, number]


@pytest.mark.parametrize("written", ["", "1,2", "x", "1.0", " 1", "9" * 30])
def test_what_is_no_key_of_this_shape_is_none(written):
    assert key_values((NUMBER,), written) is None


def test_tilde_slash_and_comma_are_escaped():
    assert unquote(key_text((TEXT,), ("a~b/c,d",))) == "a~0b~1c~2d"


def test_a_selection_is_written_as_the_parameters_that_ask_for_it():
    artist = Selection(("name",), (("label", Selection()),))
    selection = replace(Selection(), fields=("id",), related=(("artist", artist),))

    assert selection_arguments(selection) == [("fields", "id,artist__name"), ("expand", "artist,artist__label")]
