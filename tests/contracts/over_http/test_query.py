"""QUERY, and POST to a collection's `query`: the form of the body, its limits, and how it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from contracts.kitchen import ADMIN, ANNA, BEN, HR, Color, Kitchen, Label, Note, Thing, refused
from meze.events import RequestAnswered

MakeKitchen = Callable[..., Kitchen]
FORMS = [("QUERY", "/things"), ("POST", "/things/query")]


def ask(kitchen: Kitchen, body: Any, path: str = "/things", **options: Any) -> TestResponse:
    return kitchen.request("QUERY", path, json=body, **options)


def found(kitchen: Kitchen, where: Any, **more: Any) -> list[int]:
    answer = ask(kitchen, {"where": where, "limit": 100, **more})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json["items"]]


def nested(deep: int) -> dict[str, Any]:
    """Return a condition with so many of `and`, `or` and `not` around it."""
    where: dict[str, Any] = {"whole": 1}
    for index in range(deep):
        where = ({"not": where}, {"or": [where]}, {"and": [where]})[index % 3]
    return where


@pytest.fixture
def things(kitchen: Kitchen) -> Kitchen:
    rows = [
        {"id": 1, "whole": 1, "words": "a", "price": Decimal("9.50"), "color": Color.RED, "flag": True},
        {"id": 2, "whole": 2, "words": "Straße", "price": Decimal("10.00"), "color": Color.DEEP_BLUE, "flag": False},
        {"id": 3, "whole": None, "words": None, "price": None, "color": None, "flag": None},
    ]
    kitchen.fill(Thing, rows)
    return kitchen


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param({}, [1, 2, 3], id="nothing-asked"),
        pytest.param(None, [1, 2, 3], id="null-is-nothing-asked"),
        pytest.param({"and": []}, [1, 2, 3], id="an-empty-and"),
        pytest.param({"not": {}}, [], id="the-complement-of-everything"),
        pytest.param({"or": [{}, {"whole": 1}]}, [1, 2, 3], id="an-alternative-that-asks-nothing"),
        pytest.param({"whole": 1}, [1], id="equal"),
        pytest.param({"or": [{"whole": 1}, {"words__contains": "STRASSE"}]}, [1, 2], id="or"),
        pytest.param({"not": {"whole": 1}}, [2, 3], id="not-includes-null"),
        pytest.param({"not": {"not": {"whole": 1}}}, [1], id="not-not"),
        pytest.param({"not": {"or": [{"whole": 1}, {"whole": 2}]}}, [3], id="not-or"),
        pytest.param({"and": [{"whole__gte": 1}, {"whole__lt": 2}]}, [1], id="and"),
        pytest.param({"price__lt": 10}, [1], id="decimal-as-number"),
        pytest.param({"price__lt": 9.51}, [1], id="decimal-as-number-with-a-point"),
        pytest.param({"price": "10.00"}, [2], id="decimal-as-text"),
        pytest.param({"price__in": ["9.5", 10]}, [1, 2], id="decimals-of-both-kinds"),
        pytest.param({"color__in": ["red"]}, [1], id="enum"),
        pytest.param({"flag": False}, [2], id="boolean"),
        pytest.param({"whole__isnull": True}, [3], id="isnull"),
        pytest.param({"parent__isnull": False}, [], id="isnull-of-a-relation"),
        pytest.param({"words__not_in": ["a"]}, [2, 3], id="not-in-includes-null"),
        pytest.param({"words": "x" * 3000}, [], id="a-text-that-no-row-has"),
        pytest.param({"short": "x" * 3000}, [], id="a-text-that-no-row-can-have"),
    ],
)
def test_a_where_finds(things: Kitchen, where: Any, expected: list[int]) -> None:
    assert found(things, where) == expected


@pytest.mark.parametrize(("method", "path"), FORMS)
def test_next_leads_on_with_the_same_body(things: Kitchen, method: str, path: str) -> None:
    body = {"where": {"not": {"whole": 7}}, "sort": ["-id"], "fields": ["id"], "limit": 2, "count": True}
    first = things.request(method, path, json=body)
    second = things.client.open(first.json["next"], method=method, json=body)

    assert first.json["next"].startswith(f"/api/v1{path}?cursor=")
    assert (first.json["items"], first.json["total"]) == ([{"id": 3}, {"id": 2}], 3)
    assert second.json == {"items": [{"id": 1}], "next": None, "total": 3}


def test_a_cursor_may_stand_in_the_body(things: Kitchen) -> None:
    body: dict[str, Any] = {"where": {"not": {"whole": 7}}, "fields": "id", "limit": 2, "cursor": None}
    cursor = ask(things, body).json["next"].partition("cursor=")[2]

    assert ask(things, body | {"cursor": cursor}).json == {"items": [{"id": 3}], "next": None}
    refused(ask(things, body | {"cursor": cursor}, f"/things?cursor={cursor}"), 400, "bad_value", parameter="cursor")


def test_counted_pages_go_on_by_the_address(things: Kitchen) -> None:
    body = {"where": {"not": {"whole": 7}}, "fields": ["id"], "limit": 1, "page": 1}
    pages = [ask(things, body).json]
    while pages[-1]["next"]:
        pages.append(things.client.open(pages[-1]["next"], method="QUERY", json=body).json)

    assert [page["items"] for page in pages] == [[{"id": 1}], [{"id": 2}], [{"id": 3}]]


def test_a_cursor_belongs_to_its_conditions_in_whatever_order_an_object_has_them(things: Kitchen) -> None:
    where = {"whole__lt": 9, "or": [{"id__gt": 0}, {"id__lt": 0}], "not": {"id": 5, "whole": 5}}
    url = ask(things, {"where": where, "limit": 1}).json["next"]

    def again(where: Any) -> TestResponse:
        return things.client.open(url, method="QUERY", json={"where": where})

    assert again(dict(reversed(where.items()))).status_code == 200
    assert again(where | {"not": {"whole": 5, "id": 5}}).status_code == 200
    for other in (
        {},
        {"whole__lt": 9},
        where | {"whole__lt": 8},
        where | {"not": {"id": 5}},
        where | {"or": where["or"][::-1]},
    ):
        refused(again(other), 400, "bad_cursor", parameter="cursor")
    refused(things.client.get(url), 400, "bad_cursor", parameter="cursor")
    refused(ask(things, {"where": {}, "cursor": "x"}), 400, "bad_cursor", pointer="/cursor")


def test_embedded_rows_and_search_are_as_in_an_address(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a", "count": 1}])
    kitchen.fill(Thing, [{"id": 1, "parent_id": None}, {"id": 2, "parent_id": 1}])

    answer = ask(kitchen, {"where": {"parent__isnull": False}, "fields": ["id"], "expand": ["parent"]})

    assert answer.json["items"][0]["parent"]["id"] == 1
    assert ask(kitchen, {"where": {"or": [{"count__eq": 1}]}}, "/labels").json["items"][0]["name"] == "a"
    refused(ask(kitchen, {"q": "x"}), 400, "unknown_parameter", pointer="/q")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"wher": {}}, "unknown_parameter", "/wher"),
        ({"whole": 1}, "unknown_parameter", "/whole"),
        ({"where": []}, "bad_value", "/where"),
        ({"where": "whole=1"}, "bad_value", "/where"),
        ({"where": {"or": []}}, "bad_value", "/where/or"),
        ({"where": {"or": {}}}, "bad_value", "/where/or"),
        ({"where": {"or": [1]}}, "bad_value", "/where/or/0"),
        ({"where": {"and": {"whole": 1}}}, "bad_value", "/where/and"),
        ({"where": {"not": [{"whole": 1}]}}, "bad_value", "/where/not"),
        ({"where": {"or": [{"whole": 1}, {"not": {"colour": 1}}]}}, "unknown_field", "/where/or/1/not/colour"),
        ({"where": {"parent": 1}}, "unknown_field", "/where/parent"),
        ({"where": {"parent__id__in__x": [1]}}, "unknown_parameter", "/where/parent__id__in__x"),
        ({"where": {"whole__near": 1}}, "unknown_parameter", "/where/whole__near"),
        ({"where": {"limt": 1}}, "unknown_field", "/where/limt"),
        ({"where": {"a/b~c": 1}}, "unknown_field", "/where/a~1b~0c"),
        ({"where": {"\ud800": 1}}, "unknown_field", "/where/\ufffd\ufffd\ufffd"),
        ({"where": {"w" * 1001: 1}}, "bad_value", "/where"),
        ({"where": {"whole": None}}, "bad_value", "/where/whole"),
        ({"where": {"whole": "1"}}, "bad_value", "/where/whole"),
        ({"where": {"whole": True}}, "bad_value", "/where/whole"),
        ({"where": {"whole": 10**30}}, "bad_value", "/where/whole"),
        ({"where": {"words": 1}}, "bad_value", "/where/words"),
        ({"where": {"words": "a\x00"}}, "bad_value", "/where/words"),
        ({"where": {"short": "\x00" * 9}}, "bad_value", "/where/short"),
        ({"where": {"words__contains": "a" * 201}}, "bad_value", "/where/words__contains"),
        ({"where": {"day": "31.12.2026"}}, "bad_value", "/where/day"),
        ({"where": {"price": "1.001"}}, "bad_value", "/where/price"),
        ({"where": {"whole__isnull": "true"}}, "bad_value", "/where/whole__isnull"),
        ({"where": {"whole__in": 1}}, "bad_value", "/where/whole__in"),
        ({"where": {"whole__in": []}}, "bad_value", "/where/whole__in"),
        ({"where": {"whole__in": [1, None]}}, "bad_value", "/where/whole__in/1"),
        ({"where": {"whole__in": [1, 2, "x"]}}, "bad_value", "/where/whole__in/2"),
        ({"where": {"whole__in": [*range(1001)]}}, "bad_value", "/where/whole__in"),
        ({"limit": 0}, "bad_value", "/limit"),
        ({"limit": 101}, "bad_value", "/limit"),
        ({"limit": "5"}, "bad_value", "/limit"),
        ({"limit": True}, "bad_value", "/limit"),
        ({"limit": 1.5}, "bad_value", "/limit"),
        ({"count": "true"}, "bad_value", "/count"),
        ({"page": 501}, "bad_value", "/page"),
        ({"page": 1, "cursor": "x"}, "bad_value", "/page"),
        ({"cursor": 1}, "bad_value", "/cursor"),
        ({"sort": [1]}, "bad_value", "/sort"),
        ({"sort": []}, "bad_value", "/sort"),
        ({"sort": ["id,whole"]}, "bad_value", "/sort"),
        ({"sort": ["colour"]}, "unknown_field", "/sort"),
        ({"fields": ["colour"]}, "unknown_field", "/fields"),
        ({"fields": {"id": 1}}, "bad_value", "/fields"),
        ({"expand": ["nothing"]}, "unknown_field", "/expand"),
        ({"fields": ["\ud800"]}, "unknown_field", "/fields"),
        ({"expand": "x" * 20_000}, "bad_value", "/expand"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_400_at_its_place(kitchen: Kitchen, body: Any, code: str, pointer: str) -> None:
    for method, path in FORMS:
        refused(kitchen.request(method, path, json=body), 400, code, pointer=pointer)


def test_null_is_refused_with_what_to_ask_instead(kitchen: Kitchen) -> None:
    problem = refused(ask(kitchen, {"where": {"whole__eq": None}}), 400, "bad_value", pointer="/where/whole__eq")
    assert "`whole__isnull`" in problem["errors"][0]["detail"]


def test_a_hundred_conditions_and_no_more(kitchen: Kitchen) -> None:
    def conditions(count: int) -> dict[str, Any]:
        return {"where": {"or": [{"whole": index} for index in range(count - 1)], "id__gt": 0}}

    assert ask(kitchen, conditions(100)).status_code == 200
    refused(ask(kitchen, conditions(101)), 422, "too_expensive")
    assert ask(kitchen, {"where": {"or": [{}] * 100}}).status_code == 200
    refused(ask(kitchen, {"where": {"or": [{}] * 101}}), 422, "too_expensive")


def test_eight_deep_and_no_more(things: Kitchen) -> None:
    assert ask(things, {"where": nested(8)}).status_code == 200
    refused(ask(things, {"where": nested(9)}), 422, "too_expensive")
    deep = '{"not": ' * 100_000 + "{}" + "}" * 100_000
    answer = things.request("QUERY", "/things", data=f'{{"where": {deep}}}', content_type="application/json")
    assert answer.json["code"] in ("malformed", "too_expensive")


def test_a_thousand_values_and_no_more(kitchen: Kitchen) -> None:
    half = [*range(500)]

    assert ask(kitchen, {"where": {"whole__in": [*range(1000)]}}).status_code == 200
    assert ask(kitchen, {"where": {"or": [{"whole__in": half}, {"id__in": half}]}}).status_code == 200
    over = {"or": [{"whole__in": half}, {"not": {"id__in": half}}, {"id": 1}]}
    refused(ask(kitchen, {"where": over}), 422, "too_expensive")


def test_alternatives_that_cross_to_many_rows_count_each_for_itself(kitchen: Kitchen) -> None:
    def crossing(count: int) -> dict[str, Any]:
        return {"where": {"or": [{"children__whole": index} for index in range(count)]}}

    assert ask(kitchen, crossing(20)).status_code == 200
    refused(ask(kitchen, crossing(21)), 422, "too_expensive")
    together = {"and": [{"children__whole__gt": index} for index in range(21)]}
    assert ask(kitchen, {"where": together}).status_code == 200
    aside = {"or": [{"parent__whole": index} for index in range(21)]}
    assert ask(kitchen, {"where": aside}).status_code == 200


@pytest.mark.parametrize(("method", "path"), FORMS)
def test_the_address_says_only_where_to_go_on(kitchen: Kitchen, method: str, path: str) -> None:
    for query in ("limit=1", "whole=1", "where={}", "fields=id"):
        name = query.partition("=")[0]
        answer = kitchen.request(method, f"{path}?{query}", json={})
        refused(answer, 400, "unknown_parameter", parameter=name)


@pytest.mark.parametrize(("method", "path"), FORMS)
def test_a_body_that_is_no_json_object(kitchen: Kitchen, method: str, path: str) -> None:
    def send(data: bytes, content_type: str = "application/json") -> TestResponse:
        return kitchen.request(method, path, data=data, content_type=content_type)

    refused(send(b'{"where": {"whole": 1}, "where": {}}'), 400, "malformed")
    refused(send(b'{"where": {"whole": NaN}}'), 400, "malformed")
    refused(send(b'{"where": '), 400, "malformed")
    refused(send(b""), 400, "malformed")
    refused(send(b"[]"), 422, "invalid", pointer="")
    for other in ("text/plain", "application/merge-patch+json", "application/x-www-form-urlencoded", ""):
        answer = send(b"{}", other)
        refused(answer, 415, "unsupported_media_type")
        assert answer.headers.get("Accept-Query") == ("application/json" if method == "QUERY" else None)


def test_options_tells_of_query(kitchen: Kitchen) -> None:
    assert kitchen.request("OPTIONS", "/things").headers["Accept-Query"] == "application/json"
    assert "QUERY" in kitchen.request("OPTIONS", "/things").headers["Allow"]
    assert "Accept-Query" not in kitchen.request("OPTIONS", "/things/1").headers
    assert "POST" in kitchen.request("OPTIONS", "/things/query").headers["Allow"].split(", ")


def test_a_row_whose_key_is_query_stays_a_row(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "query", "note": "a row"}, {"name": "b", "note": None}])

    assert kitchen.get("/labels/query").json["note"] == "a row"
    assert kitchen.patch("/labels/query", {"note": "x"}).json["note"] == "x"
    assert len(kitchen.post("/labels/query", {}).json["items"]) == 2
    refused(kitchen.request("QUERY", "/labels/query", json={}), 405, "method_not_allowed")
    assert kitchen.delete("/labels/query").status_code == 204


@pytest.mark.parametrize(("method", "path"), [("QUERY", "/notes"), ("POST", "/notes/query")])
def test_rules_hold(kitchen: Kitchen, method: str, path: str) -> None:
    kitchen.fill(
        Note,
        [
            {"owner_id": 1, "title": "mine", "public": False, "secret": "s", "salary": 1},
            {"owner_id": 2, "title": "open", "public": True, "secret": "s", "salary": 2},
        ],
    )
    everything = {"where": {"or": [{}, {"not": {}}]}, "fields": ["title"], "count": True}

    assert kitchen.request(method, path, json=everything).json["total"] == 1
    assert kitchen.request(method, path, ANNA, json=everything).json["total"] == 2
    assert kitchen.request(method, path, BEN, json=everything).json["items"] == [{"title": "open"}]
    by_salary = {"where": {"not": {"salary": 1}}, "fields": ["id"]}
    assert kitchen.request(method, path, HR, json=by_salary).json["items"] == [{"id": 2}]
    refused(kitchen.request(method, "/drops" + path.removeprefix("/notes"), json={}), 401, "unauthenticated")


@pytest.mark.parametrize(
    "form",
    [
        '{"where": {"FIELD": "1"}}',
        '{"where": {"FIELD__isnull": true}}',
        '{"where": {"not": {"or": [{"FIELD__in": [1, "a"]}]}}}',
        '{"where": {"FIELD__nothing": 1}}',
        '{"where": {"FIELD": null}}',
        '{"where": {"FIELD": {"deep": []}, "title": 5}}',
        '{"where": {"and": [{"FIELD__id": 1}]}}',
        '{"sort": ["-FIELD"]}',
        '{"fields": ["id", "FIELD"]}',
        '{"expand": "FIELD"}',
    ],
)
@pytest.mark.parametrize(("hidden", "missing"), [("secret", "secrat"), ("salary", "salaru")])
def test_a_hidden_field_answers_as_a_missing_one(kitchen: Kitchen, form: str, hidden: str, missing: str) -> None:
    kitchen.fill(Note, [{"owner_id": 1, "title": "t", "public": True, "secret": "1", "salary": 1}])

    def told(name: str, person: Any, method: str, path: str) -> tuple[int, str, dict[str, str]]:
        body = form.replace("FIELD", name)
        answer = kitchen.request(method, path, person, data=body, content_type="application/json")
        text = answer.text.replace(answer.headers["X-Request-ID"], "ID").replace(name, "NAME")
        headers = {k: v for k, v in answer.headers.items() if k not in ("X-Request-ID", "Content-Length")}
        return answer.status_code, text, headers

    for person in (None, ANNA, *([ADMIN] if hidden == "secret" else [])):
        for method, path in (("QUERY", "/notes"), ("POST", "/notes/query")):
            assert told(hidden, person, method, path) == told(missing, person, method, path)
            assert told(hidden, person, method, path)[0] == 400


def test_the_headers_of_caches_are_those_of_a_get(kitchen: Kitchen) -> None:
    for person in (None, ANNA):
        got, asked = kitchen.get("/things", person), ask(kitchen, {}, person=person)
        for name in ("Cache-Control", "Vary", "Content-Type"):
            assert asked.headers[name] == got.headers[name]
        assert asked.data == got.data


def test_a_page_of_another_origin_may_use_the_method_where_the_origin_is_known(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(cors_origins=("https://app.example",))
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "QUERY"}

    answer = kitchen.request("OPTIONS", "/things", headers=headers)

    assert "QUERY" in answer.headers["Access-Control-Allow-Methods"].split(", ")


def test_the_log_hears_of_rows_and_names_and_no_values(things: Kitchen, kitchen_with: MakeKitchen) -> None:
    kitchen, heard = kitchen_with(), list[RequestAnswered]()
    kitchen.app.extensions["meze"].events.subscribe(RequestAnswered, heard.append)

    ask(kitchen, {"where": {"or": [{"words": "conspicuous"}, {"whole__lt": 2}]}, "limit": 5})
    kitchen.request("POST", "/things/query", json={"where": {"words": "conspicuous"}})

    assert [event.route for event in heard] == ["/api/v1/things", "/api/v1/things/query"]
    assert heard[0].parameters == ("limit", "words", "whole__lt")
    assert [event.rows for event in heard] == [1, 0]
    assert "conspicuous" not in repr(heard)
