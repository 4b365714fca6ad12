"""Where settings come from, what they refuse, and what production asks for."""

import dataclasses
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from meze.errors import Mistake
from meze.settings import (
    SETTINGS,
    Settings,
    environment_for,
    is_loopback,
    masked_url,
    production_faults,
    read_settings,
    refuse_unsafe_production,
)

GOOD_KEY = "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"
SAFE = {
    "MEZE_ENV": "production",
    "SECRET_KEY": GOOD_KEY,
    "MEZE_PUBLIC_URL": "https://api.example.com",
    "MEZE_REGISTRATION": "open",
}


def read(root: Path, **environ: str) -> Settings:
    return read_settings(root=root, environ=environ)


def test_the_table_and_the_attributes_are_the_same_settings(tmp_path):
    attributes = {field.name for field in dataclasses.fields(Settings)} - {"root", "sources", "warnings"}

    assert {setting.attribute for setting in SETTINGS} == attributes
    assert set(read(tmp_path).sources) == attributes


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_sentence_of_help_and_a_default_that_fits(setting):
    assert setting.help.endswith(".")
    assert setting.parse(setting.default, "default") is not None or setting.default is None


def test_defaults_hold_where_nothing_is_said(tmp_path):
    settings = read(tmp_path)

    assert settings.database_url == f"sqlite:///{tmp_path}/instance/meze.db"
    assert (settings.env, settings.host, settings.port, settings.threads) == (None, "127.0.0.1", 8000, 4)
    assert (settings.body_limit, settings.uri_limit, settings.headers_limit) == (2 * 1024**2, 16 * 1024, 32 * 1024)
    assert (settings.page_size, settings.page_limit, settings.statement_seconds) == (20, 100, 2.0)
    assert settings.prefix == "/api/v1"
    assert settings.source("port") == "default"


def test_later_sources_win(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.meze]\npage_limit = 50\npage_size = 5\nport = 1\nprefix = '/v2'\n")
    (tmp_path / ".env").write_text("MEZE_PAGE_SIZE=6\nPORT=2\nMEZE_PREFIX=/v3\n")

    settings = read_settings(root=tmp_path, environ={"PORT": "3", "MEZE_PREFIX": "/v4"}, overrides={"prefix": "/v5"})

    assert (settings.page_limit, settings.source("page_limit")) == (50, "pyproject.toml")
    assert (settings.page_size, settings.source("page_size")) == (6, ".env")
    assert (settings.port, settings.source("port")) == (3, "environment")
    assert (settings.prefix, settings.source("prefix")) == ("/v5", "flag")


def test_an_empty_variable_and_a_flag_that_was_not_given_change_nothing(tmp_path):
    settings = read_settings(root=tmp_path, environ={"PORT": ""}, overrides={"host": None})

    assert (settings.port, settings.host) == (8000, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        pytest.param("PORT", "eighty", "valid integer", id="port-in-words"),
        pytest.param("PORT", "70000", "65535", id="port-out-of-range"),
        pytest.param("MEZE_PAGE_LIMIT", "0", "greater than 0", id="no-rows"),
        pytest.param("MEZE_STATEMENT_SECONDS", "inf", "finite", id="endless-statement"),
        pytest.param("MEZE_ENV", "staging", "'development' or 'production'", id="third-environment"),
        pytest.param("MEZE_PREFIX", "api/", "leading slash", id="prefix-without-slash"),
        pytest.param("MEZE_PUBLIC_URL", "api.example.com", "https://api.example.com", id="public-url-without-scheme"),
        pytest.param("MEZE_PUBLIC_URL", "https://a.example/api", "only the scheme", id="public-url-with-path"),
        pytest.param("MEZE_CORS_ORIGINS", "https://a.example,*", "https://api.example.com", id="any-origin"),
        pytest.param("MEZE_TRUSTED_PROXIES", "nginx", "valid IPv4 network", id="proxy-by-name"),
        pytest.param("DATABASE_URL", "meze.db", "sqlite:///", id="database-without-scheme"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name_and_source(tmp_path, name, value, says):
    with pytest.raises(Mistake) as refused:
        read(tmp_path, **{name: value})

    assert refused.value.cause.startswith(f"{name} (environment): ")
    assert says in refused.value.cause


def test_a_refused_secret_is_not_shown(tmp_path):
    with pytest.raises(Mistake) as refused:
        read(tmp_path, DATABASE_URL="user:hunter2@host")

    assert "hunter2" not in str(refused.value)


def test_lists_and_origins_are_read_as_they_are_compared(tmp_path):
    settings = read(
        tmp_path,
        MEZE_CORS_ORIGINS="https://A.example:443/, http://localhost:5173",
        MEZE_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8",
        MEZE_PUBLIC_URL="https://[::1]:8443",
        MEZE_BODY_LIMIT="5MB",
    )

    assert settings.cors_origins == ("https://a.example", "http://localhost:5173")
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert settings.public_url == "https://[::1]:8443"
    assert settings.body_limit == 5_000_000


def test_an_unknown_name_in_our_own_files_is_refused_with_the_nearest(tmp_path):
    (tmp_path / ".env").write_text("MEZE_PAGE_LIMT=5\n")
    with pytest.raises(Mistake, match="MEZE_PAGE_LIMT") as refused:
        read(tmp_path)
    assert "MEZE_PAGE_LIMIT" in refused.value.remedy

    (tmp_path / ".env").unlink()
    (tmp_path / "pyproject.toml").write_text("[tool.meze]\npage_limt = 5\n")
    with pytest.raises(Mistake, match="page_limt") as refused:
        read(tmp_path)
    assert "page_limit" in refused.value.remedy


def test_an_unknown_name_in_the_environment_is_told_of(tmp_path):
    settings = read(tmp_path, MEZE_PAGE_LIMT="5", MEZE_TEST_POSTGRESQL="postgresql://x")

    assert len(settings.warnings) == 1
    assert "MEZE_PAGE_LIMIT?" in settings.warnings[0]


@pytest.mark.parametrize(
    ("file", "content"), [("pyproject.toml", b"[tool.meze"), ("pyproject.toml", b"\xff"), (".env", b"A=\xff\xfe")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, file, content):
    (tmp_path / file).write_bytes(content)

    with pytest.raises(Mistake, match=file):
        read(tmp_path)


def test_a_page_may_not_be_larger_than_its_limit(tmp_path):
    with pytest.raises(Mistake, match="MEZE_PAGE_SIZE is 20, above MEZE_PAGE_LIMIT, which is 10"):
        read(tmp_path, MEZE_PAGE_LIMIT="10")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("sqlite:///data.db?timeout=5", "sqlite:///{root}/data.db?timeout=5", id="relative"),
        pytest.param("sqlite:////srv/data.db", "sqlite:////srv/data.db", id="absolute"),
        pytest.param("sqlite://", "sqlite://", id="memory"),
        pytest.param("sqlite:///:memory:", "sqlite:///:memory:", id="memory-by-name"),
        pytest.param("postgres://u:p@h/d", "postgres://u:p@h/d", id="postgresql"),
    ],
)
def test_a_relative_database_is_in_the_projects_folder(tmp_path, url, expected):
    assert read(tmp_path, DATABASE_URL=url).database_url == expected.format(root=tmp_path)


def test_what_is_printed_hides_secrets(tmp_path):
    settings = read(
        tmp_path, DATABASE_URL="postgresql://ann:p@ss:w0rt@db/x", SECRET_KEY=GOOD_KEY, SECRET_KEY_FALLBACKS="older-one"
    )

    assert settings.shown("database_url") == "postgresql://ann:***@db/x"
    assert masked_url("postgresql://db/x?user=a&password=b&c=d") == "postgresql://db/x?user=a&password=***&c=d"
    for secret in ("w0rt", GOOD_KEY, "older-one"):
        assert secret not in repr(settings)
    assert "page_limit=100" in repr(settings)


def test_a_development_secret_is_made_once_and_is_private(tmp_path):
    first, second = read(tmp_path), read(tmp_path)

    path = tmp_path / "instance" / "secret_key"
    assert first.secret_key == second.secret_key == path.read_text()
    assert first.source("secret_key") == "instance/secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_together_share_one_secret(tmp_path):
    program = (
        "import sys, pathlib, meze.settings as s; print(s.read_settings(root=pathlib.Path(sys.argv[1])).secret_key)"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    keys = {start.communicate()[0].strip() for start in starts}

    assert keys == {(tmp_path / "instance" / "secret_key").read_text()}


def test_an_empty_or_unreachable_secret_file_is_refused(tmp_path):
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "secret_key").touch()
    with pytest.raises(Mistake, match="is empty"):
        read(tmp_path)

    (tmp_path / "instance" / "secret_key").unlink()
    (tmp_path / "instance").rmdir()
    (tmp_path / "instance").touch()
    with pytest.raises(Mistake, match="cannot be used") as refused:
        read(tmp_path)
    assert refused.value.remedy == "Set SECRET_KEY, or make the folder writable."


@pytest.mark.parametrize(
    ("env", "host", "dev", "expected"),
    [
        pytest.param(None, "127.0.0.1", False, "development", id="loopback-is-development"),
        pytest.param(None, "::1", False, "development", id="loopback-v6"),
        pytest.param(None, "localhost", True, "development", id="dev-flag"),
        pytest.param("production", "127.0.0.1", False, "production", id="production-behind-a-proxy"),
        pytest.param("production", "0.0.0.0", False, "production", id="production-outside"),  # noqa: S104 - the case
        pytest.param("development", "0.0.0.0", True, "development", id="chosen-outside"),  # noqa: S104 - the case
    ],
)
def test_environment_follows_the_address(env, host, dev, expected):
    assert environment_for(env, host, dev=dev) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "myhost", "localhost.example"])  # noqa: S104 - the case
@pytest.mark.parametrize("dev", [True, False])
def test_an_address_that_others_reach_needs_an_environment(host, dev):
    assert not is_loopback(host)
    with pytest.raises(Mistake, match="MEZE_ENV"):
        environment_for(None, host, dev=dev)


def test_dev_and_production_contradict():
    with pytest.raises(Mistake, match="--dev"):
        environment_for("production", "127.0.0.1", dev=True)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"SECRET_KEY": ""}, "SECRET_KEY is not set", id="no-secret"),
        pytest.param({"SECRET_KEY": GOOD_KEY[:31]}, "shorter than 32", id="short-secret"),
        pytest.param({"SECRET_KEY": "your-secret-key-of-32-characters!"}, "well known", id="placeholder"),
        pytest.param(
            {"SECRET_KEY": "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"},
            "well known",
            id="from-a-tutorial",
        ),
        pytest.param({"SECRET_KEY": "abcabcabcabcabcabcabcabcabcabcabcabc"}, "repeats", id="repetitive-secret"),
        pytest.param({"SECRET_KEY_FALLBACKS": "old"}, "SECRET_KEY_FALLBACKS", id="weak-fallback"),
        pytest.param({"MEZE_PUBLIC_URL": ""}, "MEZE_PUBLIC_URL is not set", id="no-public-url"),
        pytest.param({"MEZE_REGISTRATION": ""}, "MEZE_REGISTRATION is not set", id="nobody-said-who-may-register"),
        pytest.param({"MEZE_REGISTRATION": "verified"}, "MEZE_SMTP_URL is not set", id="links-that-cannot-be-sent"),
        pytest.param({"MEZE_PASSWORD_HASHING": "m=8,t=1,p=1"}, "too cheap", id="hashing-that-guesses-outrun"),
        pytest.param({"MEZE_PASSWORD_HASHING": "m=19456,t=1,p=1"}, "too cheap", id="half-of-what-is-advised"),
        pytest.param({"FLASK_DEBUG": "1"}, "Debug is on", id="debug"),
    ],
)
def test_production_refuses(tmp_path, changed, says):
    with pytest.raises(Mistake, match="not safe for production") as refused:
        read(tmp_path, **(SAFE | changed))

    assert says in refused.value.cause
    assert not (tmp_path / "instance").exists()


def test_production_tells_every_fault_at_once(tmp_path):
    with pytest.raises(Mistake) as refused:
        read(tmp_path, MEZE_ENV="production")

    assert "SECRET_KEY" in refused.value.cause
    assert "MEZE_PUBLIC_URL" in refused.value.cause


@pytest.mark.parametrize("cost", ["m=47104,t=1,p=1", "m=19456,t=2,p=1", "m=12288,t=3,p=1", "m=7168,t=5,p=1"])
def test_every_cost_that_owasp_advises_is_safe(tmp_path, cost):
    assert read(tmp_path, **SAFE, MEZE_PASSWORD_HASHING=cost).password_hashing == cost


def test_safe_settings_pass_and_debug_in_the_program_does_not(tmp_path):
    settings = read(tmp_path, **SAFE)

    assert list(production_faults(settings, debug=False)) == []
    with pytest.raises(Mistake, match="Debug is on"):
        refuse_unsafe_production(settings, debug=True)
