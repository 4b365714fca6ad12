"""Of a write it is told what the rules say, of the row as it is and as it would be; nothing of it is done."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from meze.access.caller import Caller
from meze.verify.explain.explainer import Explainer
from meze.verify.explain.question import row_of
from verify.explain.library import ANNA, EDITOR, NOBODY, Base, Library


def stored(library: Library) -> list[Any]:
    with library.meze.database.engine.connect() as connection:
        return [connection.execute(select(table)).all() for table in Base.metadata.sorted_tables]


CASES = [
    pytest.param("POST /papers", {"title": "x", "owner_id": 1}, ANNA, None, "owner_id = me.id", id="a-create"),
    pytest.param("POST /papers", {"title": "x", "owner_id": 2}, ANNA, 403, "owner_id = me.id", id="for-another"),
    pytest.param("POST /papers", {"title": "x"}, NOBODY, 401, "signed in", id="a-create-by-nobody"),
    pytest.param("PATCH /papers/1", {"title": "y"}, ANNA, None, "state != 'out'", id="a-change"),
    pytest.param("PATCH /papers/1", {"state": "out"}, ANNA, 403, "state != 'out'", id="the-new-row-is-not-allowed"),
    pytest.param("PATCH /papers/7", {"state": "new"}, ANNA, 403, "state != 'out'", id="the-old-row-is-not-allowed"),
    pytest.param("PATCH /papers/3", {"title": "y"}, ANNA, 404, "owner_id = me.id", id="a-hidden-row"),
    pytest.param("PUT /papers/1", {"title": "y", "owner_id": 1}, ANNA, 403, "state != 'out'", id="a-replacement"),
    pytest.param("DELETE /papers/1", None, ANNA, None, "owner_id = me.id", id="a-delete"),
    pytest.param("DELETE /papers/2", None, ANNA, 403, "owner_id = me.id", id="a-delete-of-anothers"),
    pytest.param("PATCH /papers/8", {"title": "y"}, ANNA, 422, "state is distinct from 'kept'", id="a-field"),
    pytest.param("PUT /labels/new", {"count": 2}, ANNA, None, "count > 0", id="a-row-put-where-none-is"),
    pytest.param("PUT /labels/new", {"count": 0}, ANNA, 403, "count > 0", id="a-row-that-may-not-be-put"),
]  # fmt: skip


@pytest.mark.parametrize(("request_line", "body", "caller", "status", "clause"), CASES)
def test_the_rules_of_a_write_are_told_and_nothing_is_done(
    library: Library, request_line: str, body: Any, caller: Caller, status: int | None, clause: str
) -> None:
    before = stored(library)
    explained = library.explain(request_line, caller, body=body)

    assert explained.status == status
    decisive = [row for row in explained.rows if not row.allowed] or explained.rows
    assert clause in [each.clause.words for row in decisive for each in row.reasons]
    assert all(row.allowed for row in explained.rows) is (status is None)
    assert stored(library) == before
    assert "Nothing was changed" in explained.notes[0]


def test_the_row_as_it_would_be_is_shown_with_what_the_clauses_looked_at(library: Library) -> None:
    explained = library.explain("PATCH /papers/1", ANNA, body={"state": "out"})

    old, new = (
        next(row for row in explained.rows if row.what == f"update, of the row as it {which}")
        for which in ("is", "would be")
    )
    assert (old.allowed, new.allowed) == (True, False)
    looked_at = [{each.clause.words: dict(each.looked_at) for each in row.clauses} for row in (old, new)]
    assert [each["state != 'out'"] for each in looked_at] == [{"state": "new"}, {"state": "out"}]


def test_a_foreign_key_to_a_hidden_row_keeps_a_write_from_being_done(library: Library) -> None:
    to_hidden = library.explain("PATCH /papers/1", ANNA, body={"shelf_id": 2})
    to_public = library.explain("PATCH /papers/1", ANNA, body={"shelf_id": 1})

    assert (to_hidden.status, to_hidden.code) == (422, "invalid")
    assert to_public.status is None


def test_faults_of_the_body_are_told_with_the_rule_that_closes_a_field(library: Library) -> None:
    explained = library.explain("PATCH /papers/1", ANNA, body={"word": "x", "pay": 2, "nothing": 1})

    assert explained.status == 422
    assert "papers.word exists and is hidden from everyone" in " ".join(explained.faults)
    assert "papers.pay exists, and this caller may not read it" in " ".join(explained.faults)


@pytest.mark.parametrize("action", ["read", "update", "delete"])
def test_one_row_is_told_of_whatever_is_to_be_done_with_it(library: Library, action: str) -> None:
    explainer = Explainer(library.parts.records, EDITOR)
    explained = explainer.why(row_of("labels/a%2Fb", action, "/api/v1", library.parts.resources))

    assert [row.what for row in explained.rows] == list(dict.fromkeys(["read", action]))
    assert all(row.allowed for row in explained.rows)
