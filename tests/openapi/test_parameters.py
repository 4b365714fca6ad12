"""What the document says may be asked is accepted by the running app, and what the app accepts is in the document."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Meze, anyone
from meze.installation import Installation
from meze.query.operators import OPERATORS, Operand
from meze.query.parse import EXPORT_PARAMETERS, LIST_PARAMETERS
from meze.resources.resource import Field, Resource
from openapi.kitchen import HIDDEN

CHEF = {"authorization": "Bearer admin"}
LISTED = ("dishes", "tags", "portions", "visits")


def parameters(document: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of a list by their names."""
    components = document["components"]["parameters"]
    references = document["paths"][f"/api/v1/{name}"]["get"]["parameters"]
    found = [components[each["$ref"].rpartition("/")[2]] for each in references]
    return {each["name"]: each for each in found}


def written(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | list) else str(value)


def operand(field: Field, operator: str) -> str:
    """Return a value that the operator of the field takes, as it stands in an address."""
    if OPERATORS[operator].operand is Operand.FLAG:
        return "true"
    if OPERATORS[operator].operand is Operand.MANY:
        record = io.StringIO()
        csv.writer(record, lineterminator="").writerow([written(field.type.example)] * 2)
        return record.getvalue()
    return written(field.type.example)


def filters(resource: Resource) -> Iterator[tuple[str, Field, str]]:
    for name, field in resource.fields.items():
        for operator in OPERATORS:
            if name not in HIDDEN and operator in field.type.operators:
                yield name, field, operator


@pytest.mark.parametrize("name", LISTED)
def test_every_operator_that_the_app_accepts_is_a_named_parameter(
    kitchen: Installation, client: FlaskClient, document: dict[str, Any], name: str
) -> None:
    resource = kitchen.resources.named(name)
    assert resource is not None
    described = parameters(document, name)
    for field_name, field, operator in filters(resource):
        parameter = f"{field_name}__{operator}"
        answer = client.get(f"/api/v1/{name}", query_string={parameter: operand(field, operator)}, headers=CHEF)
        plain = operator == "eq" and field_name not in LIST_PARAMETERS

        assert answer.status_code == 200, answer.text
        assert (field_name if plain else parameter) in described


@pytest.mark.parametrize("name", LISTED)
def test_every_named_filter_is_accepted_by_the_app(
    kitchen: Installation, client: FlaskClient, document: dict[str, Any], name: str
) -> None:
    resource = kitchen.resources.named(name)
    assert resource is not None
    own = [each for each in parameters(document, name).values() if each.get("explode") is not True]
    for each in own:
        if each["name"] in (*LIST_PARAMETERS, *EXPORT_PARAMETERS):
            continue
        field, _, operator = each["name"].partition("__")
        value = operand(resource.fields[field], operator or "eq")

        assert client.get(f"/api/v1/{name}", query_string={each["name"]: value}, headers=CHEF).status_code == 200


def test_no_operator_is_named_that_the_field_does_not_have(document: dict[str, Any]) -> None:
    described = parameters(document, "dishes")

    assert "name__contains" in described
    assert "count__contains" not in described
    assert "notes__isnull" in described
    assert "notes" not in described
    assert "photo__gte" not in described


def test_a_field_named_like_a_parameter_is_filtered_by_its_operator(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    described = parameters(document, "dishes")

    assert described["count"]["schema"] == {"type": "boolean"}
    assert described["count__eq"]["schema"]["type"] == "integer"
    assert client.get("/api/v1/dishes?count__eq=1&limit=1").status_code == 200


def test_the_object_of_paths_takes_another_name_where_a_field_has_its_own(document: dict[str, Any]) -> None:
    assert parameters(document, "dishes")["related"]["schema"]["type"] == "string"
    assert parameters(document, "dishes")["related_rows"]["schema"]["type"] == "object"
    assert parameters(document, "tags")["related"]["schema"]["type"] == "object"


def test_steering_parameters_are_accepted_at_their_bounds(client: FlaskClient, document: dict[str, Any]) -> None:
    described = parameters(document, "dishes")
    most = described["limit"]["schema"]["maximum"]

    assert most == 50
    assert client.get(f"/api/v1/dishes?limit={most}&count=true&page=1&q=dish").status_code == 200
    assert client.get(f"/api/v1/dishes?limit={most + 1}").status_code == 400
    assert client.get("/api/v1/dishes?limit=1&page=10000").status_code == 200
    assert client.get("/api/v1/dishes?limit=1&page=10001").status_code == 400
    assert described["page"]["schema"]["maximum"] == 10000


def test_search_is_a_parameter_only_where_fields_are_searched(document: dict[str, Any]) -> None:
    assert "q" in parameters(document, "dishes")
    assert "q" not in parameters(document, "tags")


PATHS = (
    ("goes_with__name", "Dish 1", True),
    ("goes_with__name__eq", "Dish 1", True),
    ("goes_with__isnull", True, True),
    ("tags__code__in", 'hot,"a,b"', True),
    ("tags__code__in", '"hot', False),
    ("portions__grams__gte", 3, True),
    ("portions__grams__gte", "x", False),
    ("portions__grams__contains", 3, False),
    ("portions__nothing", "x", False),
    ("companions__goes_with__companions__goes_with__name", "x", True),
    ("goes_with__secret_hash", "x", False),
    ("ledger__id", 1, False),
)


@pytest.mark.parametrize(("path", "value", "accepted"), PATHS, ids=[f"{path}={value}" for path, value, _ in PATHS])
def test_the_object_of_paths_holds_what_the_app_accepts(
    client: FlaskClient, document: dict[str, Any], valid: Any, path: str, value: Any, accepted: bool
) -> None:
    schema = parameters(document, "dishes")["related_rows"]["schema"]
    answer = client.get("/api/v1/dishes", query_string={path: written(value)}, headers=CHEF)

    assert valid(schema, {path: value}) is accepted
    assert (answer.status_code == 200) is accepted


NAMES = (
    ("sort", "-name", True),
    ("sort", "goes_with__name", True),
    ("sort", "tags__code", False),
    ("sort", "notes", False),
    ("sort", "secret_hash", False),
    ("fields", "id,goes_with__name", True),
    ("fields", "-id", False),
    ("fields", "goes_with", False),
    ("fields", "ledger__id", False),
    ("expand", "goes_with,tags", True),
    ("expand", "goes_with__tags", True),
    ("expand", "goes_with__name", False),
    ("expand", "ledger", False),
)


@pytest.mark.parametrize(("parameter", "names", "accepted"), NAMES, ids=[f"{p}={n}" for p, n, _ in NAMES])
def test_lists_of_names_hold_what_the_app_accepts(
    client: FlaskClient, document: dict[str, Any], valid: Any, parameter: str, names: str, accepted: bool
) -> None:
    schema = parameters(document, "dishes")[parameter]["schema"]
    answer = client.get("/api/v1/dishes", query_string={parameter: names}, headers=CHEF)

    assert valid(schema, names.split(",")) is accepted
    assert (answer.status_code == 200) is accepted


@pytest.mark.parametrize(
    ("path", "key", "fits"),
    [
        ("dishes", 1, True),
        ("dishes", "x", False),
        ("tags", "a~1b~2~0c", True),
        ("tags", "a/b", False),
        ("portions", "1,L", True),
        ("portions", "1", False),
        ("portions", "L,1,2", False),
    ],
)
def test_keys_are_described_as_addresses_write_them(
    client: FlaskClient, document: dict[str, Any], valid: Any, path: str, key: Any, fits: bool
) -> None:
    described = document["paths"][f"/api/v1/{path}/{{key}}"]["parameters"][0]

    assert valid(described["schema"], key) is fits
    assert (client.get(f"/api/v1/{path}/{key}").status_code == 200) is fits


@pytest.mark.parametrize("tags", ["*", '"a"', 'W/"a"', '"a", "b"', "a", '"a" "b"'])
def test_entity_tags_are_described_as_the_app_reads_them(
    client: FlaskClient, document: dict[str, Any], tags: str
) -> None:
    pattern = document["components"]["parameters"]["If-None-Match"]["schema"]["pattern"]
    answer = client.get("/api/v1/dishes/1", headers={"If-None-Match": tags})

    assert (re.search(pattern, tags) is not None) is (answer.status_code != 400)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_arrays_are_asked_for_as_json(database_url: str, tmp_path: Path) -> None:
    class Base(DeclarativeBase):
        pass

    class Poll(Base):
        __tablename__ = "polls"
        id: Mapped[int] = mapped_column(primary_key=True)
        votes: Mapped[list[int]] = mapped_column(sa.ARRAY(sa.Integer))
        parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("polls.id"))
        parent: Mapped[Poll | None] = relationship(remote_side="Poll.id")

    app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    api = Meze(app, Base, settings={"database_url": database_url, "secret_key": "k" * 40})
    api.resource(Poll, read=anyone, page_limit=5)
    installation = app.extensions["meze"]
    Base.metadata.create_all(installation.database.engine)
    described = parameters(installation.openapi(), "polls")
    (path,) = [
        schema
        for pattern, schema in described["related"]["schema"]["patternProperties"].items()
        if re.search(pattern, "parent__votes")
    ]
    answers = [
        app.test_client().get("/api/v1/polls", query_string={name: "[1, null]"}) for name in ("votes", "parent__votes")
    ]
    installation.database.close()

    assert described["votes"]["content"]["application/json"]["schema"]["type"] == "array"
    assert path == {"type": "string", "contentMediaType": "application/json"}
    assert [answer.status_code for answer in answers] == [200, 200]
