"""Check 11: what an admin takes away is gone at the next request, and within a second in another process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.accounts.calling import Client
from contracts.accounts.deployment import ELSEWHERE_SECONDS, Deployment, Person, within


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
