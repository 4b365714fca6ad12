"""Several rows in one request: arrays that make and change rows, and deleting by filter; all of it, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.kitchen import ANNA, BEN, EDITOR, HR, Article, Booking, Drop, Kitchen, Label, Note, Seat, Thing, refused


def names(kitchen: Kitchen) -> list[str]:
    return [row[0] for row in kitchen.stored(Label)]


def fill_mine_and_a_public_one(kitchen: Kitchen, mine: str, other: str) -> None:
    """Put in a note of ANNA's, and one of BEN's that she may read and not change."""
    kitchen.fill(
        Note,
        [
            {"id": 1, "owner_id": 1, "title": mine, "public": False},
            {"id": 2, "owner_id": 2, "title": other, "public": True},
        ],
    )


def test_an_array_makes_rows_and_answers_with_them_in_order(kitchen: Kitchen) -> None:
    answer = kitchen.post("/labels", [{"name": "b", "count": 1}, {"name": "a"}, {"name": "c", "note": "x"}])

    assert answer.status_code == 201, answer.text
    assert answer.json == {
        "items": [
            {"name": "b", "note": None, "count": 1},
            {"name": "a", "note": None, "count": None},
            {"name": "c", "note": "x", "count": None},
        ]
    }
    assert names(kitchen) == ["a", "b", "c"]


def test_defaults_owners_and_versions_are_those_of_single_rows(kitchen: Kitchen) -> None:
    answer = kitchen.post("/articles", [{"title": "One", "stars": 1}, {"title": "Two"}], ANNA)

    assert answer.status_code == 201, answer.text
    found = [(row["slug"], row["stars"], row["state"], row["version"], row["double"]) for row in answer.json["items"]]
    assert found == [("one", 1, "draft", 1, 2), ("two", 3, "draft", 1, 6)]
    assert answer.json["items"][0]["code"] != answer.json["items"][1]["code"]
    kitchen.post("/notes", [{"title": "a"}, {"title": "b"}], ANNA)
    assert [row[1] for row in kitchen.stored(Note)] == [1, 1]


def test_every_fault_of_every_row_is_told_at_once_and_nothing_is_done(kitchen: Kitchen) -> None:
    answer = kitchen.post("/labels", [{"name": "ok"}, {"name": 7, "x": 1}, 3, {"count": "many"}, {"name": "y" * 41}])

    problem = refused(answer, 422, "invalid")
    assert {(each["pointer"], each["code"]) for each in problem["errors"]} == {
        ("/1/name", "wrong_type"),
        ("/1/x", "unknown"),
        ("/2", "wrong_type"),
        ("/3/name", "required"),
        ("/3/count", "wrong_type"),
        ("/4/name", "too_long"),
    }
    assert problem["errors_total"] == 6
    assert names(kitchen) == []


def test_at_most_a_hundred_faults_are_listed_and_all_are_counted(kitchen: Kitchen) -> None:
    problem = refused(kitchen.post("/labels", [{"name": "ok"}] + [{"nane": "x"}] * 999), 422, "invalid")

    assert (len(problem["errors"]), problem["errors_total"]) == (100, 2 * 999)
    assert names(kitchen) == []


@pytest.mark.parametrize(("rows", "entry"), [([], "too_short"), ([{"words": "x"}] * 1001, "too_long")])
def test_an_array_holds_1_to_1000_rows(kitchen: Kitchen, rows: list[Any], entry: str) -> None:
    refused(kitchen.post("/things", rows), 422, "invalid", pointer="", entry=entry)
    refused(kitchen.patch("/things", rows), 422, "invalid", pointer="", entry=entry)
    assert kitchen.stored(Thing) == []


def test_a_thousand_rows_are_made_and_one_bad_one_among_them_undoes_all(kitchen: Kitchen) -> None:
    rows = [{"words": f"w{index}"} for index in range(1000)]

    assert len(kitchen.post("/things", rows).json["items"]) == 1000
    assert len(kitchen.stored(Thing)) == 1000
    bad = kitchen.post("/things", [*rows[:700], {"parent_id": 10**6}, *rows[:299]])
    refused(bad, 422, "invalid", pointer="/700/parent_id", entry="no_such_row")
    assert len(kitchen.stored(Thing)) == 1000


def test_a_taken_value_is_told_at_its_row(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "taken"}])

    refused(kitchen.post("/labels", [{"name": "a"}, {"name": "taken"}]), 409, "already_exists", pointer="/1/name")
    refused(kitchen.post("/labels", [{"name": "a"}, {"name": "b"}, {"name": "a"}]), 409, "already_exists")
    assert names(kitchen) == ["taken"]


def test_a_row_may_point_at_one_before_it_and_not_at_one_behind(kitchen: Kitchen) -> None:
    seats = [{"hall": "x", "number": 1}, {"hall": "x", "number": 2}]
    assert kitchen.post("/seats", seats).status_code == 201
    bookings = [{"hall": "x", "number": 2}, {"hall": "x", "number": 3}, {"hall": "x", "number": 1}]
    refused(kitchen.post("/bookings", bookings), 422, "invalid", pointer="/1/hall", entry="no_such_row")
    assert kitchen.stored(Booking) == []


def test_fields_and_expand_hold_for_every_row(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 5, "words": "parent"}])

    rows = [{"parent_id": 5}, {"words": "x"}]
    answer = kitchen.post("/things?fields=words&expand=parent&fields=words", rows)
    refused(answer, 400, "bad_value", parameter="fields")
    answer = kitchen.post("/things?fields=words,parent__words", rows)
    assert answer.json == {"items": [{"words": None, "parent": {"words": "parent"}}, {"words": "x", "parent": None}]}
    refused(kitchen.post("/things?expand=children", [{}] * 501), 422, "too_expensive")


def test_what_may_not_be_read_is_an_empty_object(kitchen: Kitchen) -> None:
    answer = kitchen.post("/drops", [{"said": "a"}, {"said": "b"}])

    assert (answer.status_code, answer.json) == (201, {"items": [{}, {}]})
    assert len(kitchen.stored(Drop)) == 2
    assert [row["said"] for row in kitchen.post("/drops", [{"said": "c"}, {"said": "d"}], HR).json["items"]] == [
        "c",
        "d",
    ]


def test_an_array_changes_rows_by_their_keys(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": name, "count": 1, "note": "old"} for name in "abc"])

    answer = kitchen.patch("/labels", [{"name": "c", "count": 3}, {"name": "a", "note": None}])

    assert answer.status_code == 200, answer.text
    assert answer.json["items"] == [
        {"name": "c", "note": "old", "count": 3},
        {"name": "a", "note": None, "count": 1},
    ]
    assert kitchen.stored(Label) == [("a", None, 1), ("b", "old", 1), ("c", "old", 3)]


def test_composite_keys_are_given_whole(kitchen: Kitchen) -> None:
    kitchen.fill(Seat, [{"hall": "x", "number": 1}, {"hall": "x", "number": 2}])

    changed = kitchen.patch("/seats", [{"hall": "x", "number": 2, "comfort": 5}])
    assert changed.json["items"] == [{"hall": "x", "number": 2, "comfort": 5}]
    refused(
        kitchen.patch("/seats", [{"hall": "x", "comfort": 5}]), 422, "invalid", pointer="/0/number", entry="required"
    )
    missing = kitchen.patch("/seats", [{"hall": "y", "number": 2, "comfort": 5}])
    refused(missing, 404, "not_found", pointer="/0/number", entry="no_such_row")


def test_a_key_that_stands_twice_is_refused(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a"}, {"name": "b"}])

    answer = kitchen.patch("/labels", [{"name": "a", "count": 1}, {"name": "b"}, {"name": "a", "count": 2}])

    refused(answer, 422, "invalid", pointer="/2/name", entry="already_exists")
    assert kitchen.stored(Label) == [("a", None, None), ("b", None, None)]


def test_a_missing_and_a_hidden_row_are_the_same_and_point_at_their_key(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"id": 1, "owner_id": 1, "title": "mine"}, {"id": 2, "owner_id": 2, "title": "theirs"}])

    def tried(id: int) -> dict[str, Any]:
        answer = kitchen.patch("/notes", [{"id": 1, "title": "new"}, {"id": id, "title": "new"}], ANNA)
        problem: dict[str, Any] = refused(answer, 404, "not_found", pointer="/1/id", entry="no_such_row")
        return problem | {"request_id": ""}

    assert tried(2) == tried(99)
    assert [row[2] for row in kitchen.stored(Note)] == ["mine", "theirs"]


def test_a_readable_row_that_may_not_be_changed_forbids_all(kitchen: Kitchen) -> None:
    fill_mine_and_a_public_one(kitchen, "a", "b")

    problem = refused(
        kitchen.patch("/notes", [{"id": 1, "title": "x"}, {"id": 2, "title": "x"}], ANNA), 403, "forbidden"
    )

    assert problem["at"] == "/1"
    assert [row[2] for row in kitchen.stored(Note)] == ["a", "b"]


def test_etags_are_compared_for_each_row(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a"}, {"name": "b"}])
    tags = {row["name"]: row["_etag"] for row in kitchen.get("/labels?etag=true").json["items"]}

    fresh = [{"name": "a", "count": 1, "_etag": tags["a"]}, {"name": "b", "count": 1, "_etag": tags["b"]}]
    assert kitchen.patch("/labels", fresh).status_code == 200
    stale = [{"name": "a", "count": 2}, {"name": "b", "count": 2, "_etag": tags["b"]}]
    refused(kitchen.patch("/labels", stale), 412, "changed", pointer="/1/_etag")
    refused(kitchen.patch("/labels", [{"name": "a", "_etag": 7}]), 422, "invalid", pointer="/0/_etag")
    assert [row[2] for row in kitchen.stored(Label)] == [1, 1]


def test_where_a_match_is_required_every_row_needs_its_etag(kitchen: Kitchen) -> None:
    made = kitchen.post("/shelves", [{"name": "x"}, {"name": "y"}], EDITOR).json["items"]
    tags = [row["_etag"] for row in kitchen.get("/shelves?etag=true").json["items"]]

    one = [{"id": made[0]["id"], "name": "n", "_etag": tags[0]}, {"id": made[1]["id"], "name": "m"}]
    refused(kitchen.patch("/shelves", one, EDITOR), 428, "precondition_required", pointer="/1/_etag", entry="required")
    one[1]["_etag"] = tags[1]
    assert [row["name"] for row in kitchen.patch("/shelves", one, EDITOR).json["items"]] == ["n", "m"]


def test_closed_fields_may_be_sent_back_and_not_changed(kitchen: Kitchen) -> None:
    made = kitchen.post("/articles", [{"title": "One"}, {"title": "Two"}], ANNA).json["items"]

    same = [{**row, "title": row["title"] + "!"} for row in made]
    assert [row["version"] for row in kitchen.patch("/articles", same, ANNA).json["items"]] == [2, 2]
    other = [{"id": made[0]["id"], "stars": 1}, {"id": made[1]["id"], "version": 9}]
    refused(kitchen.patch("/articles", other, ANNA), 422, "invalid", pointer="/1/version", entry="closed")
    assert [row[9] for row in kitchen.stored(Article)] == [3, 3]


def test_an_object_is_not_an_array(kitchen: Kitchen) -> None:
    refused(kitchen.patch("/labels", {"name": "a"}), 422, "invalid", pointer="", entry="wrong_type")


def test_delete_by_filter_deletes_what_matches_and_counts_it(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": name, "count": count} for name, count in zip("abcd", (1, 2, 2, None), strict=True)])

    answer = kitchen.delete("/labels?count__eq=2")

    assert (answer.status_code, answer.json) == (200, {"deleted": 2})
    assert names(kitchen) == ["a", "d"]
    assert kitchen.delete("/labels?name=zz").json == {"deleted": 0}
    assert kitchen.delete("/labels?things__isnull=true&name__in=a,d").json == {"deleted": 2}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "malformed"),
        ("?", "malformed"),
        ("?limit=5", "unknown_parameter"),
        ("?count=true&name=a", "unknown_parameter"),
        ("?name=a&sort=name", "unknown_parameter"),
        ("?fields=name", "unknown_parameter"),
        ("?etag=true", "unknown_parameter"),
        ("?nane=a", "unknown_field"),
        ("?count__eq=x", "bad_value"),
    ],
)
def test_delete_takes_filters_and_nothing_else(kitchen: Kitchen, query: str, code: str) -> None:
    kitchen.fill(Label, [{"name": "a", "count": 1}])

    refused(kitchen.delete(f"/labels{query}"), 400, code)
    assert names(kitchen) == ["a"]


def test_delete_forbids_all_where_a_readable_match_may_not_go(kitchen: Kitchen) -> None:
    fill_mine_and_a_public_one(kitchen, "t", "t")

    refused(kitchen.delete("/notes?title=t", ANNA), 403, "forbidden")
    assert len(kitchen.stored(Note)) == 2
    assert kitchen.delete("/notes?title=t", BEN).json == {"deleted": 1}


def test_hidden_rows_are_neither_deleted_nor_counted_nor_in_the_way(kitchen: Kitchen) -> None:
    rows = [{"id": number, "owner_id": 1 if number <= 10 else 2, "title": "t"} for number in range(1, 1020)]
    kitchen.fill(Note, rows)

    assert kitchen.delete("/notes?title=t", ANNA).json == {"deleted": 10}
    assert len(kitchen.stored(Note)) == 1009
    refused(kitchen.delete("/notes?title=t", BEN), 422, "too_expensive")


def test_more_than_a_thousand_rows_are_too_many(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": number, "whole": 1} for number in range(1, 1002)])

    refused(kitchen.delete("/things?whole=1"), 422, "too_expensive")
    assert len(kitchen.stored(Thing)) == 1001
    assert kitchen.delete("/things?id__gt=1").json == {"deleted": 1000}


def test_rows_that_refer_to_each_other_go_together_and_others_keep_them(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "parent_id": None}, {"id": 2, "parent_id": 1}, {"id": 3, "parent_id": 2}])

    refused(kitchen.delete("/things?id__lte=2"), 409, "still_referenced")
    assert len(kitchen.stored(Thing)) == 3
    assert kitchen.delete("/things?id__lte=3").json == {"deleted": 3}


def test_delete_by_filter_is_not_there_where_a_match_is_required(kitchen: Kitchen) -> None:
    kitchen.post("/shelves", {"name": "x"}, EDITOR)

    answer = kitchen.delete("/shelves?name=x", EDITOR)

    refused(answer, 405, "method_not_allowed")
    assert "DELETE" not in answer.headers["Allow"]
    assert "PATCH" in answer.headers["Allow"]


def test_delete_by_filter_takes_composite_keys_and_paths_across_relations(kitchen: Kitchen) -> None:
    kitchen.fill(Seat, [{"hall": "x", "number": n, "comfort": n} for n in (1, 2, 3)])
    kitchen.fill(Booking, [{"hall": "x", "number": 2}])

    assert kitchen.delete("/bookings?seat__comfort=2").json == {"deleted": 1}
    assert kitchen.delete("/seats?comfort__gte=2").json == {"deleted": 2}
    assert kitchen.stored(Seat) == [("x", 1, 1)]
