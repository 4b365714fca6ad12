"""Check 10: checks 1 to 9 between tenants, whose rows have equal names and slugs, over HTTP.

Two studios hold the same rows. Anna owns the first, Ben the second; Ed edits the first and views the second; Hera has a
role that is no tenant's, and is a member of neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from sqlalchemy import Enum, ForeignKey, String, UniqueConstraint, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.test import TestResponse

from contracts.kitchen import ADMIN, ANNA, BEN, EDITOR, HR, Kitchen, Person, refused
from meze import Meze, anyone, me, role, signed_in
from meze.databases.search import SearchIndex

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Studio(Base):
    __tablename__ = "studios"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    members: Mapped[list[Membership]] = relationship(back_populates="studio")
    projects: Mapped[list[Project]] = relationship(back_populates="studio")


class Membership(Base):
    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("user_id", "studio_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    role: Mapped[str] = mapped_column(Enum("owner", "editor", "viewer", name="tenant_roles"), default="viewer")
    studio: Mapped[Studio] = relationship(back_populates="members")


class Project(Base):
    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("studio_id", "slug"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))
    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(80))
    studio: Mapped[Studio] = relationship(back_populates="projects")
    tasks: Mapped[list[Task]] = relationship(back_populates="project")


class Task(Base):
    """Belongs to a studio by its project; may be done by a member, and after another task."""

    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("memberships.id"))
    after_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    kind_id: Mapped[int | None] = mapped_column(ForeignKey("kinds.id"))
    title: Mapped[str] = mapped_column(String(80))
    project: Mapped[Project] = relationship(back_populates="tasks")
    member: Mapped[Membership | None] = relationship()


class Label(Base):
    """Its key is the client's, and begins with the studio."""

    __tablename__ = "labels"
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    color: Mapped[str | None] = mapped_column(String(20))


class Kind(Base):
    """The same for all."""

    __tablename__ = "kinds"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


class Closed(Base):
    """Belongs to a studio, and has no rule."""

    __tablename__ = "closed"
    id: Mapped[int] = mapped_column(primary_key=True)
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))


def declare(api: Meze, **said: Any) -> None:
    tenant = api.tenant(Membership, role="role", founder="owner", shared=(Kind,), **said)
    owner, working = tenant.role("owner"), tenant.role("owner", "editor")
    api.resource(Studio, read=anyone, create=signed_in, update=owner, delete=owner)
    api.resource(Membership, read=anyone, create=owner, update=owner, delete=owner | (Membership.user_id == me.id))
    api.resource(Project, read=anyone, write=working, search=["title"])
    api.resource(Task, read=anyone, write=working)
    api.resource(Label, read=anyone, write=working)
    api.resource(Kind, read=anyone, write=role("hr"))
    api.resource(Closed)


FIRST = {
    "studios": [{"id": 1, "name": "Studio"}],
    "memberships": [
        {"id": 1, "studio_id": 1, "user_id": ANNA.caller.id, "role": "owner"},
        {"id": 2, "studio_id": 1, "user_id": EDITOR.caller.id, "role": "editor"},
    ],
    "projects": [{"id": n, "studio_id": 1, "slug": f"p{n}", "title": "Launch the kite"} for n in (1, 2, 3)],
    "kinds": [{"id": 1, "name": "chore"}],
    "tasks": [
        {"id": n, "project_id": 1, "member_id": 1, "after_id": None if n == 1 else 1, "kind_id": 1, "title": f"t{n}"}
        for n in (1, 2, 3)
    ],
    "labels": [{"studio_id": 1, "name": "red", "color": "#f00"}],
    "closed": [{"id": 1, "studio_id": 1}],
}
SECOND = {
    "studios": [{"id": 2, "name": "Studio"}],
    "memberships": [
        {"id": 11, "studio_id": 2, "user_id": BEN.caller.id, "role": "owner"},
        {"id": 12, "studio_id": 2, "user_id": EDITOR.caller.id, "role": "viewer"},
    ],
    "projects": [{"id": 10 + n, "studio_id": 2, "slug": f"p{n}", "title": "Launch the kite"} for n in (1, 2, 3)],
    "tasks": [
        {"id": 10 + n, "project_id": 11, "member_id": 11, "after_id": None if n == 1 else 11, "title": f"t{n}"}
        for n in (1, 2, 3)
    ],
    "labels": [{"studio_id": 2, "name": "red", "color": "#00f"}],
    "closed": [{"id": 11, "studio_id": 2}],
}
BOUNDED = ("studios", "memberships", "projects", "tasks", "labels")
OWN = {"studios": 1, "memberships": 1, "projects": 1, "tasks": 1, "labels": "1,red"}
FOREIGN = {"studios": 2, "memberships": 11, "projects": 11, "tasks": 11, "labels": "2,red"}
NOWHERE = {"studios": 999, "memberships": 999, "projects": 999, "tasks": 999, "labels": "999,red"}


def fill(kitchen: Kitchen, rows: dict[str, list[dict[str, Any]]]) -> None:
    with kitchen.engine.begin() as connection:
        for name, some in rows.items():
            connection.execute(insert(Base.metadata.tables[name]), some)


def stored(kitchen: Kitchen) -> dict[str, list[tuple[Any, ...]]]:
    return {each.__tablename__: kitchen.stored(each) for each in (Studio, Membership, Project, Task, Label, Closed)}


def told(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all of an answer that must not differ."""
    headers = [each for each in answer.headers if each[0] not in ("X-Request-ID", "Date", "Content-Length")]
    known = answer.headers["X-Request-ID"].encode()
    return answer.status_code, answer.data.replace(known, b"-"), headers


def opened(serve: Serve, **said: Any) -> Kitchen:
    """Serve the first studio alone. What is made afterwards has ids from 100 on."""
    kitchen = serve(Base, lambda api: declare(api, **said), FIRST)
    project = Base.metadata.tables["projects"]
    SearchIndex(project, (project.c.title,)).ensure(kitchen.database)
    if kitchen.engine.dialect.name == "postgresql":
        with kitchen.engine.begin() as connection:
            for name in ("studios", "memberships", "projects", "tasks", "closed"):
                connection.exec_driver_sql(f"ALTER SEQUENCE {name}_id_seq RESTART WITH 100")
    return kitchen


@pytest.fixture
def studios(serve: Serve) -> Kitchen:
    kitchen = opened(serve)
    fill(kitchen, SECOND)
    return kitchen


def reads() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield everything that is asked of a tenant's rows: address and headers."""
    for name in BOUNDED:
        for query in (
            "",
            "?count=true",
            "?limit=1&page=2",
            "?aggregate=count",
            "?format=csv",
            "?sort=-id" if name != "labels" else "?sort=-color",
        ):
            yield f"/{name}{query}", {}
        yield f"/{name}", {"Accept": "application/x-ndjson"}
        yield f"/{name}/{OWN[name]}", {}
        for key in (FOREIGN[name], NOWHERE[name]):
            yield f"/{name}/{key}", {}
            yield f"/{name}/{key}", {"If-None-Match": "*"}
    yield from (
        (path, {})
        for path in (
            "/projects?q=kite",
            "/projects?q=kite&count=true",
            "/projects?slug=p1&count=true",
            "/projects?aggregate=count&group=slug",
            "/projects?aggregate=count&group=studio_id",
            "/projects?studio__name=Studio&count=true",
            "/projects?tasks__title=t1&expand=tasks,studio",
            "/studios?projects__slug=p1&expand=projects,members",
            "/studios?members__role=viewer&count=true",
            "/tasks?project__studio__members__role=viewer",
            "/tasks?member__role=owner&sort=project__title,-title&expand=project__studio,member",
            "/tasks?member_id=11",
            "/kinds",
        )
    )


def test_another_tenant_changes_no_byte_of_what_is_read(serve: Serve) -> None:
    """Check 10 of 1, 4, 5 and 9: lists, totals, search, groups, filters over relations, expansions, exports, ETags."""
    kitchen = opened(serve)

    def asked(person: Person) -> dict[tuple[str, str], Any]:
        found = {}
        for path, headers in reads():
            for method in ("GET", "HEAD"):
                answer = kitchen.request(method, path, person, headers=headers)
                assert answer.status_code in (200, 304, 404), (path, answer.text)
                found[f"{method} {path}", str(headers)] = told(answer)
        return found

    before = {person: asked(person) for person in (ANNA, HR)}
    fill(kitchen, SECOND)

    for person, answers in before.items():
        assert asked(person) == answers
    assert b"t1" in kitchen.get("/tasks", ANNA).data
    assert kitchen.get("/tasks?count=true", EDITOR).json["total"] == 6, "a member of both sees both"


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("person", [ANNA, HR], ids=["a-member-of-another", "a-member-of-none"])
def test_a_foreign_row_answers_as_a_missing_one_and_stays_as_it_is(studios: Kitchen, name: str, person: Person) -> None:
    """Check 10 of 1 and 2: every verb, with every body that the row's own tenant could send."""
    before = stored(studios)

    for method, body in (
        ("GET", None),
        ("PATCH", {}),
        ("PATCH", {"name": "x"}),
        ("PUT", {"name": "x"}),
        ("DELETE", None),
    ):
        if method == "PUT" and name == "labels":
            continue  # it makes one where there is none; what then holds is asked of making
        answers = [
            told(studios.request(method, f"/{name}/{keys[name]}", person, json=body)) for keys in (FOREIGN, NOWHERE)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] in (404, 422)
    assert stored(studios) == before


def test_who_is_a_member_of_none_finds_nothing(studios: Kitchen) -> None:
    for name in BOUNDED:
        assert studios.get(f"/{name}?count=true", HR).json == {"items": [], "next": None, "total": 0}
        refused(studios.get(f"/{name}"), 401, "unauthenticated")
    assert len(studios.get("/kinds", HR).json["items"]) == 1


def makings(task: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield every door by which a row is made of `task`."""
    yield "POST", "/tasks", task
    yield "POST", "/tasks", [{"project_id": 1, "title": "own"}, task]
    yield "POST", "/batch", {"operations": [{"method": "POST", "path": "/tasks", "body": task}]}


@pytest.mark.parametrize(
    ("task", "field"),
    [
        pytest.param({"project_id": 11}, "project_id", id="into-a-foreign-tenant"),
        pytest.param({"project_id": 1, "member_id": 11}, "member_id", id="by-a-foreign-member"),
        pytest.param({"project_id": 1, "after_id": 11}, "after_id", id="after-a-foreign-task"),
    ],
)
@pytest.mark.parametrize("person", [ANNA, EDITOR, ADMIN], ids=["a-stranger", "a-member-of-both", "admin"])
def test_no_foreign_key_leads_out_of_a_tenant(
    studios: Kitchen, task: dict[str, Any], field: str, person: Person
) -> None:
    """Check 10 of 3: not even where the caller is a member of both, or an admin, who sees every row."""
    into = field == "project_id"
    before = stored(studios)
    if into and person is ADMIN:
        # An admin may write in every tenant, one at a time as the other cases show.
        assert studios.add("/tasks", {"title": "t"} | task, person)["project_id"] == 11
        return

    for method, path, body in makings({"title": "smuggled"} | task):
        answer = studios.request(method, path, person, json=body)
        # Where the member of both is a viewer the row is seen, and its making is refused by the rule.
        if into and person is EDITOR:
            refused(answer, 403, "forbidden")
        else:
            assert answer.status_code == 422, answer.text
            assert {"code": "no_such_row"}.items() <= answer.json["errors"][0].items()
            assert answer.json["errors"][0]["pointer"].endswith(f"/{field}")
    csv = "\n".join([",".join(["title", *task]), ",".join(["smuggled", *map(str, task.values())])])
    answer = studios.request("POST", "/tasks", person, data=csv, headers={"Content-Type": "text/csv"})
    assert answer.status_code in (403, 422)
    for key in (2, 3):
        assert studios.patch(f"/tasks/{key}", task, person).status_code in (403, 422)
    assert studios.patch("/tasks", [{"id": 2, "title": "x"}, {"id": 3, **task}], person).status_code in (403, 422)
    assert stored(studios) == before


@pytest.mark.parametrize("person", [EDITOR, ADMIN], ids=["a-member-of-both", "admin"])
def test_a_row_never_changes_its_tenant(studios: Kitchen, person: Person) -> None:
    """Check 10 of 3 and 6: by its own column, which is closed, or by the foreign key that leads there."""
    studios.patch("/memberships/12", {"role": "owner"}, BEN)
    before = stored(studios)

    refused(
        studios.patch("/projects/1", {"studio_id": 2}, person), 422, "invalid", pointer="/studio_id", entry="closed"
    )
    refused(
        studios.put("/projects/1", {"studio_id": 2, "slug": "p1", "title": "x"}, person),
        422,
        "invalid",
        pointer="/studio_id",
        entry="closed",
    )
    refused(
        studios.patch("/tasks/1", {"project_id": 11}, person),
        422,
        "invalid",
        pointer="/project_id",
        entry="no_such_row",
    )
    refused(
        studios.put("/tasks/1", {"project_id": 11, "title": "x"}, person),
        422,
        "invalid",
        pointer="/project_id",
        entry="no_such_row",
    )
    refused(
        studios.patch("/memberships/1", {"studio_id": 2}, ADMIN), 422, "invalid", pointer="/studio_id", entry="closed"
    )
    csv = "id,project_id\n1,11\n"
    answer = studios.request(
        "POST", "/tasks?on_conflict=update", person, data=csv, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 422
    assert stored(studios) == before
    assert studios.patch("/tasks/1", {"project_id": 2}, person).status_code == 200, "within a tenant rows may move"
    assert studios.patch("/projects/1", {"studio_id": 1, "title": "y"}, person).status_code == 200


def test_roles_hold_in_their_own_tenant_alone(studios: Kitchen) -> None:
    """Check 10 of 7: who edits one studio and views another is refused there what viewers are refused."""
    refused(studios.post("/projects", {"studio_id": 2, "slug": "n", "title": "n"}, EDITOR), 403, "forbidden")
    refused(studios.patch("/projects/11", {"title": "n"}, EDITOR), 403, "forbidden")
    refused(studios.delete("/projects/13", EDITOR), 403, "forbidden")
    refused(studios.patch("/memberships/12", {"role": "owner"}, EDITOR), 403, "forbidden")
    refused(studios.patch("/memberships/2", {"role": "owner"}, EDITOR), 403, "forbidden")
    refused(
        studios.post("/memberships", {"studio_id": 1, "user_id": HR.caller.id, "role": "owner"}, EDITOR),
        403,
        "forbidden",
    )
    assert studios.add("/projects", {"studio_id": 1, "slug": "n", "title": "n"}, EDITOR)["studio_id"] == 1
    assert studios.delete("/projects/3", EDITOR).status_code == 204


def test_what_has_no_rule_is_closed_to_its_members_too(studios: Kitchen) -> None:
    """Check 10 of 8."""
    for person in (ANNA, EDITOR, HR):
        for method, path in (("GET", "/closed"), ("GET", "/closed/1"), ("PATCH", "/closed/1"), ("DELETE", "/closed/1")):
            refused(studios.request(method, path, person, json={}), 403, "forbidden")
        refused(studios.post("/closed", {"studio_id": 1}, person), 403, "forbidden")
    assert [row["id"] for row in studios.get("/closed", ADMIN).json["items"]] == [1, 11]


def test_one_foreign_row_among_many_undoes_all(studios: Kitchen) -> None:
    """Check 10 of 9: arrays, deletes by filter and batches are whole or nothing, and reach no other tenant."""
    before = stored(studios)

    mixed: Iterable[dict[str, Any]] = [{"id": key, "title": "changed"} for key in (1, 2, 3, 11)]
    assert studios.patch("/tasks", mixed, ANNA).status_code == 404
    rows = [{"studio_id": 1, "slug": f"n{n}", "title": "n"} for n in range(99)]
    assert studios.post("/projects", [*rows, {"studio_id": 2, "slug": "n", "title": "n"}], ANNA).status_code == 422
    operations = [
        {"method": "PATCH", "path": "/tasks/1", "body": {"title": "changed"}},
        {"method": "DELETE", "path": "/tasks/11"},
    ]
    assert studios.post("/batch", {"operations": operations}, ANNA).status_code == 404
    assert stored(studios) == before
    assert studios.delete("/tasks?title__in=t2,t3", ANNA).json == {"deleted": 2}
    assert [row[0] for row in stored(studios)["tasks"]] == [1, 11, 12, 13]


def test_a_key_of_the_clients_choice_is_put_only_into_ones_own_tenant(studios: Kitchen) -> None:
    """Check 10 of 2 and 3: the key names the tenant, and equal names are no conflict between two."""
    before = stored(studios)

    for key in ("2,red", "2,blue", "999,red"):
        refused(studios.put(f"/labels/{key}", {"color": "x"}, ANNA), 422, "invalid", pointer="/studio_id")
    refused(studios.put("/labels/2,red", {"color": "x"}, EDITOR), 403, "forbidden")
    assert stored(studios) == before
    assert studios.put("/labels/1,blue", {"color": "x"}, ANNA).status_code == 201
    assert studios.put("/labels/1,red", {"color": "x"}, ANNA).status_code == 200
    assert stored(studios)["labels"][-1] == (2, "red", "#00f")


def test_equal_unique_values_are_no_conflict_between_tenants(studios: Kitchen) -> None:
    assert studios.add("/projects", {"studio_id": 1, "slug": "only-ours", "title": "x"}, ANNA)
    assert studios.add("/projects", {"studio_id": 2, "slug": "only-ours", "title": "x"}, BEN)
    refused(studios.post("/projects", {"studio_id": 1, "slug": "p1", "title": "x"}, ANNA), 409, "already_exists")


def foundings(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every door by which a studio is made."""
    yield "POST", "/studios", {"json": {"name": name}}
    yield "POST", "/studios", {"json": [{"name": name}, {"name": "another"}]}
    yield "POST", "/batch", {"json": {"operations": [{"method": "POST", "path": "/studios", "body": {"name": name}}]}}
    yield "POST", "/studios", {"data": f"name\n{name}\n", "headers": {"Content-Type": "text/csv"}}
    yield "POST", "/studios", {"data": f'{{"name":"{name}"}}\n', "headers": {"Content-Type": "application/x-ndjson"}}


def test_who_makes_a_tenant_is_its_first_member(studios: Kitchen) -> None:
    for place, (method, path, sent) in enumerate(foundings("new")):
        answer = studios.request(method, path, HR, **sent)
        assert answer.status_code in (200, 201), answer.text
        found = studios.get("/studios?sort=-id", HR).json["items"]
        newest = found[0]["id"]
        members = studios.get(f"/memberships?studio_id={newest}&fields=user_id,role", HR).json["items"]
        assert members == [{"user_id": HR.caller.id, "role": "owner"}], place
    assert studios.request("POST", "/studios", HR, json={"name": "shown"}).json["name"] == "shown"
    refused(studios.post("/studios", {"name": "x"}), 401, "unauthenticated")
    made = studios.post("/studios", {"name": "of the admin"}, ADMIN)
    assert made.status_code == 201
    assert (
        studios.get(f"/memberships?studio_id={made.json['id']}", ADMIN).json["items"][0]["user_id"] == ADMIN.caller.id
    )
    assert studios.patch(f"/studios/{made.json['id']}", {"name": "y"}, HR).status_code == 404


def test_a_tenant_that_is_not_made_has_no_member(studios: Kitchen) -> None:
    """All or nothing: what comes after it in a batch fails, and neither row is there."""
    before = stored(studios)
    operations = [
        {"method": "POST", "path": "/studios", "body": {"name": "new"}},
        {
            "method": "POST",
            "path": "/projects",
            "body": {"studio_id": {"$ref": "/0/body/id"}, "slug": "a", "title": "a"},
        },
        {"method": "DELETE", "path": "/tasks/11"},
    ]

    assert studios.post("/batch", {"operations": operations}, HR).status_code == 404
    assert stored(studios) == before
    made = studios.post("/batch", {"operations": operations[:2]}, HR)
    assert made.status_code == 200, made.text
    assert made.json["results"][1]["body"]["slug"] == "a"


def test_who_is_no_member_any_more_is_refused_at_the_next_request(studios: Kitchen) -> None:
    assert studios.get("/tasks/1", EDITOR).status_code == 200
    assert studios.delete("/memberships/2", ANNA).status_code == 204
    refused(studios.get("/tasks/1", EDITOR), 404, "not_found")
    assert studios.delete("/memberships/12", EDITOR).status_code == 204, "of one's own, though a viewer's"
    assert studios.get("/tasks", EDITOR).json["items"] == []


def test_the_role_admin_sees_every_tenant_unless_it_is_held_back(serve: Serve) -> None:
    kitchen = opened(serve, admin=False)

    assert kitchen.get("/tasks", ADMIN).json["items"] == []
    refused(kitchen.get("/tasks/1", ADMIN), 404, "not_found")
    refused(kitchen.patch("/studios/1", {"name": "x"}, ADMIN), 404, "not_found")
    made = kitchen.add("/studios", {"name": "own"}, ADMIN)
    assert kitchen.get("/studios", ADMIN).json["items"] == [made]


def test_can_asks_for_the_tenant_too(studios: Kitchen) -> None:
    can = studios.app.extensions["meze"].api.can
    own, foreign = Task(id=1, project_id=1, title="t"), Task(id=11, project_id=11, title="t")

    assert [can(EDITOR.caller, each, own) for each in ("read", "create", "update", "delete")] == [True] * 4
    assert [can(EDITOR.caller, each, foreign) for each in ("read", "create", "update", "delete")] == [True] + [
        False
    ] * 3
    assert [can(HR.caller, each, own) for each in ("read", "create", "update", "delete")] == [False] * 4


def test_the_document_says_that_the_tenant_is_given_once(studios: Kitchen) -> None:
    schemas = studios.get("//openapi.json").json["components"]["schemas"]

    assert "studio_id" in schemas["ProjectCreate"]["required"]
    assert not schemas["ProjectCreate"]["properties"]["studio_id"].get("readOnly")
    assert schemas["ProjectUpdate"]["properties"]["studio_id"]["readOnly"]
    assert schemas["ProjectReplace"]["properties"]["studio_id"]["readOnly"]
