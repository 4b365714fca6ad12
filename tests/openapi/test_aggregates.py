"""What the document says of aggregates is what the running app accepts and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from meze.query.aggregate import FUNCTIONS
from openapi.test_parameters import CHEF, LISTED, parameters

Valid = Callable[[Any, Any], bool]


def own(parameter: dict[str, Any]) -> list[str]:
    """Return the choices that a parameter enumerates."""
    items = parameter["schema"]["items"]
    found: list[str] = items["enum"] if "enum" in items else items["anyOf"][0]["enum"]
    return found


@pytest.mark.parametrize("name", LISTED)
def test_every_choice_is_accepted_and_answered_as_described(
    client: FlaskClient, document: dict[str, Any], valid: Valid, name: str
) -> None:
    described = parameters(document, name)
    answer_schema = document["paths"][f"/api/v1/{name}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    asked = [("aggregate", each) for each in own(described["aggregate"])]
    asked += [("group", each) for each in own(described["group"])]
    assert len(asked) > 5
    for parameter, choice in asked:
        query = {parameter: choice} if parameter == "aggregate" else {"aggregate": "count", "group": choice}
        answer = client.get(f"/api/v1/{name}", query_string=query, headers=CHEF)

        # A group may have the name of the count of rows.
        assert answer.status_code == (400 if choice == "count" and parameter == "group" else 200), answer.text
        if answer.status_code == 200:
            assert valid(answer_schema, answer.json), answer.text


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_named_for_exactly_the_fields_that_it_takes(
    client: FlaskClient, document: dict[str, Any], function: str
) -> None:
    named = own(parameters(document, "dishes")["aggregate"])
    for field in document["components"]["schemas"]["Dish"]["properties"]:
        if field in ("goes_with", "companions", "tags", "portions", "_etag"):
            continue
        answer = client.get("/api/v1/dishes", query_string={"aggregate": f"{function}:{field}"}, headers=CHEF)

        assert (answer.status_code == 200) is (f"{function}:{field}" in named), field


CHOICES = (
    ("aggregate", "sum:goes_with__price", True),
    ("aggregate", "sum:goes_with__name", False),
    ("aggregate", "max:goes_with__goes_with__on_day", True),
    ("aggregate", "count:tags__code", False),
    ("aggregate", "median:price", False),
    ("aggregate", "sum:secret_hash", False),
    ("group", "goes_with__on_day__month", True),
    ("group", "at_moment__day", True),
    ("group", "at_moment__week", False),
    ("group", "notes", False),
    ("group", "tags__code", False),
    ("group", "secret_hash", False),
)


@pytest.mark.parametrize(("parameter", "choice", "accepted"), CHOICES, ids=[f"{p}={c}" for p, c, _ in CHOICES])
def test_choices_across_relations_are_those_that_the_app_accepts(
    client: FlaskClient, document: dict[str, Any], valid: Valid, parameter: str, choice: str, accepted: bool
) -> None:
    schema = parameters(document, "dishes")[parameter]["schema"]
    query = {"aggregate": "max:id", parameter: choice}
    answer = client.get("/api/v1/dishes", query_string=query, headers=CHEF)

    assert valid(schema, [choice]) is accepted
    assert (answer.status_code == 200) is accepted


def test_an_answer_is_of_rows_or_of_groups(client: FlaskClient, document: dict[str, Any], valid: Valid) -> None:
    groups = {"$ref": "#/components/schemas/DishGroups"}
    rows = client.get("/api/v1/dishes?limit=1").json
    grouped = client.get(
        "/api/v1/dishes?aggregate=count,sum:price,avg:exact,min:on_day&group=rank,goes_with__name"
    ).json

    assert not valid(groups, rows)
    assert valid(groups, grouped)
    assert not valid(groups, {"groups": [{"sum_price": 1}], "next": None})
    assert not valid(groups, {"groups": [{"avg_exact": "1.00"}], "next": None})


def test_the_sort_takes_names_of_the_answers_members(
    client: FlaskClient, document: dict[str, Any], valid: Valid
) -> None:
    schema = parameters(document, "dishes")["sort"]["schema"]
    query = "/api/v1/dishes?aggregate=max:id,sum:price&group=on_day__month&sort=-sum_price,on_day__month"

    assert client.get(query).status_code == 200
    assert valid(schema, ["-sum_price", "on_day__month"])
    assert not valid(schema, ["-secret_hash"])
