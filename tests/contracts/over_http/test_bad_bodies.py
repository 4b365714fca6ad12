"""Bodies, headers and addresses that no client should send: a 4xx problem each, and nothing written."""

from __future__ import annotations

import gc
import io
import tracemalloc
from collections.abc import Callable
from time import perf_counter

import pytest

from contracts.kitchen import ANNA, Kitchen, Label, Thing, refused

MakeKitchen = Callable[..., Kitchen]
DEEP = 100_000

MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b" ", id="blank"),
    pytest.param(b"{", id="cut-off"),
    pytest.param(b'{"name": "a"', id="not-closed"),
    pytest.param(b'{"name": "a"}}', id="closed-twice"),
    pytest.param(b'{"name": "a"} {}', id="two-values"),
    pytest.param(b'{"name": "a",}', id="trailing-comma"),
    pytest.param(b"{'name': 'a'}", id="single-quotes"),
    pytest.param(b'{name: "a"}', id="bare-key"),
    pytest.param(b'{"name": "a" /* */}', id="comment"),
    pytest.param(b'{"name": "a\n"}', id="raw-line-feed"),
    pytest.param(b'{"name": "a\x00"}', id="raw-nul"),
    pytest.param(b'\x00{"name": "a"}', id="nul-before"),
    pytest.param(b'{"name": "\xff"}', id="invalid-utf-8"),
    pytest.param(b'{"name": "\xed\xa0\x80"}', id="surrogate-in-utf-8"),
    pytest.param(b'{"name": "\xc0\xaf"}', id="overlong-utf-8"),
    pytest.param(b'{"name": "\\x41"}', id="unknown-escape"),
    pytest.param(b'{"name": "\\u12"}', id="short-escape"),
    pytest.param(b'\xef\xbb\xbf{"name": "a"}', id="utf-8-bom"),
    pytest.param('{"name": "a"}'.encode("utf-16"), id="utf-16-with-bom"),
    pytest.param('{"name": "a"}'.encode("utf-16-le"), id="utf-16"),
    pytest.param('{"name": "a"}'.encode("utf-32"), id="utf-32"),
    pytest.param(b'{"name": "a", "name": "b"}', id="duplicate-keys"),
    pytest.param(b'{"name": "a", "n\\u0061me": "b"}', id="duplicate-keys-one-escaped"),
    pytest.param(b'{"name": "a", "note": {"x": 1, "x": 2}}', id="duplicate-keys-within"),
    pytest.param(b'{"name": "a", "count": NaN}', id="nan"),
    pytest.param(b'{"name": "a", "count": Infinity}', id="infinity"),
    pytest.param(b'{"name": "a", "count": -Infinity}', id="minus-infinity"),
    pytest.param(b'{"name": "a", "count": 01}', id="leading-zero"),
    pytest.param(b'{"name": "a", "count": +1}', id="plus"),
    pytest.param(b'{"name": "a", "count": .5}', id="bare-point"),
    pytest.param(b'{"name": "a", "count": 0x10}', id="hexadecimal"),
    pytest.param(b'{"name": "a", "count": 1_000}', id="underscore"),
    pytest.param(b"[" * DEEP + b"]" * DEEP, id="deep-arrays"),
    pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="deep-objects"),
    pytest.param(b'{"note":' + b"[" * DEEP + b"]" * DEEP + b"}", id="deep-arrays-within"),
    pytest.param(b"[" * DEEP, id="deep-and-not-closed"),
    pytest.param(b"name=a", id="a-form"),
    pytest.param(b"<name>a</name>", id="xml"),
]

INVALID = [
    pytest.param(b"null", "", id="null"),
    pytest.param(b"[]", "", id="array"),
    pytest.param(b'"name"', "", id="string"),
    pytest.param(b"1", "", id="number"),
    pytest.param(b"true", "", id="true"),
    pytest.param(b'{"name": "\\ud800"}', "/name", id="lone-surrogate"),
    pytest.param(b'{"name": "a\\u0000b"}', "/name", id="escaped-nul"),
    pytest.param(b'{"name": "a", "\\u0000": 1}', "/\x00", id="nul-as-key"),
    pytest.param(b'{"name": "a", "count": 9223372036854775808}', "/count", id="past-64-bits"),
    pytest.param(b'{"name": "a", "count": 1.5}', "/count", id="a-fraction"),
    pytest.param(b'{"name": "a", "count": 1e999}', "/count", id="1e999"),
    pytest.param(b'{"name": "a", "count": 1e-999}', "/count", id="1e-999"),
    pytest.param(b'{"name": "a", "__proto__": {}}', "/__proto__", id="proto"),
    pytest.param(b'{"name": "' + b"x" * 100_000 + b'"}', "/name", id="long-text"),
    pytest.param(b'{"name": "a", "' + b"x" * 100_000 + b'": 1}', "/" + "x" * 100_000, id="long-key"),
]

EITHER = [
    pytest.param(b'{"name": "a", "\\ud800": 1}', id="lone-surrogate-as-key"),
    pytest.param(b'{"name": "a", "count": ' + b"9" * 10_000 + b"}", id="10000-digits"),
    pytest.param(b'{"name": "a", "count": ' + b"9" * 1_000_000 + b"}", id="a-million-digits"),
    pytest.param(b'{"name": "a", "count": 1e' + b"9" * 30 + b"}", id="exponent-of-30-digits"),
    pytest.param(b'{"name": "a", "count": 1e' + b"9" * 30_000 + b"}", id="exponent-of-30000-digits"),
    pytest.param(b'{"name": "a", "count": 0.' + b"1" * 1_000_000 + b"}", id="a-million-digits-after-the-point"),
]


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize(("method", "path"), [("POST", "/labels"), ("PATCH", "/labels/a"), ("PUT", "/labels/a")])
def test_what_is_not_json_is_400(kitchen: Kitchen, method: str, path: str, body: bytes) -> None:
    answer = kitchen.request(method, path, data=body, content_type="application/json")

    refused(answer, 400, "malformed")
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize(("body", "pointer"), INVALID)
def test_json_that_does_not_fit_is_422_at_its_place(kitchen: Kitchen, body: bytes, pointer: str) -> None:
    answer = kitchen.request("POST", "/labels", data=body, content_type="application/json")

    refused(answer, 422, "invalid", pointer=pointer)
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize("body", EITHER)
def test_what_may_be_400_or_422_is_refused_at_once(kitchen: Kitchen, body: bytes) -> None:
    started = perf_counter()

    answer = kitchen.request("POST", "/labels", data=body, content_type="application/json")

    assert answer.status_code in (400, 422)
    refused(answer, answer.status_code, {400: "malformed", 422: "invalid"}[answer.status_code])
    assert perf_counter() - started < 1
    assert len(answer.data) < 10_000
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/vnd.api+json",
        "application/xml",
        "json",
        "/",
        ";",
        "application/json, text/plain",
        "application/\x7fjson",
        "a" * 10_000,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/labels"), ("PATCH", "/labels/a"), ("PUT", "/labels/a")])
def test_a_wrong_or_bogus_content_type_is_415(
    kitchen: Kitchen, method: str, path: str, content_type: str | None
) -> None:
    answer = kitchen.request(method, path, data=b'{"name": "a"}', content_type=content_type)

    refused(answer, 415, "unsupported_media_type")
    if method == "PATCH":
        accepted = {each.strip() for each in answer.headers["Accept-Patch"].split(",")}
        assert accepted == {"application/json", "application/merge-patch+json"}
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_merge_patch_is_taken_by_patch_alone(kitchen: Kitchen, method: str) -> None:
    path = "/labels" if method == "POST" else "/labels/a"

    answer = kitchen.request(method, path, data=b'{"name": "a"}', content_type="application/merge-patch+json")

    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;x=y"]
)
def test_a_content_type_may_have_parameters(kitchen: Kitchen, content_type: str) -> None:
    answer = kitchen.request("POST", "/labels", data=b'{"name": "a"}', content_type=content_type)

    assert answer.status_code == 201


class Unread(io.RawIOBase):
    """A body that counts what is read of it."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # what io.RawIOBase calls it with
        size = min(len(buffer), self.left)
        buffer[:size] = b" " * size
        self.left -= size
        self.taken += size
        return size


def test_a_body_that_is_announced_as_too_large_is_413_before_it_is_read(kitchen: Kitchen) -> None:
    body = Unread(50 * 2**20)

    answer = kitchen.request(
        "POST",
        "/labels",
        content_type="application/json",
        environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": str(body.left)},
    )

    refused(answer, 413, "too_large")
    assert body.taken == 0


def test_a_body_of_unknown_length_is_413_once_it_is_too_large(kitchen: Kitchen) -> None:
    body = Unread(50 * 2**20)

    answer = kitchen.request(
        "POST",
        "/labels",
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True},
    )

    refused(answer, 413, "too_large")
    assert body.taken <= 3 * 2**20


def test_the_limit_of_a_body_is_a_setting(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(body_limit=100)

    def sent(size: int) -> bytes:
        return b'{"name": "a"' + b" " * (size - 13) + b"}"

    refused(kitchen.request("POST", "/labels", data=sent(101), content_type="application/json"), 413, "too_large")
    assert kitchen.request("POST", "/labels", data=sent(100), content_type="application/json").status_code == 201


def test_a_body_that_is_shorter_than_announced_is_400(kitchen: Kitchen) -> None:
    answer = kitchen.request(
        "POST",
        "/labels",
        content_type="application/json",
        environ_overrides={"wsgi.input": io.BytesIO(b'{"name": "a"}'), "CONTENT_LENGTH": "1000"},
    )

    refused(answer, 400, "malformed")
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 40])
def test_a_content_length_that_is_no_length_is_4xx(kitchen: Kitchen, length: str) -> None:
    answer = kitchen.request(
        "POST",
        "/labels",
        content_type="application/json",
        environ_overrides={"wsgi.input": io.BytesIO(b'{"name": "a"}'), "CONTENT_LENGTH": length},
    )

    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize("size", [17_000, 65_536, 1_000_000], ids=["17k", "64k", "a-filter-of-a-million-characters"])
def test_an_address_that_is_too_long_is_414_at_once(kitchen: Kitchen, size: int) -> None:
    started = perf_counter()

    refused(kitchen.get(f"/things?words__contains={'a' * size}"), 414, "uri_too_long")
    refused(kitchen.get(f"/things/{'1' * size}"), 414, "uri_too_long")
    assert kitchen.get(f"//{'x' * size}").status_code == 404

    assert perf_counter() - started < 3


def test_a_filter_of_a_million_characters_leaves_no_memory_behind(kitchen: Kitchen) -> None:
    kitchen.get("/things?words__contains=a")
    path = f"/things?words__contains={'a' * 1_000_000}"
    tracemalloc.start()
    try:
        for _ in range(10):
            kitchen.get(path)
            gc.collect()  # the test client's own requests, which refer to themselves
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert left < 8_000_000  # what the last request leaves until the next
    assert peak < 20_000_000


def test_the_limit_of_an_address_is_a_setting_and_counts_what_was_sent(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(uri_limit=200)

    assert kitchen.get("/things?words=" + "a" * 150).status_code == 200
    refused(kitchen.get("/things?words=" + "a" * 200), 414, "uri_too_long")
    refused(kitchen.get("/things?words=" + "%61" * 70), 414, "uri_too_long")


def test_headers_that_are_too_large_are_431(kitchen: Kitchen) -> None:
    refused(kitchen.get("/things", headers={"X-Long": "a" * 65_536}), 431, "headers_too_large")
    many = {f"X-Header-{index}": "a" * 100 for index in range(500)}
    refused(kitchen.get("/things", headers=many), 431, "headers_too_large")
    refused(kitchen.get("/things", headers={"Authorization": "Bearer " + "a" * 40_000}), 431, "headers_too_large")


def test_a_long_token_is_401_at_once(kitchen: Kitchen) -> None:
    started = perf_counter()

    refused(kitchen.get("/things", headers={"Authorization": "Bearer " + "a" * 30_000}), 401, "bad_credentials")

    assert perf_counter() - started < 0.5


@pytest.mark.parametrize("field", ["words", "short", "whole", "data", "blob", "day"])
def test_deep_json_within_a_field_is_refused_or_kept(kitchen: Kitchen, field: str) -> None:
    for depth in (50, 500, 900, 5000):
        body = f'{{"{field}": {"[" * depth}{"]" * depth}}}'
        answer = kitchen.request("POST", "/things", data=body, content_type="application/json")
        if answer.status_code != 201:
            refused(answer, answer.status_code, {400: "malformed", 422: "invalid"}[answer.status_code])
        else:
            assert field == "data"
            assert kitchen.get("/things?sort=-id&limit=1").status_code == 200


def test_an_object_of_very_many_members_is_refused_at_once(kitchen: Kitchen) -> None:
    body = {f"k{index}": index for index in range(50_000)}
    started = perf_counter()

    problem = refused(kitchen.post("/labels", body), 422, "invalid")

    assert problem["errors_total"] == 50_001
    assert perf_counter() - started < 5


def test_no_problem_tells_of_the_inside(kitchen: Kitchen) -> None:
    answers = [
        kitchen.request("POST", "/labels", data=b"{", content_type="application/json"),
        kitchen.post("/labels", {"name": 1}),
        kitchen.get("/things?whole=x"),
        kitchen.post("/articles", {"title": "T", "stars": 9}, ANNA),
        kitchen.get("/things/x"),
    ]

    for answer in answers:
        assert 400 <= answer.status_code < 500
        for word in ("Traceback", "sqlalchemy", "sqlite", "psycopg", "SELECT", "INSERT", "pydantic", "werkzeug", ".py"):
            assert word.lower() not in answer.text.lower()
    assert kitchen.stored(Thing) == []
