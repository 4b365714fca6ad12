"""The applications that are measured: how each is set up and served, and how its answers are read."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench import pocketbase
from bench.data import Row, UserRow
from bench.workload import Call

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".peers" / "bin"
WORK = ROOT / ".work"
COMMAND = str(Path(sys.executable).with_name("meze"))
THREADS = 4


@dataclass(frozen=True, slots=True)
class Application:
    """One application under `apps/`, with the commands that its own documentation gives."""

    name: str
    title: str
    create_tables: tuple[str, ...]
    serve: tuple[str, ...]
    """`{port}` stands for the port, on 127.0.0.1, and `{workers}` for how many processes serve."""
    users_table: str
    rows: Callable[[Any], Any]
    """Take the rows out of a list answer, each with its own envelope."""
    row: Callable[[Any], Any] = lambda row: row
    """Turn a row that it answers into what the others answer."""
    call: Callable[[Call], Call] = lambda call: call
    """Turn a call of the workload into this application's own; its token is seen to elsewhere."""
    stored: Callable[[Row], Mapping[str, Any]] = lambda row: row._asdict()
    """Return what its table holds of a row."""
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    accepts: frozenset[str] = frozenset()
    """What it cannot be made to refuse, though the others do; told under the tables."""
    sign_in: tuple[str, ...] = ()
    """Begins a session for each user, once they are loaded; empty where the tokens are a table in memory."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its commands run."""
        return ROOT / "apps" / self.name

    def command(self, port: int, workers: int = 1) -> list[str]:
        """Return the command that serves it at this port."""
        return [part.format(port=port, workers=workers) for part in self.serve]


def separate_page_with_authors(call: Call) -> Call:
    """The list with authors is an operation of its own, where an operation has one form of answer."""
    if not call.path.endswith("&expand=author"):
        return call
    return replace(call, path=call.path.removesuffix("&expand=author").replace("/books?", "/books/with-author?"))


def with_account(row: Row) -> Mapping[str, Any]:
    """Meze's users are accounts; these have proved their address."""
    if not isinstance(row, UserRow):
        return row._asdict()
    account = {"email_canonical": row.email, "email_verified": True, "created_at": "2026-01-01 00:00:00.000000"}
    return row._asdict() | account


def items(body: Any) -> Any:
    return body["items"]


def results(body: Any) -> Any:
    return body["results"]


def whole(body: Any) -> Any:
    return body


MEZE = Application(
    name="meze",
    title="Meze",
    create_tables=(COMMAND, "db", "upgrade", "--app", "app"),
    serve=(
        COMMAND,
        *("serve", "--app", "app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}"),
    ),
    users_table="meze_users",
    stored=with_account,
    sign_in=(sys.executable, "sign_in.py"),
    rows=items,
    environment={
        "MEZE_ENV": "production",
        "MEZE_PUBLIC_URL": "https://books.example.org",
        "MEZE_REGISTRATION": "closed",
        # A run may take longer than the 15 minutes for which a token is good; no request costs more or less by it.
        "MEZE_ACCESS_TOKEN_MINUTES": "1440",
        "SECRET_KEY": "only-for-the-benchmark-which-keeps-no-secrets",
    },
)

# Without its access log, which would cost a server about a tenth.
UVICORN = (
    str(PEERS / "uvicorn"),
    *("app:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}", "--no-access-log"),
    *("--loop", "uvloop", "--http", "httptools"),
)

FASTAPI = Application(
    name="fastapi",
    title="FastAPI + SQLAlchemy",
    create_tables=(str(PEERS / "python"), "create_tables.py"),
    serve=UVICORN,
    users_table="users",
    rows=whole,
    call=separate_page_with_authors,
)


def gunicorn(module: str) -> tuple[str, ...]:
    """Return the command that serves a WSGI application by four threads."""
    return (
        str(PEERS / "gunicorn"),
        *(module, "--bind", "127.0.0.1:{port}", "--workers", "{workers}", "--threads", str(THREADS)),
        *("--worker-class", "gthread", "--log-level", "warning"),
    )


DJANGO = Application(
    name="django",
    title="Django REST Framework",
    create_tables=(str(PEERS / "python"), "-m", "django", "migrate", "--verbosity", "0"),
    serve=gunicorn("shop.wsgi"),
    users_table="users",
    rows=results,
    environment={"DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": "."},
)

LITESTAR = Application(
    name="litestar",
    title="Litestar + SQLAlchemy",
    create_tables=(str(PEERS / "python"), "create_tables.py"),
    serve=UVICORN,
    users_table="users",
    rows=whole,
    call=separate_page_with_authors,
)

SMOREST = Application(
    name="smorest",
    title="flask-smorest + SQLAlchemy",
    create_tables=(str(PEERS / "python"), "create_tables.py"),
    serve=gunicorn("app:app"),
    users_table="users",
    rows=whole,
    call=separate_page_with_authors,
)

HANDTUNED = Application(
    name="handtuned",
    title="FastAPI tuned by hand",
    # Its tables are FastAPI's; it knows no other way to make them.
    create_tables=(str(PEERS / "python"), "../fastapi/create_tables.py"),
    serve=UVICORN,
    users_table="users",
    rows=whole,
)

POCKETBASE = Application(
    name="pocketbase",
    title="PocketBase",
    create_tables=(str(PEERS / "python"), "run.py", "migrate", "up"),
    serve=(str(PEERS / "python"), "run.py", "serve", "--http=127.0.0.1:{port}"),
    users_table="users",
    sign_in=(str(PEERS / "python"), "sign_in.py"),
    rows=items,
    row=pocketbase.row,
    call=pocketbase.call,
    stored=pocketbase.stored,
    databases=("sqlite",),
    accepts=frozenset({"a day to filter by that is none"}),
    # It runs on one core like the others; Go would find that out itself.
    environment={"GOMAXPROCS": "1"},
)

APPLICATIONS = {
    application.name: application for application in (MEZE, FASTAPI, HANDTUNED, LITESTAR, DJANGO, SMOREST, POCKETBASE)
}
BASELINE = FASTAPI.name


def environment_of(application: Application, url: str, work: Path) -> dict[str, str]:
    """Return what the application's commands find in their environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **application.environment,
        "DATABASE_URL": url,
        "BENCH_TOKENS": str(work / "tokens.json"),
        "BENCH_SESSIONS": str(sessions_file(application, work)),
    }


def sessions_file(application: Application, work: Path) -> Path:
    """Return where `sign_in` writes, for each token of the workload, the application's own."""
    return work / f"{application.name}.sessions.json"


def log_of(application: Application) -> Path:
    """Return where the output of its last command is kept."""
    return WORK / f"{application.name}.log"
