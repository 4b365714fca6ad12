"""Bodies of accounts: every fault at once, in the contract's words, and nothing shown of what is secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meze.accounts import bodies
from meze.accounts.endpoints import ENDPOINTS
from meze.errors import BadRequest, Invalid, UnsupportedMediaType
from meze.web.accounts.body import read_body
from meze.web.messages import Request


def request(body: Any, content_type: str = "application/json", method: str = "POST") -> Request:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method, "/api/v1/auth/login", headers={"content-type": content_type}, read=lambda: sent)


def faults(body: Any, shape: type[bodies.Shape]) -> set[tuple[str | None, str]]:
    with pytest.raises(Invalid) as caught:
        read_body(request(body), shape)
    return {(entry.pointer, entry.code) for entry in caught.value.entries}


def test_a_body_is_read_into_its_shape():
    read = read_body(request({"email": "anna@example.com", "password": "four plain words"}), bodies.Login)

    assert (read.email, read.password) == ("anna@example.com", "four plain words")


@pytest.mark.parametrize(
    ("shape", "body", "expected"),
    [
        pytest.param(bodies.Login, {}, {("/email", "required"), ("/password", "required")}, id="nothing"),
        pytest.param(
            bodies.Login,
            {"email": None, "password": 7, "admin": True},
            {("/email", "required"), ("/password", "wrong_type"), ("/admin", "unknown")},
            id="every-fault-at-once",
        ),
        pytest.param(
            bodies.Register,
            {"email": "a" * 321, "password": "x", "name": "", "id": 1, "roles": ["admin"], "email_verified": True},
            {
                ("/email", "too_long"),
                ("/name", "too_short"),
                ("/id", "unknown"),
                ("/roles", "unknown"),
                ("/email_verified", "unknown"),
            },
            id="what-is-not-the-clients-is-unknown",
        ),
        pytest.param(bodies.Login, {"email": "a\0", "password": "b"}, {("/email", "bad_format")}, id="nul"),
        pytest.param(
            bodies.Login, {"email": "a", "password": "\ud800"}, {("/password", "bad_format")}, id="a-lone-surrogate"
        ),
        pytest.param(bodies.Confirm, {}, {("", "required")}, id="no-proof"),
        pytest.param(bodies.Confirm, {"password": None}, {("", "required")}, id="a-proof-that-is-null"),
        pytest.param(bodies.Confirm, {"password": "a", "code": "b"}, {("", "bad_format")}, id="two-proofs"),
        pytest.param(
            bodies.NewKey,
            {"name": "x" * 101, "scopes": [1, "read"], "expires_at": "tomorrow"},
            {("/name", "too_long"), ("/scopes/0", "wrong_type"), ("/expires_at", "bad_format")},
            id="within-a-list",
        ),
        pytest.param(bodies.NewKey, {"name": "x", "scopes": []}, {("/scopes", "too_short")}, id="an-empty-list"),
        pytest.param(
            bodies.NewKey, {"name": "x", "scopes": ["read"] * 101}, {("/scopes", "too_long")}, id="a-long-list"
        ),
        pytest.param(
            bodies.NewKey, {"name": "x", "scopes": "read", "expires_at": 1}, {
                ("/scopes", "wrong_type"),
                ("/expires_at", "wrong_type"),
            }, id="no-list",
        ),
        pytest.param(bodies.ChangeUser, {"disabled": 1}, {("/disabled", "wrong_type")}, id="a-number-is-no-truth"),
        pytest.param(bodies.Forgot, {"a/b~c": 1, "email": "a"}, {("/a~1b~0c", "unknown")}, id="escapes"),
        pytest.param(bodies.Login, [], {("", "wrong_type")}, id="no-object"),
    ],
)  # fmt: skip
def test_faults_are_told_with_their_place(shape, body, expected):
    assert faults(body, shape) == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_fault_is_told_in_both_languages(language):
    with pytest.raises(Invalid) as caught:
        read_body(request({"name": 1, "scopes": ["read"] * 101, "expires_at": "x"}), bodies.NewKey)

    told = [entry.as_json(language)["detail"] for entry in caught.value.entries]
    assert len(told) == 3
    assert all((max(sentence) >= "\u4e00") is (language == "zh") for sentence in told)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_could_send_is_refused(content_type):
    with pytest.raises(UnsupportedMediaType):
        read_body(request({"email": "a", "password": "b"}, content_type), bodies.Login)


def test_a_merge_patch_may_say_that_it_is_one():
    read = read_body(request({"name": None}, "application/merge-patch+json", "PATCH"), bodies.ChangeMe)

    assert read.model_fields_set == {"name"}


def test_a_key_twice_is_malformed():
    with pytest.raises(BadRequest):
        read_body(request(b'{"email":"a","email":"b","password":"c"}'), bodies.Login)


def test_a_moment_is_taken_with_any_offset():
    read = read_body(
        request({"name": "x", "scopes": ["read"], "expires_at": "2030-01-01T02:00:00+02:00"}), bodies.NewKey
    )

    assert read.expires_at is not None
    assert read.expires_at.isoformat() == "2030-01-01T00:00:00+00:00"


@pytest.mark.parametrize("shape", [each.body for each in ENDPOINTS if each.body is not None])
def test_a_body_shows_nothing_where_it_is_printed(shape):
    read = shape.model_construct(password="canary", token="canary", code="canary", refresh_token="canary")

    assert "canary" not in repr(read) + str(read) + f"{read}"


def test_a_refused_body_shows_nothing_where_the_refusal_is_printed():
    with pytest.raises(Invalid) as caught:
        read_body(request({"email": 1, "password": "canary\0"}), bodies.Login)

    assert "canary" not in str(caught.value) + repr(caught.value) + str(caught.value.__cause__)
