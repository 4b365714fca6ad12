"""The document as a whole: valid, the same each time, small enough, and telling of nobody's secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from meze.access.policy import Policy
from meze.errors import problems
from meze.installation import Installation
from meze.openapi.description import Description
from meze.openapi.document import document as describe
from meze.query.parse import Limits
from meze.resources.registry import Registry
from openapi.kitchen import HIDDEN

MOST_BYTES = 500_000
METHODS = ("get", "post", "put", "patch", "delete")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def test_the_document_is_valid_openapi(document: dict[str, Any], atlas_document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)
    validate(atlas_document)


def test_the_atlas_is_described_in_less_than_500_kilobytes(atlas_document: dict[str, Any]) -> None:
    sent = json.dumps(atlas_document, ensure_ascii=False, separators=(",", ":")).encode()

    assert len(atlas_document["components"]["parameters"]) > 300
    assert len(sent) < MOST_BYTES


def test_the_same_app_gives_the_same_bytes_whatever_the_order_of_sets(print_atlas: Callable[[str], bytes]) -> None:
    assert print_atlas("1") == print_atlas("2")


@pytest.mark.parametrize("name", HIDDEN)
def test_what_nobody_may_read_is_named_nowhere(document: dict[str, Any], name: str) -> None:
    assert name not in json.dumps(document)


def test_what_one_role_may_read_is_named(document: dict[str, Any]) -> None:
    assert "chef_only" in document["components"]["schemas"]["Dish"]["properties"]
    assert "dishes.chef_only__contains" in document["components"]["parameters"]


def test_a_resource_shows_only_the_operations_that_somebody_may_do(document: dict[str, Any]) -> None:
    assert set(document["paths"]["/api/v1/wishes"]) & set(METHODS) == {"post"}
    assert "/api/v1/wishes/{key}" not in document["paths"]
    assert "/api/v1/wishes/query" not in document["paths"]
    assert "/api/v1/ledger" not in document["paths"]


def test_every_address_of_the_app_is_described_and_no_other(kitchen: Installation, document: dict[str, Any]) -> None:
    closed = {"/api/v1/ledger", "/api/v1/ledger/{key}", "/api/v1/ledger/query"}
    closed |= {"/api/v1/wishes/{key}", "/api/v1/wishes/query"}
    named = {
        rule.rule.replace("<path:key>", "{key}")
        for rule in kitchen.app.url_map.iter_rules()
        if rule.endpoint.startswith("meze.")
    }
    fixed = {"/", "/api/v1", "/api/v1/batch", "/docs", "/openapi.json", "/errors/{code}"}
    fixed |= {"/health/live", "/health/ready"}

    assert set(document["paths"]) == (named - closed) | fixed


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/docs", "/openapi.json", "/errors/invalid", "/health/live", "/health/ready"]
)
def test_the_fixed_addresses_answer_as_described(client: FlaskClient, document: dict[str, Any], path: str) -> None:
    described = document["paths"]["/errors/{code}" if path.startswith("/errors/") else path]["get"]["responses"]["200"]
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.content_type.partition(";")[0] in described["content"]
    assert all(name in answer.headers for name in described["headers"])


def test_operations_have_names_that_read_well(atlas_document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(atlas_document)]

    assert len(ids) == len(set(ids))
    assert {"listCities", "getCity", "createCity", "replaceCity", "updateCity", "deleteCity", "getCountry"} <= set(ids)


def test_signing_in_is_optional_exactly_where_anyone_may(document: dict[str, Any]) -> None:
    paths = document["paths"]

    assert paths["/api/v1/dishes"]["get"]["security"] == [{}, {"bearer": []}]
    assert paths["/api/v1/dishes"]["post"]["security"] == [{"bearer": []}]
    assert paths["/api/v1/visits"]["get"]["security"] == [{"bearer": []}]


def test_forbidden_is_described_where_somebody_may_be_told_so(document: dict[str, Any]) -> None:
    paths = document["paths"]

    assert "403" not in paths["/api/v1/dishes"]["get"]["responses"]
    assert "403" in paths["/api/v1/dishes"]["post"]["responses"]
    assert "403" not in paths["/api/v1/visits"]["get"]["responses"]
    assert "403" in paths["/api/v1/visits/{key}"]["delete"]["responses"]


def test_every_error_has_its_description(accounts_document: dict[str, Any]) -> None:
    described = {
        code
        for response in accounts_document["components"]["responses"].values()
        for code in response["content"]["application/problem+json"]["examples"]
    }

    assert described == {kind.code for kind in problems()}


def test_every_operation_describes_the_errors_that_any_request_may_meet(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        expected = {"400", "401", "414", "431", "500"}
        assert expected <= set(operation["responses"]), path


def test_the_precondition_is_required_where_the_resource_says_so(document: dict[str, Any]) -> None:
    required = document["paths"]["/api/v1/portions/{key}"]["patch"]
    optional = document["paths"]["/api/v1/dishes/{key}"]["patch"]

    assert {"$ref": "#/components/parameters/If-Match.required"} in required["parameters"]
    assert "428" in required["responses"]
    assert {"$ref": "#/components/parameters/If-Match"} in optional["parameters"]
    assert "428" not in optional["responses"]


def examples(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield each example and default of the document, with its place and the schema that it must fit."""
    if isinstance(node, list):
        for index, each in enumerate(node):
            yield from examples(each, f"{place}/{index}")
    if not isinstance(node, dict):
        return
    schema = node.get("schema", node)
    if isinstance(node.get("examples"), list):
        yield from ((f"{place}/examples", node, each) for each in node["examples"])
    elif isinstance(node.get("examples"), dict):
        yield from ((f"{place}/examples/{name}", schema, each["value"]) for name, each in node["examples"].items())
    if "example" in node:
        yield f"{place}/example", schema, node["example"]
    if "default" in node and "type" in node:
        yield f"{place}/default", node, node["default"]
    for name, each in node.items():
        if name not in ("example", "examples", "default"):
            yield from examples(each, f"{place}/{name}")


@pytest.mark.parametrize("app", ["document", "accounts_document", "atlas_document"])
def test_every_example_and_default_fits_its_schema(request: pytest.FixtureRequest, app: str) -> None:
    whole = request.getfixturevalue(app)
    found = list(examples(whole))
    wrong = [
        place
        for place, schema, value in found
        if not jsonschema_rs.Draft202012Validator(
            {**schema, "components": whole["components"]}, validate_formats=True
        ).is_valid(value)
    ]

    assert len(found) > 60
    assert wrong == []


def test_the_constant_that_stands_in_for_a_missing_value_is_told(document: dict[str, Any]) -> None:
    created = document["components"]["schemas"]["DishCreate"]["properties"]

    assert created["count"]["default"] == 1
    assert created["rank"]["default"] == 1
    assert "default" not in document["components"]["schemas"]["DishUpdate"]["properties"]["count"]


def test_what_the_program_says_of_a_column_is_told(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["Dish"]["properties"]["name"]["description"] == "What the menu says."


def test_credits_are_in_the_description() -> None:
    credits = (("GeoNames", "https://www.geonames.org/"),)
    said = Description("Atlas", "2", "/api", Limits(), description="Cities.", credits=credits)
    made = describe(Registry(), Policy(Registry(), frozenset()), said)

    assert made["info"]["description"].startswith("Cities.\n")
    assert "[GeoNames](https://www.geonames.org/)" in made["info"]["description"]
    assert made["info"]["version"] == "2"
