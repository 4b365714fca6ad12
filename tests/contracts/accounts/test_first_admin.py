"""Check 25: there is no account that nobody made, and the first admin is made once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from contracts.accounts.calling import Answer, at_once
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, new_email, new_password

LINK = re.compile(r"/account/first-admin#token=(?P<token>[\w-]+)")


@pytest.fixture
def empty(deploy: Deploy, database_kind: str) -> Deployment:
    """Two servers for development on a database in which there has never been an admin."""
    return deploy(database=database_kind, flags=("--dev",))


def links(served: Deployment) -> list[str]:
    """The tokens that the servers printed, each server's own."""
    found = [LINK.search(server.wait_for_words("/account/first-admin#token=")) for server in served.servers]
    return [each["token"] for each in found if each]


def become(served: Deployment, token: str, url: str | None = None, **changes: str) -> Answer:
    body = {"token": token, "email": new_email("first"), "password": new_password()} | changes
    client = served.client()
    return client.at(url or client.url).post("/auth/first-admin", body)


def admins(served: Deployment) -> int:
    return sum("admin" in str(roles) for (roles,) in served.rows("SELECT roles FROM meze_users"))


@pytest.mark.parametrize("servers", [1, 2], ids=["one-process", "two-processes"])
def test_of_twenty_first_admins_at_once_one_is_made_and_no_other_ever(empty: Deployment, servers: int) -> None:
    """25, must show 2: with the link of one server, and with those of two."""
    tokens = links(empty)

    def attempt(number: int) -> Callable[[], Answer]:
        of_server = number % servers
        return lambda: become(empty, tokens[of_server], empty.urls[of_server])

    answers = at_once(*(attempt(number) for number in range(20)))

    made = [answer for answer in answers if answer.status == 201]
    assert len(made) == 1, answers
    assert {answer.status for answer in answers} <= {201, 422, 429, 503}, answers
    assert admins(empty) == 1
    assert made[0].json["user"]["roles"] == ["admin"]
    assert empty.client().with_token(made[0].json["access_token"]).get("/users").status == 200
    for token in tokens:
        for url in empty.urls:
            refused = become(empty, token, url)
            assert (refused.status, refused.pointers) == (422, ["/token"])
    assert admins(empty) == 1


def test_before_the_first_admin_there_is_no_account_and_no_other_way_to_one(empty: Deployment) -> None:
    """25, 6, 15: what is refused leaves the link good, until its hour is over."""
    assert empty.rows("SELECT count(*) FROM meze_users") == [(0,)]
    for email in ("admin", "admin@example.com", "root@localhost", "admin@localhost"):
        for password in ("admin", "password", "", "changeme", "meze"):
            answer = empty.client().post("/auth/login", {"email": email, "password": password})
            assert answer.status in (401, 422), answer
    body = {"email": new_email(), "password": new_password()}
    for more in ({"roles": ["admin"]}, {"role": "admin"}, {"is_admin": True}, {"id": 1}, {"email_verified": True}):
        assert empty.client().post("/auth/register", body | more).status == 422, more
    person = empty.person()
    for more in ({"roles": ["admin"]}, {"disabled": False}, {"email_verified": True}, {"created_at": "2020-01-01"}):
        assert person.client.patch("/auth/me", more).status == 422, more
    for token in (person.access_token, person.refresh_token, "", "meze_admin_" + "A" * 49):
        assert become(empty, token).pointers == ["/token"]
    assert person.client.get("/auth/me").json["roles"] == []
    token, other = links(empty)
    assert become(empty, token, password="short").pointers == ["/password"]
    assert become(empty, token, password="passwordpassword").pointers == ["/password"]
    assert become(empty, token, email="no address").pointers == ["/email"]
    assert admins(empty) == 0
    late = "UPDATE meze_tokens SET created_at = created_at - 3601, expires_at = expires_at - 3601 WHERE id = {}"
    first = "(SELECT min(id) FROM meze_tokens WHERE kind = 'admin')"

    empty.change(late.format(first))

    assert sorted(become(empty, each).status for each in (token, other)) == [201, 422]
    assert admins(empty) == 1


def test_an_admin_of_the_command_line_ends_the_link_and_no_new_one_is_printed(deploy: Deploy) -> None:
    """25"""
    served = deploy(servers=1, flags=("--dev",))
    (token,) = links(served)
    served.meze("user", "create", new_email("admin"), "--role", "admin", "--password-stdin", said=new_password())

    assert become(served, token).status == 422

    again = deploy(servers=1, flags=("--dev",), database_url=served.database_url)
    assert again.client().get("/cities").status == 200
    assert "first-admin" not in again.said()


def test_without_dev_no_link_is_printed(deploy: Deploy) -> None:
    """25"""
    served = deploy(servers=1)

    assert served.client().get("/cities").status == 200
    assert "first-admin" not in served.said()
