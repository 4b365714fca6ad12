"""Every operation that may change something takes an Idempotency-Key, as the app reads it."""

import re

import pytest

from meze.errors import BadRequest
from meze.web.idempotency import key_of

CHANGING = ("post", "put", "patch", "delete")
REFERENCE = {"$ref": "#/components/parameters/Idempotency-Key"}


def test_what_changes_something_takes_a_key_and_nothing_else_does(accounts_document):
    taking, others = [], []
    for path, item in accounts_document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                (taking if REFERENCE in operation.get("parameters", ()) else others).append((method, path))

    assert taking
    assert all(method in CHANGING and not path.endswith("/query") for method, path in taking)
    ignored = ("/auth", "/users", "/query")
    left = [
        (method, path) for method, path in others if method in CHANGING and not any(each in path for each in ignored)
    ]
    assert left == []


def test_answers_that_may_be_repeated_say_so(document):
    for item in document["paths"].values():
        for method in set(item) & set(CHANGING):
            if REFERENCE in item[method]["parameters"]:
                done = [each for status, each in item[method]["responses"].items() if status.startswith("2")]
                assert all("Idempotency-Replayed" in each["headers"] for each in done)
                assert {"409", "422"} <= set(item[method]["responses"])


@pytest.mark.parametrize(
    "written", ["k-1", '"k 1"', r'"a\"b"', "x" * 255, "", '""', "a b", 'a"b', '"a', r'"a\b"', "é", "x" * 256]
)
def test_keys_are_described_as_the_app_reads_them(document, written):
    pattern = document["components"]["parameters"]["Idempotency-Key"]["schema"]["pattern"]
    try:
        key_of(written)
    except BadRequest:
        assert not re.search(pattern, written)
    else:
        assert re.search(pattern, written)
