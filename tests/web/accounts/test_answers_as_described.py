"""What the accounts answer is what the document says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from werkzeug.test import TestResponse

from meze.accounts.endpoints import ENDPOINTS
from web.conftest import PASSWORD, Town

Fits = Callable[[TestResponse], bool]


@pytest.fixture
def fits(town: Town) -> Fits:
    """Say whether an answer has a described status, the headers that it needs, and a body of the described shape."""
    document: dict[str, Any] = town.installation.openapi()

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = document["components"][kind][name]
        return node

    def check(answer: TestResponse) -> bool:
        template = re.sub(r"/\d+(?=/|$)", "/{id}", answer.request.path)
        described = resolved(
            document["paths"][template][answer.request.method.lower()]["responses"][str(answer.status_code)]
        )
        for name, header in described["headers"].items():
            assert name in answer.headers or not resolved(header).get("required"), name
        if "content" not in described:
            return answer.data == b""
        schema = {**described["content"][answer.mimetype]["schema"], "components": document["components"]}
        return bool(jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(answer.json))

    return check


def successes(town: Town) -> Iterator[TestResponse]:
    anna = {"email": "anna@example.com", "password": PASSWORD}
    yield town.post("/auth/register", anna)
    yield town.post("/auth/login?session=cookie", anna)
    signed_in = town.post("/auth/login", anna)
    yield signed_in
    yield town.post("/auth/refresh", {"refresh_token": signed_in.json["refresh_token"]})
    headers = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    yield town.get("/auth/me", headers)
    yield town.post("/auth/confirm", {"password": PASSWORD}, headers)
    yield town.client.patch("/api/v1/auth/me", json={"name": "Anna"}, headers=headers)
    yield town.get("/auth/sessions", headers)
    key = town.post("/auth/keys", {"name": "x", "scopes": ["read"], "expires_at": "2100-01-01T00:00:00Z"}, headers)
    yield key
    yield town.get("/auth/keys", headers)
    yield town.client.delete(f"/api/v1/auth/keys/{key.json['id']}", headers=headers)
    yield town.post("/auth/totp", headers=headers)
    yield town.post("/auth/password/forgot", {"email": "anna@example.com"})
    yield town.post("/auth/email/resend", {}, headers)
    yield town.get("/auth/events?count=true", headers)
    admin = town.admin()
    yield town.post("/auth/invitations", {"email": "ben@example.com"}, admin)
    yield town.get("/users?sort=-id", admin)
    yield town.get("/users/1", admin)
    yield town.post("/users", {"email": "cem@example.com", "password": PASSWORD}, admin)
    yield town.client.patch("/api/v1/users/1", json={"roles": ["editor"]}, headers=admin)
    yield town.post("/users/1/sign-out", headers=admin)
    yield town.client.delete("/api/v1/users/1", headers=admin)


def test_what_succeeds_is_answered_as_described(town: Town, fits: Fits) -> None:
    for answer in successes(town):
        assert answer.status_code < 300, (answer.request.path, answer.text)
        assert fits(answer), (answer.request.path, answer.text)


def test_what_is_refused_is_answered_as_described(town: Town, fits: Fits) -> None:
    callers = ({}, town.signed_up(), town.confirmed(town.admin()), {"Authorization": "Bearer nonsense"})
    for endpoint in ENDPOINTS:
        if endpoint.name in ("logout", "logout_all"):  # what follows needs the sessions
            continue
        for headers in callers:
            path = "/api/v1" + endpoint.path.replace("{id}", "999")
            answer = town.client.open(path, method=endpoint.method, json={"x": 1}, headers=headers)
            assert answer.status_code < 500
            assert fits(answer), (endpoint.name, answer.status_code, answer.text)
