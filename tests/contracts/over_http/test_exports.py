"""Lists as files: CSV and NDJSON of every row, under the rules and parameters of the list."""

from __future__ import annotations

import csv
import io
import json
import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from contracts.kitchen import ANNA, BEN, HR, Color, Kitchen, Label, Level, Note, Remark, Thing, refused
from meze.records.cells import guarded, unguarded
from meze.records.export import PAGE_ROWS


def table(answer):
    """Return the rows of a CSV answer as lists of texts, the header first."""
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.get_data().decode(), newline=""), strict=True))


def lines(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.get_data().splitlines()]


@pytest.fixture
def many(kitchen: Kitchen) -> Kitchen:
    """Labels on several pages of an export; some share a count, and some have none."""
    count = PAGE_ROWS * 2 + 7
    kitchen.fill(
        Label,
        [{"name": f"n{at:05}", "note": "é" * 200, "count": None if at % 5 == 0 else at % 7} for at in range(count)],
    )
    return kitchen


@pytest.mark.parametrize("sort", ["", "&sort=count", "&sort=-count,name", "&sort=-note"])
@pytest.mark.parametrize("where", ["", "&count__gte=3", "&count__isnull=true"])
def test_an_export_has_every_row_of_the_list_in_its_order(many: Kitchen, sort: str, where: str) -> None:
    expected, path = [], f"/labels?limit=100{sort}{where}"
    while path:
        page = many.get(path).json
        expected += [row["name"] for row in page["items"]]
        path = page["next"] and page["next"].removeprefix("/api/v1")

    assert [row["name"] for row in lines(many.get(f"/labels?format=ndjson{sort}{where}"))] == expected
    assert [row[0] for row in table(many.get(f"/labels?format=csv{sort}{where}"))[1:]] == expected


def test_csv_writes_every_type_as_json_does(kitchen: Kitchen) -> None:
    key = uuid.uuid4()
    kitchen.fill(
        Thing,
        [
            {
                "small": -3, "big": 2**62, "flag": True, "words": 'a "b",\r\nc', "price": Decimal("1.50"),
                "exact": Decimal("0.1000"), "ratio": 2.5, "day": date(2020, 2, 29),
                "moment": datetime(2020, 1, 1, 12, tzinfo=UTC), "span": -timedelta(hours=1), "token": key,
                "color": Color.DEEP_BLUE, "level": Level.HIGH, "blob": b"\0\xff", "data": {"a": [1, None]},
            }
        ],
    )  # fmt: skip

    header, row = table(kitchen.get("/things?format=csv"))

    assert dict(zip(header, row, strict=True)) == {
        "id": "1", "small": "-3", "whole": "", "big": str(2**62), "flag": "true", "short": "",
        "words": 'a "b",\r\nc', "price": "1.50", "exact": "0.1000", "ratio": "2.5", "day": "2020-02-29", "naive": "",
        "moment": "2020-01-01T12:00:00Z", "clock": "", "span": "-PT1H", "token": str(key), "token_text": "",
        "color": "deep-blue", "level": "2", "size": "", "blob": "AP8=", "data": '{"a":[1,null]}', "parent_id": "",
    }  # fmt: skip


def test_csv_is_rfc_4180_with_a_header_and_may_begin_with_a_mark(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a", "note": None, "count": 1}])

    answer = kitchen.get("/labels?format=csv")

    assert answer.get_data() == b"name,note,count\r\na,,1\r\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="labels.csv"'
    assert answer.content_type.startswith("text/csv; charset=utf-8")
    assert "ETag" not in answer.headers
    assert kitchen.get("/labels?format=csv&bom=true").get_data() == b"\xef\xbb\xbf" + answer.get_data()


def test_a_list_without_rows_is_a_header_or_nothing(kitchen: Kitchen) -> None:
    assert kitchen.get("/labels?format=csv").get_data() == b"name,note,count\r\n"
    assert kitchen.get("/labels?format=ndjson").get_data() == b""


@pytest.mark.parametrize("said", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", ' "=x', "'=x", " -2", "\uff1dx", "''@"])
def test_a_text_that_a_spreadsheet_would_run_is_put_behind_an_apostrophe(kitchen: Kitchen, said: str) -> None:
    kitchen.fill(Label, [{"name": "a", "note": said, "count": -5}])

    assert table(kitchen.get("/labels?format=csv"))[1] == ["a", "'" + said, "-5"]
    assert lines(kitchen.get("/labels?format=ndjson"))[0]["note"] == said
    assert unguarded(guarded(said)) == said


@pytest.mark.parametrize("said", ["x=1", "a-b", "'quoted'", "", "1", "''", "É"])
def test_other_texts_stay_as_they_are(said: str) -> None:
    assert guarded(said) == said
    assert unguarded(said) == said


def test_fields_choose_columns_across_to_one_relations(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "short": "a", "parent_id": None}, {"id": 2, "short": "b", "parent_id": 1}])

    rows = table(kitchen.get("/things?format=csv&fields=short,id,parent__short"))

    assert rows == [["short", "id", "parent__short"], ["a", "1", ""], ["b", "2", "a"]]
    embedded = lines(kitchen.get("/things?format=ndjson&fields=id&expand=parent"))
    assert embedded[0] == {"id": 1, "parent": None}
    assert embedded[1]["parent"]["short"] == "a"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=csv&limit=5", "limit"),
        ("format=csv&page=1", "page"),
        ("format=ndjson&cursor=x", "cursor"),
        ("format=ndjson&count=true", "count"),
        ("format=xml", "format"),
        ("format=csv&format=csv", "format"),
        ("format=ndjson&bom=true", "bom"),
        ("bom=true", "bom"),
        ("format=csv&bom=yes", "bom"),
        ("format=csv&expand=parent", "expand"),
        ("format=ndjson&expand=children", "expand"),
        ("format=csv&fields=children__id", "expand"),
    ],
)
def test_what_means_nothing_in_an_export_is_refused(kitchen: Kitchen, query: str, parameter: str) -> None:
    refused(kitchen.get(f"/things?{query}"), 400, "bad_value", parameter=parameter)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("application/json;q=0.5, text/*;q=0.9", "text/csv"),
        ("*/*", "application/json"),
        ("text/csv;q=0, */*;q=0.1", "application/json"),
    ],
)
def test_the_most_wanted_type_is_answered(kitchen: Kitchen, accept: str, kind: str) -> None:
    answer = kitchen.get("/labels", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.content_type.startswith(kind)


def test_format_counts_more_than_accept(kitchen: Kitchen) -> None:
    assert kitchen.get("/labels?format=csv", headers={"Accept": "text/html"}).content_type.startswith("text/csv")
    assert kitchen.get("/labels?format=json", headers={"Accept": "text/csv"}).json == {"items": [], "next": None}
    refused(kitchen.get("/labels", headers={"Accept": "text/html"}), 406, "not_acceptable")


def test_head_has_the_headers_and_reads_nothing(many: Kitchen) -> None:
    answer = many.request("HEAD", "/labels?format=csv")

    assert answer.status_code == 200
    assert answer.get_data() == b""
    assert answer.content_type.startswith("text/csv")
    assert "Content-Length" not in answer.headers


def test_an_export_shows_what_the_caller_may_read_by_a_get_and_no_more(kitchen: Kitchen) -> None:
    kitchen.fill(
        Note,
        [
            {"owner_id": ANNA.caller.id, "title": "mine", "public": False, "secret": "s1", "salary": 1},
            {"owner_id": BEN.caller.id, "title": "theirs", "public": False, "secret": "s2", "salary": 2},
            {"owner_id": BEN.caller.id, "title": "open", "public": True, "secret": "s3", "salary": 3},
        ],
    )

    assert table(kitchen.get("/notes?format=csv")) == [
        ["id", "owner_id", "title", "public"],
        ["3", "2", "open", "true"],
    ]
    assert [row["title"] for row in lines(kitchen.get("/notes?format=ndjson", ANNA))] == ["mine", "open"]
    assert table(kitchen.get("/notes?format=csv", HR))[0][-1] == "salary"
    for name in ("salary", "secret", "nothing"):
        refused(kitchen.get(f"/notes?format=csv&fields=id,{name}", ANNA), 400, "unknown_field")
    refused(kitchen.get("/drops?format=csv", ANNA), 403, "forbidden")
    refused(kitchen.get("/drops?format=csv"), 401, "unauthenticated")


def test_a_hidden_related_row_is_a_missing_one(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"id": 1, "owner_id": BEN.caller.id, "title": "hidden", "public": False}])
    rows = [{"id": 1, "note_id": 1, "said": "a"}, {"id": 2, "note_id": None, "said": "b"}]
    kitchen.fill(Remark, [{"id": row["id"], "note_id": row["note_id"], "said": row["said"]} for row in rows])

    found = table(kitchen.get("/remarks?format=csv&fields=said,note__title", ANNA))

    assert found == [["said", "note__title"], ["a", ""], ["b", ""]]


def test_a_row_that_is_hidden_midway_does_not_come(many: Kitchen) -> None:
    """Each page is read under the rules as they then hold; here its second page has lost a row."""
    records = many.app.extensions["meze"].open().records
    routes = many.app.extensions["meze"].open().site.routes
    resource = routes.resources.named("labels")
    visit = records.visit(resource, ANNA.caller, "read")
    pages = routes.exports._exports.pages(visit, routes.parser.parse([], records.view(visit)))

    first = next(pages).rows
    gone = f"n{PAGE_ROWS + 3:05}"
    assert many.delete(f"/labels/{gone}").status_code == 204
    rest = [row for page in pages for row in page.rows]

    assert len(first) == PAGE_ROWS
    assert len(rest) == PAGE_ROWS + 6
    assert gone not in {row[0] for row in rest}


def test_two_exports_are_under_way_at_once_and_a_third_is_told_to_wait(many: Kitchen) -> None:
    long = "/labels?format=ndjson"
    first, second = (many.get(long, buffered=False) for _ in range(2))

    third = many.get(long)

    problem = refused(third, 503, "unavailable")
    assert int(third.headers["Retry-After"]) > 0
    assert "exports" in problem["detail"]
    first.close()  # the client went away
    assert len(lines(many.get(long))) == PAGE_ROWS * 2 + 7
    second.close()


def test_short_exports_hold_no_place(kitchen: Kitchen) -> None:
    answers = [kitchen.get("/labels?format=csv", buffered=False) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5


def test_exports_refused_or_failed_give_their_place_back(many: Kitchen) -> None:
    for _ in range(5):
        refused(many.get("/labels?format=csv&nothing=1"), 400, "unknown_field")
    threads = [threading.Thread(target=lambda: Kitchen(many.app).get("/labels?format=csv")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert many.get("/labels?format=csv").status_code == 200
