"""Check 11: what an admin takes away is gone at the next request, and within a second in another process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.accounts.calling import Client
from contracts.accounts.deployment import ELSEWHERE_SECONDS, Deployment, Person, new_password, within


@pytest.fixture
def colleague(served: Deployment) -> Person:
    """Somebody who may edit cities, known to both processes already."""
    person = served.person("colleague")
    changed = served.admin.client.patch(f"/users/{person.id}", {"roles": ["editor"]})
    assert changed.status == 200, changed
    for url in served.urls:
        assert within(ELSEWHERE_SECONDS, lambda url=url: edits(person.client.at(url)) == 201)
    return person


def edits(client: Client) -> int:
    return client.post("/cities", {"name": "Porto"}).status


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(served: Deployment, colleague: Person) -> None:
    """11"""
    changed = served.admin.client.patch(f"/users/{colleague.id}", {"roles": []})

    assert changed.json["roles"] == []
    assert edits(colleague.client) == 403
    assert colleague.known
    assert within(ELSEWHERE_SECONDS, lambda: edits(colleague.client.at(served.urls[1])) == 403)


def disable(served: Deployment, person: Person) -> None:
    assert served.admin.client.patch(f"/users/{person.id}", {"disabled": True}).status == 200


def sign_out(served: Deployment, person: Person) -> None:
    assert served.admin.client.post(f"/users/{person.id}/sign-out").status == 204


def delete(served: Deployment, person: Person) -> None:
    assert served.admin.client.delete(f"/users/{person.id}").status == 204


@pytest.mark.parametrize("shut_out", [disable, sign_out, delete])
def test_who_is_shut_out_is_refused_at_the_next_request(
    served: Deployment, colleague: Person, shut_out: Callable[[Deployment, Person], None]
) -> None:
    """11"""
    assert colleague.client.at(served.urls[1]).get("/auth/me").status == 200

    shut_out(served, colleague)

    assert colleague.client.get("/auth/me").status == 401
    assert edits(colleague.client) == 401
    assert colleague.refresh().status == 401
    elsewhere = colleague.client.at(served.urls[1])
    # Bad credentials are refused even where anyone may read.
    for path in ("/auth/me", "/cities"):
        assert within(ELSEWHERE_SECONDS, lambda path=path: elsewhere.get(path).status == 401), path


def test_a_disabled_account_has_no_door_left_and_nothing_comes_back_when_it_is_enabled(
    served: Deployment, colleague: Person
) -> None:
    """11"""
    key = colleague.key("read", "write")
    assert edits(colleague.client.with_token(key)) == 201
    disable(served, colleague)

    assert edits(colleague.client.with_token(key)) == 401
    assert colleague.attempt(served.client()).code == "bad_credentials"
    assert served.admin.client.patch(f"/users/{colleague.id}", {"disabled": False}).status == 200
    assert not colleague.known
    assert colleague.refresh().status == 401
    assert edits(colleague.sign_in(served.client()).client) == 201


def test_a_role_that_is_given_holds_at_the_next_request(served: Deployment) -> None:
    person = served.person()
    assert edits(person.client) == 403

    served.admin.client.patch(f"/users/{person.id}", {"roles": ["editor"]})

    assert edits(person.client) == 201


def test_the_last_enabled_admin_cannot_go(served: Deployment) -> None:
    admin = served.admin.confirm()
    others = served.admin.client.get("/users?limit=100").json["items"]
    assert [each["id"] for each in others if "admin" in each["roles"] and not each["disabled"]] == [admin.id]

    for refused in (
        admin.client.patch(f"/users/{admin.id}", {"roles": []}),
        admin.client.patch(f"/users/{admin.id}", {"disabled": True}),
        admin.client.delete(f"/users/{admin.id}"),
        admin.client.delete("/auth/me"),
    ):
        assert refused.status == 403, refused
    assert admin.client.get("/auth/me").json["roles"] == ["admin"]


def revoke_key(person: Person) -> Client:
    key = person.key("read", "write")
    shown = person.client.get("/auth/keys").json["items"][0]
    person.client.at(person.deployment.urls[1]).with_token(key).get("/cities")
    assert person.client.delete(f"/auth/keys/{shown['id']}").status == 204
    return person.client.with_token(key)


def log_out(person: Person) -> Client:
    assert person.client.post("/auth/logout").status == 204
    return person.client


def change_password(person: Person) -> Client:
    other = person.sign_in()
    body = {"current_password": person.password, "new_password": new_password()}
    assert other.client.post("/auth/password/change", body).status == 204
    return person.client


def reset_password(person: Person) -> Client:
    mailbox = person.deployment.mailbox
    assert person.client.with_token(None).post("/auth/password/forgot", {"email": person.email}).status == 202
    token = mailbox.link(person.email, "reset")
    body = {"token": token, "new_password": new_password()}
    assert person.client.with_token(None).post("/auth/password/reset", body).status == 204
    return person.client


def delete_oneself(person: Person) -> Client:
    assert person.confirm().client.delete("/auth/me").status == 204
    return person.client


@pytest.mark.parametrize("end", [revoke_key, log_out, change_password, reset_password, delete_oneself])
def test_what_somebody_ends_is_over_within_a_second_in_another_process(
    served: Deployment, end: Callable[[Person], Client]
) -> None:
    """19, 31: the other process knew the token a moment before, and is asked all the while."""
    person = served.person()
    elsewhere = person.client.at(served.urls[1])
    assert elsewhere.get("/auth/me").status == 200

    ended = end(person).at(served.urls[1])

    assert within(ELSEWHERE_SECONDS, lambda: ended.get("/cities").status == 401)


def test_the_last_use_arrives_and_what_waits_is_written_when_a_server_stops(deploy: Callable[..., Deployment]) -> None:
    served = deploy(servers=1)
    person, other = served.person(), served.person()
    long_ago = "UPDATE meze_sessions SET last_used_at = last_used_at - 1000 WHERE user_id = :id"
    last_used = "SELECT last_used_at - created_at FROM meze_sessions WHERE user_id = :id"

    def used(each: Person) -> bool:
        [(since,)] = served.rows(last_used, id=each.id)
        return bool(since >= 0)

    served.change(long_ago, id=person.id)
    assert person.known
    assert within(10, lambda: used(person))

    served.change(long_ago, id=other.id)
    assert other.known
    served.servers[0].process.terminate()
    served.servers[0].process.wait(30)
    assert used(other)
