"""Relations and words: `fields`, `expand`, paths across relations, sorts along them, and `q`."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from contracts.kitchen import ANNA, EDITOR, Book, Kitchen, Label, Remark, Shelf, Thing, refused


def ids(kitchen: Kitchen, query: str) -> list[int]:
    answer = kitchen.get(f"/things?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json["items"]]


def test_fields_shows_only_these_also_through_relations(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}])
    kitchen.fill(Book, [{"title": "T", "shelf_id": 1}, {"title": "U", "shelf_id": None}])

    assert kitchen.get("/books?fields=id,title").json["items"] == [{"id": 1, "title": "T"}, {"id": 2, "title": "U"}]
    assert kitchen.get("/books?fields=title,shelf__name").json["items"] == [
        {"title": "T", "shelf": {"name": "A"}},
        {"title": "U", "shelf": None},
    ]
    assert kitchen.get("/books/1?fields=title").json == {"title": "T"}


def test_expand_embeds_one_as_an_object_or_null_and_keeps_the_key_column(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}])
    kitchen.fill(Book, [{"title": "T", "shelf_id": 1}, {"title": "U", "shelf_id": None}])

    first, second = kitchen.get("/books?expand=shelf").json["items"]

    assert (first["shelf_id"], first["shelf"]) == (1, {"id": 1, "name": "A"})
    assert (second["shelf_id"], second["shelf"]) == (None, None)


def test_expand_embeds_many_as_the_first_twenty_with_a_next(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}, {"id": 2, "name": "B"}])
    kitchen.fill(Book, [{"title": str(index), "shelf_id": 1} for index in range(23)])

    full, bare = kitchen.get("/shelves?expand=books").json["items"]
    rest = kitchen.client.get(full["books"]["next"]).json

    assert [row["id"] for row in full["books"]["items"]] == list(range(1, 21))
    assert [row["id"] for row in rest["items"]] == [21, 22, 23]
    assert rest["next"] is None
    assert bare["books"] == {"items": [], "next": None}


def test_expand_goes_through_a_table_between_and_back_to_the_same_table(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1}, {"id": 2}])
    kitchen.fill(Thing, [{"id": 3, "parent_id": 1}])
    kitchen.fill(Label, [{"name": "x"}])
    with kitchen.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO thing_labels (thing_id, label_name) VALUES (3, 'x'), (1, 'x')")

    row = kitchen.get("/things/3?fields=id,parent__id,labels__name&expand=parent__children").json
    label = kitchen.get("/labels/x?expand=things&fields=name,things__id").json

    assert row["labels"] == {"items": [{"name": "x"}], "next": None}
    assert row["parent"]["id"] == 1
    assert [child["id"] for child in row["parent"]["children"]["items"]] == [3]
    assert label == {"name": "x", "things": {"items": [{"id": 1}, {"id": 3}], "next": None}}


def test_what_would_read_too_many_rows_is_422_before_the_database_is_asked(kitchen: Kitchen) -> None:
    assert kitchen.get("/things?expand=children__children&limit=25").status_code == 200
    refused(kitchen.get("/things?expand=children__children&limit=26"), 422, "too_expensive")
    refused(kitchen.get("/things/1?expand=children__children__children__children"), 422, "too_expensive")
    assert kitchen.get("/things?expand=parent__parent__parent__parent&limit=100").status_code == 200
    body = {"short": "x"}
    refused(kitchen.post("/things?expand=children__children__children__children", body), 422, "too_expensive")
    assert kitchen.stored(Thing) == []


def test_a_path_may_cross_four_relations(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "words": "root"}])
    kitchen.fill(Thing, [{"id": index, "parent_id": index - 1} for index in range(2, 7)])

    assert ids(kitchen, "parent__parent__parent__parent__words=root") == [5]
    assert ids(kitchen, "parent__parent__parent__parent__isnull=false") == [5, 6]
    assert ids(kitchen, "sort=-parent__parent__parent__parent__words&limit=1") == [6]


def test_conditions_under_one_to_many_path_mean_one_related_row(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "A"}, {"id": 2, "name": "B"}])
    kitchen.fill(
        Book,
        [
            {"title": "x", "abstract": "1", "shelf_id": 1},
            {"title": "y", "abstract": "2", "shelf_id": 1},
            {"title": "x", "abstract": "2", "shelf_id": 2},
        ],
    )

    found = kitchen.get("/shelves?books__title=x&books__abstract=2").json["items"]

    assert [row["id"] for row in found] == [2]


def test_a_hidden_related_row_counts_as_missing(kitchen: Kitchen) -> None:
    kitchen.add("/notes", {"title": "private"}, ANNA)
    kitchen.fill(Remark, [{"note_id": 1, "said": "hm"}])

    for path, anna, other in [
        ("note__title=private", 1, 0),
        ("note__isnull=false", 1, 0),
        ("note__isnull=true", 0, 1),
        ("note__title__isnull=true", 0, 1),
        ("note__title__ne=x", 1, 1),
    ]:
        assert len(kitchen.get(f"/remarks?{path}", ANNA).json["items"]) == anna, path
        assert len(kitchen.get(f"/remarks?{path}").json["items"]) == other, path
    assert kitchen.get("/remarks/1?expand=note").json["note"] is None
    assert kitchen.get("/remarks/1?expand=note").json["note_id"] == 1
    assert kitchen.get("/remarks/1?expand=note", ANNA).json["note"]["title"] == "private"


def test_null_sorts_as_the_greatest_value(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "whole": 5}, {"id": 2, "whole": None}, {"id": 3, "whole": 1}])

    assert ids(kitchen, "sort=whole") == [3, 1, 2]
    assert ids(kitchen, "sort=-whole") == [2, 1, 3]


def test_the_key_is_added_in_the_direction_of_the_last_sort(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": 1, "whole": 1}, {"id": 2, "whole": 1}, {"id": 3, "whole": 0}])

    assert ids(kitchen, "sort=-whole") == [2, 1, 3]
    assert ids(kitchen, "sort=small,-whole") == [2, 1, 3]
    assert ids(kitchen, "sort=-small,whole") == [3, 1, 2]


def test_search_finds_all_words_as_prefixes_in_any_script(kitchen: Kitchen) -> None:
    for title, abstract in [("Beijing Zoo", "giraffes"), ("北京动物园", None), ("Zoo of München", "Giraffen")]:
        kitchen.add("/books", {"title": title, "abstract": abstract}, EDITOR)

    def found(words: str) -> list[int]:
        answer = kitchen.get(f"/books?q={quote(words)}")
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json["items"]]

    assert found("zoo gir") == [1, 3]
    assert found("ZOO GIRAFFES") == [1]
    assert found("北京") == [2]
    assert found("动物") == [2]
    assert found("munchen") == [3]
    assert found("zoo nothing") == []
    assert found("iraffe") == []
    assert found("") == found("!?") == []


def test_search_does_not_change_the_sort_and_counts(kitchen: Kitchen) -> None:
    for title in ("zoo b", "zoo zoo zoo", "zoo a"):
        kitchen.add("/books", {"title": title}, EDITOR)

    answer = kitchen.get("/books?q=zoo&sort=-title&limit=2&count=true").json
    rest = kitchen.client.get(answer["next"]).json

    assert [row["title"] for row in answer["items"] + rest["items"]] == ["zoo zoo zoo", "zoo b", "zoo a"]
    assert answer["total"] == 3


def test_search_is_no_parameter_where_nothing_is_searchable(kitchen: Kitchen) -> None:
    refused(kitchen.get("/things?q=a"), 400, "unknown_parameter", parameter="q")


@pytest.mark.parametrize(
    "words", ['"', "a OR b", "a*", "NEAR(a b)", "a:b", "-a", "'; --", "\\", "&|!", "\x00", "a" * 5000]
)
def test_search_takes_any_text(kitchen: Kitchen, words: str) -> None:
    kitchen.add("/books", {"title": "Zoo"}, EDITOR)

    answer = kitchen.get(f"/books?q={quote(words)}")

    assert (answer.status_code, answer.json["items"]) == (200, [])
