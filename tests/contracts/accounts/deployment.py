"""The test program, served by the real command on a database of its own, with real mail.

A deployment has two servers on one database, as on two machines behind a balancer: a test of one process calls only the
first. Whoever looks into the database does so beside them.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from cli.conftest import Project, Server
from contracts.accounts.calling import Answer, Client, fresh_address
from contracts.accounts.mailbox import Mailbox
from contracts.accounts.program import PROGRAM
from meze.databases import open_database

PUBLIC_URL = "https://trips.example"
SECRET_KEY = "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"
CHEAP = "m=8,t=1,p=1"
# How long after the answer something may still hold in another process.
ELSEWHERE_SECONDS = 1.0
_people = itertools.count(1)


@dataclass
class Person:
    """Somebody with an account. `client` carries their access token and calls from an address of their own."""

    deployment: Deployment
    email: str
    password: str = field(repr=False)
    client: Client
    id: int = 0
    refresh_token: str = field(default="", repr=False)

    @property
    def access_token(self) -> str:
        assert self.client.token is not None
        return self.client.token

    def attempt(self, client: Client | None = None, **changes: str) -> Answer:
        """Try to sign in, from this person's address or as another client."""
        body = {"email": self.email, "password": self.password} | changes
        return (client or self.client).with_token(None).post("/auth/login", body)

    def sign_in(self, client: Client | None = None) -> Person:
        """Return the same person in a new session, of another device."""
        client = client or self.client.elsewhere()
        answer = self.attempt(client)
        assert answer.status == 200, answer
        return self.holding(answer, client)

    def holding(self, answer: Answer, client: Client | None = None) -> Person:
        """Return the same person with the tokens of an answer."""
        shown = answer.json
        signed_in = (client or self.client).with_token(shown["access_token"])
        refresh_token = shown["refresh_token"]
        return Person(self.deployment, self.email, self.password, signed_in, self.id, refresh_token)

    def confirm(self) -> Person:
        answer = self.client.post("/auth/confirm", {"password": self.password})
        assert answer.status == 204, answer
        return self

    def refresh(self) -> Answer:
        return self.client.with_token(None).post("/auth/refresh", {"refresh_token": self.refresh_token})

    def key(self, *scopes: str, **more: Any) -> str:
        """Make an API key and return it."""
        self.confirm()
        answer = self.client.post("/auth/keys", {"name": "a key", "scopes": list(scopes), **more})
        assert answer.status == 201, answer
        return str(answer.json["key"])

    @property
    def known(self) -> bool:
        """Whether the access token is accepted."""
        answer = self.client.get("/auth/me")
        assert answer.status in (200, 401), answer
        return answer.status == 200


class Deployment:
    """Two servers (or as many as there are `servers`), the database and the mailbox behind them."""

    def __init__(self, projects: list[Project], servers: list[Server], database_url: str, mailbox: Mailbox) -> None:
        self.projects = projects
        self.servers = servers
        self.database_url = database_url
        self.mailbox = mailbox
        self.database = open_database(database_url)
        self._admin: Person | None = None

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    def client(self, address: str | None = None) -> Client:
        """Return nobody known, at an address that nobody called from."""
        return Client(self.urls[0], address or fresh_address())

    def person(self, who: str = "anna", /, **body: Any) -> Person:
        """Register somebody, from an address of their own. Needs the open mode."""
        client = self.client()
        sent = {"email": new_email(who), "password": new_password(), **body}
        answer = client.post("/auth/register", sent)
        assert answer.status == 201, answer
        stranger = Person(self, sent["email"], sent["password"], client, answer.json["user"]["id"])
        return stranger.holding(answer)

    @property
    def admin(self) -> Person:
        """The admin that the command line made, once, in a session of its own."""
        if self._admin is None:
            email, password = new_email("admin"), new_password()
            self.meze("user", "create", email, "--role", "admin", "--password-stdin", said=password)
            person = Person(self, email, password, self.client())
            answer = person.attempt()
            assert answer.status == 200, answer
            person.id = answer.json["user"]["id"]
            self._admin = person.holding(answer)
        admin = self._admin
        return admin if admin.known else admin.sign_in()

    def meze(self, *words: str, said: str = "") -> str:
        """Run a command of `meze` in the project, with `said` on its standard input, and return what it printed."""
        done = self.projects[0].run(*words, given=said)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def said(self) -> str:
        """Everything that the servers wrote, on both streams."""
        return "".join(server.said() for server in self.servers)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def change(self, statement: str, **values: Any) -> None:
        with self.database.engine.begin() as connection:
            assert connection.execute(text(statement), values).rowcount > 0, statement

    def dump(self) -> dict[str, str]:
        """Everything in the database, by table: bytes both as text and as hexadecimal digits."""
        names = inspect(self.database.engine).get_table_names()
        return {name: "\n".join(_dumped(row) for row in self.rows(f'SELECT * FROM "{name}"')) for name in names}

    def close(self) -> None:
        self.database.close()


def _dumped(row: tuple[Any, ...]) -> str:
    written = (
        f"{bytes(value).hex()} {bytes(value)!r}" if isinstance(value, bytes | memoryview) else str(value)
        for value in row
    )
    return " | ".join(written)


def new_email(name: str = "anna") -> str:
    return f"{name}.{next(_people)}.{secrets.token_hex(3)}@example.com"


def new_password() -> str:
    """Return a password of 27 characters that is on no list."""
    return f"walnut {secrets.token_hex(10)}"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Say whether the condition comes true within so many seconds, and half a second for the machine."""
    until = time.monotonic() + seconds + 0.5
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return met


@contextlib.contextmanager
def deployed(
    folder: Path,
    database_url: str,
    mailbox: Mailbox,
    *,
    servers: int = 2,
    flags: tuple[str, ...] = (),
    **environ: str,
) -> Iterator[Deployment]:
    """Serve the program on a database that has its tables, on an empty one with `--dev`."""
    settings = settings_of(database_url, mailbox) | environ
    projects = [_project(folder / f"server{number}", settings) for number in range(servers)]
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(project.serving(*flags)) for project in projects]
        deployment = Deployment(projects, running, database_url, mailbox)
        stack.callback(deployment.close)
        yield deployment


def add_tables(folder: Path, database_url: str, mailbox: Mailbox) -> None:
    """Bring an empty database up to the program's models."""
    made = _project(folder, settings_of(database_url, mailbox)).run("db", "upgrade")
    assert made.returncode == 0, made.stderr


def settings_of(database_url: str, mailbox: Mailbox) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "SECRET_KEY": SECRET_KEY,
        "MEZE_ENV": "development",
        "MEZE_PUBLIC_URL": PUBLIC_URL,
        "MEZE_REGISTRATION": "open",
        "MEZE_PASSWORD_HASHING": CHEAP,
        "MEZE_SMTP_URL": mailbox.url,
        "MEZE_TRUSTED_PROXIES": "127.0.0.1",
        "MEZE_THREADS": "8",
    }


def _project(folder: Path, environ: Mapping[str, str]) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    project = Project(folder, dict(environ))
    project.write(PROGRAM)
    return project
