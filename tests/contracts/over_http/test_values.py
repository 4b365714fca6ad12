"""Values on the wire: each type as it goes in, as it comes out, and what it refuses, alike in bodies and in filters."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from contracts.kitchen import Kitchen, Thing, refused

SMALL, WHOLE, BIG = (2**15, 2**31, 2**63)

SAME = object()
KEPT = [
    ("big", BIG - 1, SAME),
    ("big", -BIG, SAME),
    ("big", 2**53 + 1, SAME),
    ("small", SMALL - 1, SAME),
    ("small", -SMALL, SAME),
    ("whole", WHOLE - 1, SAME),
    ("whole", 0, SAME),
    ("flag", True, SAME),
    ("flag", False, SAME),
    ("price", "12.30", SAME),
    ("price", "12.3", "12.30"),
    ("price", 12.3, "12.30"),
    ("price", 12, "12.00"),
    ("price", "-0.01", SAME),
    ("price", "99999999.99", SAME),
    ("price", "0", "0.00"),
    ("price", "-0", "0.00"),
    ("exact", "12345678901234.5678", SAME),
    ("exact", "-99999999999999.9999", SAME),
    ("exact", "0.1", "0.1000"),
    ("ratio", 0.1, SAME),
    ("ratio", -1.5e300, SAME),
    ("ratio", 3, 3.0),
    ("ratio", 5e-324, SAME),
    ("day", "2024-02-29", SAME),
    ("day", "0001-01-01", SAME),
    ("day", "9999-12-31", SAME),
    ("moment", "2026-01-02T03:04:05Z", SAME),
    ("moment", "2026-01-02T03:04:05.123456Z", SAME),
    ("moment", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
    ("moment", "2026-01-02T00:00:00.000001-11:30", "2026-01-02T11:30:00.000001Z"),
    ("moment", "2026-01-02t03:04:05z", "2026-01-02T03:04:05Z"),
    ("naive", "2026-01-02T03:04:05.120000Z", SAME),
    ("naive", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
    ("clock", "23:59:59", SAME),
    ("clock", "00:00:00.000001", SAME),
    ("span", "P1DT2H30M", SAME),
    ("span", "PT0S", SAME),
    ("span", "-PT0.5S", SAME),
    ("token", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", SAME),
    ("token", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("token_text", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("color", "deep-blue", SAME),
    ("level", 2, SAME),
    ("size", "m", SAME),
    ("blob", "AAECgP//", SAME),
    ("blob", "", SAME),
    ("short", "abcde", SAME),
    ("short", "日本語🙂é", SAME),
    ("words", "  spaces kept \t\n", SAME),
    ("words", "é", SAME),
    ("words", "é", SAME),
    ("words", "﷐￿\u200b‮", SAME),
    ("words", "", SAME),
    ("words", "NULL", SAME),
    ("words", "'; DROP TABLE things; --", SAME),
    ("words", "%(x)s :y ? $1 {z} \\", SAME),
]


@pytest.mark.parametrize(("name", "sent", "shown"), KEPT, ids=[f"{name}-{sent!a:.30}" for name, sent, _ in KEPT])
def test_a_value_comes_back_as_it_was_sent_and_is_found_by_it(
    kitchen: Kitchen, name: str, sent: Any, shown: Any
) -> None:
    shown = sent if shown is SAME else shown

    made = kitchen.post("/things", {name: sent})

    assert made.status_code == 201, made.text
    assert made.json[name] == shown
    assert type(made.json[name]) is type(shown)
    if name not in ("blob",):
        written = json.dumps(sent) if isinstance(sent, bool | int | float) else sent
        found = kitchen.get(f"/things?{name}={quote(written)}")
        assert found.status_code == (400 if written == "" and name != "words" else 200), found.text
        if found.status_code == 200:
            assert [row[name] for row in found.json["items"]] == [shown]


REFUSED = [
    ("big", BIG, "too_big"),
    ("big", -BIG - 1, "too_small"),
    ("big", 10**40, "too_big"),
    ("whole", "1", "wrong_type"),
    ("whole", 1.5, "wrong_type"),
    ("whole", True, "wrong_type"),
    ("whole", [], "wrong_type"),
    ("whole", {}, "wrong_type"),
    ("flag", 1, "wrong_type"),
    ("flag", "true", "wrong_type"),
    ("price", "1.234", "bad_format"),
    ("price", "100000000.00", "too_big"),
    ("price", "-100000000", "too_small"),
    ("price", "abc", "bad_format"),
    ("price", "NaN", "bad_format"),
    ("price", "Infinity", "bad_format"),
    ("price", "1_000", "bad_format"),
    ("price", " 1", "bad_format"),
    ("price", "", "bad_format"),
    ("price", True, "wrong_type"),
    ("price", [], "wrong_type"),
    ("exact", "0.00001", "bad_format"),
    ("exact", "100000000000000", "too_big"),
    ("ratio", "1.5", "wrong_type"),
    ("ratio", True, "wrong_type"),
    ("ratio", {}, "wrong_type"),
    ("day", "2023-02-29", "bad_format"),
    ("day", "2023-1-1", "bad_format"),
    ("day", "20230101", "bad_format"),
    ("day", "2023-01-01T00:00:00", "bad_format"),
    ("day", "10000-01-01", "bad_format"),
    ("day", 20230101, "wrong_type"),
    ("moment", "2026-01-02T03:04:05", "bad_format"),
    ("moment", "2026-01-02", "bad_format"),
    ("moment", "2026-13-02T03:04:05Z", "bad_format"),
    ("moment", "2026-01-02T24:00:00Z", "bad_format"),
    ("moment", "0001-01-01T00:00:00+01:00", "bad_format"),
    ("moment", "9999-12-31T23:59:59-01:00", "bad_format"),
    ("moment", 1700000000, "wrong_type"),
    ("naive", "2026-01-02T03:04:05", "bad_format"),
    ("clock", "24:00:00", "bad_format"),
    ("clock", "12:00:00Z", "bad_format"),
    ("clock", 5, "wrong_type"),
    ("span", "1 day", "bad_format"),
    ("span", "P1Y", "bad_format"),
    ("span", "P", "bad_format"),
    ("span", 60, "wrong_type"),
    ("token", "a0eebc99", "bad_format"),
    ("token", 5, "wrong_type"),
    ("token_text", "x", "bad_format"),
    ("color", "DEEP_BLUE", "not_one_of"),
    ("color", "green", "not_one_of"),
    ("color", [], "wrong_type"),
    ("level", 3, "not_one_of"),
    ("level", True, "not_one_of"),
    ("size", "xl", "not_one_of"),
    ("blob", "not base64!", "bad_format"),
    ("blob", "AAE", "bad_format"),
    ("blob", 5, "wrong_type"),
    ("short", "abcdef", "too_long"),
    ("short", 5, "wrong_type"),
    ("words", "a\x00b", "bad_format"),
    ("words", ["a"], "wrong_type"),
    ("parent_id", "1", "wrong_type"),
]


@pytest.mark.parametrize(("name", "sent", "code"), REFUSED, ids=[f"{name}-{sent!a:.30}" for name, sent, _ in REFUSED])
def test_a_value_that_does_not_fit_is_422_at_its_field(kitchen: Kitchen, name: str, sent: Any, code: str) -> None:
    problem = refused(kitchen.post("/things", {name: sent}), 422, "invalid", pointer=f"/{name}")

    codes = {entry["code"] for entry in problem["errors"]}
    # Where the year leaves the calendar, "not a moment" and "too late" are both true.
    assert codes == {code} or (name == "moment" and codes < {"bad_format", "too_big", "too_small"})
    assert kitchen.stored(Thing) == []


WRONG_IN_A_FILTER = [
    ("whole", "abc"),
    ("whole", "1.5"),
    ("big", str(BIG)),
    ("big", "9" * 10_000),
    ("whole", "٣"),
    ("flag", "1"),
    ("flag", "TRUE"),
    ("price", "1.234"),
    ("price", "NaN"),
    ("ratio", "nan"),
    ("ratio", "1e999"),
    ("ratio", "inf"),
    ("day", "2023-02-30"),
    ("moment", "2026-01-02T03:04:05"),
    ("moment", "yesterday"),
    ("clock", "25:00:00"),
    ("span", "P1M"),
    ("token", "abc"),
    ("color", "RED"),
    ("level", "LOW"),
    ("size", "xl"),
]


@pytest.mark.parametrize(
    ("name", "text"), WRONG_IN_A_FILTER, ids=[f"{name}-{text!a:.30}" for name, text in WRONG_IN_A_FILTER]
)
@pytest.mark.parametrize("operator", ["eq", "ne", "in"])
def test_a_value_that_does_not_fit_is_400_at_its_parameter(
    kitchen: Kitchen, name: str, text: str, operator: str
) -> None:
    answer = kitchen.get(f"/things?{name}__{operator}={quote(text)}")

    refused(answer, 400, "bad_value", parameter=f"{name}__{operator}")


@pytest.mark.parametrize("literal", [r'"\ud800"', r'"a\udfffb"', r'"\udc00\ud800"', r'"\u0000"'])
@pytest.mark.parametrize("name", ["words", "short", "data", "price", "day", "color", "blob", "token"])
def test_nul_and_lone_surrogates_are_refused_in_every_type(kitchen: Kitchen, name: str, literal: str) -> None:
    body = f'{{"{name}": {literal}}}'.encode()

    answer = kitchen.request("POST", "/things", data=body, content_type="application/json")

    refused(answer, 422, "invalid", pointer=f"/{name}")
    assert kitchen.stored(Thing) == []


@pytest.mark.parametrize("literal", [r'{"a": "\ud800"}', r'{"\ud800": 1}', r'[["\u0000"]]', r'{"\u0000": 1}'])
def test_nul_and_lone_surrogates_are_refused_within_json(kitchen: Kitchen, literal: str) -> None:
    body = f'{{"data": {literal}}}'.encode()

    answer = kitchen.request("POST", "/things", data=body, content_type="application/json")

    refused(answer, 422, "invalid", pointer="/data")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400, "1e99999999999999999999", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["ratio", "whole", "price", "exact", "words", "day", "flag"])
def test_numbers_beyond_every_range_are_4xx(kitchen: Kitchen, name: str, number: str) -> None:
    answer = kitchen.request("POST", "/things", data=f'{{"{name}": {number}}}', content_type="application/json")

    assert answer.status_code in (400, 422)
    refused(answer, answer.status_code, {400: "malformed", 422: "invalid"}[answer.status_code])
    assert kitchen.stored(Thing) == []


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "1" + "0" * 400, "1e-400", "0.1", "9" * 20])
def test_a_number_within_json_is_kept_or_refused(kitchen: Kitchen, number: str) -> None:
    body = f'{{"data": [{number}]}}'

    answer = kitchen.request("POST", "/things", data=body, content_type="application/json")

    if answer.status_code == 201:
        assert answer.json["data"] == json.loads(body)["data"]
        assert kitchen.get("/things").json["items"][0]["data"] == json.loads(body)["data"]
    else:
        refused(answer, answer.status_code, {400: "malformed", 422: "invalid"}[answer.status_code])


def test_a_pair_of_surrogates_is_one_character(kitchen: Kitchen) -> None:
    answer = kitchen.request("POST", "/things", data=rb'{"words": "\ud83d\ude42"}', content_type="application/json")

    assert answer.json["words"] == "🙂"


def test_text_of_a_megabyte_is_kept_exactly(kitchen: Kitchen) -> None:
    text = "aé日🙂" * 150_000
    body = json.dumps({"words": text}, ensure_ascii=False).encode()

    answer = kitchen.request("POST", "/things", data=body, content_type="application/json")

    assert answer.json["words"] == text


def test_decimals_and_big_integers_are_found_by_range_exactly(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"big": 2**53 + offset} for offset in (0, 1, 2)])

    assert [row["id"] for row in kitchen.get(f"/things?big__gt={2**53}").json["items"]] == [2, 3]
    assert [row["id"] for row in kitchen.get(f"/things?big__in={2**53 + 1}").json["items"]] == [2]


def test_fields_have_the_names_of_the_python_attributes_and_the_order_of_the_model(kitchen: Kitchen) -> None:
    row = kitchen.add("/things", {})

    assert list(row) == [
        *("id", "small", "whole", "big", "flag", "short", "words", "price", "exact", "ratio", "day", "naive", "moment"),
        *("clock", "span", "token", "token_text", "color", "level", "size", "blob", "data", "parent_id"),
    ]
    assert {value for name, value in row.items() if name != "id"} == {None}
