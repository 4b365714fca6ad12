"""Entity tags are read as RFC 9110 §13 writes them."""

import pytest

from meze.errors import BadRequest
from meze.web.preconditions import match_of, unchanged


def test_a_match_compares_the_part_for_the_row_and_ignores_a_weak_mark():
    match = match_of('W/"abc.def", "ghi"')

    assert match is not None
    assert match.tags == {"abc", "ghi"}
    assert not match.any


def test_a_star_matches_any_row():
    match = match_of("*")

    assert match is not None
    assert match.any


def test_no_header_asks_nothing():
    assert match_of(None) is None
    assert not unchanged(None, "abc")


def test_none_match_compares_all_of_a_tag():
    assert unchanged('"abc.def"', "abc.def")
    assert unchanged('"x", W/"abc.def"', "abc.def")
    assert not unchanged('"abc"', "abc.def")
    assert unchanged("*", "abc.def")


@pytest.mark.parametrize("header", ["abc", '"abc', 'abc"', '"a" "b"', "W/", "'a'"])
def test_what_is_no_list_of_tags_is_refused(header):
    with pytest.raises(BadRequest) as caught:
        match_of(header)

    assert caught.value.entries[0].header == "If-Match"
