"""The parameters of a list, one by one: what they give, and how they are refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from contracts.kitchen import ANNA, HR, Kitchen, Label, Note, Shelf, Thing, refused


def ids(kitchen: Kitchen, query: str) -> list[int]:
    answer = kitchen.get(f"/things?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json["items"]]


@pytest.fixture
def texts(kitchen: Kitchen) -> Kitchen:
    """Things with texts that are awkward to find."""
    found = ["a", "b, c", "Straße", "100%", "a_b", "", None, 'say "hi"', "back\\slash", "ÅNGSTRÖM"]
    kitchen.fill(Thing, [{"id": index, "words": each} for index, each in enumerate(found, 1)])
    return kitchen


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("words=a", [1], id="equal"),
        pytest.param("words__eq=a", [1], id="equal-in-full"),
        pytest.param("words=A", [], id="equality-is-exact"),
        pytest.param("words__ne=a", [2, 3, 4, 5, 6, 7, 8, 9, 10], id="ne-includes-null"),
        pytest.param("words__in=a,100%25", [1, 4], id="in"),
        pytest.param('words__in="b, c",a', [1, 2], id="in-is-a-csv-record"),
        pytest.param('words__in="say ""hi"""', [8], id="quotes-are-doubled"),
        pytest.param("words__in=", [6], id="in-with-one-empty-text"),
        pytest.param('words__not_in=a,"b, c"', [3, 4, 5, 6, 7, 8, 9, 10], id="not-in-includes-null"),
        pytest.param("words__isnull=true", [7], id="null"),
        pytest.param("words__isnull=false", [1, 2, 3, 4, 5, 6, 8, 9, 10], id="not-null"),
        pytest.param("words=", [6], id="the-empty-text"),
        pytest.param("words__contains=STRASSE", [3], id="folds-beyond-one-letter"),
        pytest.param("words__contains=ångström", [10], id="folds-beyond-ascii"),
        pytest.param("words__contains=%25", [4], id="percent-is-itself"),
        pytest.param("words__contains=_", [5], id="underscore-is-itself"),
        pytest.param("words__contains=%5C", [9], id="backslash-is-itself"),
        pytest.param("words__startswith=SAY", [8], id="starts-with"),
        pytest.param("words__endswith=SLASH", [9], id="ends-with"),
        pytest.param("words__contains=", [1, 2, 3, 4, 5, 6, 8, 9, 10], id="every-text-holds-the-empty-one"),
        pytest.param("words__contains=a&words__contains=b", [5, 9], id="conditions-are-joined-by-and"),
        pytest.param("words__gte=a&words__lt=b", [1, 5], id="a-range"),
    ],
)
def test_a_filter_finds(texts: Kitchen, query: str, found: list[int]) -> None:
    assert ids(texts, query) == found


def test_a_field_named_like_a_parameter_is_filtered_with_its_operator(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a", "count": 1}, {"name": "b", "count": 2}])

    assert [row["name"] for row in kitchen.get("/labels?count__eq=2").json["items"]] == ["b"]
    counted = kitchen.get("/labels?count=true").json
    assert (counted["total"], len(counted["items"])) == (2, 2)


@pytest.mark.parametrize("field", ["whole", "big", "price", "ratio", "flag", "day", "moment", "token", "size", "span"])
def test_an_empty_value_is_400_for_what_is_not_text(kitchen: Kitchen, field: str) -> None:
    refused(kitchen.get(f"/things?{field}="), 400, "bad_value", parameter=field)


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("colour=red", "unknown_field", "colour"),
        ("limt=3", "unknown_parameter", "limt"),
        ("whole__near=3", "unknown_parameter", "whole__near"),
        ("whole__contains=3", "unknown_parameter", "whole__contains"),
        ("flag__lt=true", "unknown_parameter", "flag__lt"),
        ("data=1", "unknown_parameter", "data"),
        ("blob__contains=1", "unknown_parameter", "blob__contains"),
        ("whole__eq__eq=3", "unknown_parameter", "whole__eq__eq"),
        ("__=3", "unknown_field", "__"),
        ("=3", "unknown_field", ""),
        ("whole__=3", "unknown_parameter", "whole__"),
        ("parent__nothing=3", "unknown_field", "parent__nothing"),
        ("nothing__id=3", "unknown_field", "nothing__id"),
        ("parent__parent__parent__parent__parent__id=3", "unknown_field", "parent__parent__parent__parent__parent__id"),
        ("sort=colour", "unknown_field", "sort"),
        ("sort=parent", "unknown_field", "sort"),
        ("sort=", "unknown_field", "sort"),
        ("sort=--id", "unknown_field", "sort"),
        ("sort=id,", "unknown_field", "sort"),
        ("sort=parent__parent__parent__parent__parent__id", "unknown_field", "sort"),
        ("fields=id,colour", "unknown_field", "fields"),
        ("fields=parent", "unknown_field", "fields"),
        ("expand=nothing", "unknown_field", "expand"),
        ("expand=whole", "unknown_field", "expand"),
        ("expand=parent__whole", "unknown_field", "expand"),
        ("expand=parent__parent__parent__parent__parent", "unknown_field", "expand"),
    ],
)
def test_a_name_that_means_nothing_is_400(kitchen: Kitchen, query: str, code: str, parameter: str) -> None:
    refused(kitchen.get(f"/things?{query}"), 400, code, parameter=parameter, entry="unknown")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=101", "limit"),
        ("limit=1e9", "limit"),
        ("limit=abc", "limit"),
        ("limit=", "limit"),
        ("limit=%2B1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=501", "page"),
        ("page=101&limit=100", "page"),
        ("page=1000000000000", "page"),
        ("count=1", "count"),
        ("count=TRUE", "count"),
        ("count=", "count"),
        ("words__isnull=1", "words__isnull"),
        ("words__isnull=", "words__isnull"),
        ("fields=", "fields"),
        ("fields=id,,whole", "fields"),
        ("expand=", "expand"),
        ("expand=parent,", "expand"),
        ("sort=data", "sort"),
        ("sort=children__id", "sort"),
        ("sort=labels__name", "sort"),
        ('words__in="a', "words__in"),
        ('words__in="a"b', "words__in"),
        ("whole__in=1,x", "whole__in"),
        ("whole__in=1,", "whole__in"),
        ("whole__in=" + ",".join(map(str, range(1001))), "whole__in"),
    ],
    ids=lambda text: text[:40],
)
def test_a_value_that_cannot_be_used_is_400_at_its_parameter(kitchen: Kitchen, query: str, parameter: str) -> None:
    refused(kitchen.get(f"/things?{query}"), 400, "bad_value", parameter=parameter)


def test_a_cursor_and_a_page_exclude_each_other(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{} for _ in range(3)])
    url = kitchen.get("/things?limit=1").json["next"]

    refused(kitchen.client.get(url + "&page=1"), 400, "bad_value", parameter="page")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda url: url + "&whole=1", id="another-filter"),
        pytest.param(lambda url: url + "&sort=-id", id="another-sort"),
        pytest.param(lambda url: url.replace("/things", "/labels"), id="another-resource"),
        pytest.param(lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"), id="its-last-letter"),
        pytest.param(lambda url: url[:-10], id="cut-off"),
        pytest.param(lambda url: url.partition("cursor=")[0] + "cursor=", id="empty"),
        pytest.param(lambda url: url.partition("cursor=")[0] + "cursor=abc", id="made-up"),
        pytest.param(lambda url: url.partition("cursor=")[0] + "cursor=%FF%00", id="no-text"),
        pytest.param(lambda url: url.partition("cursor=")[0] + "cursor=" + "A" * 10_000, id="long"),
    ],
)
def test_a_cursor_that_was_altered_or_is_of_another_query_is_400(kitchen: Kitchen, change: object) -> None:
    kitchen.fill(Thing, [{} for _ in range(3)])
    url = kitchen.get("/things?limit=1").json["next"]
    assert kitchen.client.get(url).status_code == 200
    assert callable(change)

    answer = kitchen.client.get(change(url))

    assert answer.status_code == 400
    assert answer.json["code"] == ("malformed" if "%FF" in change(url) else "bad_cursor")


def test_a_cursor_goes_on_with_another_limit_and_other_fields(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{} for _ in range(5)])
    url = kitchen.get("/things?limit=1").json["next"]

    answer = kitchen.client.get(url.replace("limit=1", "limit=2") + "&fields=id&count=true")

    assert answer.json["items"] == [{"id": 2}, {"id": 3}]
    assert answer.json["total"] == 5


def test_a_cursor_does_not_show_the_values_that_it_holds(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"words": "conspicuous"} for _ in range(3)])

    url = kitchen.get("/things?limit=1&sort=words").json["next"]

    assert "conspicuous" not in url
    assert "Y29uc3BpY3" not in url  # its base64


def test_pages_are_counted_from_one_and_next_leads_to_the_next_page(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{} for _ in range(5)])

    first = kitchen.get("/things?limit=2&page=1").json
    second = kitchen.client.get(first["next"]).json
    third = kitchen.client.get(second["next"]).json

    assert [[row["id"] for row in page["items"]] for page in (first, second, third)] == [[1, 2], [3, 4], [5]]
    assert third["next"] is None
    assert "page=2" in first["next"]
    assert kitchen.get("/things?limit=2&page=9").json == {"items": [], "next": None}


def test_the_last_page_that_may_be_asked_for_has_no_next_that_is_refused(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"id": index} for index in range(1, 10_102)])

    last = kitchen.get("/things?limit=100&page=100&fields=id")

    assert last.json["items"][-1] == {"id": 10_000}
    assert last.json["next"] is None or kitchen.client.get(last.json["next"]).status_code == 200


def test_total_counts_what_the_filter_leaves(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"whole": index % 2} for index in range(5)])

    answer = kitchen.get("/things?whole=0&limit=1&count=true").json

    assert (answer["total"], len(answer["items"])) == (3, 1)
    assert kitchen.client.get(answer["next"]).json["total"] == 3
    assert "total" not in kitchen.get("/things?count=false").json


def test_a_list_has_twenty_rows_unless_asked_and_a_hundred_at_most(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{} for _ in range(101)])

    assert len(kitchen.get("/things").json["items"]) == 20
    assert len(kitchen.get("/things?limit=100").json["items"]) == 100


def test_a_resource_may_have_shorter_pages(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"name": str(index)} for index in range(7)])

    assert len(kitchen.get("/shelves").json["items"]) == 5
    refused(kitchen.get("/shelves?limit=6"), 400, "bad_value", parameter="limit", entry="too_big")


def test_one_row_and_writes_know_fields_and_expand_alone(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    for method, path in [("GET", "/labels/a"), ("PATCH", "/labels/a"), ("PUT", "/labels/a"), ("POST", "/labels")]:
        answer = kitchen.request(method, f"{path}?limit=1", json={} if method != "POST" else {"name": "b"})
        refused(answer, 400, "unknown_parameter", parameter="limit")
    refused(kitchen.delete("/labels/a?fields=name"), 400, "unknown_parameter", parameter="fields")
    assert len(kitchen.stored(Label)) == 1


def test_an_unknown_parameter_names_the_nearest(kitchen: Kitchen) -> None:
    problem = refused(kitchen.get("/things?limt=3"), 400, "unknown_parameter")
    assert "limit" in problem["detail"]
    problem = refused(kitchen.get("/things?prize=3"), 400, "unknown_field")
    assert "price" in problem["detail"]


def test_a_query_string_that_is_not_utf_8_is_400(kitchen: Kitchen) -> None:
    refused(kitchen.get("/things?words=%FF"), 400, "malformed")
    refused(kitchen.get("/things?%FF=1"), 400, "malformed")


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
def test_nul_in_a_filter_is_400(kitchen: Kitchen, text: str) -> None:
    for operator in ("eq", "ne", "in", "contains", "lt"):
        name = f"words__{operator}"
        refused(kitchen.get(f"/things?{name}={quote(text)}"), 400, "bad_value", parameter=name)


def test_what_only_one_role_reads_only_that_role_may_ask_about(kitchen: Kitchen) -> None:
    kitchen.fill(Note, [{"owner_id": 5, "title": "t", "public": True, "salary": 100}])

    assert kitchen.get("/notes?salary__gt=99&sort=salary&fields=id,salary", HR).json["items"] == [
        {"id": 1, "salary": 100}
    ]
    for query, parameter in [("salary__gt=99", "salary__gt"), ("sort=salary", "sort"), ("fields=salary", "fields")]:
        refused(kitchen.get(f"/notes?{query}", ANNA), 400, "unknown_field", parameter=parameter)
