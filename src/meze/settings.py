"""Every setting of Meze: its name, default, unit and meaning, and how its value is found.

Defaults < `[tool.meze]` in pyproject.toml < `.env` < environment < flags. They are read once, at the edge, into a
frozen `Settings` that is passed down; nothing below asks the environment. Whether the settings are safe for production
is decided here too. What binds to which address is the command line's to know: it asks `environment_for`.
"""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, TypeAdapter, ValidationError

from meze.errors import Mistake

SECRET_LENGTH = 32
EXPORTS_AT_ONCE = 2
"""How many exports a worker has under way; each may hold a thread for as long as its client reads."""
WAITING_FOR_EACH = 3
"""For each request at work, how many more a process holds that wait: for a commit, for a place."""
Environment = Literal["development", "production"]
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def _pieces(value: object) -> object:
    return tuple(piece.strip() for piece in value.split(",") if piece.strip()) if isinstance(value, str) else value


def _origin(value: str) -> str:
    """Return `scheme://host[:port]` as browsers send it: lower case, without the scheme's own port."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write it as https://api.example.com")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("only the scheme, the host and the port belong here, as in https://api.example.com")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    own_port = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, own_port) else "")


def _prefix(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise ValueError("write it as /api/v1: a leading slash, none at the end")
    return value


def _database_url(value: str) -> str:
    if not re.match(r"[A-Za-z][A-Za-z0-9+_]*://", value):
        raise ValueError("write it as sqlite:///instance/meze.db or postgresql://user:password@host/name")
    return value


def _hashing(value: str) -> str:
    if not re.fullmatch(r"m=[0-9]{1,7},t=[0-9]{1,3},p=[0-9]{1,2}", value):
        raise ValueError("write it as m=65536,t=3,p=1: KiB of memory, passes, lanes")
    return value


def _redis_url(value: str) -> str:
    if not re.match(r"(rediss?|valkeys?|unix)://", value):
        raise ValueError("write it as redis://host:6379/0, or rediss:// with TLS")
    return re.sub(r"^valkey(s?)://", r"redis\1://", value)


def _smtp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("write it as smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465")
    return value


Count = Annotated[int, Field(gt=0)]
Rows = Annotated[int, Field(ge=0)]
Size = Annotated[ByteSize, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Registration = Literal["open", "verified", "invite", "closed"]
Origin = Annotated[str, AfterValidator(_origin)]
Names = Annotated[tuple[str, ...], BeforeValidator(_pieces)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_pieces)]
Networks = Annotated[tuple[IPNetwork, ...], BeforeValidator(_pieces)]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `type` is what pydantic reads the value as; `default` is written as a user would write it."""

    name: str
    type: Any
    default: Any
    help: str
    unit: str = ""
    secret: bool = False

    @property
    def attribute(self) -> str:
        """The name in `Settings` and in `[tool.meze]`: `MEZE_PAGE_LIMIT` is `page_limit`."""
        return self.name.removeprefix("MEZE_").lower()

    def parse(self, value: Any, source: str) -> Any:
        """Return the typed value.

        Raises:
            Mistake: the value does not fit; names the setting and where the value came from, and shows it unless it
                is a secret.
        """
        if value is None:
            return None
        try:
            return TypeAdapter(self.type).validate_python(value)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            shown = "its value" if self.secret else repr(value)
            raise Mistake(
                f"{self.name} ({source}): {shown} cannot be used. {reason}.",
                f"{self.name} is {self.help[0].lower()}{self.help[1:]} Default: {self.default or 'none'}.",
            ) from None


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        Annotated[str, AfterValidator(_database_url)],
        "sqlite:///instance/meze.db",
        "The database; a relative SQLite path is taken from the project's folder.",
        secret=True,
    ),
    Setting(
        "REDIS_URL",
        Annotated[str, AfterValidator(_redis_url)],
        None,
        "A Redis or Valkey server, by which the processes tell each other at once who was signed out.",
        secret=True,
    ),
    Setting("SECRET_KEY", str, None, "The key that cursors and tokens are signed with.", secret=True),
    Setting("SECRET_KEY_FALLBACKS", Names, "", "Earlier keys that are still accepted, comma-separated.", secret=True),
    Setting("MEZE_ENV", Environment, None, "Either development or production."),
    Setting("MEZE_PUBLIC_URL", Origin, None, "The address that clients use, such as https://api.example.com."),
    Setting(
        "MEZE_REGISTRATION",
        Registration,
        None,
        "Who may make an account: open, verified (by mail first), invite or closed; open in development.",
    ),
    Setting("MEZE_ACCESS_TOKEN_MINUTES", Amount, 15, "How long an access token is good.", "minutes"),
    Setting("MEZE_SESSION_IDLE_DAYS", Amount, 30, "How long a session lives without being used.", "days"),
    Setting("MEZE_SESSION_DAYS", Amount, 90, "How long a session lives at most.", "days"),
    Setting(
        "MEZE_PASSWORD_HASHING",
        Annotated[str, AfterValidator(_hashing)],
        None,
        "The cost of hashing a password with argon2id, as m=65536,t=3,p=1 (memory in KiB); measured once if not set.",
    ),
    Setting(
        "MEZE_SMTP_URL",
        Annotated[str, AfterValidator(_smtp_url)],
        None,
        "The mail server, as smtp://user:password@host:587; in development mail goes to the terminal if not set.",
        secret=True,
    ),
    Setting("MEZE_MAIL_FROM", str, None, "The sender of mail, as Atlas <no-reply@example.com>."),
    Setting("MEZE_PREFIX", Annotated[str, AfterValidator(_prefix)], "/api/v1", "The path that the API is served at."),
    Setting("MEZE_HOST", str, "127.0.0.1", "The address that `meze serve` listens on."),
    Setting("PORT", Port, 8000, "The port that `meze serve` listens on."),
    Setting("MEZE_WORKERS", Count, None, "How many processes serve; 1 in development, one per core in production."),
    Setting("MEZE_THREADS", Count, 4, "How many requests one process answers at the same time.", "threads"),
    Setting("MEZE_PAGE_SIZE", Count, 20, "How many rows a list has when the request does not say.", "rows"),
    Setting("MEZE_PAGE_LIMIT", Count, 100, "How many rows a list may have at most.", "rows"),
    Setting("MEZE_BODY_LIMIT", Size, "2 MiB", "How large a request's body may be.", "bytes"),
    Setting("MEZE_IMPORT_LIMIT", Count, 100_000, "How many rows one import may have.", "rows"),
    Setting("MEZE_IMPORT_BODY_LIMIT", Size, "64 MiB", "How large the body of an import may be.", "bytes"),
    Setting("MEZE_URI_LIMIT", Size, "16 KiB", "How long a request's address may be.", "bytes"),
    Setting("MEZE_HEADERS_LIMIT", Size, "32 KiB", "How large a request's headers may be together.", "bytes"),
    Setting("MEZE_STATEMENT_SECONDS", Amount, 2.0, "How long one database statement may take.", "seconds"),
    Setting(
        "MEZE_ROWS_READ_LIMIT",
        Rows,
        0,
        "How many rows a list, an aggregate or a bulk delete may read where no index leads it; 0 for no limit.",
        "rows",
    ),
    Setting(
        "MEZE_LINT_WAIVE",
        Names,
        "",
        "Columns that may do without an index, and whole tables: cities.timezone,countries. `meze check` asks.",
    ),
    Setting("MEZE_PLAN_CACHE", Count, 1000, "How many request shapes are kept planned, in each process.", "plans"),
    Setting("MEZE_CORS_ORIGINS", Origins, "", "Web origins whose pages may call the API, comma-separated."),
    Setting(
        "MEZE_TRUSTED_PROXIES",
        Networks,
        "",
        "Addresses or networks of proxies whose X-Forwarded headers are believed, comma-separated.",
    ),
    Setting(
        "MEZE_DOCS", Literal["public", "signed_in", "off"], "public", "Who may read /docs: public, signed_in or off."
    ),
    Setting(
        "MEZE_EXPLAIN",
        Literal["on", "off"],
        None,
        "Whether `Meze-Explain: 1` explains answers to admins: on or off; in production off if not set.",
    ),
)


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What was read. Attributes are the settings' own, in their units; `sources` says where each value came from."""

    database_url: str
    redis_url: str | None
    secret_key: str | None
    secret_key_fallbacks: tuple[str, ...]
    env: Environment | None
    public_url: str | None
    registration: Registration | None
    access_token_minutes: float
    session_idle_days: float
    session_days: float
    password_hashing: str | None
    smtp_url: str | None
    mail_from: str | None
    prefix: str
    host: str
    port: int
    workers: int | None
    threads: int
    page_size: int
    page_limit: int
    body_limit: int
    import_limit: int
    import_body_limit: int
    uri_limit: int
    headers_limit: int
    statement_seconds: float
    rows_read_limit: int
    lint_waive: tuple[str, ...]
    plan_cache: int
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[IPNetwork, ...]
    docs: Literal["public", "signed_in", "off"]
    explain: Literal["on", "off"] | None
    root: Path
    sources: Mapping[str, str]
    warnings: tuple[str, ...]

    def source(self, attribute: str) -> str:
        """Return where the value came from: `default`, `pyproject.toml`, `.env`, `environment`, `flag` or a file."""
        return self.sources[attribute]

    def shown(self, attribute: str) -> str:
        """Return the value as it may be printed: secrets are masked, and the password in a URL."""
        value = getattr(self, attribute)
        if value and attribute in ("database_url", "smtp_url", "redis_url"):
            return masked_url(value)
        return "***" if value and _BY_ATTRIBUTE[attribute].secret else str(value)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={self.shown(name)}' for name in _BY_ATTRIBUTE)})"


_BY_ATTRIBUTE = {setting.attribute: setting for setting in SETTINGS}
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def masked_url(url: str) -> str:
    """Return the URL with its password, and any `password=` parameter, hidden."""
    hidden = re.sub(r"(?<=://)([^:/?#@]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&]password=)[^&#]*", r"\1***", hidden)


def read_settings(
    *, root: Path, overrides: Mapping[str, Any] = {}, environ: Mapping[str, str] | None = None
) -> Settings:
    """Find every setting's value and return them, typed.

    `root` is the folder of the project: pyproject.toml, .env and instance/ are looked for in it. `overrides` are
    flags, by attribute; None means not given. Outside production a missing SECRET_KEY is made once, in
    instance/secret_key.

    Raises:
        Mistake: a value does not fit, a file cannot be read, a name in one of our files is unknown, or the environment
            is production and something that production needs is missing.
    """
    environ = os.environ if environ is None else environ
    warnings: list[str] = []
    found = {setting.attribute: (setting.default, "default") for setting in SETTINGS}
    found |= _from_pyproject(root)
    found |= _from_names(_dotenv(root), ".env", warnings)
    found |= _from_names(environ, "environment", warnings)
    found |= {name: (value, "flag") for name, value in overrides.items() if value is not None}
    values = {name: _BY_ATTRIBUTE[name].parse(value, source) for name, (value, source) in found.items()}
    sources = {name: source for name, (_, source) in found.items()}
    values["database_url"] = _anchored(values["database_url"], root)
    if values["secret_key"] is None and values["env"] != "production":
        values["secret_key"] = _development_secret(root / "instance")
        sources["secret_key"] = "instance/secret_key"  # noqa: S105 - where the key is, not the key
    settings = Settings(**values, root=root, sources=sources, warnings=tuple(warnings))
    _refuse_contradictions(settings)
    if settings.env == "production":
        refuse_unsafe_production(settings, debug=environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"))
    return settings


def environment_for(env: Environment | None, host: str, *, dev: bool) -> Environment:
    """Decide which environment a server on `host` runs in.

    Raises:
        Mistake: the address can be reached from outside and nobody said what it is for, or `--dev` meets production.
    """
    if dev and env == "production":
        raise Mistake("--dev was given, and MEZE_ENV is production.", "Leave out --dev, or unset MEZE_ENV.")
    if env is None and not is_loopback(host):
        raise Mistake(
            f"{host} can be reached from other machines, and MEZE_ENV does not say what this server is for.",
            "Set MEZE_ENV=production (or MEZE_ENV=development on a network you trust), or leave out --host.",
        )
    return env or "development"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`. Names other than localhost are not looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def production_faults(settings: Settings, *, debug: bool) -> Iterator[tuple[str, str]]:
    """Yield (cause, remedy) for everything that makes these settings unfit for production."""
    make_one = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    if not settings.secret_key:
        yield "SECRET_KEY is not set.", make_one
    elif weakness := _weakness(settings.secret_key):
        yield f"SECRET_KEY {weakness}.", make_one
    for key in settings.secret_key_fallbacks:
        if weakness := _weakness(key):
            yield f"A key in SECRET_KEY_FALLBACKS {weakness}.", "Take it out: whoever knows it can sign tokens."
    if debug:
        yield "Debug is on, which shows the inside of the program.", "Unset FLASK_DEBUG and app.debug."
    if settings.public_url is None:
        yield "MEZE_PUBLIC_URL is not set.", "Set it to the address that clients use, such as https://api.example.com."
    if settings.registration is None:
        yield (
            "MEZE_REGISTRATION is not set.",
            "Say who may make an account: open, verified (by mail first), invite or closed.",
        )
    elif settings.registration in ("verified", "invite") and settings.smtp_url is None:
        yield (
            f"MEZE_REGISTRATION is {settings.registration}, which sends mail, and MEZE_SMTP_URL is not set.",
            "Set MEZE_SMTP_URL=smtp://user:password@host:587, or choose another way to register.",
        )
    if settings.password_hashing and _is_cheap(settings.password_hashing):
        yield (
            f"MEZE_PASSWORD_HASHING={settings.password_hashing} is too cheap to withstand guessing.",
            "Leave it out, to have it measured, or use at least m=19456,t=2,p=1.",
        )


def refuse_unsafe_production(settings: Settings, *, debug: bool) -> None:
    """Raise a Mistake that lists every fault at once, if there is any."""
    faults = list(production_faults(settings, debug=debug))
    if faults:
        causes = " ".join(cause for cause, _ in faults)
        remedies = "\n  → ".join(dict.fromkeys(remedy for _, remedy in faults))
        raise Mistake(f"This is not safe for production. {causes}", remedies)


def _is_cheap(cost: str) -> bool:
    """Say whether a cost is below every one that OWASP advises for argon2id, from m=47104,t=1 to m=7168,t=5."""
    memory, passes, _ = (int(piece.partition("=")[2]) for piece in cost.split(","))
    return memory < 7_168 or memory * passes < 35_840


# Keys that stand in tutorials, and words that people leave in from a template.
_PUBLISHED_KEYS = (
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
)
_PLACEHOLDER = re.compile(r"change.?(me|this|it)|your.?secret|secret.?key|insecure|placeholder|example|replace", re.I)


def _weakness(key: str) -> str | None:
    if len(key) < SECRET_LENGTH:
        return f"is shorter than {SECRET_LENGTH} characters"
    if key.lower() in _PUBLISHED_KEYS or _PLACEHOLDER.search(key):
        return "is well known"
    return "repeats a few characters" if len(set(key)) < 8 else None


def _refuse_contradictions(settings: Settings) -> None:
    if settings.page_size > settings.page_limit:
        raise Mistake(
            f"MEZE_PAGE_SIZE is {settings.page_size}, above MEZE_PAGE_LIMIT, which is {settings.page_limit}.",
            "Lower the first or raise the second.",
        )


def _from_pyproject(root: Path) -> dict[str, tuple[Any, str]]:
    path = root / "pyproject.toml"
    try:
        written = path.read_text("utf-8")
        import tomllib  # only for those who have such a file

        table = tomllib.loads(written).get("tool", {}).get("meze", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Mistake(f"{path} cannot be read: {error}.", "Mend the file; it is TOML in UTF-8.") from None
    for key in table:
        if key not in _BY_ATTRIBUTE:
            raise Mistake(f"[tool.meze] in {path} has an unknown setting '{key}'.", _nearest(key, list(_BY_ATTRIBUTE)))
    return {key: (value, "pyproject.toml") for key, value in table.items()}


def _dotenv(root: Path) -> Mapping[str, str]:
    path = root / ".env"
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, ValueError) as error:
        raise Mistake(f"{path} cannot be read: {error}.", "Mend the file; each line is NAME=value in UTF-8.") from None


def _from_names(given: Mapping[str, str], source: str, warnings: list[str]) -> dict[str, tuple[Any, str]]:
    """Pick our settings from variables; an empty one counts as not given.

    An unknown MEZE_ name in `.env` is refused. In the environment it is only told of, because others put names there
    that nobody chose: Kubernetes sets MEZE_PORT and more beside a service called meze.
    """
    for name in given:
        if name.startswith("MEZE_") and name not in _BY_NAME and not name.startswith("MEZE_TEST_"):
            cause, remedy = f"{name} ({source}) is not a setting.", _nearest(name, list(_BY_NAME))
            if source == ".env":
                raise Mistake(cause, remedy)
            warnings.append(f"{cause} {remedy}")
    return {_BY_NAME[name].attribute: (value, source) for name, value in given.items() if name in _BY_NAME and value}


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else "Take it out; the settings are listed in the guide."


def _anchored(url: str, root: Path) -> str:
    """Return the URL with a relative SQLite path taken from `root`, whatever folder the process stands in."""
    match = re.fullmatch(r"(sqlite(?:\+\w+)?):///(?!:memory:|file:)([^?]+)(\?.*)?", url)
    if match is None or Path(match[2]).is_absolute():
        return url
    return f"{match[1]}:///{(root / match[2]).absolute()}{match[3] or ''}"


def _development_secret(instance: Path) -> str:
    """Return the key in instance/secret_key, made at the first call."""
    path = instance / "secret_key"
    try:
        if not path.exists():
            _write_secret(path)
        key = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise Mistake(f"{path} cannot be used: {error}.", "Set SECRET_KEY, or make the folder writable.") from None
    if not key:
        raise Mistake(f"{path} is empty.", "Delete it; a new key is made at the next start.")
    return key


def _write_secret(path: Path) -> None:
    """Make the key beside its place and link it there.

    Of two processes that start together one wins, and neither ever reads half a key.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key-", encoding="ascii") as draft:
        draft.write(secrets.token_urlsafe(48))
        draft.flush()
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft.name)
