"""A body is read as one JSON object, or refused with the reason; nothing in it makes the reader fail."""

from decimal import Decimal

import pytest

from meze.errors import BadRequest, Invalid, UnsupportedMediaType
from meze.web.body import json_object, parsed
from meze.web.messages import Request


def request(body: bytes, content_type: str = "application/json", method: str = "POST") -> Request:
    headers = {"content-type": content_type} if content_type else {}
    return Request(method, "/api/v1/notes", headers=headers, read=lambda: body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"{", "not valid JSON", id="cut-off"),
        pytest.param(b'{"a":1,}', "not valid JSON", id="a-comma-too-many"),
        pytest.param(b'{"a":1} x', "not valid JSON", id="more-after-it"),
        pytest.param(b"\xff\xfe{}", "not UTF-8", id="utf-16-mark"),
        pytest.param(b'{"a":"\xc3\x28"}', "not UTF-8", id="broken-utf-8"),
        pytest.param(b"\xef\xbb\xbf{}", "byte order mark", id="utf-8-mark"),
        pytest.param(b'{"a":1,"a":2}', "a key twice", id="duplicate-keys"),
        pytest.param(b'{"a":{"b":1,"b":1}}', "a key twice", id="duplicate-keys-inside"),
        pytest.param(b'{"a":NaN}', "NaN", id="nan"),
        pytest.param(b'{"a":-Infinity}', "-Infinity", id="infinity"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep-arrays"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="deep-objects"),
        pytest.param(b'{"a":' + b"9" * 10_000 + b"}", "not valid JSON", id="a-number-of-10000-digits"),
    ],
)
def test_a_body_that_is_no_json_is_malformed(body, reason):
    with pytest.raises(BadRequest) as caught:
        parsed(body)

    assert reason in caught.value.detail.en


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"true"])
def test_a_body_that_is_no_object_is_invalid(body):
    with pytest.raises(Invalid) as caught:
        json_object(request(body))

    (entry,) = caught.value.entries
    assert (entry.pointer, entry.code) == ("", "wrong_type")


def test_numbers_lose_nothing():
    assert json_object(request(b'{"a":0.1000,"b":12345678901234567890123}')) == {
        "a": Decimal("0.1000"),
        "b": 12345678901234567890123,
    }


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "bogus"],
)
def test_another_media_type_is_refused(content_type):
    with pytest.raises(UnsupportedMediaType) as caught:
        json_object(request(b"{}", content_type))

    assert "Accept-Patch" not in caught.value.headers


def test_a_patch_is_told_what_it_may_be():
    with pytest.raises(UnsupportedMediaType) as caught:
        json_object(request(b"{}", "text/plain", "PATCH"), ("application/json", "application/merge-patch+json"))

    assert caught.value.headers["Accept-Patch"] == "application/json, application/merge-patch+json"


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_taken_however_it_is_spelt(content_type):
    assert json_object(request(b'{"a":1}', content_type)) == {"a": 1}
