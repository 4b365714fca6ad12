"""The example's app on an empty database of each kind, with people who signed up over HTTP."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from database_places import database_url, postgresql_url, worker_database

STUDIO = Path(__file__).parents[1]

# Of the project's own tests: an empty database of each kind.
__all__ = ["database_url", "postgresql_url", "worker_database"]


class Person:
    """Somebody with an account; each method is one request of theirs."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self._client = client
        body = {"email": f"{name}@example.com", "password": "four plain words are good", "name": name}
        answer = client.post("/api/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.id: int = answer.json["user"]["id"]
        self._headers = {"Authorization": f"Bearer {answer.json['access_token']}"}

    def request(self, method: str, path: str, body: Any = None) -> TestResponse:
        return self._client.open(f"/api/v1/{path}", method=method, headers=self._headers, json=body)

    def get(self, path: str) -> Any:
        """Read what must be there."""
        answer = self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def add(self, path: str, **body: Any) -> dict[str, Any]:
        """Make a row, which must succeed."""
        answer = self.request("POST", path, body)
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.json
        return row


@pytest.fixture
def studio(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    # A copy, so that its folder for files of its own is a test's too.
    program = Path(shutil.copy(STUDIO / "app.py", tmp_path))
    specification = importlib.util.spec_from_file_location("studio_app", program)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database_url)
        patch.setenv("SECRET_KEY", "only-for-tests-and-long-enough-to-be-accepted")
        patch.setenv("MEZE_PASSWORD_HASHING", "m=8,t=1,p=1")
        patch.setitem(sys.modules, specification.name, module)
        specification.loader.exec_module(module)
        app: Flask = module.app
        installation = app.extensions["meze"]
        installation.seal()
        module.Base.metadata.create_all(installation.database.engine)
        yield app
        installation.database.close()


@pytest.fixture
def sign_up(studio: Flask) -> Callable[[str], Person]:
    return lambda name: Person(studio.test_client(use_cookies=False), name)
