"""schemathesis, with all its checks, against what each app's own OpenAPI document says: the kitchen sink and the atlas.

Seeded, and bounded: the requests that it derives one by one from every parameter (its coverage mode) number thousands.
They are made by `make fuzz`, and not for lists of wide tables.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, CheckContext, Response, SerializationContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    unsupported_method,
)
from sqlalchemy import Engine, insert

from contracts.kitchen import (
    ADMIN,
    ANNA,
    Article,
    Book,
    Booking,
    Car,
    Kitchen,
    Label,
    Note,
    Parcel,
    Person,
    Remark,
    Seat,
    Shelf,
    Thing,
    identify,
)
from contracts.profiles import LONG

ATLAS = Path(__file__).parents[3] / "examples" / "atlas" / "app.py"
SEED = 20260102
CONFIG = {
    "checks": {
        # What no schema can say is told apart below, by `refused_only_for_what_no_schema_says`.
        "positive_data_acceptance": {
            "expected-statuses": ["2xx", "304", "400", "401", "403", "404", "409", "412", "422", "428"]
        },
        # A precondition that does not hold is told before the body is looked at.
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422", "428"]
        },
        "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "415", "422", "428"]},
    }
}
BOUNDED = settings(
    max_examples=2,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
WIDE = 26
"""An operation with more parameters than this is not taken through each value of each, and at random by `make fuzz`."""
KINDS = ("labels", "seats", "articles", "notes", "drops")
"""Resources of the kitchen sink that have together every kind of key, rule and field but the types of `things`."""
ATLAS_NAMES = ("countries", "cities", "trips", "stops")
FILES = ("text/csv", "application/x-ndjson")
METHODS = {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}
BEYOND_SCHEMAS = {
    *("cursor", "page", "fields", "sort", "expand"),
    *("aggregate", "group", "count", "etag"),
    *("format", "bom", "on_conflict"),
    *("If-Match", "If-None-Match"),
}
"""Parameters whose meaning hangs on more than their form: on the caller, the row, another parameter or answer."""


@schemathesis.serializer("application/x-ndjson", "text/csv")
def file(_: SerializationContext, value: Any) -> bytes:
    """Send a text as the file that it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.check
def refused_only_for_what_no_schema_says(_: CheckContext, response: Response, case: Case) -> None:
    """A request that fits the document may be refused for its place among the rows, never for its form."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    if case.media_type in FILES or "format" in (case.query or {}):
        # No schema says what a file must hold, nor which parameters an export does without.
        return
    problem = response.json()
    if problem["code"] == "too_expensive" or case.path.endswith("/batch"):
        # What an operation of a batch may say depends on its path.
        return
    if case.method == "DELETE" and not case.query:
        # That one of many filters is needed cannot be said of parameters.
        return
    for entry in problem["errors"]:
        parameter = entry.get("parameter", entry.get("header"))
        fits = (
            parameter in BEYOND_SCHEMAS
            or (parameter is not None and "__" in parameter)
            or entry["code"] in ("no_such_row", "closed", "already_exists")
            or entry.get("pointer", "/")[1:] in {"", *BEYOND_SCHEMAS}
            # Of a whole row of an array, as of a whole body, a constraint may be all that is known.
            or entry.get("pointer", "/")[1:].isdigit()
        )
        assert fits, problem


@schemathesis.check
def allows_what_is_documented(_: CheckContext, response: Response, case: Case) -> None:
    """`Allow` names what the document has, and QUERY. `/labels/query` is also the row whose key is `query`."""
    allow = response.headers.get("allow")
    if response.request.method != "OPTIONS" or not allow or case.path.endswith("/query"):
        return
    aside = {"HEAD", "OPTIONS", "QUERY"}
    documented = {method.upper() for method in case.operation.schema[case.operation.path]} & METHODS
    assert {method.strip() for method in ", ".join(allow).split(",")} - aside == documented - aside


def document_of(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig.from_dict(CONFIG))


@pytest.fixture
def kitchen_document(kitchen: Kitchen) -> Any:
    """The document of the kitchen-sink app, with rows for what the document's examples name."""
    kitchen.fill(Thing, [{"id": 42, "parent_id": None}, {"id": 43, "parent_id": 42}])
    kitchen.fill(Label, [{"name": "text"}])
    kitchen.fill(Parcel, [{"id": uuid.UUID("018f3b0c-7f3e-7cc2-9d6b-2f6f0a2f5b1e")}])
    kitchen.fill(Seat, [{"hall": "text", "number": 42}])
    kitchen.fill(Booking, [{"id": 42, "hall": "text", "number": 42}])
    kitchen.fill(Car, [{"id": 42, "kind": "car"}])
    kitchen.fill(Article, [{"id": 42, "title": "T", "version": 1}])
    kitchen.fill(Note, [{"id": 42, "owner_id": 4, "title": "t"}])
    kitchen.fill(Remark, [{"id": 42, "note_id": 42}])
    kitchen.fill(Shelf, [{"id": 42, "name": "A"}])
    kitchen.fill(Book, [{"id": 42, "title": "T", "shelf_id": 42}])
    return document_of(kitchen.app)


@pytest.fixture
def atlas_document(database_url: str, tmp_path: Path) -> Iterator[Any]:
    """The document of the atlas, on a handful of its rows."""
    specification = importlib.util.spec_from_file_location("atlas_to_fuzz", ATLAS)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database_url)
        patch.setenv("SECRET_KEY", "only-for-tests-and-long-enough-to-be-accepted")
        patch.setitem(sys.modules, specification.name, module)
        specification.loader.exec_module(module)
    module.api.identify = identify
    installation = module.app.extensions["meze"]
    module.Base.metadata.create_all(installation.database.engine)
    fill_atlas(module, installation.database.engine)
    yield document_of(module.app)
    installation.database.close()


def fill_atlas(module: Any, engine: Engine) -> None:
    country = {"name": "Text", "iso3": "TXT", "population": 1, "area_km2": 1, "continent_code": "te"}
    city = {"name": "Text", "population": 1, "latitude": 0.5, "longitude": 0.5, "timezone": "UTC"}
    with engine.begin() as connection:
        people = [{"id": number, "email": f"{number}@example.com"} for number in range(1, 6)]
        connection.execute(insert(module.Base.metadata.tables["meze_users"]), people)
        connection.execute(insert(module.Continent), [{"code": "te", "name": "Text"}])
        connection.execute(insert(module.Country), [{"code": "te", **country}])
        connection.execute(insert(module.City), [{"id": 42, "country_code": "te", **city}])
        connection.execute(insert(module.Trip), [{"id": 42, "owner_id": 1, "title": "t", "public": True}])
        connection.execute(insert(module.Stop), [{"id": 42, "trip_id": 42, "city_id": 42}])


def looks_right_on_the_wire(case: Case) -> bool:
    """Say whether what is wrong with a case cannot be seen: one value where a list is asked for is a list of one."""
    return any(name.endswith("in") and not isinstance(value, list) for name, value in (case.query or {}).items())


def keep_to(document: Any, person: Person, thoroughly: Collection[str] = ()) -> list[str]:
    """Ask every operation of the document, by its examples and at random; those of the resources named `thoroughly`
    by each value of each parameter too.

    Returns:
        What failed, a report for each operation.
    """

    numbers = itertools.count()

    def ask(case: Case) -> None:
        if (case.headers or {}).get("Idempotency-Key", "").replace("-", "").isalnum():
            # The same key for another request is refused, whatever that asks.
            case.headers["Idempotency-Key"] = str(next(numbers))
        unseen = [negative_data_rejection] if looks_right_on_the_wire(case) else []
        # OpenAPI 3.1 has no word for QUERY; `allows_what_is_documented` looks at Allow in its place.
        unseen.append(allow_header_conformance)
        if case.method.upper() == "QUERY" or case.path.endswith("/query"):
            unseen.append(unsupported_method)
        case.call_and_validate(headers={"Authorization": f"Bearer {person.token}"}, excluded_checks=unseen)

    failed = []
    for found in document.get_all_operations():
        operation = found.ok()
        modes = [HypothesisTestMode.EXAMPLES]
        narrow = len(list(operation.iter_parameters())) <= WIDE
        if narrow or LONG:
            modes.append(HypothesisTestMode.FUZZING)
        if narrow and LONG and not set(thoroughly).isdisjoint(operation.path.split("/")):
            modes.append(HypothesisTestMode.COVERAGE)
        config = HypothesisTestConfig(project=document.config, modes=modes, settings=BOUNDED, seed=SEED)
        try:
            create_test(operation=operation, test_func=ask, config=config)()
        except (FailureGroup, AssertionError) as failure:
            failed.append(f"{operation.label}: {failure}")
    return failed


def test_the_kitchen_sink_keeps_to_its_document(kitchen: Kitchen, kitchen_document: Any) -> None:
    # What one value of one parameter brings about is decided before a database is asked: once is enough.
    failed = keep_to(kitchen_document, ADMIN, KINDS if kitchen.database.name == "sqlite" else ())

    assert not failed, "\n\n".join(failed)


def test_the_atlas_keeps_to_its_document(database_url: str, atlas_document: Any) -> None:
    failed = keep_to(atlas_document, ANNA, ATLAS_NAMES if database_url.startswith("postgresql") else ())

    assert not failed, "\n\n".join(failed)
