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
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
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
from meze.verify.promises import configuration, not_of

ATLAS = Path(__file__).parents[3] / "examples" / "atlas" / "app.py"
SEED = 20260102
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


def document_of(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=configuration())


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
        case.call_and_validate(headers={"Authorization": f"Bearer {person.token}"}, excluded_checks=not_of(case))

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
