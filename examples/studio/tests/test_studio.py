"""What the example's README says, over HTTP: studios that see nothing of each other, and roles that hold in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Studios:
    """Ada owns the first studio, Bob the second; Eve edits in Ada's and looks at Bob's; Zoe is nowhere a member."""

    ada: Any
    bob: Any
    eve: Any
    zoe: Any
    kites: int
    boats: int
    spring: int
    hulls: int


@pytest.fixture
def studios(sign_up: Callable[[str], Any]) -> Studios:
    ada, bob, eve, zoe = (sign_up(name) for name in ("ada", "bob", "eve", "zoe"))
    kites, boats = ada.add("studios", name="Kites")["id"], bob.add("studios", name="Boats")["id"]
    ada.add("memberships", studio_id=kites, user_id=eve.id, role="editor")
    bob.add("memberships", studio_id=boats, user_id=eve.id)
    spring = ada.add("projects", studio_id=kites, slug="first", title="Spring kites")["id"]
    hulls = bob.add("projects", studio_id=boats, slug="first", title="Hulls")["id"]
    return Studios(ada, bob, eve, zoe, kites, boats, spring, hulls)


def test_who_makes_a_studio_owns_it(studios: Studios) -> None:
    members = studios.ada.get("memberships?expand=user&sort=id")["items"]

    assert [(each["user"]["name"], each["role"]) for each in members] == [("ada", "owner"), ("eve", "editor")]
    assert studios.ada.request("PATCH", f"studios/{studios.kites}", {"name": "Kites & co."}).status_code == 200
    assert studios.eve.request("PATCH", f"studios/{studios.kites}", {"name": "x"}).status_code == 403
    assert studios.bob.request("PATCH", f"studios/{studios.kites}", {"name": "x"}).status_code == 404


def test_studios_see_nothing_of_each_other(studios: Studios) -> None:
    task = studios.bob.add("tasks", project_id=studios.hulls, title="Sand it")["id"]
    studios.bob.add("comments", task_id=task, said="Tomorrow")

    assert [each["title"] for each in studios.ada.get("projects?count=true")["items"]] == ["Spring kites"]
    for address in (f"studios/{studios.boats}", f"projects/{studios.hulls}", f"tasks/{task}"):
        assert studios.ada.request("GET", address).status_code == 404
    for name in ("studios", "memberships", "projects", "tasks", "comments"):
        assert studios.zoe.get(f"{name}?count=true")["total"] == 0
    assert studios.ada.get("tasks?count=true")["total"] == 0
    assert studios.ada.get("comments?count=true")["total"] == 0


def test_roles_hold_in_their_own_studio(studios: Studios) -> None:
    assert studios.eve.add("tasks", project_id=studios.spring, title="Buy silk")["done"] is False
    assert studios.eve.request("POST", "tasks", {"project_id": studios.hulls, "title": "x"}).status_code == 403
    assert studios.eve.request("PATCH", f"projects/{studios.hulls}", {"title": "x"}).status_code == 403
    assert studios.eve.request("PATCH", f"projects/{studios.spring}", {"title": "Silk kites"}).status_code == 200
    assert studios.zoe.request("POST", "tasks", {"project_id": studios.spring, "title": "x"}).status_code == 422


def test_a_viewer_may_comment_and_change_no_word_of_others(studios: Studios) -> None:
    task = studios.bob.add("tasks", project_id=studios.hulls, title="Sand it")["id"]
    of_bob = studios.bob.add("comments", task_id=task, said="Tomorrow")["id"]
    of_eve = studios.eve.add("comments", task_id=task, said="Today?")

    assert of_eve["author_id"] == studios.eve.id
    assert studios.eve.request("PATCH", f"comments/{of_eve['id']}", {"said": "Now?"}).status_code == 200
    assert studios.eve.request("PATCH", f"comments/{of_bob}", {"said": "Now"}).status_code == 403
    assert studios.eve.request("DELETE", f"comments/{of_bob}").status_code == 403
    assert studios.bob.request("DELETE", f"comments/{of_eve['id']}").status_code == 204


def test_a_member_of_two_studios_cannot_mix_them(studios: Studios) -> None:
    eves = studios.eve.get(f"memberships?user_id={studios.eve.id}&studio_id={studios.boats}")["items"][0]["id"]
    task = studios.eve.add("tasks", project_id=studios.spring, title="Buy silk")["id"]

    for body in ({"assignee_id": eves}, {"project_id": studios.hulls}):
        answer = studios.eve.request("PATCH", f"tasks/{task}", body)
        assert answer.status_code in (403, 422)
        assert studios.eve.get(f"tasks/{task}")["title"] == "Buy silk"
    own = studios.eve.get(f"memberships?user_id={studios.eve.id}&studio_id={studios.kites}")["items"][0]["id"]
    assert studios.eve.request("PATCH", f"tasks/{task}", {"assignee_id": own}).status_code == 200


def test_a_member_may_leave_and_sees_nothing_then(studios: Studios) -> None:
    own = studios.eve.get(f"memberships?user_id={studios.eve.id}&studio_id={studios.kites}")["items"][0]["id"]

    assert studios.eve.request("DELETE", f"memberships/{own}").status_code == 204
    assert studios.eve.request("GET", f"projects/{studios.spring}").status_code == 404
    assert [each["title"] for each in studios.eve.get("projects")["items"]] == ["Hulls"]


def test_kinds_of_tasks_are_the_same_for_all(studios: Studios) -> None:
    assert studios.zoe.get("kinds")["items"] == []
    assert studios.ada.request("POST", "kinds", {"name": "chore"}).status_code == 403
