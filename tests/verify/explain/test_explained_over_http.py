"""`Meze-Explain: 1` explains an answer to an admin in a session, and changes no byte for anybody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from meze.access.caller import ADMIN
from meze.accounts.people import NewPerson
from meze.accounts.tables import AccountEvent
from meze.accounts.visitor import Visitor
from verify.explain.library import SESAME, fill, make_app

API = "/api/v1"
ASKED = {"Meze-Explain": "1"}
PRODUCTION = {
    "env": "production",
    "public_url": "https://library.example",
    "registration": "closed",
    "password_hashing": "m=19456,t=2,p=1",
}
AT_HOME = {"Host": "library.example"}


class Served:
    """The library with accounts, and a client."""

    def __init__(self, url: str, folder: Path, **settings: Any) -> None:
        self.app = make_app(url, folder, **settings)
        self.meze = self.app.extensions["meze"]
        fill(self.meze)
        self.accounts = self.meze.open().accounts
        self.client: FlaskClient = self.app.test_client(use_cookies=False)
        self.headers: dict[str, Mapping[str, str]] = {"nobody": {}}
        for name, roles in (("user", ()), ("editor", ("editor",)), ("admin", (ADMIN,))):
            self._add(name, roles)

    def _add(self, name: str, roles: tuple[str, ...]) -> None:
        with self.accounts.storage.writing() as work:
            user_id = self.accounts.people.add(work, NewPerson(f"{name}@example.com", name, roles, True), None)
            pair = self.accounts.sessions.start(work, user_id, Visitor(), "password")
            cookie = self.accounts.sessions.start_cookie(work, user_id, Visitor(), "password")
        _, key = self.accounts.keys.create(user_id, "all", ["admin" if ADMIN in roles else "write"])
        self.headers[name] = {"Authorization": f"Bearer {pair.access_token}"}
        self.headers[f"{name} by cookie"] = {"Cookie": f"{self._cookie_name}={cookie.token}"}
        self.headers[f"{name} by key"] = {"Authorization": f"Bearer {key}"}

    @property
    def _cookie_name(self) -> str:
        return self.meze.open().site.accounts.cookies.session_name

    def ask(self, who: str, path: str, method: str = "GET", **options: Any) -> TestResponse:
        headers = {**self.headers[who], **options.pop("headers", {}), "X-Request-ID": "same"}
        return self.client.open(API + path, method=method, headers=headers, **options)

    def explained_events(self) -> int:
        with self.meze.database.engine.connect() as connection:
            events = AccountEvent.__table__.c
            return len(connection.execute(select(events.id).where(events.event == "explained")).all())


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Served]:
    made = Served(database_url, tmp_path)
    yield made
    made.meze.database.close()


def same(plain: TestResponse, asked: TestResponse) -> bool:
    return (plain.status, plain.data, list(plain.headers)) == (asked.status, asked.data, list(asked.headers))


@pytest.mark.parametrize("who", ["admin", "admin by cookie"])
def test_an_admin_in_a_session_gets_the_explanation_around_the_answer(served: Served, who: str) -> None:
    plain = served.ask(who, "/papers?limit=2&sort=id")
    asked = served.ask(who, "/papers?limit=2&sort=id", headers=ASKED)

    assert asked.status_code == 200
    assert asked.headers["Cache-Control"] == "no-store"
    assert asked.json["status"] == 200
    assert asked.json["body"]["items"] == plain.json["items"]  # each cursor is sealed anew
    explanation = asked.json["explanation"]
    assert [row["key"] for row in explanation["rows"]] == ["1", "2"]
    assert {each["words"] for row in explanation["rows"] for each in row["because"]} == {"role admin"}
    assert explanation["statements"][0]["sql"].startswith("SELECT")
    assert SESAME not in asked.text
    assert served.explained_events() == 1


def test_nobody_else_leaves_or_finds_a_trace_of_it(served: Served) -> None:
    paths = ["/papers", "/papers/1", "/papers/99", "/papers?word=x", "/diaries", "/nothing", "/auth/me"]
    for who in served.headers:
        if who not in ("admin", "admin by cookie"):
            for path in paths:
                assert same(served.ask(who, path), served.ask(who, path, headers=ASKED)), (who, path)
    assert served.explained_events() == 0


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        pytest.param("/papers", "GET", {"Meze-Explain": "true"}, id="another-value"),
        pytest.param("/papers", "HEAD", ASKED, id="head"),
        pytest.param("/papers", "GET", {**ASKED, "Accept": "text/csv"}, id="a-file"),
        pytest.param("/papers/1", "PATCH", ASKED, id="a-write"),
        pytest.param("/users", "GET", ASKED, id="no-resource"),
    ],
)
def test_an_admin_who_asks_for_something_else_gets_it(
    served: Served, path: str, method: str, headers: dict[str, str]
) -> None:
    without = {name: value for name, value in headers.items() if name != "Meze-Explain"}
    body = {"title": "t"} if method == "PATCH" else None

    plain = served.ask("admin", path, method, headers=without, json=body)
    asked = served.ask("admin", path, method, headers=headers, json=body)

    assert same(plain, asked)
    assert served.explained_events() == 0


def test_a_refusal_is_explained_with_the_problem_that_it_would_have_been(served: Served) -> None:
    plain = served.ask("admin", "/papers?word=x")
    asked = served.ask("admin", "/papers?word=x", headers=ASKED)

    assert (asked.status_code, asked.json["status"]) == (200, 400)
    assert asked.json["body"] == plain.json
    assert "hidden" not in asked.text


@pytest.mark.parametrize(("path", "method"), [("/papers", "QUERY"), ("/papers/query", "POST")])
def test_questions_in_bodies_are_explained_and_never_kept_to_be_repeated(
    served: Served, path: str, method: str
) -> None:
    headers = {**ASKED, "Idempotency-Key": "k1"}
    body = {"where": {"id__lte": 3}, "limit": 2}

    asked = [served.ask("admin", path, method, headers=headers, json=body) for _ in range(2)]

    for each in asked:
        assert [row["key"] for row in each.json["explanation"]["rows"]] == ["1", "2"]
        assert each.json["body"]["next"].startswith(f"{API}{path}?cursor=")
        assert "Idempotency-Replayed" not in each.headers
    assert served.explained_events() == 2


def test_an_answer_that_was_not_modified_has_no_body(served: Served) -> None:
    etag = served.ask("admin", "/papers/1").headers["ETag"]
    asked = served.ask("admin", "/papers/1", headers={**ASKED, "If-None-Match": etag})

    assert (asked.status_code, asked.json["status"], asked.json["body"]) == (200, 304, None)


@pytest.mark.parametrize(
    ("settings", "explains"),
    [
        pytest.param(PRODUCTION, False, id="production"),
        pytest.param(PRODUCTION | {"explain": "on"}, True, id="production-where-it-was-switched-on"),
        pytest.param({"explain": "off"}, False, id="development-where-it-was-switched-off"),
    ],
)
def test_a_setting_says_whether_anything_is_explained(tmp_path: Path, settings: dict[str, str], explains: bool) -> None:
    served = Served(f"sqlite:///{tmp_path}/library.db", tmp_path, **settings)
    plain = served.ask("admin", "/papers", headers=AT_HOME if "env" in settings else {})
    asked = served.ask("admin", "/papers", headers=ASKED | (AT_HOME if "env" in settings else {}))

    assert ("explanation" in asked.json) is explains
    assert same(plain, asked) is not explains
    served.meze.database.close()
