"""Rows become objects column by column, as they would one value at a time."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from meze.databases.statement import Fetched
from meze.records.shape import Many, Member, One, encode, no_related, node_of
from meze.resources.fields import field_type


def builtins(objects: list[Any]) -> Any:
    return [msgspec.to_builtins(each) for each in objects]


ROWS = [(1, "a", 2.5, 10, "x"), (2, None, None, None, None), (3, "c", 0.0, 11, "y")]


def test_members_come_out_in_their_order_whatever_the_positions() -> None:
    node = node_of("Row", [("b", Member(2, None)), ("a", Member(0, None))], [])

    assert builtins(node.objects(Fetched(ROWS, ()), no_related)) == [
        {"b": 2.5, "a": 1},
        {"b": None, "a": 2},
        {"b": 0.0, "a": 3},
    ]


def test_values_are_read_before_they_are_written_and_null_stays_null() -> None:
    read = lambda value: None if value is None else value.upper()  # noqa: E731
    node = node_of("Row", [("read", Member(1, None)), ("both", Member(1, lambda value: value * 2))], [])

    assert builtins(node.objects(Fetched(ROWS, ((1, read),)), no_related)) == [
        {"read": "A", "both": "AA"},
        {"read": None, "both": None},
        {"read": "C", "both": "CC"},
    ]


def test_a_related_row_that_is_missing_is_null() -> None:
    inner = node_of("Inner", [("id", Member(3, None)), ("name", Member(4, str.upper))], [])
    node = node_of("Row", [("id", Member(0, None))], [("one", One(3, inner))])

    assert builtins(node.objects(Fetched(ROWS, ()), no_related)) == [
        {"id": 1, "one": {"id": 10, "name": "X"}},
        {"id": 2, "one": None},
        {"id": 3, "one": {"id": 11, "name": "Y"}},
    ]


def test_related_lists_are_followed_from_rows_that_were_read() -> None:
    node = node_of("Row", [], [("many", Many(0, (0,)))])
    seen = []

    def follow(many: Many, row: Any) -> list[Any]:
        seen.append(row)
        return [row[many.key[0]]]

    assert builtins(node.objects(Fetched(ROWS[:2], ((0, str),)), follow)) == [{"many": ["1"]}, {"many": ["2"]}]
    assert [row[0] for row in seen] == ["1", "2"]


def test_rows_of_which_nothing_is_shown_are_empty_objects() -> None:
    node = node_of("Row", [], [])
    assert encode(node.objects(Fetched(ROWS, ()), no_related)) == b"[{},{},{}]"
    assert node.objects(Fetched([], ()), no_related) == []


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(-(10**9), 10**9),
            st.floats(-1e9, 1e9),
            st.sampled_from([0.0, -0.0, -0.001, -0.004999, 0.005, 2.675, 1e22, math.inf, -math.inf]),
        ),
        max_size=8,
    )
)
def test_the_shortcut_of_decimals_writes_what_reading_and_writing_would(values: list[Any]) -> None:
    column = sa.Column("price", sa.Numeric(10, 2))
    sa.Table("books", sa.MetaData(), column)
    type_ = field_type(column, lambda _: 64, "sqlite")
    dialect = sqlite.dialect()
    read = column.type.dialect_impl(dialect).result_processor(dialect, None)
    assert type_.shortcut is not None
    assert read is not None
    known = [read(value) for value in values]

    assert list(type_.shortcut(values)) == [None if each is None else type_.wire(each) for each in known]


@pytest.mark.parametrize(
    "sqltype",
    [
        pytest.param(sa.Numeric(10, 2, asdecimal=False), id="read-as-doubles"),
        pytest.param(sa.Numeric(10, 2, decimal_return_scale=4), id="read-at-another-scale"),
    ],
)
def test_decimals_that_are_read_otherwise_have_no_shortcut(sqltype: Any) -> None:
    column = sa.Column("price", sqltype)
    sa.Table("books", sa.MetaData(), column)

    assert field_type(column, lambda _: 64, "sqlite").shortcut is None
