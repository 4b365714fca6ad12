"""Checks 1 to 9: what one person may not touch of another's is as if it were not there, through every door.

Anna and Ben have a folder each, with papers in it; Ben's is closed to Anna. What each check says in full is proved at
length elsewhere (over_http/test_hidden.py, test_field_rules.py, test_several_rows.py, the oracle); here each is held
once, as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.test import TestResponse

from contracts.kitchen import ADMIN, ANNA, API, BEN, EDITOR, HR, Kitchen, Person, refused
from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in
from meze.databases.search import SearchIndex

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Folder(Base):
    __tablename__ = "folders"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    name: Mapped[str] = mapped_column(String(40))
    papers: Mapped[list[Paper]] = relationship(back_populates="folder")


class Paper(Base):
    __tablename__ = "papers"
    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("folders.id"))
    title: Mapped[str] = mapped_column(String(40))
    grade: Mapped[int] = mapped_column(default=1)
    token: Mapped[str] = mapped_column(String(40), default="secret")
    folder: Mapped[Folder] = relationship(back_populates="papers")


class Salary(Base):
    """For the role hr alone."""

    __tablename__ = "salaries"
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]


class Bare(Base):
    """Declared without a rule."""

    __tablename__ = "bare"
    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str | None]


ROWS = {
    "folders": [{"id": 1, "owner_id": ANNA.caller.id, "name": "a"}, {"id": 2, "owner_id": BEN.caller.id, "name": "b"}],
    "papers": [
        *({"id": n, "folder_id": 1, "title": f"t{n}"} for n in range(1, 100)),
        {"id": 101, "folder_id": 2, "title": "t1"},
    ],
    "salaries": [{"id": 1, "amount": 5}],
    "bare": [{"id": 1, "word": "x"}],
}
RESOURCES = ("folders", "papers", "salaries", "bare")
CALLERS = (None, ANNA, EDITOR, HR, ADMIN)


def declare(api: Meze) -> None:
    mine = signed_in & (Folder.owner_id == me.id)
    api.resource(Folder, read=mine, write=mine, owner="owner_id")
    only_hr = FieldRules(read=anyone, write=role("hr"))
    inside = Paper.folder.has(mine)
    api.resource(Paper, read=inside, write=inside, fields={"token": hidden, "grade": only_hr}, search=["title"])
    api.resource(Salary, read=role("hr"), write=role("hr"))
    api.resource(Bare)


@pytest.fixture
def office(serve: Serve) -> Kitchen:
    kitchen = serve(Base, declare, ROWS)
    paper = Base.metadata.tables["papers"]
    SearchIndex(paper, (paper.c.title,)).ensure(kitchen.database)
    if kitchen.engine.dialect.name == "postgresql":
        with kitchen.engine.begin() as connection:
            connection.exec_driver_sql("ALTER SEQUENCE folders_id_seq RESTART WITH 200")
    return kitchen


def stored(office: Kitchen) -> list[list[tuple[Any, ...]]]:
    return [office.stored(each) for each in (Folder, Paper, Salary, Bare)]


def told(answer: TestResponse, *names: str) -> tuple[int, str, list[tuple[str, str]]]:
    """Return all of an answer but its request id, its date, and what the request itself named."""
    text = answer.text.replace(answer.headers["X-Request-ID"], "-")
    for name in names:
        text = text.replace(name, "NAME")
    return (
        answer.status_code,
        text,
        [e for e in answer.headers if e[0] not in ("X-Request-ID", "Date", "Content-Length")],
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
def test_a_row_of_another_answers_as_one_that_is_not_there(office: Kitchen, method: str) -> None:
    """Check 1, and check 2: whatever is sent to it, it stays byte for byte as it was."""
    before = stored(office)
    for name, foreign in (("folders", 2), ("papers", 101)):
        for body in ({}, {"name": "x"}, {"title": "x"}, {"folder_id": 1}, {"owner_id": 1}, {"nothing": 1}):
            for headers in ({}, {"If-Match": "*"}, {"If-None-Match": "*"}):
                one, none = (
                    told(office.request(method, f"/{name}/{key}", ANNA, json=body, headers=headers), f"/{name}/{key}")
                    for key in (foreign, 4711)
                )
                assert one == none
                assert one[0] in (404, 422)
    assert stored(office) == before


def test_a_row_of_another_is_in_no_collection(office: Kitchen) -> None:
    """Check 1, on the ways that name no row: lists, totals, exports, aggregates, relations."""
    for path, papers in (
        ("/papers?folder_id=2", 0),
        ("/papers?title=t1", 1),
        ("/papers?folder__name=b", 0),
        ("/papers", 99),
    ):
        joined = "&" if "?" in path else "?"
        assert office.get(f"{path}{joined}count=true", ANNA).json["total"] == papers
        counted = office.get(f"{path}{joined}aggregate=count", ANNA).json["groups"]
        assert counted == [{"count": papers}]
        for form in ("csv", "ndjson"):
            text = office.get(f"{path}{joined}format={form}", ANNA).text
            assert "101" not in text
            assert len(text.splitlines()) == papers + (form == "csv")
    found = office.get("/folders?expand=papers", ANNA).json["items"]
    assert [(each["id"], len(each["papers"]["items"])) for each in found] == [(1, 20)]


def test_no_child_is_made_or_moved_under_a_parent_of_another(office: Kitchen) -> None:
    """Check 3: told as a parent that is not there, by every door that writes."""
    before = stored(office)
    for parent in (2, 4711):
        row = {"title": "x", "folder_id": parent}
        refused(office.post("/papers", row, ANNA), 422, "invalid", pointer="/folder_id", entry="no_such_row")
        refused(office.post("/papers", [row], ANNA), 422, "invalid", pointer="/0/folder_id", entry="no_such_row")
        refused(office.patch("/papers/1", row, ANNA), 422, "invalid", pointer="/folder_id", entry="no_such_row")
        refused(office.put("/papers/1", row, ANNA), 422, "invalid", pointer="/folder_id", entry="no_such_row")
        moved = [{"id": 1, "folder_id": parent}]
        refused(office.patch("/papers", moved, ANNA), 422, "invalid", pointer="/0/folder_id", entry="no_such_row")
        operations = [{"method": "POST", "path": "/papers", "body": row}]
        answer = office.post("/batch", {"operations": operations}, ANNA)
        refused(answer, 422, "invalid", pointer="/operations/0/body/folder_id", entry="no_such_row")
        text = f"title,folder_id\nx,{parent}\n"
        answer = office.request("POST", "/papers", ANNA, data=text, headers={"Content-Type": "text/csv"})
        refused(answer, 422, "invalid", pointer="/0/folder_id", entry="no_such_row")
    assert stored(office) == before


def test_a_related_row_of_another_is_embedded_nowhere(serve: Serve) -> None:
    """Check 4: where everyone may read the papers, the folder of another is null, and filters over it find nothing."""

    def open_papers(api: Meze) -> None:
        api.resource(Folder, read=signed_in & (Folder.owner_id == me.id))
        api.resource(Paper, read=anyone)
        api.resource(Salary)

    office = serve(Base, open_papers, ROWS)

    assert office.get("/papers/101?expand=folder", ANNA).json["folder"] is None
    assert office.get("/papers/1?expand=folder", ANNA).json["folder"]["name"] == "a"
    assert office.get("/papers?folder__name=b&count=true", ANNA).json["total"] == 0
    refused(office.get("/papers/1?expand=folder"), 400, "unknown_field")
    assert office.get("/folders?expand=papers", ANNA).json["items"][0]["papers"]["items"][0]["folder_id"] == 1


@pytest.mark.parametrize("path", ["/papers?{}", "/folders?{}"], ids=["the-rows-own", "over-a-relation"])
def test_what_is_hidden_may_not_be_asked_about(office: Kitchen, path: str) -> None:
    """Check 5: each way to ask about a hidden field is 400, the same as for a name that there is not."""
    over = "papers__" if path.startswith("/folders") else ""
    forms = ["{}=secret", "{}__ne=x", "{}__startswith=s", "{}__isnull=true", "{}__gt=a", "{}__in=secret,x"]
    if not over:
        forms += ["sort={}", "fields={}", "aggregate=max:{}", "aggregate=count&group={}", "{}__id=1"]
    for form in forms:
        for person in (ANNA, HR, ADMIN):
            asked, unknown = (
                told(office.get(path.format(form.format(over + name)), person), name) for name in ("token", "tokan")
            )
            assert asked == unknown
            assert asked[0] == 400
    body = {"where": {"token": "secret"}}
    refused(office.request("QUERY", "/papers", ANNA, json=body), 400, "unknown_field")
    assert office.get("/papers?q=secret&count=true", ANNA).json["total"] == 0


def test_no_closed_column_is_set_by_anything_that_is_sent(office: Kitchen) -> None:
    """Check 6: refused at its pointer, and a second look shows that nothing changed."""
    before = stored(office)
    closed = {"folders": {"id": 9, "owner_id": BEN.caller.id}, "papers": {"id": 9, "grade": 9, "token": "x", "nope": 1}}
    sound = {"folders": {"name": "n"}, "papers": {"title": "n", "folder_id": 1}}
    for name, columns in closed.items():
        for column, value in columns.items():
            row = sound[name] | {column: value}
            refused(office.post(f"/{name}", row, ANNA), 422, "invalid", pointer=f"/{column}")
            refused(office.post(f"/{name}", [row], ANNA), 422, "invalid", pointer=f"/0/{column}")
            refused(office.patch(f"/{name}/1", {column: value}, ANNA), 422, "invalid", pointer=f"/{column}")
            refused(office.put(f"/{name}/1", row, ANNA), 422, "invalid", pointer=f"/{column}")
    assert stored(office) == before
    made = office.add("/folders", {"name": "n"}, ANNA)
    assert made["owner_id"] == ANNA.caller.id


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each operation of a generated resource: its resource, method and address."""
    for path, item in document["paths"].items():
        name = path.removeprefix(f"{API}/").partition("/")[0]
        if name in RESOURCES:
            for method in item:
                if method in ("get", "put", "post", "patch", "delete", "query"):
                    yield name, method.upper(), path.removeprefix(API)


ALLOWED: dict[str, tuple[Person | None, ...]] = {
    "folders": (ANNA, EDITOR, HR, ADMIN),
    "papers": (ANNA, EDITOR, HR, ADMIN),
    "salaries": (HR, ADMIN),
    "bare": (ADMIN,),
}
"""Who may come in at all; the rows that they then find are another matter."""


def test_every_operation_of_the_document_is_closed_to_who_may_not_do_it(office: Kitchen) -> None:
    """Check 7, and check 8 with the resource that has no rule: a matrix of every operation, with every caller."""
    seen = set()
    for name, method, path in operations_of(office.get("//openapi.json").json):
        address = path.replace("{key}", "1").replace("{id}", "1")
        for person in CALLERS:
            body = None if method in ("GET", "DELETE") else {}
            answer = office.request(method, address, person, json=body)
            if person in ALLOWED[name]:
                assert answer.status_code not in (401, 403), (method, path, person)
            elif person is None:
                refused(answer, 401, "unauthenticated")
            else:
                refused(answer, 403, "forbidden")
            if method == "DELETE" and person in ALLOWED[name]:
                break  # the row may be gone
            seen.add((name, method))
    assert {("folders", "GET"), ("papers", "PATCH"), ("salaries", "POST"), ("salaries", "PUT")} <= seen


def test_what_has_no_rule_is_closed_to_all_but_admins(office: Kitchen) -> None:
    """Check 8: every verb, for every caller."""
    before = stored(office)
    for person in (None, ANNA, EDITOR, HR):
        for method, path in (
            ("GET", "/bare"),
            ("GET", "/bare/1"),
            ("GET", "/bare/4711"),
            ("GET", "/bare?format=csv"),
            ("POST", "/bare"),
            ("PATCH", "/bare"),
            ("PATCH", "/bare/1"),
            ("PUT", "/bare/1"),
            ("DELETE", "/bare/1"),
            ("DELETE", "/bare?id=1"),
            ("QUERY", "/bare"),
        ):
            answer = office.request(method, path, person, json=None if method in ("GET", "DELETE") else {})
            if person is None:
                refused(answer, 401, "unauthenticated")
            else:
                refused(answer, 403, "forbidden")
    assert stored(office) == before
    assert office.get("/bare/1", ADMIN).json == {"id": 1, "word": "x"}


def test_the_rule_holds_on_all_that_is_made_of_rows(office: Kitchen) -> None:
    """Check 9: totals, cursors, entity tags, HEAD and exports are of Anna's rows; one foreign row undoes a hundred."""
    tag = office.get("/papers/1", ANNA).headers["ETag"]
    seen, path = [], "/papers?limit=30"
    while path is not None:
        page = office.get(path, ANNA).json
        seen += [row["id"] for row in page["items"]]
        path = page["next"] and page["next"].removeprefix(API)
    before = stored(office)

    assert seen == list(range(1, 100))
    assert office.get("/papers?count=true", ANNA).json["total"] == 99
    assert office.request("HEAD", "/papers/101", ANNA).status_code == 404
    assert office.get("/papers/1", ANNA, headers={"If-None-Match": tag}).status_code == 304
    assert office.get("/papers/101", ANNA, headers={"If-None-Match": tag}).status_code == 404
    first = office.get("/papers?limit=30", ANNA).json["next"].removeprefix(API)
    assert office.get(first, BEN).json["items"] == [office.get("/papers/101", BEN).json]
    assert len(office.get("/papers?format=csv", ANNA).text.splitlines()) == 100
    hundred = [{"id": key, "title": "x"} for key in (*range(1, 100), 101)]
    refused(office.patch("/papers", hundred, ANNA), 404, "not_found")
    assert office.delete("/papers?id=101", ANNA).json == {"deleted": 0}
    operations = [{"method": "DELETE", "path": f"/papers/{key}"} for key in (1, 101)]
    refused(office.post("/batch", {"operations": operations}, ANNA), 404, "not_found")
    assert stored(office) == before
