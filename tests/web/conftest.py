"""A small app whose people sign in to accounts of Meze's, on each kind of database in turn."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.test import TestResponse

from meze import Meze, anyone, me, signed_in
from meze.accounts.accounts import Accounts
from meze.installation import Installation

PASSWORD = "four plain words for anna"
SETTINGS = {"secret_key": "k" * 20 + "abcdefghijklmnopqrstuvwxyz", "password_hashing": "m=1024,t=1,p=1"}
PATIENCE_SECONDS = 10
Headers = dict[str, str]


class Town:
    """The app, with what its people do. Clients keep no cookies unless they are asked to be browsers."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.folder = folder
        self.client = installation.app.test_client(use_cookies=False)

    @property
    def accounts(self) -> Accounts:
        accounts = self.installation.open().accounts
        assert accounts is not None
        return accounts

    def browser(self) -> FlaskClient:
        return self.installation.app.test_client()

    def post(self, path: str, body: Any = None, headers: Headers | None = None) -> TestResponse:
        sent = {} if body is None else {"json": body}
        return self.client.post(f"/api/v1{path}", headers=headers or {}, **sent)

    def get(self, path: str, headers: Headers | None = None) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=headers or {})

    def signed_up(self, name: str = "anna") -> Headers:
        """Return what somebody new sends to be known."""
        answer = self.post("/auth/register", {"email": f"{name}@example.com", "password": PASSWORD, "name": name})
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    def confirmed(self, headers: Headers) -> Headers:
        assert self.post("/auth/confirm", {"password": PASSWORD}, headers).status_code == 204
        return headers

    def admin(self) -> Headers:
        """Return what the first admin sends to be known."""
        token = self.accounts.people.first_admin_link()
        answer = self.post("/auth/first-admin", {"token": token, "email": "root@example.com", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    def link_to(self, address: str, page: str) -> str:
        """Return the token of the newest letter to an address that leads to a page, waiting until it was sent."""
        pattern = re.compile(rf"/account/{page}#token=(\w+)")
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            self.accounts.outbox.deliver_due()
            for path in sorted((self.folder / "instance" / "mail").glob("*.eml"), reverse=True):
                letter = message_from_bytes(path.read_bytes(), policy=policy.default)
                body = letter.get_body(("plain",))
                found = None if body is None else pattern.search(body.get_content())
                if found is not None and address in str(letter["To"]):
                    return found[1]
            time.sleep(0.05)
        raise AssertionError(f"no letter to {address} leads to /account/{page}")


@pytest.fixture
def town_with(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """Make the app with settings of its own: `town_with(registration="closed")`."""
    opened: list[Installation] = []

    def make(**settings: Any) -> Town:
        class Base(DeclarativeBase):
            pass

        class Note(Base):
            __tablename__ = "notes"
            id: Mapped[int] = mapped_column(primary_key=True)
            owner_id: Mapped[int | None] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"))
            text: Mapped[str] = mapped_column(String(100), default="")
            public: Mapped[bool] = mapped_column(default=False)

        app = Flask(__name__, instance_path=str(tmp_path / "instance"))
        api = Meze(app, Base, roles=("editor",), settings={**SETTINGS, "database_url": database_url, **settings})
        mine = signed_in & (Note.owner_id == me.id)
        api.resource(Note, read=Note.public.is_(True) | mine, create=anyone, update=mine, owner="owner_id")
        installation: Installation = app.extensions["meze"]
        opened.append(installation)
        Base.metadata.create_all(installation.database.engine)
        return Town(installation, tmp_path)

    yield make
    for installation in opened:
        if (accounts := installation.open().accounts) is not None:
            accounts.close()
        installation.database.close()


@pytest.fixture
def town(town_with: Callable[..., Town]) -> Town:
    return town_with()
