"""The applications that are measured: how each is set up and served, and how its answers are read."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.data import UserRow

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
    """`{port}` stands for the port, on 127.0.0.1."""
    users_table: str
    rows: Callable[[Any], Any]
    """Take the rows out of a list answer, each with its own envelope."""
    path: Callable[[str], str] = lambda path: path
    """Turn a path of the workload into this application's own."""
    users_more: Callable[[UserRow], Mapping[str, Any]] = lambda _: {}
    """Return what else its table of users must hold of a user."""
    sign_in: tuple[str, ...] = ()
    """Begins a session for each user, once they are loaded; empty where the tokens are a table in memory."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its commands run."""
        return ROOT / "apps" / self.name

    def command(self, port: int) -> list[str]:
        """Return the command that serves it at this port."""
        return [part.format(port=port) for part in self.serve]


def separate_page_with_authors(path: str) -> str:
    """FastAPI's list with authors is an operation of its own: one response model to an operation."""
    if not path.endswith("&expand=author"):
        return path
    return path.removesuffix("&expand=author").replace("/books?", "/books/with-author?")


def with_account(user: UserRow) -> Mapping[str, Any]:
    """Meze's users are accounts; these have proved their address."""
    return {"email_canonical": user.email, "email_verified": True, "created_at": "2026-01-01 00:00:00.000000"}


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
        *("serve", "--app", "app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
    ),
    users_table="meze_users",
    users_more=with_account,
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

FASTAPI = Application(
    name="fastapi",
    title="FastAPI + SQLAlchemy",
    create_tables=(str(PEERS / "python"), "create_tables.py"),
    # Without its access log, which would cost it about a tenth.
    serve=(
        str(PEERS / "uvicorn"),
        *("app:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--no-access-log"),
    ),
    users_table="users",
    rows=whole,
    path=separate_page_with_authors,
)

DJANGO = Application(
    name="django",
    title="Django REST Framework",
    create_tables=(str(PEERS / "python"), "-m", "django", "migrate", "--verbosity", "0"),
    serve=(
        str(PEERS / "gunicorn"),
        *("shop.wsgi", "--bind", "127.0.0.1:{port}", "--workers", "1", "--threads", str(THREADS)),
        *("--worker-class", "gthread", "--log-level", "warning"),
    ),
    users_table="users",
    rows=results,
    environment={"DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": "."},
)

APPLICATIONS = {application.name: application for application in (MEZE, FASTAPI, DJANGO)}
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
