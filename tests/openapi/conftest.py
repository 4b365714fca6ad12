"""The kitchen-sink app with a few rows, its document, and the atlas's document as the command line prints it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from meze.installation import Installation
from meze.openapi.document import document as describe
from openapi.kitchen import make

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("kitchen")
    made = make(f"sqlite:///{folder / 'kitchen.db'}", folder)
    made.seal()
    tables = made.metadata.tables
    with made.database.engine.begin() as connection:
        connection.execute(insert(tables["meze_users"]), [{"id": n, "email": f"u{n}@example.com"} for n in range(1, 5)])
        connection.execute(
            insert(tables["dishes"]),
            [{"id": n, "name": f"Dish {n}", "rank": "LOW", "goes_with_id": 1 if n > 1 else None} for n in range(1, 26)],
        )
        connection.execute(insert(tables["tags"]), [{"code": "hot"}, {"code": "a/b,~c"}])
        connection.execute(insert(tables["tagged"]), [{"dish_id": 1, "tag_code": "hot"}])
        connection.execute(insert(tables["portions"]), [{"dish_id": 1, "size": "L", "grams": 300}])
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def client(kitchen: Installation) -> FlaskClient:
    return kitchen.app.test_client()


@pytest.fixture(scope="session")
def document(kitchen: Installation) -> dict[str, Any]:
    return kitchen.openapi()


@pytest.fixture(scope="session")
def accounts_document(kitchen: Installation) -> dict[str, Any]:
    """The document of the same app as if its people signed in to accounts of Meze's."""
    parts = kitchen.open()
    return describe(parts.resources, parts.policy, replace(parts.description, accounts=True))


@pytest.fixture(scope="session")
def valid(document: dict[str, Any]) -> Callable[[Any, Any], bool]:
    """Say whether a value fits a schema of the document, formats included."""

    def check(schema: Any, value: Any) -> bool:
        rooted = {**schema, "components": document["components"]}
        return bool(jsonschema_rs.Draft202012Validator(rooted, validate_formats=True).is_valid(value))

    return check


@pytest.fixture(scope="session")
def print_atlas(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return what `meze openapi` prints for the atlas, in a process whose sets are ordered by `seed`."""

    def run(seed: str) -> bytes:
        url = f"sqlite:///{tmp_path_factory.mktemp('atlas') / 'atlas.db'}"
        done = subprocess.run(
            [str(Path(sys.executable).parent / "meze"), "openapi"],
            cwd=ROOT / "examples" / "atlas",
            env=os.environ | {"DATABASE_URL": url, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    return run


@pytest.fixture(scope="session")
def atlas_document(print_atlas: Callable[[str], bytes]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(print_atlas("1"))
    return loaded
