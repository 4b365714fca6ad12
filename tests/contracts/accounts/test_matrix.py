"""Check 7 for accounts: every address × method × kind of caller, against a table written by hand.

Bodies are empty objects, so that 422 means that the caller got as far as the body.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from contracts.accounts.calling import Answer, Client
from contracts.accounts.deployment import Deployment, Person

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CONFIRM = "403 confirmation_required"
NOBODY = "401 unauthenticated"


class Row(NamedTuple):
    """What each caller gets. `other` and `admin` ask for what belongs to `owner`; the key is the owner's, to read."""

    method: str
    nobody: str
    owner: str
    other: str
    key: str
    admin: str


def open_to_all(status: str) -> Row:
    return Row("POST", status, status, status, "403", status)  # under /auth a key may only GET /me


def own(method: str, status: str) -> Row:
    return Row(method, NOBODY, status, status, "403", status)


def of_admins(method: str, status: str) -> Row:
    return Row(method, NOBODY, "403 forbidden", "403 forbidden", "403", status)


# For each address the rows in the order in which they are tried: what ends a session or an account comes last.
TABLE: dict[str, list[Row]] = {
    "/auth/register": [open_to_all("422")],
    "/auth/first-admin": [open_to_all("422")],
    "/auth/login": [open_to_all("422")],
    "/auth/login/second-factor": [open_to_all("422")],
    "/auth/refresh": [open_to_all("422")],
    "/auth/password/forgot": [open_to_all("422")],
    "/auth/password/reset": [open_to_all("422")],
    "/auth/email/verify": [open_to_all("422")],
    "/auth/email/resend": [Row("POST", "422", "202", "202", "403", "202")],
    "/auth/logout": [own("POST", "204")],
    "/auth/logout-all": [own("POST", "204")],
    "/auth/confirm": [own("POST", "422")],
    "/auth/me": [
        Row("GET", NOBODY, "200", "200", "200", "200"),
        own("PATCH", "200"),
        own("DELETE", CONFIRM),
    ],
    "/auth/password/change": [own("POST", "422")],
    "/auth/sessions": [own("GET", "200")],
    "/auth/sessions/{session}": [Row("DELETE", NOBODY, "204", "404", "403", "404")],
    "/auth/totp": [own("GET", "200"), own("POST", CONFIRM), own("DELETE", CONFIRM)],
    "/auth/totp/confirm": [own("POST", CONFIRM)],
    "/auth/keys": [own("GET", "200"), own("POST", CONFIRM)],
    "/auth/keys/{key}": [own("DELETE", CONFIRM)],
    "/auth/invitations": [of_admins("POST", "422")],
    "/auth/events": [own("GET", "200")],
    "/users": [of_admins("GET", "200"), of_admins("POST", "422")],
    "/users/{user}": [of_admins("GET", "200"), of_admins("PATCH", "200"), of_admins("DELETE", "204")],
    "/users/{user}/sign-out": [of_admins("POST", "204")],
}


class World(NamedTuple):
    """The callers, and what the owner has. `owner` calls from a second session, so that the first can be ended."""

    callers: dict[str, Client]
    ids: dict[str, int]


@pytest.fixture
def world(served: Deployment) -> World:
    first = served.person("owner")
    key = first.key("read")
    made = first.client.get("/auth/keys").json["items"][0]
    session = first.client.get("/auth/sessions").json["items"][0]
    owner, other, admin = first.sign_in(), served.person("other"), served.admin.sign_in()
    callers = {
        # Whoever is asked for last may end what the others need.
        "nobody": served.client(),
        "other": other.client,
        "key": served.client().with_token(key),
        "owner": owner.client,
        "admin": admin.client,
    }
    return World(callers, {"user": first.id, "key": made["id"], "session": session["id"]})


def shown(answer: Answer, expected: str) -> str:
    """The status, and the code where the table has one."""
    return f"{answer.status} {answer.code}" if " " in expected else str(answer.status)


@pytest.mark.parametrize("path", TABLE)
def test_each_caller_gets_what_the_table_says(world: World, path: str) -> None:
    """7"""
    at = path.format(**world.ids)
    found, expected = {}, {}
    for row in TABLE[path]:
        for name, client in world.callers.items():
            wanted = getattr(row, name)
            body: dict[str, Any] = {} if row.method == "GET" else {"json": {}}
            answer = client.request(row.method, at, **body)
            expected[row.method, name], found[row.method, name] = wanted, shown(answer, wanted)
            assert "X-Request-ID" in dict(answer.headers) or answer.header("x-request-id")

    assert found == expected


@pytest.mark.parametrize("path", TABLE)
def test_every_other_method_is_refused_and_the_true_ones_are_named(world: World, path: str) -> None:
    """7: no 2xx outside of the table, for the admin neither."""
    at = path.format(**world.ids)
    allowed = {row.method for row in TABLE[path]}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    for method in METHODS:
        if method in allowed:
            continue
        for name, client in world.callers.items():
            answer = client.request(method, at, json={})
            assert answer.status in (405, 401, 403), (method, name, answer)
            if answer.status == 405:
                assert {each.strip() for each in (answer.header("Allow") or "").split(",")} - {"OPTIONS"} == allowed
    assert world.callers["admin"].request("PUT", at, json={}).status == 405


def test_the_document_lists_every_address_of_the_table_and_no_other(served: Deployment) -> None:
    """7, 64"""
    document = served.client().get("//openapi.json").json

    paths = {path.removeprefix("/api/v1"): item for path, item in document["paths"].items()}
    told = {
        (method.upper(), normal(path))
        for path, item in paths.items()
        for method in item
        if path.startswith(("/auth", "/users")) and method.upper() in METHODS and method != "head"
    }
    assert told == {(row.method, normal(path)) for path, rows in TABLE.items() for row in rows}


def normal(path: str) -> str:
    return "/".join("{}" if piece.startswith("{") else piece for piece in path.split("/"))


def test_what_belongs_to_another_is_answered_like_what_does_not_exist(world: World) -> None:
    """1: sessions of others are not told from none; keys not even when this session is confirmed."""
    other = world.callers["other"]
    for mine, none in (
        (f"/auth/sessions/{world.ids['session']}", "/auth/sessions/2000000000"),
        (f"/auth/keys/{world.ids['key']}", "/auth/keys/2000000000"),
        (f"/users/{world.ids['user']}", "/users/2000000000"),
    ):
        for method in ("GET", "PATCH", "DELETE"):
            first, second = other.request(method, mine, json={}), other.request(method, none, json={})
            assert (first.status, first.code) == (second.status, second.code)
            assert len(first.body) == len(second.body)
    assert world.callers["owner"].get("/auth/me").status == 200


def test_a_key_of_another_is_not_revoked_by_a_confirmed_session(served: Deployment) -> None:
    """2"""
    owner, other = served.person(), served.person().confirm()
    key = owner.key("read")
    key_id = owner.client.get("/auth/keys").json["items"][0]["id"]

    assert other.client.delete(f"/auth/keys/{key_id}").status == 404

    assert owner.client.with_token(key).get("/auth/me").status == 200


NUMBERS = [
    "0",
    "-1",
    "01",
    "1.0",
    "1e3",
    "%D9%A3",
    "99999999999999999999",
    "x",
    "%00",
    "1%2F..%2F2",
    "me",
    "1;x=1",
    "1%20",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_id_is_not_found(served: Deployment, number: str) -> None:
    """49"""
    admin = served.admin.client
    for path in ("/users/{}", "/users/{}/sign-out", "/auth/sessions/{}", "/auth/keys/{}"):
        for method in ("GET", "PATCH", "DELETE", "POST"):
            answer = admin.request(method, path.format(number), json={})
            assert answer.status in (404, 405, 403, 400, 422), (method, path, answer)
            assert answer.header("Content-Type") == "application/problem+json"


def scoped(admin: Person, *scopes: str) -> Client:
    return admin.client.with_token(admin.key(*scopes))


def test_a_key_of_an_admin_does_no_more_than_its_scopes(served: Deployment) -> None:
    """7: `admin` must be in its scopes for the role to count."""
    admin, person = served.admin.sign_in(), served.person()
    at = f"/users/{person.id}"
    for scopes in (("read",), ("read", "write"), ("trips:write",)):
        key = scoped(admin, *scopes)
        assert key.patch(at, {"disabled": True}).status == 403
        assert key.delete(at).status == 403
        assert key.post("/auth/invitations", {"email": "x@example.com"}).status == 403
        assert key.get("/invoices").status in (403, 401)
    assert person.known

    allowed = scoped(admin, "admin")

    assert allowed.patch(at, {"name": "Anna"}).status == 200
    assert allowed.get("/invoices").status == 200
    assert allowed.post("/auth/keys", {"name": "k", "scopes": ["read"]}).status == 403


def test_a_key_gives_no_more_than_its_owner_has(served: Deployment) -> None:
    """7"""
    person = served.person().confirm()
    answer = person.client.post("/auth/keys", {"name": "k", "scopes": ["admin", "write"]})

    assert answer.status in (201, 403, 422), answer
    if answer.status == 201:
        key = person.client.with_token(answer.json["key"])
        assert key.get("/users").status == 403
        assert key.get("/invoices").status == 403
        assert key.post("/cities", {"name": "Porto"}).status == 403


def test_scopes_hold_on_resources(served: Deployment) -> None:
    """7"""
    person = served.person()
    trip = person.client.post("/trips", {"title": "Lisbon"}).json
    read, write_stops = (
        person.client.with_token(person.key("read")),
        person.client.with_token(person.key("stops:create")),
    )

    assert read.get(f"/trips/{trip['id']}").status == 200
    assert read.post("/trips", {"title": "x"}).code == "insufficient_scope"
    assert read.patch(f"/trips/{trip['id']}", {"title": "x"}).code == "insufficient_scope"
    assert read.delete(f"/trips/{trip['id']}").code == "insufficient_scope"
    assert write_stops.get("/trips").code == "insufficient_scope"
    assert person.client.get(f"/trips/{trip['id']}").json["title"] == "Lisbon"


def test_a_key_ends_when_it_says_so(served: Deployment) -> None:
    """29"""
    person = served.person()
    key = person.client.with_token(person.key("read", expires_at="2999-01-01T00:00:00Z"))
    assert key.get("/auth/me").status == 200
    in_the_past = {"name": "k", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}
    assert person.client.post("/auth/keys", in_the_past).status == 422

    served.change("UPDATE meze_keys SET expires_at = 1 WHERE user_id = :id", id=person.id)

    assert key.at(served.urls[1]).get("/auth/me").status == 401


def test_users_are_filtered_only_by_what_an_admin_may_read(served: Deployment) -> None:
    """5: no filter, sort or expansion reaches a password, a hash or a canonical address."""
    admin, person = served.admin.client, served.person()
    hidden = [
        "password",
        "password_hash",
        "hash",
        "email_canonical",
        "passwords__hash",
        "sessions__access_hash",
        "secret",
    ]
    for name in hidden:
        for query in (f"{name}__startswith=a", f"sort={name}", f"fields=id,{name}", f"expand={name}"):
            assert admin.get(f"/users?{query}").status == 400, query
    for name in ("email", "roles", "disabled", "email_verified", "created_at", "email_canonical"):
        for query in (f"owner__{name}=a", f"sort=owner__{name}", f"fields=id,owner__{name}"):
            assert person.client.get(f"/trips?{query}").status == 400, query
    assert set(admin.get(f"/users/{person.id}").json) == {
        *("id", "email", "name", "roles", "email_verified", "created_at", "disabled"),
    }


def test_others_see_of_a_user_only_id_and_name(served: Deployment) -> None:
    """4"""
    person, other = served.person(name="Anna Blum"), served.person()
    person.client.post("/trips", {"title": "Open", "public": True})

    trips = other.client.get(f"/trips?expand=owner&owner_id={person.id}").json["items"]

    assert trips[0]["owner"] == {"id": person.id, "name": "Anna Blum"}


def test_the_trail_shows_everybody_their_own_events_and_admins_all(served: Deployment) -> None:
    person, other = served.person(), served.person()
    other.attempt(other.client, password="not the password of anybody")

    mine = person.client.get("/auth/events?limit=100").json["items"]
    everything = served.admin.client.get(f"/auth/events?user_id={other.id}").json["items"]

    assert {each["user_id"] for each in mine} == {person.id}
    assert "registered" in {each["event"] for each in mine}
    assert {"registered", "sign_in_failed"} <= {each["event"] for each in everything}
    assert person.client.get(f"/auth/events?user_id={other.id}").json["items"] == []
    assert person.email not in served.dump()["meze_account_events"]
