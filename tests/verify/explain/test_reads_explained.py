"""An explanation of a read names the clauses that let rows in and kept rows out, and what the database was asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from meze.verify.explain.explainer import Audience
from meze.verify.explain.explanation import Explanation, Group, RowSeen
from meze.verify.explain.report import as_json, as_text
from verify.explain.library import ADMIN, ANNA, EDITOR, NOBODY, SESAME, Library, fill, make_app

PUBLIC_SHELF = "shelf has (public is true)"
NOT_TRUE = ("role admin", "state = 'out'", "owner_id = me.id", PUBLIC_SHELF, f"word = '{SESAME}'")


def reasons(row: RowSeen) -> tuple[str, ...]:
    return tuple(each.clause.words for each in row.reasons)


def grouped(groups: list[Group]) -> dict[tuple[str, ...], tuple[int | None, tuple[str, ...]]]:
    return {tuple(each.words for each in group.clauses): (group.rows, group.keys) for group in groups}


def test_each_row_names_the_clauses_that_let_it_in(library: Library) -> None:
    explained = library.explain("GET /papers", ANNA)

    assert {row.key: reasons(row) for row in explained.rows} == {
        "1": ("signed in", "owner_id = me.id"),
        "2": ("state = 'out'",),
        "4": (f"word = '{SESAME}'",),
        "5": (PUBLIC_SHELF,),
        "7": ("state = 'out'",),
        "8": ("signed in", "owner_id = me.id"),
    }
    assert all(row.allowed for row in explained.rows)
    assert (explained.status, explained.returned) == (200, 6)


def test_rows_kept_out_are_counted_by_what_was_not_true_with_their_keys(library: Library) -> None:
    assert grouped(library.explain("GET /papers", ANNA).kept_out) == {NOT_TRUE: (2, ("3", "6"))}


def test_a_page_tells_of_its_own_rows_and_of_all_that_were_kept_out(library: Library) -> None:
    explained = library.explain("GET /papers?sort=-id&limit=2&title__startswith=t", NOBODY)

    assert [row.key for row in explained.rows] == ["7", "5"]
    assert explained.returned == 2
    (group,) = explained.kept_out
    assert (group.rows, group.keys) == (4, ("1", "3", "6", "8"))
    assert [each.words for each in group.clauses] == [
        "role admin",
        "state = 'out'",
        "signed in",
        PUBLIC_SHELF,
        f"word = '{SESAME}'",
    ]


def test_only_rows_that_the_request_asks_for_count_as_kept_out(library: Library) -> None:
    assert grouped(library.explain("GET /papers?state=kept", ANNA).kept_out) == {NOT_TRUE: (1, ("6",))}
    assert library.explain("GET /papers?state=nothing", ANNA).kept_out == []


def test_whoever_may_read_everything_has_nothing_kept_out(library: Library) -> None:
    explained = library.explain("GET /papers", ADMIN)

    assert {reasons(row) for row in explained.rows} == {("role admin",)}
    assert (len(explained.rows), explained.kept_out) == (8, [])


def test_aggregates_tell_how_many_rows_each_clause_let_in(library: Library) -> None:
    explained = library.explain("GET /papers?aggregate=count", ANNA)

    assert grouped(explained.let_in) == {
        ("signed in", "owner_id = me.id"): (2, ("1", "8")),
        ("state = 'out'",): (2, ("2", "7")),
        (f"word = '{SESAME}'",): (1, ("4",)),
        (PUBLIC_SHELF,): (1, ("5",)),
    }
    assert grouped(explained.kept_out) == {NOT_TRUE: (2, ("3", "6"))}


def test_a_row_that_is_hidden_is_told_apart_from_one_that_is_missing(library: Library) -> None:
    hidden, missing, bad = (library.explain(f"GET /papers/{key}", ANNA) for key in ("3", "99", "x"))

    assert [each.status for each in (hidden, missing, bad)] == [404, 404, 404]
    (row,) = hidden.rows
    assert (row.allowed, reasons(row)) == (False, NOT_TRUE)
    looked_at = {each.clause.words: dict(each.looked_at) for each in row.clauses}
    assert looked_at["state = 'out'"] == {"state": "new"}
    assert looked_at["owner_id = me.id"] == {"owner_id": 2, "me.id": 1}
    assert looked_at[PUBLIC_SHELF] == {"shelf_id": None}
    assert (missing.rows, bad.rows) == ([], [])
    assert "it does not exist" in missing.notes[0]
    assert "is no key of papers" in bad.notes[0]


def test_every_reason_carries_the_line_that_says_it(library: Library) -> None:
    explained = library.explain("GET /papers/3", ANNA)

    lines = {each.clause.line for each in explained.rows[0].clauses} | {each.line for each in explained.rules}
    assert lines
    for line in lines:
        file, _, number = str(line).rpartition(":")
        assert file.endswith("library.py")
        assert int(number) > 0


@pytest.mark.parametrize(
    ("request_line", "caller", "status", "told"),
    [
        pytest.param("GET /papers?pay=3", ANNA, 400, "may not read it: its rule to read is role admin or role editor",
                     id="a-field-of-a-role"),
        pytest.param("GET /papers?sort=word", ANNA, 400, "papers.word exists and is hidden from everyone",
                     id="a-hidden-field"),
        pytest.param("GET /papers?sort=nothing", ANNA, 400, "papers has no field and no relation named nothing",
                     id="no-field"),
        pytest.param("GET /papers?q=x", ANNA, 400, "papers declares no search", id="no-search"),
    ],
)  # fmt: skip
def test_what_a_refusal_leaves_unsaid_is_said_at_the_terminal_alone(
    library: Library, request_line: str, caller: object, status: int, told: str
) -> None:
    explained = library.explain(request_line, ANNA)
    over_http = library.explain(request_line, ADMIN, audience=Audience.SESSION)

    assert explained.status == status
    assert any(told in each for each in explained.faults), explained.faults
    assert over_http.faults == []


def test_who_may_read_no_row_at_all_is_told_by_which_clauses(library: Library) -> None:
    explained = library.explain("GET /diaries", NOBODY)

    assert (explained.status, explained.code) == (401, "unauthenticated")
    assert [(row.what, reasons(row)) for row in explained.rows] == [("read, whatever the row", ("signed in",))]


def test_the_sql_comes_with_its_values_and_its_plan_and_the_time_of_each_step(library: Library) -> None:
    explained = library.explain("GET /papers?title=t1&limit=3&count=true&expand=shelf", ANNA)

    rows, total = explained.statements
    assert (rows.purpose, total.purpose) == ("rows of papers", "total of papers")
    values = {each.name: each.value for each in rows.values}
    assert values.items() >= {"v0": "t1", "meze_me_id": 1, "meze_limit": 4}.items()
    assert rows.plan
    assert "papers" in " ".join(rows.plan)
    assert (rows.returned, total.returned) == (1, 1)
    assert list(explained.milliseconds) == ["parse", "plan", "database", "shape"]
    assert all(each >= 0 for each in explained.milliseconds.values())
    assert explained.milliseconds["database"] == pytest.approx(rows.milliseconds + total.milliseconds)
    assert explained.read is not None
    assert explained.read >= 8


def test_rows_of_a_relation_are_one_statement_that_ran_several_times(library: Library) -> None:
    explained = library.explain("GET /shelves?expand=papers", EDITOR)

    shelves, papers = explained.statements
    assert (papers.purpose, papers.times, papers.returned) == ("related rows of papers", 2, 3)
    assert (shelves.times, shelves.returned) == (1, 2)
    assert [each.action for each in explained.rules] == ["read", "read of papers"]


def test_values_of_hidden_columns_and_of_those_named_like_secrets_are_masked(library: Library) -> None:
    explained = library.explain("GET /papers?api_token=tok-1", ANNA)
    text = "\n".join(as_text(explained))

    assert {each.value for each in explained.statements[0].values if each.name == "v0"} == {"***"}
    assert "tok-1" not in text.partition("\n")[2]
    looked_at = [dict(each.looked_at) for row in explained.rows for each in row.clauses if "word" in each.looked_at]
    assert {each["word"] for each in looked_at} <= {"***", None}
    assert "***" in {each["word"] for each in looked_at}
    assert all(SESAME not in str(each.values) for each in explained.statements)


def test_an_admin_over_http_reads_no_value_of_a_hidden_column(library: Library) -> None:
    said = json.dumps(as_json(library.explain("GET /papers", ADMIN, audience=Audience.SESSION)))

    assert "word = '***'" in said
    assert SESAME not in said


def test_an_admin_over_http_is_told_nothing_of_rows_that_admins_may_not_read(library: Library) -> None:
    told = library.explain("GET /diaries", ADMIN, audience=Audience.SESSION)
    here = library.explain("GET /diaries", ADMIN)

    assert (told.rows, told.kept_out, told.read, told.returned) == ([], [], None, None)
    assert [each.plan for each in told.statements] == [()]
    assert "admin no passage" in told.notes[0]
    assert [group.rows for group in here.kept_out] == [2]


def test_text_and_json_say_the_same(library: Library) -> None:
    explained = library.explain("GET /papers?sort=id", ANNA)
    text, said = "\n".join(as_text(explained)), as_json(explained)

    assert json.loads(json.dumps(said, default=str)) == said
    for row in said["rows"]:
        assert row["key"] in text
        assert all(each["words"] in text for each in row["because"])
    assert "2 rows, because of what is not true:" in text
    assert re.search(r"[\d,]+ rows read for 6 rows returned", text)


def test_nothing_of_an_answer_depends_on_being_explained(library: Library) -> None:
    def answered(explained: Explanation) -> tuple[int | None, int | None]:
        return explained.status, explained.returned

    assert answered(library.explain("GET /labels/a~1b", ANNA)) == (200, 1)
    assert answered(library.explain("GET /labels/b", ANNA)) == (404, 0)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        pytest.param("state=out&sort=-title", ("state", "title", "id"), id="a-filter-and-an-order"),
        pytest.param("title__gte=t3", ("title",), id="a-range"),
        pytest.param("sort=title", ("title", "id"), id="an-order"),
        pytest.param("", ("state",), id="the-rule-alone"),
    ],
)
def test_the_index_that_is_missing_is_written_out(library: Library, query: str, columns: tuple[str, ...]) -> None:
    explained = library.explain(f"GET /papers?{query}", ANNA)

    found = {each.columns: each for each in explained.indexes}
    assert columns in found
    assert found[columns].create_index.endswith(f"ON papers ({', '.join(columns)})")


def test_what_an_index_leads_to_lacks_none(library: Library) -> None:
    with library.meze.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX papers_by_owner ON papers (owner_id, id)")

    assert library.explain("GET /papers?owner_id=1", ADMIN).indexes == []


def test_what_takes_too_long_to_count_is_told_by_its_first_rows(tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path}/library.db", tmp_path, identify=lambda _: None, statement_seconds=0.1)
    meze = app.extensions["meze"]
    fill(meze)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
    with meze.database.changing_schema() as connection:
        connection.exec_driver_sql(f"INSERT INTO diaries (id, owner_id, said) {numbers} SELECT i, i, 'x' FROM n")

    explained = Library(app).explain("GET /diaries?sort=id&limit=1", ANNA)
    meze.database.close()

    (group,) = explained.kept_out
    assert (group.rows, len(group.keys)) == (None, 20)
    assert [row.key for row in explained.rows] == ["1"]
    assert "rows, too many to count in time" in "\n".join(as_text(explained))


def test_a_request_that_was_refused_for_its_plan_is_shown_with_the_plan(tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path}/library.db", tmp_path, identify=lambda _: None, rows_read_limit=5)
    fill(app.extensions["meze"])

    explained = Library(app).explain("GET /papers?title=t1&sort=state", ADMIN)
    app.extensions["meze"].database.close()

    assert (explained.status, explained.code) == (422, "too_expensive")
    (statement,) = explained.statements
    assert (statement.times, statement.returned) == (0, 0)
    assert statement.plan
    assert ("title", "state", "id") in [each.columns for each in explained.indexes]
    assert "was not run" in "\n".join(as_text(explained))


def test_values_are_those_of_the_request_though_its_plan_was_asked_for_without_them(
    database_url: str, tmp_path: Path
) -> None:
    app = make_app(database_url, tmp_path, identify=lambda _: None, rows_read_limit=10_000)
    fill(app.extensions["meze"])

    explained = Library(app).explain("GET /papers?title=t1&limit=7", ADMIN)
    app.extensions["meze"].database.close()

    assert explained.status == 200
    (statement,) = explained.statements
    assert statement.times == 1
    assert {("v0", "t1"), ("meze_limit", 8)} <= {(each.name, each.value) for each in statement.values}


@pytest.mark.parametrize("request_line", ["GET /desks", "GET /desks/1", "GET /desks?aggregate=count"])
def test_a_rule_that_asks_what_the_caller_may_not_read_is_not_told_row_by_row(
    library: Library, request_line: str
) -> None:
    told = library.explain(request_line, ADMIN, audience=Audience.SESSION)

    assert told.status == 200
    assert (told.rows, told.let_in, told.kept_out) == ([], [], [])
    assert "admin no passage" in told.notes[0]
    assert library.explain("GET /desks/1", ADMIN).rows
