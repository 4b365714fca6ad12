"""Files of rows that are imported: all of them in one transaction, or none."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from contracts.kitchen import ANNA, BEN, EDITOR, HR, Article, Car, Kitchen, Label, Note, Seat, Thing, refused

CSV, NDJSON = "text/csv", "application/x-ndjson"


def send(kitchen: Kitchen, path: str, body, person=None, kind: str = CSV, **options):
    """POST a file: text as it stands, or rows as NDJSON."""
    if not isinstance(body, str | bytes):
        body, kind = "".join(json.dumps(row) + "\n" for row in body), NDJSON
    return kitchen.request("POST", path, person, data=body, headers={"Content-Type": kind}, **options)


def done(answer) -> dict[str, int]:
    assert answer.status_code == 201, answer.text
    counts: dict[str, int] = answer.json
    return counts


def test_rows_of_csv_are_made(kitchen: Kitchen) -> None:
    body = '\ufeffname,count,note\r\na,1,"x, ""y"""\r\n\r\nb,,\r\n'

    assert done(send(kitchen, "/labels", body)) == {"created": 2, "updated": 0}
    assert kitchen.stored(Label) == [("a", 'x, "y"', 1), ("b", None, None)]


def test_rows_of_ndjson_are_made_and_need_not_have_one_shape(kitchen: Kitchen) -> None:
    assert done(send(kitchen, "/labels", [{"name": "a", "count": 1}, {"name": "b"}])) == {"created": 2, "updated": 0}
    assert kitchen.stored(Label) == [("a", None, 1), ("b", None, None)]


def test_what_was_exported_is_imported_as_it_was(kitchen: Kitchen) -> None:
    rows = [
        {
            "words": "=1+1",
            "short": "'=a",
            "price": "1.50",
            "exact": "0.1000",
            "flag": False,
            "ratio": 1e20,
            "big": 2**62,
        },
        {"day": "2020-02-29", "moment": "2020-01-01T12:00:00.5Z", "clock": "12:00:01", "span": "-PT1H", "blob": "AP8="},
        {"color": "deep-blue", "level": 2, "size": "m", "data": {"a": ["=x", 1.5, None]}, "words": 'é,"\r\n'},
        {"data": "=1", "small": -3, "token": "0199c9d2-6c3e-7a51-8c68-1f2f6e0e7f01", "naive": "2020-01-01T12:00:00Z"},
    ]
    assert done(send(kitchen, "/things", rows))["created"] == 4
    exported = {kind: kitchen.get(f"/things?format={kind}").get_data() for kind in ("csv", "ndjson")}

    for kind, media in (("csv", CSV), ("ndjson", NDJSON)):
        assert done(send(kitchen, "/things?on_conflict=update", exported[kind], kind=media))["updated"] == 4
        assert kitchen.get(f"/things?format={kind}").get_data() == exported[kind]


def test_an_empty_cell_is_null_or_the_empty_text_where_text_is_required(kitchen: Kitchen) -> None:
    assert done(send(kitchen, "/articles", "title,position\r\nx,\r\n", ANNA))["created"] == 1
    refused(send(kitchen, "/articles", "title,stars\r\ny,\r\n", ANNA), 422, "invalid", pointer="/0/stars")
    assert done(send(kitchen, "/shelves", 'name\r\n""\r\n', EDITOR))["created"] == 1

    assert kitchen.get("/articles").json["items"][0]["position"] is None
    assert kitchen.get("/shelves").json["items"][0]["name"] == ""


def test_every_faulty_row_is_told_with_its_line_and_nothing_is_done(kitchen: Kitchen) -> None:
    body = 'name,count\r\na,1\r\n"b\r\nb",x\r\nc\r\n\r\nd,99999999999999999999\r\n'

    problem = refused(send(kitchen, "/labels", body), 422, "invalid")

    assert problem["errors_total"] == 3
    assert [(each["pointer"], each["params"]["line"]) for each in problem["errors"]] == [
        ("/1/count", 3),
        ("/2", 5),
        ("/3/count", 7),
    ]
    assert kitchen.stored(Label) == []


def test_of_many_faults_a_hundred_are_listed_and_all_are_counted(kitchen: Kitchen) -> None:
    problem = refused(send(kitchen, "/labels", [{"name": at} for at in range(250)]), 422, "invalid")

    assert len(problem["errors"]) == 100
    assert problem["errors_total"] == 250
    assert problem["errors"][99]["pointer"] == "/99/name"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param('name,note\r\na,"x\r\nb,y\r\n', 2, id="a quote that never closes"),
        pytest.param("name,name\r\na,b\r\n", 1, id="a column twice"),
        pytest.param('name,note\r\na,b\r\nc,"x"y\r\n', 3, id="a quote inside of a cell"),
        pytest.param(b"name\r\na\r\n\xff\r\n", 3, id="no UTF-8"),
    ],
)
def test_what_is_no_csv_is_malformed_at_a_line(kitchen: Kitchen, body, line: int) -> None:
    problem = refused(send(kitchen, "/labels", body), 400, "malformed")

    assert f"Line {line}:" in problem["detail"]
    assert kitchen.stored(Label) == []


@pytest.mark.parametrize(
    "body", ['{"name":"a"}\n{"name":"b"\n', '{"name":"a"}\n{"name":"b","name":"c"}\n', '{"name":"a"}\nNaN\n']
)
def test_what_is_no_json_is_malformed_at_a_line(kitchen: Kitchen, body: str) -> None:
    problem = refused(send(kitchen, "/labels", body, kind=NDJSON), 400, "malformed")

    assert "Line 2:" in problem["detail"]
    assert kitchen.stored(Label) == []


def test_columns_that_are_unknown_or_missing_are_told_at_the_header(kitchen: Kitchen) -> None:
    problem = refused(send(kitchen, "/labels", "nam,note\r\na,b\r\n"), 422, "invalid", pointer="/nam", entry="unknown")
    refused(send(kitchen, "/labels", "note\r\nb\r\n"), 422, "invalid", pointer="/name", entry="required")

    assert problem["errors"][0]["params"] == {"nearest": "name", "line": 1}
    hidden, none = (
        refused(send(kitchen, "/notes", f"title,{name}\r\na,b\r\n", ANNA), 422, "invalid", entry="unknown")
        for name in ("secret", "nothing")
    )
    assert hidden["errors"][0]["code"] == none["errors"][0]["code"]


@pytest.mark.parametrize("kind", [CSV, NDJSON])
def test_an_empty_body_is_malformed(kitchen: Kitchen, kind: str) -> None:
    refused(send(kitchen, "/labels", b"", kind=kind), 400, "malformed")


def test_a_key_that_exists_is_a_conflict_at_its_row(kitchen: Kitchen) -> None:
    kitchen.add("/labels", {"name": "b", "note": "kept"})

    problem = refused(send(kitchen, "/labels", "name,note\r\na,1\r\nb,2\r\n"), 409, "already_exists", pointer="/1/name")

    assert problem["errors"][0]["params"]["line"] == 3
    assert kitchen.stored(Label) == [("b", "kept", None)]


def test_on_conflict_update_changes_what_is_sent_and_makes_the_rest(kitchen: Kitchen) -> None:
    kitchen.add("/labels", {"name": "b", "note": "kept", "count": 1})

    counts = done(send(kitchen, "/labels?on_conflict=update", "name,count\r\na,5\r\nb,6\r\n"))

    assert counts == {"created": 1, "updated": 1}
    assert kitchen.stored(Label) == [("a", None, 5), ("b", "kept", 6)]


def test_a_composite_key_is_whole(kitchen: Kitchen) -> None:
    kitchen.add("/seats", {"hall": "A", "number": 1, "comfort": 1})

    counts = done(send(kitchen, "/seats?on_conflict=update", "hall,number,comfort\r\nA,1,2\r\nA,2,3\r\n"))

    assert counts == {"created": 1, "updated": 1}
    assert kitchen.stored(Seat) == [("A", 1, 2), ("A", 2, 3)]


def test_a_key_that_the_database_numbers_may_be_updated_and_left_out_but_not_chosen(kitchen: Kitchen) -> None:
    assert done(send(kitchen, "/cars", "doors\r\n3\r\n"))["created"] == 1

    counts = done(send(kitchen, "/cars?on_conflict=update", "id,doors\r\n1,4\r\n,5\r\n"))
    refused(
        send(kitchen, "/cars?on_conflict=update", "id,doors\r\n77,4\r\n"),
        422,
        "invalid",
        pointer="/0/id",
        entry="closed",
    )
    refused(send(kitchen, "/cars", "id,doors\r\n77,4\r\n"), 422, "invalid", pointer="/0/id", entry="closed")

    assert counts == {"created": 1, "updated": 1}
    assert [row[-1] for row in kitchen.stored(Car)] == [4, 5]


def test_a_key_twice_in_one_file_is_refused(kitchen: Kitchen) -> None:
    rows = [{"name": "a", "count": 1}, {"name": "b"}, {"name": "a", "count": 2}]

    problem = refused(send(kitchen, "/labels?on_conflict=update", rows), 422, "invalid", pointer="/2")

    assert problem["errors"][0]["params"]["first"] == "/0"
    refused(send(kitchen, "/labels", rows), 409, "already_exists", pointer="/2/name")
    assert kitchen.stored(Label) == []


def test_closed_fields_may_be_sent_as_they_are(kitchen: Kitchen) -> None:
    done(send(kitchen, "/articles", [{"title": "x", "stars": 2}], ANNA))
    exported = kitchen.get("/articles?format=csv", ANNA).get_data().decode()

    assert done(send(kitchen, "/articles?on_conflict=update", exported, ANNA)) == {"created": 0, "updated": 1}
    (row,) = kitchen.get("/articles?format=ndjson").get_data().splitlines()
    changed = [{**json.loads(row), "double": 9}]
    refused(
        send(kitchen, "/articles?on_conflict=update", changed, ANNA),
        422,
        "invalid",
        pointer="/0/double",
        entry="closed",
    )
    assert kitchen.stored(Article)[0][1] == "x"


def test_a_foreign_key_to_nothing_is_told_at_its_row(kitchen: Kitchen) -> None:
    rows = [{"short": "a"}, {"parent_id": 99}, {"short": "b"}, {"parent_id": 98}]

    problem = refused(send(kitchen, "/things", rows), 422, "invalid", entry="no_such_row")

    assert [each["pointer"] for each in problem["errors"]] == ["/1/parent_id", "/3/parent_id"]
    assert kitchen.stored(Thing) == []


def test_require_match_has_no_updates_by_file(kitchen: Kitchen) -> None:
    refused(
        send(kitchen, "/shelves?on_conflict=update", [{"id": 1, "name": "x"}], EDITOR), 428, "precondition_required"
    )
    assert done(send(kitchen, "/shelves", [{"name": "x"}], EDITOR))["created"] == 1


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("fields=name", "fields"),
        ("on_conflict=skip", "on_conflict"),
        ("on_conflict=error&on_conflict=error", "on_conflict"),
    ],
)
def test_other_parameters_are_refused(kitchen: Kitchen, query: str, parameter: str) -> None:
    answer = send(kitchen, f"/labels?{query}", [{"name": "a"}])

    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == parameter


def test_limits_hold_for_rows_bytes_and_lines(kitchen: Kitchen, kitchen_with: Callable[..., Kitchen]) -> None:
    small = kitchen_with(import_limit=3, import_body_limit=300, body_limit=100)

    assert done(send(small, "/labels", [{"name": f"a{at}"} for at in range(3)]))["created"] == 3
    refused(send(small, "/labels", [{"name": f"b{at}"} for at in range(4)]), 422, "invalid", entry="too_long")
    refused(send(small, "/labels", [{"name": "c", "note": "x" * 400}]), 413, "too_large")
    refused(send(small, "/labels", [{"name": "c", "note": "x" * 150}]), 400, "malformed")
    assert len(kitchen.stored(Label)) == 3


@pytest.mark.parametrize("length", [5, 100])
def test_a_body_that_is_cut_off_leaves_nothing(kitchen: Kitchen, length: int) -> None:
    """The announced length is longer than what comes, as when a client goes away."""
    body = b'{"name": "a"}\n{"name": "b"}\n'[: -length or None] or b'{"na'

    answer = kitchen.client.post(
        "/api/v1/labels",
        input_stream=io.BytesIO(body),
        headers={"Content-Type": NDJSON, "Content-Length": "28"},
    )

    refused(answer, 400, "malformed")
    assert kitchen.stored(Label) == []


def test_another_charset_is_unsupported(kitchen: Kitchen) -> None:
    refused(send(kitchen, "/labels", "name\r\na\r\n", kind="text/csv; charset=latin-1"), 415, "unsupported_media_type")
    assert (
        done(send(kitchen, "/labels", "name\r\na\r\n", kind='text/csv; charset="UTF-8"; header=present'))["created"]
        == 1
    )


class TestRules:
    def test_nobody_imports_what_they_may_not_make(self, kitchen: Kitchen) -> None:
        refused(send(kitchen, "/notes", [{"title": "a"}]), 401, "unauthenticated")
        refused(send(kitchen, "/books", [{"title": "a"}], ANNA), 403, "forbidden")
        refused(send(kitchen, "/sealed", [{"word": "a"}], ANNA), 403, "forbidden")

    def test_the_owner_is_who_imports(self, kitchen: Kitchen) -> None:
        done(send(kitchen, "/notes", [{"title": "a"}, {"title": "b", "owner_id": ANNA.caller.id}], ANNA))
        refused(
            send(kitchen, "/notes", [{"title": "c", "owner_id": BEN.caller.id}], ANNA), 422, "invalid", entry="closed"
        )

        assert [row[1] for row in kitchen.stored(Note)] == [ANNA.caller.id] * 2

    def test_a_hidden_row_is_neither_changed_nor_told_from_a_missing_one(self, kitchen: Kitchen) -> None:
        kitchen.fill(Note, [{"id": 1, "owner_id": BEN.caller.id, "title": "theirs", "public": False}])

        hidden, missing = (
            send(kitchen, "/notes?on_conflict=update", [{"id": key, "title": "x"}], ANNA).json for key in (1, 2)
        )

        assert {**hidden, "request_id": ""} == {**missing, "request_id": ""}
        assert kitchen.stored(Note)[0][2] == "theirs"

    def test_a_row_that_may_be_read_but_not_changed_is_forbidden(self, kitchen: Kitchen) -> None:
        kitchen.fill(Note, [{"id": 100, "owner_id": BEN.caller.id, "title": "theirs", "public": True}])

        answer = send(kitchen, "/notes?on_conflict=update", [{"title": "new"}, {"id": 100, "title": "x"}], ANNA)

        assert refused(answer, 403, "forbidden")["at"] == "/1"
        assert [row[2] for row in kitchen.stored(Note)] == ["theirs"]

    def test_a_foreign_key_to_a_hidden_row_is_one_to_nothing(self, kitchen: Kitchen) -> None:
        kitchen.fill(Note, [{"id": 1, "owner_id": BEN.caller.id, "title": "theirs", "public": False}])

        hidden, missing = (
            refused(send(kitchen, "/remarks", [{"note_id": key}], ANNA), 422, "invalid", entry="no_such_row")
            for key in (1, 2)
        )

        assert {**hidden, "request_id": ""} == {**missing, "request_id": ""}

    def test_a_key_that_a_hidden_row_holds_exists_already(self, kitchen: Kitchen) -> None:
        done(send(kitchen, "/drops", [{"said": "a"}], ANNA))

        refused(send(kitchen, "/drops", [{"said": "b"}, {"said": "a"}], ANNA), 409, "already_exists")
        refused(send(kitchen, "/drops?on_conflict=update", [{"said": "b"}], ANNA), 403, "forbidden")

    def test_fields_of_a_role_are_that_roles_to_set(self, kitchen: Kitchen) -> None:
        refused(
            send(kitchen, "/notes", "title,salary\r\na,1\r\n", ANNA), 422, "invalid", pointer="/salary", entry="unknown"
        )
        assert done(send(kitchen, "/notes", "title,salary\r\na,1\r\n", HR))["created"] == 1
