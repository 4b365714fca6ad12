"""Check 65: what is secret stands in no log, error or table and in nobody else's mail, after a walk through every door.

The walk gives right and wrong secrets to every endpoint, in right and wrong places, and keeps each of them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from contracts.accounts.calling import Answer, Client
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, Person, new_email
from contracts.accounts.mailbox import Mail
from contracts.accounts.second_factors import with_second_factor


class Walk:
    """Somebody who goes everywhere, and everything secret that they met on their way."""

    def __init__(self, served: Deployment) -> None:
        self.served = served
        self.secrets: dict[str, str] = {}
        self.errors: list[Answer] = []
        self.email = new_email("canary")
        self._mails_before = len(served.mailbox.everything)

    def secret(self, name: str, value: str | None = None) -> str:
        """Keep a secret, made up unless it is given."""
        self.secrets[name] = value or f"canary {name} {secrets.token_hex(8)}"
        return self.secrets[name]

    def wrong(self, answer: Answer) -> Answer:
        assert 400 <= answer.status < 500, answer
        self.errors.append(answer)
        return answer

    @property
    def mails(self) -> list[Mail]:
        """The letters since the walk began, to whomever."""
        return self.served.mailbox.everything[self._mails_before :]

    def found(self, text: str) -> list[str]:
        """The names of the secrets that stand in a text, as they are or as an address has them."""
        return [
            name
            for name, value in self.secrets.items()
            if value in text or quote(value) in text or value.replace(" ", "+") in text
        ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def walk(request: pytest.FixtureRequest, standing: Callable[[str, str], Deployment]) -> Walk:
    """The walk, once for all tests of a kind of database. Other tests use the servers too, which changes nothing."""
    walk = Walk(standing(request.param, "open"))
    person = passwords(walk)
    links(walk, person)
    guarded(walk, person.sign_in())
    keys_and_cookies(walk, person.sign_in())
    wrong_places(walk)
    return walk


def passwords(walk: Walk) -> Person:
    """Register, sign in, refresh, confirm and change the password, each rightly and wrongly."""
    served, email = walk.served, walk.email
    client = served.client()
    password = walk.secret("password")
    for broken in (
        {"email": email, "password": password, "more": walk.secret("password in another field")},
        {"email": email, "password": [password]},
        {"email": email, "password": walk.secret("password with NUL") + "\0"},
        {"email": walk.secret("password typed as address"), "password": password},
        {"email": f"{email}\r\nBcc: {walk.secret('smuggled')}", "password": password},
    ):
        walk.wrong(client.post("/auth/register", broken))
        walk.wrong(client.post("/auth/login", broken))
    raw = f'{{"email": "{email}", "password": "{walk.secret("password in broken JSON")}"'.encode()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        walk.wrong(client.request("POST", "/auth/login", body=raw, headers={"Content-Type": kind}))
    name = "Eve\r\n2026-01-01 forged line in the log"
    answer = client.post("/auth/register", {"email": email, "password": password, "name": name})
    if answer.status != 201:
        walk.wrong(answer)
        answer = client.post("/auth/register", {"email": email, "password": password})
    assert answer.status == 201, answer
    stranger = Person(served, email, password, client, answer.json["user"]["id"])
    person = remembered(walk, "first", stranger.holding(answer))
    walk.wrong(client.post("/auth/register", {"email": email, "password": walk.secret("password of a second")}))
    walk.wrong(person.attempt(client, password=walk.secret("wrong password")))
    walk.wrong(client.post("/auth/refresh", {"refresh_token": walk.secret("no refresh token")}))
    person = remembered(walk, "refreshed", person.holding(person.refresh()))
    walk.wrong(person.client.post("/auth/confirm", {"password": walk.secret("wrong confirmation")}))
    walk.wrong(person.client.post("/auth/confirm", {"code": walk.secret("wrong code")}))
    person.confirm()
    wrong = {"current_password": walk.secret("wrong current"), "new_password": walk.secret("refused new")}
    walk.wrong(person.client.post("/auth/password/change", wrong))
    new = walk.secret("new password")
    change = {"current_password": password, "new_password": new}
    assert person.client.post("/auth/password/change", change).status == 204
    person.password = new
    return person


def remembered(walk: Walk, name: str, person: Person) -> Person:
    walk.secret(f"{name} access token", person.access_token)
    walk.secret(f"{name} refresh token", person.refresh_token)
    return person


def links(walk: Walk, person: Person) -> None:
    """Use links of mail, rightly and wrongly."""
    served, client = walk.served, walk.served.client()
    client.post("/auth/password/forgot", {"email": walk.email})
    client.post("/auth/password/forgot", {"email": walk.secret("password typed when forgotten")})
    token = walk.secret("reset token", served.mailbox.link(walk.email, "reset"))
    bad = {"token": walk.secret("no reset token"), "new_password": walk.secret("unused new password")}
    walk.wrong(client.post("/auth/password/reset", bad))
    walk.wrong(client.post("/auth/password/reset", {"token": token, "new_password": "passwordpassword"}))
    new = walk.secret("password of the reset")
    assert client.post("/auth/password/reset", {"token": token, "new_password": new}).status == 204
    walk.wrong(client.post("/auth/password/reset", {"token": token, "new_password": new}))
    person.password = new
    moving = remembered(walk, "moving", person.sign_in()).confirm()
    moved = new_email("moved")
    moving.client.patch("/auth/me", {"email": moved})
    token = walk.secret("token for a new address", served.mailbox.link(moved, "email"))
    walk.wrong(client.post("/auth/email/verify", {"token": walk.secret("no token for an address")}))
    assert client.post("/auth/email/verify", {"token": token}).status == 204
    person.email = moved
    invited = new_email("invited")
    assert served.admin.client.post("/auth/invitations", {"email": invited}).status == 201
    token = walk.secret("invitation", served.mailbox.link(invited, "invitation"))
    walk.wrong(client.post("/auth/register", {"email": invited, "password": "short", "invitation": token}))
    wrong = {"token": walk.secret("no first admin"), "email": invited, "password": walk.secret("unused password")}
    walk.wrong(client.post("/auth/first-admin", wrong))


def guarded(walk: Walk, person: Person) -> None:
    """Switch the second factor on, sign in with it, rightly and wrongly, and switch it off."""
    guarded = with_second_factor(remembered(walk, "guarded", person))
    walk.secret("TOTP secret", guarded.secret)
    for number, code in enumerate(guarded.recovery_codes):
        walk.secret(f"recovery code {number}", code)
    mfa_token = walk.secret("mfa token", guarded.mfa_token())
    walk.wrong(guarded.answer(mfa_token, walk.secret("no code")))
    walk.wrong(guarded.answer(walk.secret("no mfa token"), guarded.recovery_codes[0]))
    answer = guarded.answer(mfa_token, guarded.recovery_codes[0])
    remembered(walk, "with a recovery code", person.holding(answer))
    walk.wrong(person.client.delete("/auth/totp", json={"password": walk.secret("wrong to switch off")}))
    assert person.client.delete("/auth/totp", json={"password": person.password}).status == 204


def keys_and_cookies(walk: Walk, person: Person) -> None:
    served = walk.served
    remembered(walk, "last", person)
    key = walk.secret("API key", person.key("read", "write"))
    assert person.client.with_token(key).get("/auth/me").status == 200
    walk.wrong(person.client.with_token(key).post("/auth/logout"))
    body = {"email": person.email, "password": person.password}
    browser = served.client().post("/auth/login?session=cookie", body)
    for written in browser.all("Set-Cookie"):
        name, _, value = written.partition(";")[0].partition("=")
        walk.secret(f"cookie {name}", value)
    cookie = "; ".join(each.partition(";")[0] for each in browser.all("Set-Cookie"))
    walk.wrong(served.client().post("/trips", {"title": "Forged"}, headers={"Cookie": cookie}))
    person.client.post("/auth/logout")
    walk.wrong(person.client.get("/auth/me"))


def wrong_places(walk: Walk) -> None:
    """Send every secret to where it does not belong: addresses, headers and bodies of other endpoints."""
    client: Client = walk.served.client()
    for value in list(walk.secrets.values()):
        written = quote(value, safe="")
        for path in (
            f"/{written}",
            f"/trips/{written}",
            f"/trips?token={written}",
            f"/auth/{written}",
            f"/users/{written}",
        ):
            walk.wrong(client.get(path))
        walk.wrong(client.get("/auth/me", headers={"Authorization": f"Basic {written}"}))
        walk.wrong(client.with_token(written + "x").get("/auth/me"))
        walk.wrong(client.post("/trips", {"title": value}))
        client.get("/cities", headers={"Cookie": f"meze={written}; session={written}"})
        client.get(f"//{written}")


def test_no_error_repeats_a_secret(walk: Walk) -> None:
    """65"""
    assert len(walk.errors) > 100
    for answer in walk.errors:
        shown = answer.body.decode() + str(answer.headers)
        # Half a sign-in is answered with its token, to whoever gave the right password.
        assert not walk.found(shown), answer


def test_the_servers_output_holds_no_secret(walk: Walk) -> None:
    """65"""
    said = walk.served.said()

    assert said.count("POST") > 20, "the control: requests are logged at all"
    assert not walk.found(said)
    assert "$argon2" not in said


def test_nothing_that_is_sent_makes_a_line_of_its_own_in_the_log(walk: Walk) -> None:
    """65"""
    said = walk.served.said()

    assert not [line for line in said.splitlines() if line.startswith(("2026-01-01 forged", "Bcc:"))]


def test_the_database_holds_no_secret_in_clear(walk: Walk) -> None:
    """65: every table, and the file itself with what was deleted."""
    dump = walk.served.dump()

    assert "canary" in dump["meze_users"] or "moved" in dump["meze_users"], "the control: an address is found"
    assert {name: walk.found(rows) for name, rows in dump.items() if walk.found(rows)} == {}
    for content in database_files(walk.served):
        assert not walk.found(content.decode("latin-1"))


def database_files(served: Deployment) -> list[bytes]:
    """The files of a SQLite database. PostgreSQL's are read by its dump alone."""
    url = make_url(served.database_url)
    if not url.drivername.startswith("sqlite"):
        return []
    path = Path(str(url.database))
    return [each.read_bytes() for each in (path, path.with_name(f"{path.name}-wal")) if each.exists()]


def test_mail_holds_no_secret_but_the_links_of_whom_it_is_to(walk: Walk) -> None:
    """65"""
    allowed = {"reset token", "token for a new address", "invitation"}
    letters = [(mail.receivers, mail.raw.decode() + mail.whole) for mail in walk.mails]
    assert letters
    told = [walk.found(text) for _, text in letters]

    assert [name for names in told for name in names if name not in allowed] == []
    for name in allowed:
        holding = {receivers for receivers, text in letters if walk.secrets[name] in text}
        assert len(holding) == 1, f"the letter with the {name} went to one person"


def test_no_file_of_the_project_holds_a_secret(walk: Walk) -> None:
    """65"""
    files = [path for project in walk.served.projects for path in project.folder.rglob("*") if path.is_file()]

    assert files
    assert {path.name: found for path in files if (found := walk.found(path.read_bytes().decode("latin-1")))} == {}


def test_an_error_that_nobody_expected_tells_no_secret(deploy: Deploy, database_kind: str) -> None:
    """65, 55: drivers like to show the values of a statement that failed."""
    served = deploy(database=database_kind, servers=1)
    person = served.person()
    walk = Walk(served)
    for name, value in (("password", person.password), ("access", person.access_token), ("address", person.email)):
        walk.secret(name, value)
    new = walk.secret("new password")
    with served.database.engine.begin() as connection:
        for table in ("meze_sessions", "meze_passwords"):
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")

    stranger = walk.secret("address of a stranger", new_email("stranger"))
    answers = [
        served.client().post("/auth/register", {"email": stranger, "password": new}),
        person.attempt(served.client()),
        person.refresh(),
        served.client().with_token(person.access_token).post("/auth/logout"),
    ]

    assert {answer.status for answer in answers} <= {500, 503, 401, 204}, answers
    assert {answer.status for answer in answers} & {500, 503}
    for answer in answers:
        assert not walk.found(answer.body.decode())
        assert "meze_sessions" not in answer.body.decode()
    assert not walk.found(served.said())
    assert not re.search(r"\$argon2", served.said())


def test_development_mail_without_a_server_is_written_for_its_owner_alone(deploy: Deploy) -> None:
    """65: `instance/mail` is closed to others on the machine."""
    served = deploy(servers=1, MEZE_SMTP_URL="")
    person = served.person()
    served.client().post("/auth/password/forgot", {"email": person.email})
    folder = served.projects[0].folder / "instance" / "mail"

    served.servers[0].wait_for(lambda: [path for path in folder.glob("*.eml") if "meze_reset_" in path.read_text()])

    assert folder.stat().st_mode & 0o077 == 0 or folder.parent.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o177 for path in folder.glob("*.eml")} == {0}
    assert person.password not in "".join(path.read_text() for path in folder.glob("*.eml"))


def test_settings_are_shown_without_secrets(deploy: Deploy) -> None:
    """65"""
    secret, password = secrets.token_hex(20), secrets.token_hex(10)
    served = deploy(servers=1, SECRET_KEY=secret, MEZE_SMTP_URL=f"smtp://anna:{password}@127.0.0.1:1")
    person = served.person()
    served.client().post("/auth/password/forgot", {"email": person.email})
    served.servers[0].wait_for(lambda: served.client().get("//health/ready").status == 200)

    assert secret not in served.said()
    assert password not in served.said()
    assert any_secret(served.said()) == []


def any_secret(said: str) -> list[Any]:
    return re.findall(r"meze_(?:access|refresh|reset|key|mfa|email|cookie)_\w+", said)
