"""A request with an Idempotency-Key is done once, and the same request gets the same answer for a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from contracts.kitchen import (
    ANNA,
    BEN,
    EDITOR,
    HR,
    PEOPLE,
    Drop,
    Kitchen,
    Label,
    Note,
    Shelf,
    Thing,
    refused,
)
from meze.records.idempotency import ANSWERS, KEPT_SECONDS

KEY = {"Idempotency-Key": '"k-1"'}
MOMENT = 1_800_000_000.0


def keyed(key, **others):
    return {"Idempotency-Key": key, **others}


def same(first, again):
    """Assert that the second answer is the first one, said again."""
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.data) == (first.status_code, first.data)
    for name in ("Content-Type", "Content-Language", "ETag", "Location", "Allow"):
        assert again.headers.get(name) == first.headers.get(name), name


def kept(kitchen):
    with kitchen.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(ANSWERS))


@pytest.fixture
def clock(kitchen, monkeypatch):
    """The moment that the app's keys go by; a test moves it on."""
    answers = kitchen.app.extensions["meze"].open().answers
    moment = [MOMENT]
    monkeypatch.setattr(answers, "_clock", lambda: moment[0])
    return moment


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/notes", {"title": "new"}, id="create"),
        pytest.param("PATCH", "/notes/1", {"title": "new"}, id="patch"),
        pytest.param("PUT", "/notes/1", {"title": "new"}, id="put"),
        pytest.param("DELETE", "/notes/1", None, id="delete"),
        pytest.param("PUT", "/labels/fresh", {"note": "new"}, id="put-on-a-chosen-key"),
        pytest.param("POST", "/notes", [{"title": "a"}, {"title": "b"}], id="create-several"),
        pytest.param("PATCH", "/notes", [{"id": 1, "title": "new"}], id="patch-several"),
        pytest.param("DELETE", "/notes?title=old", None, id="delete-by-filter"),
        pytest.param(
            "POST",
            "/batch",
            {"operations": [{"method": "POST", "path": "/notes", "body": {"title": "a"}}]},
            id="batch",
        ),
    ],
)
def test_a_second_request_gets_the_first_answer_and_does_nothing(kitchen, method, path, body):
    kitchen.add("/notes", {"title": "old"}, ANNA)
    options = {} if body is None else {"json": body}

    first = kitchen.request(method, path, ANNA, headers=KEY, **options)
    rows = kitchen.stored(Note), kitchen.stored(Label)
    again = kitchen.request(method, path, ANNA, headers=KEY, **options)

    assert first.status_code < 300
    same(first, again)
    assert (kitchen.stored(Note), kitchen.stored(Label)) == rows


def test_without_a_key_every_request_is_a_new_one(kitchen):
    kitchen.add("/notes", {"title": "a"}, ANNA)
    kitchen.add("/notes", {"title": "a"}, ANNA)

    assert len(kitchen.stored(Note)) == 2


@pytest.mark.parametrize(
    ("method", "path", "person", "body", "headers", "status"),
    [
        pytest.param("POST", "/notes", ANNA, {"titel": "x"}, {}, 422, id="invalid"),
        pytest.param("POST", "/notes?limt=3", ANNA, {"title": "x"}, {}, 400, id="unknown-parameter"),
        pytest.param("POST", "/shelves", EDITOR, {"name": "taken"}, {}, 409, id="already-exists"),
        pytest.param("POST", "/books", EDITOR, {"title": "x", "shelf_id": 99}, {}, 422, id="no-such-row"),
        pytest.param("PATCH", "/notes/99", ANNA, {"title": "x"}, {}, 404, id="not-found"),
        pytest.param("PATCH", "/shelves/1", EDITOR, {"name": "x"}, {"If-Match": '"old"'}, 412, id="changed"),
        pytest.param("PATCH", "/shelves/1", EDITOR, {"name": "x"}, {}, 428, id="precondition-required"),
        pytest.param("PUT", "/notes", ANNA, {"title": "x"}, {}, 405, id="method-not-allowed"),
        pytest.param("POST", "/notes", ANNA, [{"title": "x"}, {"titel": "y"}], {}, 422, id="one-of-several"),
    ],
)
def test_what_was_refused_is_refused_again_in_the_same_words(kitchen, method, path, person, body, headers, status):
    kitchen.fill(Shelf, [{"id": 1, "name": "taken"}])

    first = kitchen.request(method, path, person, json=body, headers={**KEY, **headers, "Accept-Language": "zh"})
    again = kitchen.request(method, path, person, json=body, headers={**KEY, **headers})

    assert first.status_code == status
    same(first, again)
    assert again.json["request_id"] == first.headers["X-Request-ID"] != again.headers["X-Request-ID"]


def test_a_refusal_is_kept_when_it_would_not_be_refused_any_more(kitchen):
    first = kitchen.post("/books", {"title": "x", "shelf_id": 1}, EDITOR, headers=KEY)
    kitchen.fill(Shelf, [{"id": 1, "name": "late"}])

    same(first, kitchen.post("/books", {"title": "x", "shelf_id": 1}, EDITOR, headers=KEY))
    assert kitchen.post("/books", {"title": "x", "shelf_id": 1}, EDITOR, headers=keyed("k-2")).status_code == 201


@pytest.mark.parametrize(("person", "status"), [(None, 401), (ANNA, 403)], ids=["unauthenticated", "forbidden"])
def test_being_refused_entrance_is_not_kept(kitchen, person, status):
    answers = [kitchen.post("/shelves", {"name": "x"}, person, headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [status, status]
    assert "Idempotency-Replayed" not in answers[1].headers
    assert kept(kitchen) == 0


def test_our_own_fault_is_not_kept(kitchen):
    with kitchen.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE labels RENAME TO labels_away")
    try:
        failed = kitchen.post("/labels", {"name": "x"}, ANNA, headers=KEY)
    finally:
        with kitchen.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE labels_away RENAME TO labels")

    assert failed.status_code == 500
    assert kitchen.post("/labels", {"name": "x"}, ANNA, headers=KEY).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/notes", {"title": "b"}, id="body"),
        pytest.param("POST", "/notes", {"title": "a", "public": False}, id="more-of-a-body"),
        pytest.param("POST", "/notes?fields=id", {"title": "a"}, id="query"),
        pytest.param("POST", "/articles", {"title": "a"}, id="path"),
        pytest.param("PATCH", "/notes", {"title": "a"}, id="method"),
    ],
)
def test_a_key_stands_for_one_request(kitchen, method, path, body):
    kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)

    answer = kitchen.request(method, path, ANNA, json=body, headers=KEY)

    refused(answer, 422, "key_reused", header="Idempotency-Key")
    assert len(kitchen.stored(Note)) == 1


def test_two_people_may_use_one_key(kitchen):
    first = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)
    other = kitchen.post("/notes", {"title": "a"}, BEN, headers=KEY)

    assert first.json["owner_id"] == 1
    assert other.json["owner_id"] == 2
    assert "Idempotency-Replayed" not in other.headers


def test_nobody_has_no_keys(kitchen):
    answers = [kitchen.post("/things", {}, headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["id"] != answers[1].json["id"]
    assert kept(kitchen) == 0


@pytest.mark.parametrize("key", ['""', "", '"a', 'a"b', '"a"b', '"a\tb"', "a b", '"é"', "x" * 256, f'"{"x" * 256}"'])
def test_a_bad_key_is_refused_where_it_counts(kitchen, key):
    refused(
        kitchen.post("/things", {}, ANNA, headers=keyed(key)),
        400,
        "malformed",
        header="Idempotency-Key",
        entry="bad_format",
    )
    assert kitchen.post("/things", {}, headers=keyed(key)).status_code == 201


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("k-1", '"k-1"', id="with-and-without-quotes"),
        pytest.param('"a\\"b"', '  "a\\"b" ', id="space-around"),
        pytest.param("x" * 255, f'"{"x" * 255}"', id="as-long-as-may-be"),
    ],
)
def test_a_key_may_be_written_in_two_ways(kitchen, one, other):
    same(
        kitchen.post("/notes", {"title": "a"}, ANNA, headers=keyed(one)),
        kitchen.post("/notes", {"title": "a"}, ANNA, headers=keyed(other)),
    )


def test_what_only_reads_ignores_keys(kitchen):
    kitchen.add("/things", {"whole": 1})
    asked = [
        lambda: kitchen.get("/things", ANNA, headers=KEY),
        lambda: kitchen.request("HEAD", "/things", ANNA, headers=KEY),
        lambda: kitchen.request("QUERY", "/things", ANNA, json={}, headers=KEY),
        lambda: kitchen.post("/things/query", {}, ANNA, headers=KEY),
        lambda: kitchen.get("/things", ANNA, headers=keyed('"')),
    ]
    for ask in asked:
        assert ask().status_code == ask().status_code == 200
        assert "Idempotency-Replayed" not in ask().headers
    assert kept(kitchen) == 0


def test_a_key_lasts_a_day(kitchen, clock):
    first = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)
    clock[0] += KEPT_SECONDS - 1
    same(first, kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY))

    clock[0] += 2
    later = kitchen.post("/notes", {"title": "b"}, ANNA, headers=KEY)

    assert later.status_code == 201
    assert later.json["id"] != first.json["id"]
    same(later, kitchen.post("/notes", {"title": "b"}, ANNA, headers=KEY))


def test_without_a_housekeeper_old_keys_go_when_new_ones_come(kitchen, clock):
    kitchen.post("/notes", {"title": "a"}, BEN, headers=KEY)
    clock[0] += 2 * KEPT_SECONDS
    kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)

    with kitchen.engine.connect() as connection:
        assert connection.scalars(select(ANSWERS.c.user_id)).all() == [1]


def test_an_answer_stays_what_it_was_when_the_row_changes(kitchen):
    first = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)
    kitchen.patch(f"/notes/{first.json['id']}", {"title": "b"}, ANNA)

    same(first, kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY))


@pytest.mark.parametrize("how", ["hidden", "gone"])
def test_a_row_that_may_not_be_read_any_more_is_not_shown_again(kitchen, how):
    """Hidden and gone are one answer, that of a GET."""
    first = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)
    with kitchen.engine.begin() as connection:
        at = Note.id == first.json["id"]
        connection.execute(update(Note).where(at).values(owner_id=2) if how == "hidden" else Note.__table__.delete())

    again = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)

    refused(again, 404, "not_found")
    assert "Idempotency-Replayed" not in again.headers
    assert len(kitchen.stored(Note)) == (1 if how == "hidden" else 0)


def test_one_hidden_row_of_several_hides_the_answer(kitchen):
    body = [{"title": "a"}, {"title": "b"}]
    first = kitchen.post("/notes", body, ANNA, headers=KEY)
    with kitchen.engine.begin() as connection:
        connection.execute(update(Note).where(Note.id == first.json["items"][1]["id"]).values(owner_id=2))

    refused(kitchen.post("/notes", body, ANNA, headers=KEY), 404, "not_found")


@pytest.fixture
def as_person(monkeypatch):
    """Change what somebody is, as signing in again may find them."""

    def change(person, **changes):
        monkeypatch.setitem(PEOPLE, person.token, replace(person, caller=replace(person.caller, **changes)))

    return change


def test_who_lost_the_right_gets_no_answer_again(kitchen, as_person):
    kitchen.post("/shelves", {"name": "a"}, EDITOR, headers=KEY)
    as_person(EDITOR, roles=frozenset())

    refused(kitchen.post("/shelves", {"name": "a"}, EDITOR, headers=KEY), 403, "forbidden")


def test_what_may_not_be_read_of_a_row_any_more_is_not_shown_again(kitchen, as_person):
    first = kitchen.post("/notes", {"title": "a", "salary": 7}, HR, headers=KEY)
    assert first.json["salary"] == 7
    as_person(HR, roles=frozenset())

    refused(kitchen.post("/notes", {"title": "a", "salary": 7}, HR, headers=KEY), 404, "not_found")


def test_what_was_gained_since_changes_no_answer(kitchen, as_person):
    first = kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY)
    as_person(ANNA, roles=frozenset({"hr"}))

    same(first, kitchen.post("/notes", {"title": "a"}, ANNA, headers=KEY))


def test_a_row_that_its_maker_never_saw_is_answered_again_as_nothing(kitchen):
    first = kitchen.post("/drops", {"said": "a"}, ANNA, headers=KEY)

    assert first.data == b"{}"
    same(first, kitchen.post("/drops", {"said": "a"}, ANNA, headers=KEY))
    assert len(kitchen.stored(Drop)) == 1


def test_a_batch_that_deletes_what_it_made_is_answered_again(kitchen):
    body = {
        "operations": [
            {"method": "POST", "path": "/labels", "body": {"name": "a"}},
            {"method": "DELETE", "path": "/labels/a"},
            {"method": "GET", "path": "/labels"},
        ]
    }
    first = kitchen.post("/batch", body, ANNA, headers=KEY)

    assert first.status_code == 200, first.text
    same(first, kitchen.post("/batch", body, ANNA, headers=KEY))


def test_a_list_in_a_batch_is_shown_again_only_while_its_rows_may_be_read(kitchen):
    kitchen.add("/notes", {"title": "a"}, ANNA)
    body = {"operations": [{"method": "GET", "path": "/notes?fields=title"}]}
    first = kitchen.post("/batch", body, ANNA, headers=KEY)
    same(first, kitchen.post("/batch", body, ANNA, headers=KEY))
    with kitchen.engine.begin() as connection:
        connection.execute(update(Note).values(owner_id=2))

    refused(kitchen.post("/batch", body, ANNA, headers=KEY), 404, "not_found")


def test_a_file_is_imported_once(kitchen):
    def send(file):
        return kitchen.request("POST", "/labels", ANNA, data=file, headers=keyed("k", **{"Content-Type": "text/csv"}))

    first = send(b"name,note\na,1\nb,2\n")

    assert first.status_code == 201, first.text
    same(first, send(b"name,note\na,1\nb,2\n"))
    refused(send(b"name,note\na,1\nc,2\n"), 422, "key_reused")
    assert [row[0] for row in kitchen.stored(Label)] == ["a", "b"]


def test_a_file_that_was_refused_is_refused_again(kitchen):
    def send():
        return kitchen.request(
            "POST", "/labels", ANNA, data=b"name,count\na,1\nb,x\n", headers=keyed("k", **{"Content-Type": "text/csv"})
        )

    first = send()

    assert first.status_code == 422
    same(first, send())
    assert kitchen.stored(Label) == []


def test_what_a_batch_did_before_it_was_refused_is_undone_and_its_refusal_kept(kitchen):
    body = {
        "operations": [
            {"method": "POST", "path": "/labels", "body": {"name": "a"}},
            {"method": "POST", "path": "/labels", "body": {"name": "a"}},
        ]
    }
    first = kitchen.post("/batch", body, ANNA, headers=KEY)

    assert first.status_code == 409
    same(first, kitchen.post("/batch", body, ANNA, headers=KEY))
    assert kitchen.stored(Label) == []


def test_keys_go_with_their_person(kitchen):
    users = Note.metadata.tables["meze_users"]
    with kitchen.engine.begin() as connection:
        connection.execute(users.insert().values(id=50, email="e@example.com", email_canonical="e@example.com"))
        connection.execute(
            ANSWERS.insert().values(user_id=50, key="k", fingerprint=b"", created_at=MOMENT, expires_at=MOMENT)
        )
        connection.execute(users.delete().where(users.c.id == 50))

    assert kept(kitchen) == 0


def test_somebody_without_a_row_of_their_own_has_no_keys(kitchen, as_person):
    as_person(BEN, id=77)

    answer = kitchen.post("/things", {}, BEN, headers=KEY)

    refused(answer, 400, "malformed", header="Idempotency-Key", entry="no_such_row")
    assert kitchen.stored(Thing) == []


def test_fifty_at_once_make_one_row(kitchen):
    def ask(_):
        return Kitchen(kitchen.app).post("/notes", {"title": "a"}, ANNA, headers=KEY)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(50)))

    assert len(kitchen.stored(Note)) == 1
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.data for answer in done}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if answer.status_code != 201:
            refused(answer, 409, "in_progress", header="Idempotency-Key")
