"""The errors are those of the contract, each with a status, a meaning and a remedy in both languages."""

import pytest

from meze.errors import ENTRY_TEXTS, Entry, Invalid, Mistake, Problem, problems

STATUSES = {
    "malformed": 400,
    "unknown_parameter": 400,
    "unknown_field": 400,
    "bad_value": 400,
    "bad_cursor": 400,
    "unauthenticated": 401,
    "bad_credentials": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "unsupported_media_type": 415,
    "token_expired": 401,
    "token_revoked": 401,
    "second_factor_required": 401,
    "insufficient_scope": 403,
    "confirmation_required": 403,
    "registration_closed": 403,
    "bad_origin": 403,
    "too_many_requests": 429,
    "already_exists": 409,
    "still_referenced": 409,
    "in_progress": 409,
    "changed": 412,
    "precondition_required": 428,
    "too_large": 413,
    "uri_too_long": 414,
    "headers_too_large": 431,
    "invalid": 422,
    "key_reused": 422,
    "too_expensive": 422,
    "internal": 500,
    "unavailable": 503,
    "storage_full": 507,
}
ENTRY_CODES = [
    *("required", "unknown", "closed", "wrong_type", "too_long", "too_short", "too_big", "too_small"),
    *("not_one_of", "bad_format", "no_such_row", "already_exists"),
]


def test_every_code_has_the_status_of_the_contract():
    assert {kind.code: kind.status for kind in problems()} == STATUSES


def test_entries_have_the_codes_of_the_contract_and_no_other():
    assert list(ENTRY_TEXTS) == ENTRY_CODES


@pytest.mark.parametrize("kind", list(problems()), ids=lambda kind: kind.code)
def test_every_error_says_what_it_means_and_what_to_do_in_both_languages(kind):
    for text in (kind.title, kind.text, kind.remedy):
        assert text.en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)


def test_at_most_a_hundred_entries_are_listed_and_all_are_counted():
    problem = Invalid([Entry("required", pointer=f"/{number}") for number in range(150)])

    body = problem.as_json("en", "01J")

    assert body["errors_total"] == 150
    assert len(body["errors"]) == 100
    assert body["detail"] == "150 fields are not valid."


def test_an_entry_says_where_and_why_and_keeps_the_other_language_to_itself():
    entry = Entry("wrong_type", pointer="/pages", params={"expected": "a whole number", "expected_zh": "整数"})

    assert entry.as_json("en") == {
        "pointer": "/pages",
        "code": "wrong_type",
        "params": {"expected": "a whole number"},
        "detail": "Must be a whole number.",
    }
    assert entry.as_json("zh")["detail"] == "必须是整数。"


def test_a_mistake_reads_as_place_cause_and_remedy():
    assert str(Mistake("This is wrong.", "Write that.", "app.py:3")) == "app.py:3: This is wrong.\n  → Write that."
    assert str(Mistake("This is wrong.", "Write that.")) == "This is wrong.\n  → Write that."


def test_a_problem_names_itself_where_it_is_printed():
    assert str(next(problems(Problem))()) == "400 malformed: The request could not be read."
