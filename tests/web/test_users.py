"""Users as admins see and change them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from meze.accounts.people import NewPerson
from meze.accounts.visitor import Visitor
from meze.errors import Forbidden
from web.conftest import PASSWORD, Town

USER = {"id", "email", "email_verified", "name", "roles", "disabled", "created_at"}


def test_admins_list_filter_and_sort_users(town: Town) -> None:
    town.signed_up("anna")
    town.signed_up("ben")
    admin = town.admin()
    everyone = town.get("/users?sort=-id&limit=2&count=true", admin).json
    rest = town.client.get(everyone["next"], headers=admin).json

    assert [set(each) for each in everyone["items"]] == [USER, USER]
    assert everyone["total"] == 3
    assert [each["name"] for each in rest["items"]] == ["anna"]
    assert [each["id"] for each in town.get("/users?email__startswith=BEN", admin).json["items"]] == [2]
    assert town.get("/users?fields=id,email&disabled=false&limit=1", admin).json["items"] == [
        {"id": 1, "email": "anna@example.com"}
    ]


@pytest.mark.parametrize("field", ["email_canonical", "hash", "password", "password_hash"])
def test_what_is_hidden_is_not_to_be_asked_for_by_admins_either(town: Town, field: str) -> None:
    admin = town.admin()

    for query in (f"{field}=x", f"sort={field}", f"fields={field}", f"{field}__startswith=a"):
        answer = town.get(f"/users?{query}", admin)
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_field")


def test_one_user_has_an_entity_tag(town: Town) -> None:
    town.signed_up()
    admin = town.admin()
    answer = town.get("/users/1", admin)

    assert (answer.status_code, set(answer.json)) == (200, USER)
    assert town.get("/users/1", {**admin, "If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert town.get("/users/99", admin).status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_admin_makes_an_account_with_a_password(town: Town) -> None:
    body = {"email": "ben@example.com", "name": "Ben", "roles": ["editor", "editor"], "password": PASSWORD}
    answer = town.post("/users", body, town.admin())
    signed_in = town.post("/auth/login", {"email": "ben@example.com", "password": PASSWORD})

    assert answer.status_code == 201
    assert (answer.json["roles"], answer.json["email_verified"]) == (["editor"], False)
    assert answer.headers["Location"] == f"/api/v1/users/{answer.json['id']}"
    assert "ETag" in answer.headers
    assert signed_in.json["user"]["id"] == answer.json["id"]


def test_who_gets_an_account_without_a_password_is_mailed_a_link_to_set_one(town: Town) -> None:
    answer = town.post("/users", {"email": "ben@example.com"}, town.admin())
    before = town.post("/auth/login", {"email": "ben@example.com", "password": PASSWORD})
    pages = "(?:reset|invitation)"
    done = town.post(
        "/auth/password/reset", {"token": town.link_to("ben@example.com", pages), "new_password": PASSWORD}
    )

    assert answer.status_code == 201
    assert before.status_code == 401
    assert done.status_code == 204
    assert town.post("/auth/login", {"email": "ben@example.com", "password": PASSWORD}).status_code == 200


def test_every_fault_of_a_new_account_is_told_at_once(town: Town) -> None:
    admin = town.admin()
    faulty = town.post("/users", {"email": "nobody", "roles": ["editor", "chef"], "password": "short"}, admin)
    taken = town.post("/users", {"email": "ROOT@example.com", "password": PASSWORD}, admin)

    assert {entry["pointer"] for entry in faulty.json["errors"]} == {"/email", "/roles/1", "/password"}
    assert (taken.status_code, taken.json["errors"][0]["pointer"]) == (409, "/email")


def test_what_an_admin_changes_holds_at_the_next_request(town: Town) -> None:
    anna, admin = town.signed_up(), town.admin()
    promoted = town.client.patch("/api/v1/users/1", json={"roles": ["admin"], "name": None}, headers=admin)
    as_admin = town.get("/users", anna)
    town.client.patch("/api/v1/users/1", json={"roles": []}, headers=admin)
    as_anyone = town.get("/users", anna)
    disabled = town.client.patch("/api/v1/users/1", json={"disabled": True}, headers=admin)

    assert (promoted.status_code, promoted.json["roles"], promoted.json["name"]) == (200, ["admin"], None)
    assert as_admin.status_code == 200
    assert as_anyone.status_code == 403
    assert disabled.json["disabled"] is True
    assert town.get("/auth/me", anna).status_code == 401


@pytest.mark.parametrize("field", ["id", "email", "email_verified", "email_canonical", "created_at", "password"])
def test_what_is_not_an_admins_to_change_is_told(town: Town, field: str) -> None:
    town.signed_up()
    answer = town.client.patch("/api/v1/users/1", json={field: "x"}, headers=town.admin())

    assert answer.status_code == 422
    assert [(entry["pointer"], entry["code"]) for entry in answer.json["errors"]] == [(f"/{field}", "unknown")]


def test_a_change_is_made_to_the_user_that_was_seen(town: Town) -> None:
    town.signed_up()
    admin = town.admin()
    seen = {**admin, "If-Match": town.get("/users/1", admin).headers["ETag"]}
    first = town.client.patch("/api/v1/users/1", json={"name": "First"}, headers=seen)
    second = town.client.patch("/api/v1/users/1", json={"name": "Second"}, headers=seen)
    third = town.client.patch(
        "/api/v1/users/1", json={"name": "Third"}, headers={**admin, "If-Match": first.headers["ETag"]}
    )

    assert [each.status_code for each in (first, second, third)] == [200, 412, 200]
    assert second.json["code"] == "changed"


def test_of_many_changes_to_what_was_seen_one_is_made(town: Town) -> None:
    town.signed_up()
    admin = town.admin()
    seen = {**admin, "If-Match": town.get("/users/1", admin).headers["ETag"]}

    def change(number: int) -> int:
        client = town.installation.app.test_client(use_cookies=False)
        return client.patch("/api/v1/users/1", json={"name": f"{number}"}, headers=seen).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(change, range(8)))

    assert statuses == [200, *[412] * 7]


def test_a_merge_patch_leaves_what_it_does_not_name(town: Town) -> None:
    town.signed_up()
    admin = town.admin()
    town.client.patch("/api/v1/users/1", json={"roles": ["editor"]}, headers=admin)
    answer = town.client.patch("/api/v1/users/1", json={}, headers=admin)

    assert (answer.json["name"], answer.json["roles"], answer.json["disabled"]) == ("anna", ["editor"], False)


def test_an_admin_ends_the_sessions_of_a_user(town: Town) -> None:
    anna, admin = town.signed_up(), town.admin()

    assert town.post("/users/1/sign-out", headers=admin).status_code == 204
    assert town.get("/auth/me", anna).status_code == 401
    assert town.post("/users/99/sign-out", headers=admin).status_code == 404


def test_an_admin_deletes_a_user(town: Town) -> None:
    anna, admin = town.signed_up(), town.admin()

    assert town.client.delete("/api/v1/users/1", headers=admin).status_code == 204
    assert town.client.delete("/api/v1/users/1", headers=admin).status_code == 404
    assert town.get("/auth/me", anna).status_code == 401


@pytest.mark.parametrize(
    ("method", "body"), [("DELETE", None), ("PATCH", {"disabled": True}), ("PATCH", {"roles": []})]
)
def test_the_last_admin_stays(town: Town, method: str, body: object) -> None:
    admin = town.admin()
    answer = town.client.open("/api/v1/users/1", method=method, json=body, headers=admin)

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert town.get("/users", admin).status_code == 200


def test_a_key_reaches_users_with_the_scope_of_admins_alone(town: Town) -> None:
    admin = town.confirmed(town.admin())
    keys = {
        scope: town.post("/auth/keys", {"name": scope, "scopes": [scope]}, admin).json["key"]
        for scope in ("admin", "write")
    }
    statuses = {
        scope: town.get("/users", {"Authorization": f"Bearer {key}"}).status_code for scope, key in keys.items()
    }

    unknown = town.post("/auth/keys", {"name": "users", "scopes": ["users:read"]}, admin)

    assert statuses == {"admin": 200, "write": 403}
    assert (unknown.status_code, unknown.json["errors"][0]["pointer"]) == (422, "/scopes/0")


def test_a_user_who_changed_meanwhile_is_not_deleted(town: Town) -> None:
    root = town.admin()
    town.signed_up("anna")
    (anna,) = town.get("/users?email=anna@example.com", root).json["items"]
    path = f"/api/v1/users/{anna['id']}"
    seen = town.client.get(path, headers=root).headers["ETag"]
    town.client.patch(path, json={"name": "Anna B"}, headers=root)

    stale = town.client.delete(path, headers={**root, "If-Match": seen})
    now = town.client.get(path, headers=root).headers["ETag"]
    fresh = town.client.delete(path, headers={**root, "If-Match": now})

    assert (stale.status_code, stale.json["code"]) == (412, "changed")
    assert fresh.status_code == 204
    assert town.client.get(path, headers=root).status_code == 404


def test_who_is_no_admin_any_more_makes_nobody_one(town: Town) -> None:
    """Another process may trust an admin for a second after the role was taken away; that must not last."""
    root = town.admin()
    second = town.signed_up("anna")
    (anna,) = town.get("/users?email=anna@example.com", root).json["items"]
    people = town.accounts.people
    people.change(anna["id"], Visitor(), roles=["admin"])
    assert town.get("/users", second).status_code == 200

    people.change(anna["id"], Visitor(), roles=[])

    for act in (
        lambda: people.change(anna["id"], Visitor(), by_id=anna["id"], roles=["admin"]),
        lambda: people.create(NewPerson("new@example.com", roles=("admin",)), None, Visitor(), anna["id"]),
        lambda: people.invite("new@example.com", ["admin"], None, Visitor(), anna["id"]),
        lambda: people.sign_out(1, Visitor(), anna["id"]),
        lambda: people.delete(1, Visitor(), anna["id"]),
    ):
        with pytest.raises(Forbidden):
            act()
