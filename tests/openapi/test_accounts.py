"""What the document tells of accounts: every endpoint, what each takes and answers, and who may call it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from meze.accounts.endpoints import ENDPOINTS, Access, Endpoint

Document = dict[str, Any]

SIGN_IN = [{"bearer": []}, {"cookie": []}]
SECURITY = {
    Access.NOBODY: [{}],
    Access.ANYONE: [{}, *SIGN_IN],
    Access.SIGNED_IN: SIGN_IN,
    Access.CONFIRMED: SIGN_IN,
    Access.ADMIN: SIGN_IN,
}


def operation_of(document: Document, endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/api/v1" + endpoint.path][endpoint.method.lower()]
    return found


def test_the_document_is_valid_openapi(accounts_document: Document) -> None:
    validate(accounts_document)


def test_an_app_that_knows_its_callers_by_itself_tells_of_no_accounts(document: Document) -> None:
    told = json.dumps(document)

    assert "/api/v1/auth" not in told
    assert "/api/v1/users" not in told
    assert "cookie" not in document["components"]["securitySchemes"]


def test_every_endpoint_and_no_other_is_told(accounts_document: Document, document: Document) -> None:
    added = set(accounts_document["paths"]) - set(document["paths"])

    assert added == {"/api/v1" + each.path for each in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_who_may_call_is_told(accounts_document: Document, endpoint: Endpoint) -> None:
    assert operation_of(accounts_document, endpoint)["security"] == SECURITY[endpoint.access]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_every_status_is_told_with_what_it_carries(accounts_document: Document, endpoint: Endpoint) -> None:
    responses = operation_of(accounts_document, endpoint)["responses"]

    assert {str(status) for status in endpoint.statuses} <= set(responses)
    success = responses[str(endpoint.status)]
    assert ("content" in success) is (endpoint.status != 204)


def test_operations_have_names_of_their_own(accounts_document: Document) -> None:
    ids = [
        operation["operationId"]
        for item in accounts_document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]

    assert len(ids) == len(set(ids))
    assert {"authLogin", "authGetMe", "listUsers", "getUser", "createUser"} <= set(ids)


def test_the_cookie_signs_in_wherever_a_token_does(accounts_document: Document) -> None:
    assert accounts_document["paths"]["/api/v1/dishes"]["get"]["security"] == [{}, *SIGN_IN]
    assert accounts_document["paths"]["/api/v1/visits"]["get"]["security"] == SIGN_IN


def test_a_body_takes_what_it_names_and_nothing_else(accounts_document: Document) -> None:
    schemas = accounts_document["components"]["schemas"]

    assert schemas["AuthLogin"]["required"] == ["email", "password"]
    assert schemas["AuthLogin"]["additionalProperties"] is False
    assert schemas["AuthLogin"]["examples"] == [{"email": "anna@example.com", "password": "four plain words are good"}]
    assert "default" not in json.dumps(schemas["AuthChangeUser"])


def test_a_resource_may_be_named_like_a_shape_of_ours(accounts_document: Document) -> None:
    names = set(accounts_document["components"]["schemas"])

    assert {"User", "AuthPerson", "AuthKey", "AuthSession"} <= names


def test_waiting_is_told_with_its_time(accounts_document: Document) -> None:
    refused = accounts_document["components"]["responses"]["Problem429"]

    assert refused["headers"]["Retry-After"] == {"$ref": "#/components/headers/Retry-After"}
    (example,) = refused["content"]["application/problem+json"]["examples"].values()
    assert example["value"]["detail"] == "Too many attempts; wait 30 s."


def test_the_token_of_the_second_step_is_told(accounts_document: Document) -> None:
    refused = accounts_document["components"]["responses"]["Problem401"]
    examples = refused["content"]["application/problem+json"]["examples"]

    assert examples["second_factor_required"]["value"]["mfa_token"].startswith("meze_mfa_")
