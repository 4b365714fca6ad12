"""The atlas, loaded once for all tests through the command that a person would type, and opened as an app."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from database_places import database_url, postgresql_url, worker_database

ATLAS = Path(__file__).parents[1]
LOAD_SECONDS = 300

# Of the project's own tests: an empty database of each kind.
__all__ = ["database_url", "postgresql_url", "worker_database"]

RunPython = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Start `python …` in the atlas's folder, for the database at the URL given first."""

    def run(url: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  (this Python, on our own files)
            [sys.executable, *arguments],
            cwd=ATLAS,
            env=os.environ | {"DATABASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def loaded_url(tmp_path_factory: pytest.TempPathFactory, run_python: RunPython) -> str:
    """The URL of a SQLite database that holds the whole atlas, shared by every worker of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "atlas"
    folder.mkdir(exist_ok=True)
    url = f"sqlite:///{folder / 'atlas.db'}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with run_python(url, "load.py") as loading:
            _, said = loading.communicate(timeout=LOAD_SECONDS)
    assert loading.returncode == 0, said
    return url


@pytest.fixture(scope="session")
def open_atlas() -> Callable[[str], Flask]:
    """Return the atlas's app on the database at a URL."""

    def open_app(url: str) -> Flask:
        specification = importlib.util.spec_from_file_location("atlas_app", ATLAS / "app.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", url)
            patch.setitem(sys.modules, specification.name, module)
            specification.loader.exec_module(module)
            app: Flask = module.app
            app.extensions["meze"].seal()
        return app

    return open_app


@pytest.fixture(scope="session")
def atlas(loaded_url: str, open_atlas: Callable[[str], Flask]) -> Flask:
    return open_atlas(loaded_url)


@pytest.fixture
def client(atlas: Flask) -> FlaskClient:
    return atlas.test_client()
